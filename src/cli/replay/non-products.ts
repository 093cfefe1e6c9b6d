/**
 * Codes on an order that no shelf holds: postage, discounts, fees. A code is one of them
 * - if it is listed (`DEFAULT_NON_PRODUCTS` and what the caller adds), capitals aside; `*` in what the
 *   caller adds stands for anything, as in `gift_*`; or
 * - if it has no digit, in a file where at least half of the rows' codes have one. Where most have none ("HAT-RED"),
 *   letters are how that shop names its products, and only the list counts.
 */
const DEFAULT_NON_PRODUCTS: readonly string[] = [
  ...['POST', 'DOT', 'C2', 'D', 'M', 'S', 'B', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', 'PADS'],
];

/** The rule as applied to a file, for people to see why a code was left out. */
export interface NonProductRule {
  readonly codes: readonly string[];
  /** Whether codes without a digit count as well. */
  readonly withoutDigit: boolean;
}

function pattern(code: string): RegExp {
  const parts = code
    .trim()
    .split('*')
    .map((part) => part.replace(/[\\^$.+?()[\]{}|/-]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'is');
}

export function settleNonProducts(
  skus: Iterable<string>,
  added: readonly string[],
): { rule: NonProductRule; test: (sku: string) => boolean } {
  let withDigit = 0;
  let without = 0;
  for (const sku of skus) {
    if (/\d/.test(sku)) withDigit += 1;
    else if (sku !== '') without += 1;
  }
  const rule: NonProductRule = {
    codes: [...DEFAULT_NON_PRODUCTS, ...added.filter((code) => code.trim() !== '')],
    withoutDigit: withDigit >= without,
  };
  const patterns = rule.codes.map(pattern);
  const known = new Map<string, boolean>();
  const decide = (sku: string): boolean =>
    (rule.withoutDigit && !/\d/.test(sku)) || patterns.some((each) => each.test(sku));
  const test = (sku: string): boolean => {
    const answer = known.get(sku) ?? decide(sku);
    known.set(sku, answer);
    return answer;
  };
  return { rule, test };
}
