/** Numbers and dates as people's spreadsheets write them; what a single value leaves open, the whole file settles. */

export type Decimal = ',' | '.';
export type DateOrder = 'dmy' | 'mdy' | 'ymd';

/** What was found in a whole file. */
export interface Settled<T> {
  readonly value: T;
  /**
   * `ambiguous`: some values could be read two ways, and nothing in the file decides.
   * `mixed`: some values decide one way and some the other.
   */
  readonly doubt: 'none' | 'ambiguous' | 'mixed';
}

/** No number or date is longer; patterns that look for one could take long over a cell of spaces that is. */
const MAX_LENGTH = 64;

/** Currency signs and spaces, also those within: "R$ 1 234,50" → "1234,50". */
function bare(text: string): string {
  if (text.length > MAX_LENGTH) return '';
  return text
    .replace(/^\s*(?:[A-Z]{1,3}\$|[A-Z]{3}|\p{Sc})\s*/u, '')
    .replace(/\s*(?:[A-Z]{3}|\p{Sc})\s*$/u, '')
    .replace(/[\s'’]/g, '');
}

/** The decimal separator that a value shows, if it does: "2,55" and "1.234,5" a comma, "1,234" nothing. */
function shownDecimal(text: string): Decimal | undefined {
  const value = bare(text);
  const commas = value.split(',').length - 1;
  const dots = value.split('.').length - 1;
  if (commas === 0 && dots === 0) return undefined;
  if (commas > 0 && dots > 0) return value.lastIndexOf(',') > value.lastIndexOf('.') ? ',' : '.';
  const mark = commas > 0 ? ',' : '.';
  // The same mark twice groups thousands, so that the other one is for decimals.
  if (commas + dots > 1) return mark === ',' ? '.' : ',';
  return /^[+-]?[1-9]\d{0,2}[.,]\d{3}$/.test(value) ? undefined : mark;
}

/** Over all numbers of a file. `fallback` where none shows it, or as many the one as the other. */
export function settleDecimal(values: Iterable<string>, fallback: Decimal): Settled<Decimal> {
  const votes = { ',': 0, '.': 0 };
  let open = 0;
  for (const value of values) {
    const shown = shownDecimal(value);
    if (shown !== undefined) votes[shown] += 1;
    else if (/[.,]/.test(bare(value))) open += 1;
  }
  if (votes[','] === 0 && votes['.'] === 0) {
    return { value: fallback, doubt: open === 0 ? 'none' : 'ambiguous' };
  }
  const value = votes[','] === votes['.'] ? fallback : votes[','] > votes['.'] ? ',' : '.';
  return { value, doubt: votes[','] > 0 && votes['.'] > 0 ? 'mixed' : 'none' };
}

const PLAIN = { ',': /^[+-]?(?:\d+(?:,\d*)?|,\d+)$/, '.': /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/ };
const GROUPED = {
  ',': /^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?$/,
  '.': /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$/,
};

export function parseNumber(text: string, decimal: Decimal): number | undefined {
  const value = bare(text);
  if (!PLAIN[decimal].test(value) && !GROUPED[decimal].test(value)) return undefined;
  const group = decimal === ',' ? '.' : ',';
  return Number(value.replaceAll(group, '').replace(decimal, '.'));
}

const DATE =
  /^(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})(?:(?:[Tt]|,?\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:\s*([AaPp])\.?[Mm]\.?)?)?(?:\s*(?:[Zz]|UTC|GMT|([+-])(\d{2}):?(\d{2})))?$/;

function matchDate(text: string): RegExpExecArray | null {
  return text.length > MAX_LENGTH ? null : DATE.exec(text.trim());
}

/** Over all dates of a file: a part above 12 is a day, four digits are a year. */
export function settleDateOrder(values: Iterable<string>): Settled<DateOrder> {
  const votes = { dmy: 0, mdy: 0, ymd: 0 };
  let open = 0;
  for (const value of values) {
    const match = matchDate(value);
    if (!match) continue;
    const first = Number(match[1]);
    const second = Number(match[3]);
    if (match[1]?.length === 4) votes.ymd += 1;
    else if (first > 12 && second <= 12) votes.dmy += 1;
    else if (second > 12 && first <= 12) votes.mdy += 1;
    else if (first !== second) open += 1;
  }
  if (votes.dmy === 0 && votes.mdy === 0) {
    const value = votes.ymd > 0 && open === 0 ? 'ymd' : 'dmy';
    return { value, doubt: open === 0 ? 'none' : 'ambiguous' };
  }
  const value = votes.mdy > votes.dmy ? 'mdy' : 'dmy';
  return { value, doubt: votes.dmy > 0 && votes.mdy > 0 ? 'mixed' : 'none' };
}

/** Day, month and year, whichever way round; a four-digit first part is a year whatever the order. */
function calendar(match: RegExpExecArray, order: DateOrder): [number, number, number] | undefined {
  const parts = [match[1] ?? '', match[3] ?? '', match[4] ?? ''];
  const yearFirst = order === 'ymd' || parts[0]?.length === 4;
  const yearText = yearFirst ? parts[0] : parts[2];
  if (yearText?.length !== 4 && yearText?.length !== 2) return undefined;
  const [first, second, third] = parts.map(Number) as [number, number, number];
  const short = yearFirst ? first : third;
  const year = yearText.length === 4 ? short : short + (short < 70 ? 2000 : 1900);
  if (yearFirst) return [third, second, year];
  return order === 'mdy' ? [second, first, year] : [first, second, year];
}

/** Epoch milliseconds; a time without an offset is taken for UTC. Undefined where there is no such time. */
export function parseDate(text: string, order: DateOrder): number | undefined {
  const match = matchDate(text);
  const found = match && calendar(match, order);
  if (!match || !found) return undefined;
  const [day, month, year] = found;
  const part = (index: number): number => Number(match[index] ?? 0);
  let hour = part(5);
  const half = match[9]?.toLowerCase();
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (half === 'p' ? 12 : 0);
  }
  if (hour > 23 || part(6) > 59 || part(7) > 59 || part(11) > 23 || part(12) > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const millisecond = Number((match[8] ?? '').padEnd(3, '0').slice(0, 3));
  date.setUTCHours(hour, part(6), part(7), millisecond);
  const offset = (part(11) * 60 + part(12)) * 60_000;
  return date.getTime() - (match[10] === '-' ? -offset : offset);
}
