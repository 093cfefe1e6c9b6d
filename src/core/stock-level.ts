/** What one SKU's books say, and the figures derived from them. Quantities in units, times in epoch milliseconds. */

/** A SKU's selling rules; `null` means "no rule of its own". */
export interface Policy {
  readonly maxPerOrder: number | null;
  readonly maxPerCustomer: number | null;
  /** The longest time for which a reservation that names this SKU is made, or extended at once; also the default. In seconds. */
  readonly ttlSeconds: number | null;
  readonly opensAt: number | null;
  readonly closesAt: number | null;
}

export interface StockLevel {
  readonly sku: string;
  readonly onHand: number;
  /** Sum of active lines, including those past their deadline that no sweep has tidied yet. */
  readonly reserved: number;
  /** Sum of confirmed lines that the ERP has not acknowledged. */
  readonly allocated: number;
  readonly safetyStock: number;
  readonly policy: Policy;
}

export const NO_POLICY: Policy = Object.freeze({
  maxPerOrder: null,
  maxPerCustomer: null,
  ttlSeconds: null,
  opensAt: null,
  closesAt: null,
});

/** A policy's fields as the ledger, the wire and SQL name them. */
export const POLICY_COLUMNS = {
  maxPerOrder: 'max_per_order',
  maxPerCustomer: 'max_per_customer',
  ttlSeconds: 'ttl_seconds',
  opensAt: 'opens_at',
  closesAt: 'closes_at',
} as const satisfies Record<keyof Policy, string>;

export function emptyLevel(sku: string): StockLevel {
  return { sku, onHand: 0, reserved: 0, allocated: 0, safetyStock: 0, policy: NO_POLICY };
}

/** Units that may be promised at all. Safety stock that is missing on the shelf is no promise to anybody: never below 0. */
function offered(level: StockLevel): number {
  return Math.max(0, level.onHand - level.safetyStock);
}

/** Units not promised to anybody; negative when more is promised than is offered. */
export function uncommitted(level: StockLevel): number {
  return offered(level) - level.reserved - level.allocated;
}

/** Units that can be reserved now, never below 0. */
export function available(level: StockLevel): number {
  return Math.max(0, uncommitted(level));
}

/** Units promised beyond what is offered: what `available` lacks below 0. 0 where nothing is promised. */
export function shortfall(level: StockLevel): number {
  return Math.max(0, -uncommitted(level));
}

/** A level as callers see it at one moment: units past their deadline count as available. */
export interface LevelView extends StockLevel {
  readonly available: number;
  readonly shortfall: number;
  /** When the next active reservation of this SKU may lapse. */
  readonly nextExpiryAt: number | null;
}

/** The same as told of a change; when its units may lapse is for who asks. */
export type ChangedLevel = Omit<LevelView, 'nextExpiryAt'>;

/** `lapsed`: active units whose deadline has passed and that no sweep has tidied. */
export function viewLevel(
  level: StockLevel,
  lapsed: number,
  nextExpiryAt: number | null,
): LevelView {
  const seen = lapsed === 0 ? level : { ...level, reserved: level.reserved - lapsed };
  return { ...seen, available: available(seen), shortfall: shortfall(seen), nextExpiryAt };
}
