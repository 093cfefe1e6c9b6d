/** The kinds of text on our wire, as JSON Schema formats. Importing this makes the validator know them. */
import { Format } from 'typebox/format';
import { isSku } from '../../core/quantities.ts';
import { FIELDS, readJsonValue } from '../../engine/stock-file/fields.ts';

const INSTANT = FIELDS.find(({ kind }) => kind === 'instant');

/** Epoch milliseconds; null where the text is not a time with its offset. The same reading as in stock files. */
export function parseInstant(text: string): number | null {
  if (INSTANT === undefined) throw new Error('stock files have no column that is a time');
  const reading = readJsonValue(INSTANT, text);
  return reading.ok && typeof reading.value === 'number' ? reading.value : null;
}

const TEXT = /^[^\p{Cc}\p{Cs}]+$/u;
const PRINTABLE_ASCII = /^[\x20-\x7e]{1,255}$/;

export function isIdempotencyKey(value: string): boolean {
  return PRINTABLE_ASCII.test(value);
}

Format.Set('sku', isSku);
Format.Set('text', (value) => TEXT.test(value));
Format.Set('idempotency-key', isIdempotencyKey);
Format.Set('date-time', (value) => parseInstant(value) !== null);
