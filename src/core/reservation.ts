/**
 * A time-limited claim of one or more lines.
 *
 *     active ──confirm──▶ confirmed ──acknowledge──▶ acknowledged
 *        │                    └──────────cancel──────────┴──▶ cancelled
 *        ├──release──▶ released
 *        └──expire───▶ expired ──confirm (reacquire)──▶ confirmed
 *
 * `expiresAt` decides: at `now >= expiresAt` an active reservation has lapsed,
 * whether or not anything has recorded that yet.
 */

export const RESERVATION_STATUSES = [
  'active',
  'confirmed',
  'acknowledged',
  'released',
  'expired',
  'cancelled',
] as const;
export type ReservationStatus = (typeof RESERVATION_STATUSES)[number];

export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

export interface ReservationLine extends Line {
  /** Units of `quantity` that were confirmed. */
  readonly confirmed: number;
  /** Units of `confirmed` that were cancelled afterwards. */
  readonly cancelled: number;
}

export interface Reservation {
  readonly id: string;
  readonly status: ReservationStatus;
  /** One line per SKU, in the order first named. */
  readonly lines: readonly ReservationLine[];
  readonly customerId: string | null;
  /** The order it is latched to (extend) or was confirmed for. */
  readonly orderId: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** When its last change after being active was recorded; null while active. Retention counts from here. */
  readonly endedAt: number | null;
  /** It had lapsed, and its confirm found the stock still there. */
  readonly reacquired: boolean;
  /** A paid confirm came too late and could not be served. */
  readonly refundRequired: boolean;
  /** Ids of the cancellations already applied, so that each applies once. */
  readonly cancellations: readonly string[];
}

export function hasLapsed(reservation: Reservation, now: number): boolean {
  return reservation.status === 'active' && now >= reservation.expiresAt;
}

/** Sums lines of one SKU, keeping the order in which SKUs were first named. */
export function sumLines(lines: readonly Line[]): Line[] {
  if (lines.length === 1) return [lines[0] as Line];
  const sums = new Map<string, number>();
  for (const { sku, quantity } of lines) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return Array.from(sums, ([sku, quantity]) => ({ sku, quantity }));
}
