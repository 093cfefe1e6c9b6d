/** What a replay comes to, for people and as JSON. */
import { count, plural, table, type Paint } from '../terminal.ts';
import type { NonProduct } from './order-groups.ts';
import type { OrderFile } from './order-file.ts';
import type { ReplayOutcome, Tally } from './replay-runner.ts';

const DIFFERENCES_SHOWN = 20;

/** How the file was understood; a person sees a wrong guess here before anything is sold. */
export function describeReading({ reading, summary, nonProducts }: OrderFile): string[] {
  const { columns } = reading;
  const named = Object.entries(columns ?? {}).flatMap(([role, name]) =>
    name === null ? [] : [`${role} “${name}”`],
  );
  const span = describeSpan(summary.firstAt, summary.lastAt);
  const { rows } = summary;
  return [
    `Read as: ${named.join(', ')}; decimal mark “${reading.decimal.value}”, dates ${reading.dateOrder.value}.`,
    `${plural(summary.orders, 'order')}${span}: ${plural(summary.carts, 'cart')} with ${plural(summary.units, 'unit')} of ${plural(summary.skus, 'SKU')}, by ${plural(summary.customers, 'customer')}.`,
    `${plural(summary.records, 'row')}: ${count(rows.cart)} in carts, ${count(rows.cancellation)} in ${plural(summary.cancellations, 'cancellation')}, ` +
      `${plural(rows.writeOff, 'write-off')}, ${count(rows.nonProduct)} not products${describeCodes(nonProducts)}, ${count(rows.refused)} unreadable.`,
  ];
}

function describeSpan(from: number | null, until: number | null): string {
  if (from === null || until === null) return '';
  const [first, last] = [from, until].map((at) => new Date(at).toISOString().slice(0, 10));
  return first === last ? ` of ${first}` : ` from ${first} to ${last}`;
}

function countCodes(nonProducts: readonly NonProduct[]): [string, number][] {
  const codes = new Map<string, number>();
  for (const { code } of nonProducts) codes.set(code, (codes.get(code) ?? 0) + 1);
  return [...codes].sort(([, a], [, b]) => b - a);
}

function describeCodes(nonProducts: readonly NonProduct[]): string {
  const codes = countCodes(nonProducts).slice(0, 8);
  return codes.length === 0
    ? ''
    : ` (${codes.map(([code, times]) => `${code} ${times}`).join(', ')})`;
}

export function describeOutcome(outcome: ReplayOutcome, file: OrderFile, paint: Paint): string[] {
  return [
    ...describeUnits(outcome, file),
    '',
    ...describeFaults(outcome, paint),
    describeAudit(outcome),
    describeVerdict(outcome, paint),
  ];
}

function describeUnits(outcome: ReplayOutcome, { summary }: OrderFile): string[] {
  const { accounts, sold, cancelled, unmatched, writtenOff, seconds } = outcome;
  const row = (name: string, inFile: number | null, done: number, note = ''): string[] => [
    `  ${name}`,
    inFile === null ? '' : count(inFile),
    count(done),
    note,
  ];
  const where =
    outcome.refused.size > 0
      ? 'refused, or bought before the file began'
      : 'bought before the file began';
  const early =
    unmatched.units === 0
      ? ''
      : `the other ${plural(unmatched.units, 'unit')}, on ${plural(unmatched.times, 'line')}: ${where}`;
  return [
    ...table(
      [
        ['UNITS', 'in the file', 'done', ''],
        row('offered', null, accounts.total('offered')),
        row('sold', summary.units, sold.units, describeTallies('refused', outcome.refused)),
        row('cancelled', summary.cancelledUnits, cancelled.units, early),
        row(
          'written off',
          summary.writtenOffUnits,
          writtenOff.units,
          describeTallies('refused', outcome.notWrittenOff),
        ),
        row('remaining', null, accounts.total('remaining')),
      ],
      [1, 2],
    ),
    '',
    `${plural(sold.times, 'cart')} bought, in ${seconds.toFixed(1)} s with the setting and reading of the stock.`,
  ];
}

function describeTallies(what: string, tallies: ReadonlyMap<string, Tally>): string {
  const parts = Array.from(tallies, ([code, { units }]) => `${count(units)} ${code}`);
  return parts.length === 0 ? '' : `${what}: ${parts.join(', ')}`;
}

function describeFaults({ broken, differences }: ReplayOutcome, paint: Paint): string[] {
  const all = [...broken, ...differences.map(({ message }) => message)];
  if (all.length === 0) return [];
  const shown = all.slice(0, DIFFERENCES_SHOWN).map((message) => `  ${message}`);
  const more = all.length - shown.length;
  return [
    paint('bad', 'WRONG'),
    ...shown,
    ...(more > 0 ? [`  … and ${count(more)} more`] : []),
    '',
  ];
}

function describeAudit({ audit }: ReplayOutcome): string {
  if (audit === null) return 'Audit: not given by this service, or not to this key.';
  const entries = Number(audit['entries'] ?? 0);
  return audit['ok'] === true
    ? `Audit: passed, ${plural(entries, 'ledger entry', 'ledger entries')}.`
    : `Audit: FAILED with ${plural(Number(audit['problem_count'] ?? 0), 'difference')}; see \`holdfast audit\`.`;
}

function describeVerdict(outcome: ReplayOutcome, paint: Paint): string {
  const skus = outcome.accounts.all.length;
  return passed(outcome)
    ? paint(
        'good',
        `PASSED. Of ${plural(skus, 'SKU')}, each: offered − sold + cancelled − written off = remaining.`,
      )
    : paint('bad', 'FAILED. Not every unit is accounted for.');
}

export function passed({ broken, differences, audit }: ReplayOutcome): boolean {
  return (
    broken.length === 0 && differences.length === 0 && (audit === null || audit['ok'] === true)
  );
}

export function readingToJson({
  reading,
  summary,
  nonProducts,
  errors,
  warnings,
  problems,
}: OrderFile) {
  const { firstAt, lastAt } = summary;
  return {
    columns: reading.columns,
    separator: reading.separator,
    decimal: reading.decimal.value,
    date_order: reading.dateOrder.value,
    records: summary.records,
    rows: {
      cart: summary.rows.cart,
      cancellation: summary.rows.cancellation,
      write_off: summary.rows.writeOff,
      non_product: summary.rows.nonProduct,
      refused: summary.rows.refused,
    },
    non_products: Object.fromEntries(countCodes(nonProducts)),
    orders: summary.orders,
    carts: summary.carts,
    units: summary.units,
    cancellations: summary.cancellations,
    cancelled_units: summary.cancelledUnits,
    written_off_units: summary.writtenOffUnits,
    skus: summary.skus,
    customers: summary.customers,
    first_at: firstAt === null ? null : new Date(firstAt).toISOString(),
    last_at: lastAt === null ? null : new Date(lastAt).toISOString(),
    errors,
    warnings,
    problems,
  };
}

export function outcomeToJson(outcome: ReplayOutcome) {
  const { accounts, audit } = outcome;
  return {
    passed: passed(outcome),
    units: {
      offered: accounts.total('offered'),
      sold: outcome.sold.units,
      cancelled: outcome.cancelled.units,
      cancelled_before_file: outcome.unmatched.units,
      written_off: outcome.writtenOff.units,
      remaining: accounts.total('remaining'),
    },
    carts_sold: outcome.sold.times,
    carts_refused: Object.fromEntries(outcome.refused),
    write_offs_refused: Object.fromEntries(outcome.notWrittenOff),
    skus: accounts.all.length,
    broken: outcome.broken,
    differences: outcome.differences,
    audit,
    seconds: outcome.seconds,
  };
}
