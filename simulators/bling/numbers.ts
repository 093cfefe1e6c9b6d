/** Quantities and money are decimals; four places are kept, as sums of 0.1 would not stay exact. */
export function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
