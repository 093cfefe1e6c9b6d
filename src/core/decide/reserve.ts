/** reserve: claim stock for a limited time, or say exactly what is short. */
import type { BookView } from '../book.ts';
import {
  rejected,
  type RefusedLine,
  type Rejected,
  type ReserveCommand,
  type ReservedAnswer,
} from '../command.ts';
import { entry } from '../ledger.ts';
import { MAX_QUANTITY } from '../quantities.ts';
import type { Rejection, Short } from '../rejection.ts';
import { sumLines, type Line, type Reservation } from '../reservation.ts';
import type { Rules } from '../rules.ts';
import { available, uncommitted, type StockLevel } from '../stock-level.ts';
import { refuse, type Decision } from './decision.ts';

/**
 * The command's id names a reservation already: the same command, sent again by somebody who had no answer, gets it
 * as it stands; any other is refused. `known` must not be active and lapsed: its expiry is recorded before.
 */
export function reserveAgain(
  known: Reservation,
  { reservationId, customerId, lines }: ReserveCommand,
): ReservedAnswer | Rejected {
  const wanted = sumLines(lines);
  const same =
    known.customerId === customerId &&
    known.lines.length === wanted.length &&
    known.lines.every(
      ({ sku, quantity }, index) =>
        sku === wanted[index]?.sku && quantity === wanted[index].quantity,
    );
  if (!same) return rejected('reserve', { code: 'reservation_exists', reservationId });
  return { ok: true, type: 'reserve', reservation: known, refused: [] };
}

/** One line weighed: how much of it can be granted, and what stands against the rest. */
interface Weighed {
  readonly line: Line;
  readonly granted: number;
  readonly obstacle: Rejection | null;
}

export function decideReserve(
  view: BookView,
  command: ReserveCommand,
  now: number,
  rules: Rules,
): Decision<ReservedAnswer> {
  if (command.ttlSeconds !== null && command.ttlSeconds > rules.maxTtlSeconds) {
    return refuse(
      rejected('reserve', { code: 'ttl_out_of_range', maxTtlSeconds: rules.maxTtlSeconds }),
    );
  }
  const lines = sumLines(command.lines);
  const much = lines.find(({ quantity }) => quantity > MAX_QUANTITY);
  if (much !== undefined) {
    const { sku, quantity: requested } = much;
    const limit = MAX_QUANTITY;
    return refuse(rejected('reserve', { code: 'quantity_out_of_range', sku, limit, requested }));
  }
  const weighed = lines.map((line) => weigh(view, line, command, now));
  const obstacles = weighed.flatMap(({ obstacle }) => obstacle ?? []);
  const nothing = weighed.every(({ granted }) => granted === 0);
  if (obstacles.length > 0 && (!command.allowPartial || nothing)) {
    return refuse(rejected('reserve', gravest(obstacles)));
  }
  return grant(view, command, weighed, now, rules);
}

function grant(
  view: BookView,
  command: ReserveCommand,
  weighed: readonly Weighed[],
  now: number,
  rules: Rules,
): Decision<ReservedAnswer> {
  const taken = weighed.filter(({ granted }) => granted > 0);
  const lines = taken.map(({ line }) => line);
  const lifetime = lifetimeSeconds(view, command.ttlSeconds, lines, rules);
  const reservation: Reservation = {
    id: command.reservationId,
    status: 'active',
    lines: taken.map(({ line, granted }) => ({
      sku: line.sku,
      quantity: granted,
      confirmed: 0,
      cancelled: 0,
    })),
    customerId: command.customerId,
    orderId: null,
    createdAt: now,
    expiresAt: now + lifetime * 1000,
    endedAt: null,
    reacquired: false,
    refundRequired: false,
    cancellations: [],
  };
  const entries = reservation.lines.map(({ sku, quantity }) =>
    entry('reserve', sku, reservation.id, { reserved: quantity }),
  );
  const refused = weighed.flatMap(refusedLine);
  return { answer: { ok: true, type: 'reserve', reservation, refused }, entries, reservation };
}

function refusedLine({ line, granted, obstacle }: Weighed): RefusedLine[] {
  if (obstacle === null) return [];
  return [{ sku: line.sku, requested: line.quantity, granted, reason: obstacle.code }];
}

/** A SKU's policy is both its default and its longest lifetime; the shortest of a cart's SKUs rules the cart. */
export function lifetimeSeconds(
  view: BookView,
  asked: number | null,
  lines: readonly Line[],
  rules: Rules,
): number {
  let limit = Infinity;
  for (const { sku } of lines) {
    limit = Math.min(limit, view.level(sku)?.policy.ttlSeconds ?? Infinity);
  }
  return Math.min(asked ?? (limit < Infinity ? limit : rules.ttlSeconds), limit);
}

function weigh(view: BookView, line: Line, command: ReserveCommand, now: number): Weighed {
  const { sku, quantity } = line;
  const level = view.level(sku);
  const none = (obstacle: Rejection): Weighed => ({ line, granted: 0, obstacle });
  if (level === undefined) return none({ code: 'unknown_sku', skus: [sku] });
  const { opensAt, closesAt, maxPerOrder, maxPerCustomer } = level.policy;
  if ((opensAt !== null && now < opensAt) || (closesAt !== null && now >= closesAt)) {
    return none({ code: 'not_on_sale', sku, opensAt, closesAt });
  }
  let granted = quantity;
  let obstacle: Rejection | null = null;
  if (maxPerOrder !== null && granted > maxPerOrder) {
    granted = maxPerOrder;
    obstacle = { code: 'max_per_order', sku, limit: maxPerOrder, requested: quantity };
  }
  if (maxPerCustomer !== null) {
    if (command.customerId === null) return none({ code: 'customer_required', sku });
    const held = view.customerHeld(sku, command.customerId, now);
    const left = Math.max(0, maxPerCustomer - held);
    if (granted > left) {
      granted = left;
      obstacle ??= {
        code: 'max_per_customer',
        sku,
        limit: maxPerCustomer,
        held,
        requested: quantity,
      };
    }
  }
  if (granted > available(level)) {
    granted = available(level);
    obstacle ??= shortOf(view, level, quantity, now);
  }
  return { line, granted, obstacle };
}

/** The refusal for want of stock, naming this one SKU. */
function shortOf(view: BookView, level: StockLevel, requested: number, now: number): Rejection {
  const short = describeShort(view, level, requested, now);
  return { code: short.reason, short: [short], nextExpiryAt: short.nextExpiryAt };
}

function describeShort(view: BookView, level: StockLevel, requested: number, now: number): Short {
  const left = available(level);
  // Below a shortfall the active lines may all lapse and still leave nothing: no chance to promise.
  const mayComeBack = level.reserved > 0 && uncommitted({ ...level, reserved: 0 }) > 0;
  const nextExpiryAt = mayComeBack ? view.nextExpiry(level.sku, now) : null;
  const reason =
    left > 0 ? 'insufficient_stock' : nextExpiryAt === null ? 'sold_out' : 'all_reserved';
  return { sku: level.sku, requested, available: left, reason, nextExpiryAt };
}

/** The first cause in this order is the one worth telling; those of its kind are told together. */
const GRAVITY: readonly Rejection['code'][] = [
  'unknown_sku',
  'not_on_sale',
  'customer_required',
  'max_per_order',
  'max_per_customer',
];

function gravest(obstacles: readonly Rejection[]): Rejection {
  for (const code of GRAVITY) {
    const first = obstacles.find((obstacle) => obstacle.code === code);
    if (first?.code === 'unknown_sku') {
      const skus = obstacles.flatMap((o) => (o.code === 'unknown_sku' ? o.skus : []));
      return { code: 'unknown_sku', skus };
    }
    if (first !== undefined) return first;
  }
  return shortRejection(obstacles.flatMap((o) => ('short' in o ? o.short : [])));
}

/** One refusal naming every short SKU; it promises a next chance only if each may have one. */
function shortRejection(short: readonly Short[]): Rejection {
  const reasons = short.map(({ reason }) => reason);
  const code = reasons.includes('sold_out')
    ? 'sold_out'
    : reasons.includes('insufficient_stock')
      ? 'insufficient_stock'
      : 'all_reserved';
  const deadlines = short.flatMap(({ nextExpiryAt }) => nextExpiryAt ?? []);
  // The cart needs all of its SKUs, so the latest of their next chances is its own.
  const nextExpiryAt =
    code !== 'sold_out' && deadlines.length === short.length ? Math.max(...deadlines) : null;
  return { code, short, nextExpiryAt };
}
