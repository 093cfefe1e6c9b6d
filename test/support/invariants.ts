/** What must hold in every store after every step, worked out anew from the ledger and the reservations. */
import assert from 'node:assert/strict';
import type { Answer } from '../../src/core/command.ts';
import type { LedgerEntry } from '../../src/core/ledger.ts';
import { MAX_STOCK } from '../../src/core/quantities.ts';
import type { Reservation, ReservationStatus } from '../../src/core/reservation.ts';
import type { LevelView } from '../../src/core/stock-level.ts';

/** The whole of a store's books at one moment. */
export interface Books {
  readonly levels: readonly LevelView[];
  /** As recorded: a lapsed one may still be active. */
  readonly reservations: readonly Reservation[];
  readonly ledger: readonly LedgerEntry[];
  readonly now: number;
}

export function assertInvariants(books: Books): void {
  books.ledger.forEach((entry, index) => {
    assert.equal(entry.seq, index + 1, 'seq rises by one');
    for (const field of ['onHand', 'reserved', 'allocated', 'safetyStock'] as const) {
      assert.ok(!Object.is(entry[field], -0), `${field} of entry ${entry.seq} is -0`);
    }
  });
  for (const level of books.levels) assertLevel(level, books);
  const skus = new Set(books.levels.map(({ sku }) => sku));
  for (const { sku } of books.ledger) assert.ok(skus.has(sku), `${sku} has a level`);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function assertLevel(level: LevelView, { reservations, ledger, now }: Books): void {
  const { sku, onHand, reserved, allocated, safetyStock, available, shortfall } = level;
  const units = (
    counted: (reservation: Reservation) => boolean,
    of: 'quantity' | 'confirmed',
  ): number =>
    sum(
      reservations
        .filter(counted)
        .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
        .map((line) => line[of] - line.cancelled),
    );
  const live = units(({ status, expiresAt }) => status === 'active' && now < expiresAt, 'quantity');
  const recorded = units(({ status }) => status === 'active', 'quantity');
  const pending = units(({ status }) => status === 'confirmed', 'confirmed');
  assert.equal(reserved, live, `${sku}: reserved is the sum of what is active and has not lapsed`);
  assert.equal(allocated, pending, `${sku}: allocated is the sum of what awaits acknowledgement`);

  const entries = ledger.filter((entry) => entry.sku === sku);
  const total = (field: 'onHand' | 'reserved' | 'allocated' | 'safetyStock'): number =>
    sum(entries.map((entry) => entry[field]));
  assert.equal(total('onHand'), onHand, `${sku}: the ledger sums to on hand`);
  assert.equal(total('reserved'), recorded, `${sku}: the ledger sums to reserved`);
  assert.equal(total('allocated'), allocated, `${sku}: the ledger sums to allocated`);
  assert.equal(total('safetyStock'), safetyStock, `${sku}: the ledger sums to safety stock`);

  const free = onHand - reserved - allocated - safetyStock;
  assert.equal(available, Math.max(0, free), `${sku}: available`);
  const promised = reserved + allocated;
  assert.equal(shortfall, Math.max(0, Math.min(promised, -free)), `${sku}: shortfall`);
  assert.ok(onHand >= 0 && onHand <= MAX_STOCK, `${sku}: ${onHand} on hand`);
  const explained = entries.some(({ kind }) => kind === 'shortfall');
  assert.ok(shortfall === 0 || explained, `${sku}: a shortfall is recorded`);
  const deadlines = reservations
    .filter(({ status, expiresAt }) => status === 'active' && expiresAt > now)
    .filter(({ lines }) => lines.some((line) => line.sku === sku))
    .map(({ expiresAt }) => expiresAt);
  const next = deadlines.length === 0 ? null : Math.min(...deadlines);
  assert.equal(level.nextExpiryAt, next, `${sku}: the next expiry`);
}

/** A status that may follow another; what has ended stays as it ended, but for a late payment and a cancellation. */
const FOLLOWS: Record<ReservationStatus, readonly ReservationStatus[]> = {
  active: ['confirmed', 'acknowledged', 'released', 'expired', 'cancelled'],
  confirmed: ['acknowledged', 'cancelled'],
  acknowledged: ['cancelled'],
  released: [],
  expired: ['confirmed', 'acknowledged', 'cancelled'],
  cancelled: [],
};

/** Follows the books from step to step: what must hold between two moments. */
export class Watch {
  readonly #seen = new Map<string, Reservation>();

  look({ reservations, now }: Books): void {
    for (const reservation of reservations) {
      const before = this.#seen.get(reservation.id);
      this.#seen.set(reservation.id, reservation);
      if (before !== undefined) assertFollows(before, reservation);
      if (before?.status === 'active') assertDecidedByDeadline(reservation, now);
    }
  }
}

/** The deadline decides: what was active is `now` past it only as expired, or reacquired after that. */
function assertDecidedByDeadline(reservation: Reservation, now: number): void {
  const { id, status, expiresAt, reacquired } = reservation;
  if (status === 'active') return;
  const late = now >= expiresAt;
  assert.equal(status === 'expired' || reacquired, late, `${id}: ${status} at ${now - expiresAt}`);
}

function assertFollows(before: Reservation, after: Reservation): void {
  const { id } = before;
  if (after.status !== before.status) {
    const allowed = FOLLOWS[before.status].includes(after.status);
    assert.ok(allowed, `${id}: ${before.status}, then ${after.status}`);
    assert.ok(
      before.status !== 'expired' || after.reacquired,
      `${id}: only a reacquired one comes back`,
    );
    assert.ok(!before.refundRequired, `${id}: resolved once, by a refund`);
  }
  assert.ok(after.expiresAt >= before.expiresAt, `${id}: never shortened`);
  assert.ok(
    after.expiresAt === before.expiresAt || before.status === 'active',
    `${id}: never resurrected`,
  );
  assert.equal(after.createdAt, before.createdAt);
  assert.ok(before.orderId === null || after.orderId === before.orderId, `${id}: latched for good`);
  for (const [index, line] of after.lines.entries()) {
    assert.equal(line.quantity, before.lines[index]?.quantity, `${id}: as reserved`);
    assert.ok(line.confirmed <= line.quantity && line.cancelled <= line.confirmed, id);
  }
}

/**
 * What a granted reserve or confirm must have respected, by the books as they stand right after it.
 *
 * @param news - The ledger entries that came with the answer. A reserve that is asked again is answered with the
 *   reservation as it is by now and grants nothing: it wrote no `reserve` entry, though other lapses may have come due.
 */
export function assertWithinLimits(
  answer: Answer,
  { levels, reservations, now }: Books,
  news: Books['ledger'],
): void {
  if (!answer.ok || (answer.type !== 'reserve' && answer.type !== 'confirm')) return;
  const { id, customerId, lines, reacquired } = answer.reservation;
  if (!news.some((entry) => entry.reservationId === id && entry.kind === answer.type)) return;
  if (customerId === null || (answer.type === 'confirm' && !(answer.changed && reacquired))) return;
  for (const { sku } of lines.filter((line) => answer.type === 'reserve' || line.confirmed > 0)) {
    const limit = levels.find((level) => level.sku === sku)?.policy.maxPerCustomer ?? Infinity;
    const held = sum(
      reservations
        .filter((reservation) => reservation.customerId === customerId)
        .flatMap(({ status, expiresAt, lines: theirs }) =>
          theirs
            .filter((line) => line.sku === sku)
            .map((line) => {
              if (status !== 'active') return line.confirmed - line.cancelled;
              return now < expiresAt ? line.quantity : 0;
            }),
        ),
    );
    assert.ok(held <= limit, `${customerId} has ${held} of ${sku}, limit ${limit} (${id})`);
  }
}
