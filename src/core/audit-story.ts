/** What the ledger tells of one reservation, and whether the reservation as recorded agrees with it. */
import type { EntryKind } from './ledger.ts';
import type { Reservation, ReservationStatus } from './reservation.ts';

/** What the ledger says of one line of one reservation. */
export interface StoryLine {
  readonly sku: string;
  quantity: number;
  reserved: number;
  allocated: number;
  confirmed: number;
  cancelled: number;
  kinds: number;
  lastAt: number;
  /** The order that its newest entry with one names. */
  orderId: string | null;
}

/** One of all lines of a reservation. */
export interface LineStory extends StoryLine {
  next: LineStory | null;
}

/** Kinds that happen to a line at most once, as bits. */
export const ONCE = {
  reserve: 1,
  confirm: 2,
  acknowledge: 4,
  release: 8,
  expire: 16,
  refund_required: 32,
  adopt: 64,
} as const satisfies Partial<Record<EntryKind, number>>;

/** What the reservation says of itself against what the ledger tells of its lines together. */
export function contradiction(reservation: Reservation, first: LineStory): string | null {
  let kinds = 0;
  let pending = 0;
  let endedAt = 0;
  let orderId: string | null = null;
  for (let story: LineStory | null = first; story !== null; story = story.next) {
    kinds |= story.kinds;
    pending += story.confirmed - story.cancelled;
    endedAt = Math.max(endedAt, story.lastAt);
    orderId ??= story.orderId;
  }
  const told = statusOf(kinds, pending);
  const { id, status, reacquired, refundRequired } = reservation;
  if (status !== told) return `reservation ${id} is ${status}, by the ledger it is ${told}`;
  if (status !== 'active' && reservation.endedAt !== endedAt) {
    return `reservation ${id} ended at ${reservation.endedAt}, by the ledger at ${endedAt}`;
  }
  if (reservation.orderId !== orderId) {
    return `reservation ${id} is of order ${reservation.orderId}, by the ledger of ${orderId}`;
  }
  const both = ONCE.expire | ONCE.confirm;
  if (reacquired !== ((kinds & both) === both)) {
    return `reservation ${id} says reacquired ${reacquired}, the ledger does not`;
  }
  if (refundRequired !== ((kinds & ONCE.refund_required) !== 0)) {
    return `reservation ${id} says refund required ${refundRequired}, the ledger does not`;
  }
  return null;
}

/** The status that entries of these kinds lead to; `pending`: units confirmed and not cancelled. */
function statusOf(kinds: number, pending: number): ReservationStatus {
  if ((kinds & ONCE.confirm) !== 0) {
    if (pending === 0) return 'cancelled';
    return (kinds & ONCE.acknowledge) === 0 ? 'confirmed' : 'acknowledged';
  }
  if ((kinds & ONCE.expire) !== 0) return 'expired';
  return (kinds & ONCE.release) === 0 ? 'active' : 'released';
}

/** What is impossible in the reservation, whatever the ledger says; null if nothing is. */
export function malformed({
  id,
  lines,
  status,
  endedAt,
  createdAt,
  expiresAt,
}: Reservation): string | null {
  if (lines.length === 0) return `reservation ${id} has no line`;
  if (new Set(lines.map(({ sku }) => sku)).size < lines.length) {
    return `reservation ${id} names a SKU twice`;
  }
  if ((status === 'active') !== (endedAt === null)) {
    return `reservation ${id} is ${status} with ${endedAt === null ? 'no' : 'an'} end`;
  }
  if (expiresAt < createdAt) return `reservation ${id} expires before it was made`;
  for (const { sku, quantity, confirmed, cancelled } of lines) {
    if (
      quantity < 1 ||
      confirmed < 0 ||
      confirmed > quantity ||
      cancelled < 0 ||
      cancelled > confirmed
    ) {
      return `reservation ${id} has impossible figures for ${sku}`;
    }
  }
  return null;
}
