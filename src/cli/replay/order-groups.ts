/** Rows of text to carts, cancellations, write-offs and non-products; the rules stand in `order-file.ts`. */
import { isSku, MAX_QUANTITY, MAX_SKU_LENGTH } from '../../core/quantities.ts';
import type { OrderProblemLog, RawRow } from './order-rows.ts';
import { parseDate, parseNumber, type DateOrder, type Decimal } from './order-values.ts';

export interface CartLine {
  readonly sku: string;
  /** Summed over the order's rows of this SKU; 1 or more, also in a cancellation. */
  readonly quantity: number;
  /** The lines of the file that it was summed from. */
  readonly lines: readonly number[];
}

export interface Cart {
  /** The order's number as in the file. */
  readonly order: string;
  readonly customerId: string | null;
  /** Of the order's first row that has a date, epoch ms; a time without an offset is taken for UTC. */
  readonly at: number | null;
  /** In the order of first appearance. */
  readonly lines: readonly CartLine[];
  /** Of the order's first row in the file. */
  readonly line: number;
  /** What the lines cost together; null where no row has a price. */
  readonly amount: number | null;
}

export interface Cancellation extends Cart {
  /** The order that it takes back, where the file says so. */
  readonly cancels: string | null;
}

export interface WriteOff {
  readonly line: number;
  readonly order: string;
  readonly sku: string;
  /** Units that left stock without being sold; 1 or more. */
  readonly quantity: number;
  readonly at: number | null;
}

export interface NonProduct {
  readonly line: number;
  readonly code: string;
  readonly order: string;
}

export interface Orders {
  /** In the order of first appearance, as are the others. */
  readonly carts: readonly Cart[];
  readonly cancellations: readonly Cancellation[];
  readonly writeOffs: readonly WriteOff[];
  readonly nonProducts: readonly NonProduct[];
  readonly counts: {
    readonly cart: number;
    readonly cancellation: number;
    readonly orders: number;
  };
}

export interface Interpretation {
  readonly decimal: Decimal;
  readonly dateOrder: DateOrder;
  readonly isNonProduct: (sku: string) => boolean;
  /** What an order number begins with, before a digit, when it cancels; null for none. */
  readonly cancelPrefix: string | null;
}

interface DraftLine {
  readonly sku: string;
  quantity: number;
  readonly lines: number[];
}

interface Draft {
  readonly order: string;
  readonly line: number;
  readonly lines: Map<string, DraftLine>;
  customerId: string | null;
  at: number | null;
  amount: number | null;
  /** Undefined where the order was not cancelled; null where it was, at a time that is not readable. */
  cancelledAt: number | null | undefined;
  warned: boolean;
}

function finish(draft: Draft): Cart {
  const { order, line, customerId, at, amount } = draft;
  return {
    order,
    customerId,
    at,
    lines: [...draft.lines.values()],
    line,
    amount: amount === null ? null : Math.round(amount * 100) / 100,
  };
}

class Grouping {
  readonly writeOffs: WriteOff[] = [];
  readonly nonProducts: NonProduct[] = [];
  readonly orders = new Set<string>();
  cartRows = 0;
  cancellationRows = 0;
  readonly #carts = new Map<string, Draft>();
  readonly #cancellations = new Map<string, Draft>();
  readonly #how: Interpretation;
  readonly #log: OrderProblemLog;

  constructor(how: Interpretation, log: OrderProblemLog) {
    this.#how = how;
    this.#log = log;
  }

  accept(row: RawRow): void {
    const { line, order, sku } = row;
    if (order === '') {
      this.#log.error(line, 'missing_order', 'This row has no order number.');
      return;
    }
    this.orders.add(order);
    if (sku === '') {
      this.#log.error(line, 'missing_sku', 'This row has no SKU.');
    } else if (!isSku(sku)) {
      const message = `Expected a SKU of 1 to ${MAX_SKU_LENGTH} characters without control characters.`;
      this.#log.error(line, 'invalid_sku', message, { value: sku });
    } else if (this.#how.isNonProduct(sku)) {
      this.nonProducts.push({ line, code: sku, order });
    } else {
      const quantity = this.#quantity(row);
      if (quantity !== undefined) this.#place(row, quantity);
    }
  }

  #place(row: RawRow, quantity: number): void {
    const cancels = this.#isCancellation(row.order);
    if (quantity < 0 && !cancels) {
      const at = this.#date(row, row.date);
      const { line, order, sku } = row;
      this.writeOffs.push({ line, order, sku, quantity: -quantity, at });
      return;
    }
    const drafts = quantity < 0 ? this.#cancellations : this.#carts;
    const draft = drafts.get(row.order) ?? this.#open(row);
    if (!this.#add(draft, row, Math.abs(quantity))) return;
    drafts.set(row.order, draft);
    if (quantity < 0) this.cancellationRows += 1;
    else this.cartRows += 1;
    if (quantity > 0 && cancels && !draft.warned) {
      draft.warned = true;
      const message = `${row.order} looks like a cancellation, but its quantity is positive: taken for a sale.`;
      this.#log.warn(row.line, 'positive_cancellation', message, { value: row.order });
    }
  }

  #open({ order, line }: RawRow): Draft {
    return {
      order,
      line,
      lines: new Map(),
      customerId: null,
      at: null,
      amount: null,
      cancelledAt: undefined,
      warned: false,
    };
  }

  /** False, and a problem, where the sum would be more than a reservation can hold. */
  #add(draft: Draft, row: RawRow, quantity: number): boolean {
    const known = draft.lines.get(row.sku);
    if ((known?.quantity ?? 0) + quantity > MAX_QUANTITY) {
      const message = `More than ${MAX_QUANTITY} units of ${row.sku} in one order.`;
      this.#log.error(row.line, 'quantity_out_of_range', message, { value: row.quantity });
      return false;
    }
    if (known) {
      known.quantity += quantity;
      known.lines.push(row.line);
    } else {
      draft.lines.set(row.sku, { sku: row.sku, quantity, lines: [row.line] });
    }
    draft.at ??= this.#date(row, row.date);
    if (row.cancelledAt !== '') draft.cancelledAt ??= this.#date(row, row.cancelledAt);
    this.#setCustomer(draft, row);
    const price = this.#price(row);
    if (price !== undefined) draft.amount = (draft.amount ?? 0) + price * quantity;
    return true;
  }

  #setCustomer(draft: Draft, row: RawRow): void {
    if (row.customer === '' || row.customer === draft.customerId) return;
    if (draft.customerId === null) {
      draft.customerId = row.customer;
      return;
    }
    const message = `${row.order} has more than one customer: ${draft.customerId} is kept.`;
    this.#log.warn(row.line, 'mixed_customers', message, { value: row.customer });
  }

  #isCancellation(order: string): boolean {
    const prefix = this.#how.cancelPrefix;
    if (prefix === null || prefix === '') return false;
    const begins = order.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase();
    return begins && /^\d/.test(order.slice(prefix.length));
  }

  #quantity({ line, quantity: text }: RawRow): number | undefined {
    const quantity = parseNumber(text, this.#how.decimal);
    const detail = { value: text };
    if (quantity === undefined || !Number.isInteger(quantity)) {
      const message = 'Expected the quantity as a whole number of units, other than 0.';
      this.#log.error(line, 'bad_quantity', message, detail);
    } else if (quantity === 0) {
      this.#log.error(line, 'zero_quantity', 'Expected a quantity other than 0.', detail);
    } else if (Math.abs(quantity) > MAX_QUANTITY) {
      const message = `Expected a quantity of at most ${MAX_QUANTITY} units.`;
      this.#log.error(line, 'quantity_out_of_range', message, detail);
    } else {
      return quantity;
    }
    return undefined;
  }

  #date({ line }: RawRow, text: string): number | null {
    if (text === '') return null;
    const at = parseDate(text, this.#how.dateOrder);
    if (at !== undefined) return at;
    const message = `Not read as a date in the order ${this.#how.dateOrder}; the row counts without it.`;
    this.#log.warn(line, 'bad_date', message, { value: text });
    return null;
  }

  #price({ line, price: text }: RawRow): number | undefined {
    if (text === '') return undefined;
    const price = parseNumber(text, this.#how.decimal);
    if (price !== undefined && Number.isFinite(price)) return price;
    const message = `Not read as a price with the decimal mark "${this.#how.decimal}"; the row counts without it.`;
    this.#log.warn(line, 'bad_price', message, { value: text });
    return undefined;
  }

  result(): Orders {
    const carts = [...this.#carts.values()];
    const cancellations: Cancellation[] = [...this.#cancellations.values()].map((draft) => ({
      ...finish(draft),
      cancels: null,
    }));
    for (const draft of carts) {
      if (draft.cancelledAt === undefined) continue;
      cancellations.push({ ...finish(draft), at: draft.cancelledAt, cancels: draft.order });
    }
    cancellations.sort((a, b) => a.line - b.line);
    return {
      carts: carts.map(finish),
      cancellations,
      writeOffs: this.writeOffs,
      nonProducts: this.nonProducts,
      counts: {
        cart: this.cartRows,
        cancellation: this.cancellationRows,
        orders: this.orders.size,
      },
    };
  }
}

export function groupOrders(
  rows: readonly RawRow[],
  how: Interpretation,
  log: OrderProblemLog,
): Orders {
  const grouping = new Grouping(how, log);
  for (const row of rows) grouping.accept(row);
  return grouping.result();
}
