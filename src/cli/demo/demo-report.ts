/** What a demo tells a newcomer: the shop before, and what came of it. */
import type { AuditReport } from '../../core/audit.ts';
import type { RushResult } from '../rush/index.ts';
import { count, plural, table, type Paint } from '../terminal.ts';
import { CATALOGUE } from './catalogue.ts';

export function describeShop(url: string, paint: Paint): string[] {
  const units = CATALOGUE.reduce((sum, product) => sum + product.units, 0);
  return [
    paint('bold', 'A flash sale on Holdfast'),
    '',
    `A service of its own at ${url}, with a durable store in a temporary folder.`,
    `On sale: ${plural(units, 'unit')} of ${plural(CATALOGUE.length, 'product')}, some nearly gone.`,
    '',
  ];
}

export function describeWaves(buyers: number, ttlSeconds: number): string[] {
  return [
    `Two waves of ${count(buyers)} buyers come, all at once. Of those who get something, 15% walk away without a word:`,
    `after ${ttlSeconds} s their units are on sale again, for the second wave.`,
    '',
  ];
}

interface Sale {
  readonly offered: number;
  readonly sold: number;
  readonly left: number;
}

/** Both waves together: the second was offered what the first left. */
function salesOf(result: RushResult): Map<string, Sale> {
  const sales = new Map<string, Sale>();
  for (const { skus } of result.rounds) {
    for (const { sku, offered, confirmed, after } of skus) {
      const first = sales.get(sku);
      const left = after?.available ?? 0;
      sales.set(sku, {
        offered: first?.offered ?? offered,
        sold: (first?.sold ?? 0) + confirmed,
        left,
      });
    }
  }
  return sales;
}

export function describeSale(result: RushResult): string[] {
  const sales = salesOf(result);
  const rows = CATALOGUE.map(({ sku, name, nome }) => {
    const { offered, sold, left } = sales.get(sku) ?? { offered: 0, sold: 0, left: 0 };
    return [sku, `${nome} / ${name}`, ...[offered, sold, left].map(count)];
  });
  const left = [...sales.values()].reduce((sum, sale) => sum + sale.left, 0);
  return [
    ...table([['SKU', 'PRODUCT', 'STOCK', 'SOLD', 'LEFT'], ...rows], [2, 3, 4]),
    ...(left > 0
      ? ['What is left found no buyer, or came back after the last one had asked.']
      : []),
    '',
  ];
}

export function describeVerdict(
  result: RushResult,
  audit: AuditReport | null,
  paint: Paint,
): string[] {
  const { counts, latencies, requestsPerSecond, thresholds } = result;
  const mark = (good: boolean): string => (good ? paint('good', 'PASS') : paint('bad', 'FAIL'));
  const checks = thresholds
    .filter(({ name }) => name !== 'errors')
    .map(({ name, status, rule, found }) => [
      mark(status === 'pass'),
      rule,
      name === 'books' && status === 'pass' ? 'for every SKU, after each wave' : found,
    ]);
  const books =
    audit === null
      ? 'not run'
      : `${plural(audit.entries, 'ledger entry', 'ledger entries')} add up to ${plural(audit.skus, 'level')}`;
  const { p50Ms, p99Ms } = latencies.answers;
  return [
    `${plural(counts.sent, 'buyer')} asked; ${count(counts.granted)} were granted, ${count(counts.refused)} refused${describeCodes(counts.byCode)}.`,
    `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ${count(Math.round(requestsPerSecond))} requests/s, buyers and service sharing this machine.`,
    '',
    ...checks.map(([word, rule, found]) => `  ${word}  ${rule}: ${found}`),
    `  ${mark(audit?.ok === true)}  the books on disk, audited after the service stopped: ${books}`,
    '',
    passed(result, audit)
      ? paint('good', 'No unit was sold twice, and none was kept from a buyer who asked for it.')
      : paint('bad', 'The demo FAILED. Please report this with the output above.'),
  ];
}

function describeCodes(byCode: Readonly<Record<string, number>>): string {
  const codes = Object.entries(byCode).sort(([, a], [, b]) => b - a);
  return codes.length === 0
    ? ''
    : ` (${codes.map(([code, times]) => `${code} ${count(times)}`).join(', ')})`;
}

export function passed(result: RushResult, audit: AuditReport | null): boolean {
  return result.verdict === 'passed' && audit?.ok === true;
}

export function describeNext(): string[] {
  return [
    '',
    'Next',
    '  npm start                              a service for you, on http://127.0.0.1:8000',
    '  npx holdfast rush --buyers 5000        the same race against it, with the full report',
    '  npx holdfast import stock.csv          your own stock (also an export of Shopify’s)',
  ];
}
