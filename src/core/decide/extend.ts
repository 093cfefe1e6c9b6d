/** extend: more time for an active reservation, within its cap. Never shortens, never resurrects. */
import type { BookView } from '../book.ts';
import { rejected, type ExtendCommand, type ReservationAnswer } from '../command.ts';
import { entry } from '../ledger.ts';
import type { Rejection } from '../rejection.ts';
import type { Reservation } from '../reservation.ts';
import type { Rules } from '../rules.ts';
import { refuse, unchanged, type Decision } from './decision.ts';
import { lifetimeSeconds } from './reserve.ts';

/** `reservation` must not be active and lapsed: its expiry is recorded before this is asked. */
export function decideExtend(
  view: BookView,
  reservation: Reservation | undefined,
  command: ExtendCommand,
  now: number,
  rules: Rules,
): Decision<ReservationAnswer> {
  const fault = extendFault(reservation, command, rules);
  if (fault !== null) return refuse(rejected('extend', fault));
  const current = reservation as Reservation;
  const orderId = current.orderId ?? command.orderId;
  const { target, cap } = deadlines(view, current, command, orderId, now, rules);
  const expiresAt = Math.max(current.expiresAt, Math.min(target, cap));
  const latches = orderId !== current.orderId;
  if (expiresAt === current.expiresAt && !latches) {
    if (target > cap) {
      const reservationId = current.id;
      return refuse(rejected('extend', { code: 'extend_limit_reached', reservationId, expiresAt }));
    }
    return unchanged({ ok: true, type: 'extend', reservation: current, changed: false });
  }
  const extended: Reservation = { ...current, expiresAt, orderId };
  const detail = { expires_at: new Date(expiresAt).toISOString(), order_id: orderId };
  return {
    answer: { ok: true, type: 'extend', reservation: extended, changed: true },
    entries: current.lines.map(({ sku }) => entry('extend', sku, current.id, {}, detail)),
    reservation: extended,
  };
}

/**
 * The cap counts from the creation; a latched reservation's leaves room for its payment, whenever it was latched.
 * A SKU's policy bounds what is added at once, as it does when a reservation is made; the time to pay an order is no
 * SKU's to shorten.
 */
function deadlines(
  view: BookView,
  reservation: Reservation,
  command: ExtendCommand,
  orderId: string | null,
  now: number,
  rules: Rules,
): { target: number; cap: number } {
  const payment = orderId === null ? 0 : rules.paymentTtlSeconds[command.paymentMethod ?? 'card'];
  const seconds =
    orderId === null
      ? lifetimeSeconds(view, command.ttlSeconds, reservation.lines, rules)
      : (command.ttlSeconds ?? payment);
  const cap = reservation.createdAt + (rules.extendCapSeconds + payment) * 1000;
  return { target: now + seconds * 1000, cap };
}

function extendFault(
  reservation: Reservation | undefined,
  command: ExtendCommand,
  rules: Rules,
): Rejection | null {
  const { reservationId } = command;
  if (reservation === undefined) return { code: 'reservation_not_found', reservationId };
  switch (reservation.status) {
    case 'expired': {
      const { expiresAt: expiredAt, refundRequired } = reservation;
      return { code: 'reservation_expired', reservationId, expiredAt, refundRequired };
    }
    case 'released':
      return { code: 'reservation_released', reservationId };
    case 'cancelled':
      return { code: 'reservation_cancelled', reservationId };
    case 'confirmed':
    case 'acknowledged':
      return { code: 'already_confirmed', reservationId };
    case 'active':
      break;
  }
  if (
    command.orderId !== null &&
    reservation.orderId !== null &&
    command.orderId !== reservation.orderId
  ) {
    return { code: 'order_mismatch', reservationId };
  }
  if (command.ttlSeconds !== null && command.ttlSeconds > rules.maxTtlSeconds) {
    return { code: 'ttl_out_of_range', maxTtlSeconds: rules.maxTtlSeconds };
  }
  return null;
}
