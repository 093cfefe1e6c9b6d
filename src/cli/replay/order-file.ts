/**
 * Reads a file of orders, one row for each line of an order, for `holdfast replay`. Parsing only.
 *
 * What a row is:
 * - a **non-product**, if its code is one (`non-products.ts` has the rule), whatever its quantity;
 * - else part of a **cancellation**, if its quantity is negative and its order's number is the prefix
 *   (`C`) and a digit: `C536379`. The file does not say which order it takes back: `cancels` is null;
 * - else a **write-off**, if its quantity is negative: stock that was lost, broken or miscounted;
 * - else part of a **cart**. A positive row under a cancellation's number is one too, with a warning.
 * Every record is counted under exactly one of these or as `refused` (`summary.rows`), so that each unit
 * in the file can be accounted for.
 *
 * Shopify's order export marks a cancelled order by "Cancelled at": such an order is a cart, and a
 * cancellation of all its lines at that time, with `cancels` naming it.
 *
 * Separator, decimal mark and date order are settled over the whole file, not row by row.
 */
import type { Separator } from '../../engine/stock-file/delimited.ts';
import { ProblemLog, type FileProblem } from '../../engine/stock-file/problems.ts';
import type { FileInput } from '../../engine/stock-file/text-input.ts';
import { settleNonProducts, type NonProductRule } from './non-products.ts';
import {
  groupOrders,
  type Cancellation,
  type Cart,
  type Interpretation,
  type Orders,
} from './order-groups.ts';
import type { ColumnNames, OrderColumns } from './order-columns.ts';
import {
  readOrderRows,
  type OrderProblemCode,
  type OrderProblemLog,
  type RawOrderFile,
} from './order-rows.ts';
import {
  settleDateOrder,
  settleDecimal,
  type DateOrder,
  type Decimal,
  type Settled,
} from './order-values.ts';

export type { Cancellation, Cart } from './order-groups.ts';
export type { ColumnNames } from './order-columns.ts';
export type OrderProblem = FileProblem<OrderProblemCode>;

export interface OrderFileOptions {
  /** Names as in the file; what is not named is recognised by usual names. */
  readonly columns?: ColumnNames;
  readonly separator?: Separator | 'auto';
  readonly decimal?: Decimal | 'auto';
  readonly dateOrder?: DateOrder | 'auto';
  /** Codes beside the usual ones that are not products. */
  readonly nonProduct?: readonly string[];
  /** What an order number begins with, before a digit, when it cancels. The default is `C`; null for none. */
  readonly cancelPrefix?: string | null;
  /** The default is 1,000,000. */
  readonly maxRows?: number;
  /** In bytes, of one line and of one record; the default is 1 MiB. */
  readonly maxLineLength?: number;
  /** How many problems are kept, of those counted; the default is 1,000. */
  readonly maxProblems?: number;
}

/** How the file was read, to be shown to whoever started the replay. */
export interface OrderFileReading {
  readonly columns: OrderColumns['names'] | null;
  readonly separator: Separator | null;
  readonly decimal: Settled<Decimal>;
  readonly dateOrder: Settled<DateOrder>;
  readonly nonProductRule: NonProductRule;
}

export interface OrderSummary {
  readonly records: number;
  /** Add up to `records`. */
  readonly rows: {
    readonly cart: number;
    readonly cancellation: number;
    readonly writeOff: number;
    readonly nonProduct: number;
    /** Each has a problem of severity `error`. */
    readonly refused: number;
  };
  /** Different order numbers, also of orders of which nothing is left to replay. */
  readonly orders: number;
  readonly carts: number;
  /** After lines of one SKU in one cart were summed. */
  readonly cartLines: number;
  readonly units: number;
  readonly cancellations: number;
  readonly cancelledUnits: number;
  readonly writtenOffUnits: number;
  /** Different SKUs in carts, and different customers of carts. */
  readonly skus: number;
  readonly customers: number;
  /** Of carts, epoch ms; null where no cart has a date. */
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  /** What the carts' lines cost, where the file has prices; rounded to hundredths. */
  readonly amount: number | null;
}

export interface OrderFile extends Omit<Orders, 'counts'> {
  /** The first of them, in the order of the file. */
  readonly problems: readonly OrderProblem[];
  readonly errors: number;
  readonly warnings: number;
  /** False where reading stopped at a fault, and what is here is only the part before it. */
  readonly complete: boolean;
  readonly reading: OrderFileReading;
  readonly summary: OrderSummary;
}

type TextRole = 'sku' | 'quantity' | 'price' | 'date' | 'cancelledAt';

function* values(file: RawOrderFile, ...roles: TextRole[]): Generator<string> {
  for (const row of file.rows) {
    for (const role of roles) if (row[role] !== '') yield row[role];
  }
}

function settleDecimals(
  file: RawOrderFile,
  wanted: Decimal | 'auto',
  log: OrderProblemLog,
): Settled<Decimal> {
  if (wanted !== 'auto') return { value: wanted, doubt: 'none' };
  // Cells are separated by semicolons where the comma is needed for numbers.
  const fallback = file.separator === ';' ? ',' : '.';
  const settled = settleDecimal(values(file, 'price', 'quantity'), fallback);
  const read = `Read with the decimal mark "${settled.value}"; name it if that is wrong.`;
  if (settled.doubt === 'ambiguous') {
    const message = `Numbers such as 1,234 could be thousands or decimals. ${read}`;
    log.warn(1, 'ambiguous_decimals', message);
  } else if (settled.doubt === 'mixed') {
    log.warn(1, 'mixed_decimals', `Some numbers have decimal commas, some decimal points. ${read}`);
  }
  return settled;
}

function settleDates(
  file: RawOrderFile,
  wanted: DateOrder | 'auto',
  log: OrderProblemLog,
): Settled<DateOrder> {
  if (wanted !== 'auto') return { value: wanted, doubt: 'none' };
  const settled = settleDateOrder(values(file, 'date', 'cancelledAt'));
  const read = `Read as ${settled.value}; name the date order if that is wrong.`;
  if (settled.doubt === 'ambiguous') {
    const message = `No date has a day above 12, so day and month could be either way round. ${read}`;
    log.warn(1, 'ambiguous_dates', message);
  } else if (settled.doubt === 'mixed') {
    const message = `Some dates have the day first, some the month. ${read}`;
    log.warn(1, 'mixed_dates', message);
  }
  return settled;
}

function summarise(file: RawOrderFile, orders: Orders): OrderSummary {
  const { carts, cancellations, writeOffs, nonProducts, counts } = orders;
  const units = (lines: Iterable<{ quantity: number }>): number => {
    let sum = 0;
    for (const { quantity } of lines) sum += quantity;
    return sum;
  };
  const lines = carts.flatMap((cart) => cart.lines);
  const times = carts.flatMap((cart) => cart.at ?? []);
  const customers = new Set(carts.flatMap((cart) => cart.customerId ?? []));
  const rows = {
    cart: counts.cart,
    cancellation: counts.cancellation,
    writeOff: writeOffs.length,
    nonProduct: nonProducts.length,
  };
  const kept = rows.cart + rows.cancellation + rows.writeOff + rows.nonProduct;
  const hasPrices = file.columns?.index.price !== undefined;
  const amount = carts.reduce((sum, cart) => sum + (cart.amount ?? 0), 0);
  return {
    records: file.records,
    rows: { ...rows, refused: file.records - kept },
    orders: counts.orders,
    carts: carts.length,
    cartLines: lines.length,
    units: units(lines),
    cancellations: cancellations.length,
    cancelledUnits: units(cancellations.flatMap((cancellation) => cancellation.lines)),
    writtenOffUnits: units(writeOffs),
    skus: new Set(lines.map((line) => line.sku)).size,
    customers: customers.size,
    firstAt: times.reduce<number | null>((least, at) => Math.min(least ?? at, at), null),
    lastAt: times.reduce<number | null>((most, at) => Math.max(most ?? at, at), null),
    amount: hasPrices ? Math.round(amount * 100) / 100 : null,
  };
}

/** Never throws for what is in the file; an error of the input itself passes through. */
export async function parseOrderFile(
  input: FileInput,
  options: OrderFileOptions = {},
): Promise<OrderFile> {
  const log: OrderProblemLog = new ProblemLog<OrderProblemCode>(options.maxProblems);
  const file = await readOrderRows(
    input,
    {
      columns: options.columns ?? {},
      separator: options.separator ?? 'auto',
      maxRows: options.maxRows ?? 1_000_000,
      maxLineLength: options.maxLineLength,
    },
    log,
  );
  const decimal = settleDecimals(file, options.decimal ?? 'auto', log);
  const dateOrder = settleDates(file, options.dateOrder ?? 'auto', log);
  const { rule, test } = settleNonProducts(values(file, 'sku'), options.nonProduct ?? []);
  const interpretation: Interpretation = {
    decimal: decimal.value,
    dateOrder: dateOrder.value,
    isNonProduct: test,
    cancelPrefix: options.cancelPrefix === undefined ? 'C' : options.cancelPrefix,
  };
  const orders = groupOrders(file.rows, interpretation, log);
  const { carts, cancellations, writeOffs, nonProducts } = orders;
  return {
    carts,
    cancellations,
    writeOffs,
    nonProducts,
    problems: log.kept.toSorted((a, b) => a.line - b.line),
    errors: log.errors,
    warnings: log.warnings,
    complete: file.complete,
    reading: {
      columns: file.columns?.names ?? null,
      separator: file.separator,
      decimal,
      dateOrder,
      nonProductRule: rule,
    },
    summary: summarise(file, orders),
  };
}

export interface ReplayStep {
  readonly kind: 'cart' | 'cancellation';
  readonly cart: Cart | Cancellation;
}

/**
 * Carts and cancellations in one sequence. `file`: as they first appear in the file. `time`: by their
 * dates, those without one at the place where the file has them; for exports that begin with the newest.
 * A cancellation that names its order never comes before it, whatever the dates say.
 */
export function replaySteps(
  file: Pick<OrderFile, 'carts' | 'cancellations'>,
  by: 'file' | 'time' = 'file',
): ReplayStep[] {
  const steps: ReplayStep[] = [
    ...file.carts.map((cart) => ({ kind: 'cart' as const, cart })),
    ...file.cancellations.map((cart) => ({ kind: 'cancellation' as const, cart })),
  ];
  steps.sort((a, b) => a.cart.line - b.cart.line);
  if (by === 'file') return steps;
  // Each without a date takes that of the one before it, so that the comparison stays a total order.
  let last = -Infinity;
  const timed = steps.map((step) => {
    // A cancellation that names its order follows it in `steps`.
    const earliest = 'cancels' in step.cart && step.cart.cancels !== null ? last : -Infinity;
    last = Math.max(step.cart.at ?? last, earliest);
    return { step, at: last };
  });
  timed.sort((a, b) => (a.at === b.at ? 0 : a.at - b.at));
  return timed.map(({ step }) => step);
}
