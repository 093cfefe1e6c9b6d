/** The columns of a stock file besides the SKU, and how a CSV cell or a JSON value of each is read. */
import { MAX_STOCK } from '../../core/quantities.ts';
import type {
  RowCollector,
  RowProblemCode,
  RowProblemLog,
  StockRow,
  StockValues,
} from './stock-row.ts';

export type Field = Exclude<keyof StockValues, 'sku'>;

export interface FieldSpec {
  readonly field: Field;
  /** Its name in our files. */
  readonly column: string;
  readonly kind: 'integer' | 'instant';
  readonly min: number;
  readonly max: number;
  /** Whether it is a policy that can be absent. */
  readonly nullable: boolean;
}

const DEFAULTS = { kind: 'integer', min: 1, max: MAX_STOCK, nullable: true } as const;
const INSTANT = { kind: 'instant', min: -8.64e15, max: 8.64e15, nullable: true } as const;

export const ON_HAND: FieldSpec = {
  ...DEFAULTS,
  field: 'onHand',
  column: 'on_hand',
  min: 0,
  nullable: false,
};

export const FIELDS: readonly FieldSpec[] = [
  ON_HAND,
  { ...DEFAULTS, field: 'safetyStock', column: 'safety_stock', min: 0, nullable: false },
  { ...DEFAULTS, field: 'maxPerOrder', column: 'max_per_order' },
  { ...DEFAULTS, field: 'maxPerCustomer', column: 'max_per_customer' },
  { ...DEFAULTS, field: 'ttlSeconds', column: 'ttl_seconds' },
  { ...INSTANT, field: 'opensAt', column: 'opens_at' },
  { ...INSTANT, field: 'closesAt', column: 'closes_at' },
];

/** In a CSV cell: no policy. An empty cell leaves the policy as it is. */
export const CLEAR = 'none';

/** `value` undefined: not given. */
export type Reading =
  | { readonly ok: true; readonly value: number | null | undefined }
  | { readonly ok: false; readonly code: RowProblemCode; readonly message: string };

const NOT_GIVEN: Reading = { ok: true, value: undefined };

function bad(code: RowProblemCode, message: string): Reading {
  return { ok: false, code, message };
}

function clear(spec: FieldSpec): Reading {
  if (spec.nullable) return { ok: true, value: null };
  return bad('not_clearable', `${spec.column} cannot be cleared: expected ${expected(spec)}.`);
}

function expected(spec: FieldSpec): string {
  return spec.kind === 'instant'
    ? 'a time with its offset, such as 2026-11-27T09:00:00-03:00 or 2026-11-27T12:00:00Z'
    : `a whole number from ${spec.min} to ${spec.max}, without separators`;
}

function inRange(spec: FieldSpec, value: number): Reading {
  if (value >= spec.min && value <= spec.max) return { ok: true, value: value + 0 };
  return bad('out_of_range', `Expected ${expected(spec)}.`);
}

export function readCell(spec: FieldSpec, cell: string): Reading {
  const text = cell.trim();
  if (text === '') return NOT_GIVEN;
  if (text.toLowerCase() === CLEAR) return clear(spec);
  if (spec.kind === 'instant') return readInstant(spec, text);
  if (!/^[+-]?\d+$/.test(text)) return bad('bad_integer', `Expected ${expected(spec)}.`);
  return inRange(spec, Number(text));
}

export function readJsonValue(spec: FieldSpec, value: unknown): Reading {
  if (value === undefined) return NOT_GIVEN;
  if (value === null) return clear(spec);
  if (spec.kind === 'instant') {
    if (typeof value === 'string') return readInstant(spec, value);
    return bad('bad_time', `Expected ${expected(spec)}, as a string.`);
  }
  if (typeof value === 'number' && Number.isInteger(value)) return inRange(spec, value);
  return bad('bad_integer', `Expected ${expected(spec)}, as a number.`);
}

function readInstant(spec: FieldSpec, text: string): Reading {
  const value = parseInstant(text);
  return value === undefined ? bad('bad_time', `Expected ${expected(spec)}.`) : { ok: true, value };
}

const INSTANT_PATTERN =
  /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d\d):?(\d\d))$/;

/** ISO 8601 with an offset or Z to epoch milliseconds; undefined where it is anything else, or no such day. */
function parseInstant(text: string): number | undefined {
  const match = INSTANT_PATTERN.exec(text);
  if (!match || match[1] === '-000000') return undefined;
  const part = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day] = [part(1), part(2), part(3)];
  const [hour, minute, second] = [part(4), part(5), part(6)];
  const [offsetHour, offsetMinute] = [part(9), part(10)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) {
    return undefined;
  }
  const millisecond = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second, millisecond);
  const offset = (offsetHour * 60 + offsetMinute) * 60_000;
  const value = date.getTime() - (match[8] === '-' ? -offset : offset);
  return Number.isNaN(new Date(value).getTime()) ? undefined : value;
}

/**
 * Puts a row together from its SKU and its fields, and adds it to the others if all is well.
 * `read` gives a field's reading and, where that is a problem, the text to show.
 */
export function addRow(
  sku: string,
  line: number,
  read: (spec: FieldSpec) => { reading: Reading; column: string; shown: () => string },
  collector: RowCollector,
  log: RowProblemLog,
): void {
  const row: { -readonly [K in keyof StockRow]: StockRow[K] } = { line, sku, onHand: 0 };
  let good = true;
  for (const spec of FIELDS) {
    const { reading, column, shown } = read(spec);
    if (!reading.ok) {
      log.error(line, reading.code, reading.message, { column, value: shown() });
      good = false;
    } else if (reading.value !== undefined) {
      // Only nullable fields read as null: `clear` sees to it.
      (row as Record<Field, number | null>)[spec.field] = reading.value;
    } else if (spec === ON_HAND) {
      log.error(line, 'missing_value', `Expected ${expected(spec)}.`, { column });
      good = false;
    }
  }
  const { opensAt, closesAt } = row;
  if (typeof opensAt === 'number' && typeof closesAt === 'number' && closesAt <= opensAt) {
    const message = 'closes_at must be later than opens_at.';
    log.error(line, 'closes_before_opens', message, { column: 'closes_at' });
    good = false;
  }
  if (good) collector.add(row, 'sku');
  else collector.claim(sku, line, 'sku');
}
