/** Medians and a plain table. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

export interface Row {
  readonly figure: string;
  readonly value: string;
  readonly goal: string;
  readonly met: boolean | null;
  readonly denominator: string;
}

export function printTable(rows: readonly Row[]): void {
  console.log('| figure | measured | goal | met | beside |\n| --- | --- | --- | --- | --- |');
  for (const { figure, value, goal, met, denominator } of rows) {
    const verdict = met === null ? 'n/a' : met ? 'yes' : 'no';
    console.log(`| ${figure} | ${value} | ${goal} | ${verdict} | ${denominator} |`);
  }
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
