/**
 * The bounds of every number that Holdfast counts, in units of stock.
 * Anything outside them is refused before a decision is asked for.
 */

/** A line's quantity: an integer from 1 to 1,000,000. */
const MIN_QUANTITY = 1;
export const MAX_QUANTITY = 1_000_000;

/** Units on hand: an integer from 0 to 2^31 − 1. */
export const MAX_STOCK = 2_147_483_647;

/** A cart names at most this many lines. */
export const MAX_LINES = 1_000;

/** A SKU is 1 to 128 characters, without control characters or outer white space. */
export const MAX_SKU_LENGTH = 128;

export function isQuantity(value: unknown): value is number {
  return (
    Number.isInteger(value) &&
    (value as number) >= MIN_QUANTITY &&
    (value as number) <= MAX_QUANTITY
  );
}

export function isStock(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_STOCK;
}

const SKU_PATTERN = /^[^\s\p{Cc}\p{Cs}](?:[^\p{Cc}\p{Cs}]*[^\s\p{Cc}\p{Cs}])?$/u;

export function isSku(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_SKU_LENGTH && SKU_PATTERN.test(value);
}
