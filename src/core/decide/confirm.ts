/** confirm: the purchase is made. The only door through which a reservation becomes a sale. */
import type { BookView } from '../book.ts';
import { rejected, type ConfirmCommand, type ReservationAnswer } from '../command.ts';
import { entry, type Detail, type EntryDraft } from '../ledger.ts';
import type { Rejection } from '../rejection.ts';
import { sumLines, type Line, type Reservation, type ReservationLine } from '../reservation.ts';
import type { Rules } from '../rules.ts';
import { available } from '../stock-level.ts';
import { acknowledgeEntries } from './acknowledge.ts';
import { refuse, unchanged, type Decision } from './decision.ts';

/** `reservation` must not be active and lapsed: its expiry is recorded before this is asked. */
export function decideConfirm(
  view: BookView,
  reservation: Reservation | undefined,
  command: ConfirmCommand,
  now: number,
  rules: Rules,
): Decision<ReservationAnswer> {
  const { reservationId } = command;
  const refused = (rejection: Rejection): Decision<never> => refuse(rejected('confirm', rejection));
  if (reservation === undefined) return refused({ code: 'reservation_not_found', reservationId });
  switch (reservation.status) {
    case 'released':
      return refused({ code: 'reservation_released', reservationId });
    case 'cancelled':
      return refused({ code: 'reservation_cancelled', reservationId });
    case 'confirmed':
    case 'acknowledged':
      return confirmAgain(reservation, command, now);
    case 'active':
    case 'expired':
      break;
  }
  if (differentOrder(reservation, command.orderId)) {
    return refused({ code: 'order_mismatch', reservationId });
  }
  const wanted = sumLines(command.lines ?? reservation.lines);
  const fault = linesFault(reservation, wanted);
  if (fault !== null) return refused(fault);
  if (reservation.status === 'expired') {
    // A refund that was asked for stays asked for, even if the stock has come back since.
    if (command.onExpired === 'reject' || reservation.refundRequired) {
      return refused(expiredRejection(reservation));
    }
    if (!canReacquire(view, reservation, wanted, now)) {
      return refundRequired(reservation, wanted, command, now);
    }
  }
  return confirm(view, reservation, wanted, command, now, rules);
}

function differentOrder(reservation: Reservation, orderId: string | null): boolean {
  return orderId !== null && reservation.orderId !== null && reservation.orderId !== orderId;
}

/**
 * The first answer again. A confirm made without an order is adopted by the first order that names itself, which is
 * recorded: whoever follows the ledger must learn whose units these are.
 */
function confirmAgain(
  reservation: Reservation,
  command: ConfirmCommand,
  now: number,
): Decision<ReservationAnswer> {
  if (differentOrder(reservation, command.orderId)) {
    const { reservationId } = command;
    return refuse(rejected('confirm', { code: 'already_confirmed', reservationId }));
  }
  if (command.orderId === null || reservation.orderId !== null) {
    return unchanged({ ok: true, type: 'confirm', reservation, changed: false });
  }
  const adopted: Reservation = { ...reservation, orderId: command.orderId, endedAt: now };
  const detail: Detail = { order_id: command.orderId };
  const entries = reservation.lines
    .filter(({ confirmed }) => confirmed > 0)
    .map(({ sku }) => entry('adopt', sku, reservation.id, {}, detail));
  return {
    answer: { ok: true, type: 'confirm', reservation: adopted, changed: false },
    entries,
    reservation: adopted,
  };
}

function linesFault(reservation: Reservation, wanted: readonly Line[]): Rejection | null {
  const reservationId = reservation.id;
  for (const { sku, quantity } of wanted) {
    const line = reservation.lines.find((candidate) => candidate.sku === sku);
    if (line === undefined) return { code: 'line_not_reserved', reservationId, sku };
    if (quantity > line.quantity) {
      const reserved = line.quantity;
      return {
        code: 'quantity_exceeds_reserved',
        reservationId,
        sku,
        reserved,
        requested: quantity,
      };
    }
  }
  return null;
}

function expiredRejection(reservation: Reservation): Rejection {
  return {
    code: 'reservation_expired',
    reservationId: reservation.id,
    expiredAt: reservation.expiresAt,
    refundRequired: reservation.refundRequired,
  };
}

/** Is the stock still there, and would the customer stay within the limit, whatever else they took meanwhile? */
function canReacquire(
  view: BookView,
  { customerId }: Reservation,
  wanted: readonly Line[],
  now: number,
): boolean {
  return wanted.every(({ sku, quantity }) => {
    const level = view.level(sku);
    if (level === undefined || available(level) < quantity) return false;
    const { maxPerCustomer } = level.policy;
    if (maxPerCustomer === null || customerId === null) return true;
    return view.customerHeld(sku, customerId, now) + quantity <= maxPerCustomer;
  });
}

/** The buyer has paid and cannot be served: recorded once, however often it is asked. */
function refundRequired(
  reservation: Reservation,
  wanted: readonly Line[],
  command: ConfirmCommand,
  now: number,
): Decision<ReservationAnswer> {
  const marked: Reservation = {
    ...reservation,
    refundRequired: true,
    endedAt: now,
    orderId: reservation.orderId ?? command.orderId,
  };
  const entries = wanted.map(({ sku, quantity }) =>
    entry('refund_required', sku, reservation.id, {}, { quantity, order_id: marked.orderId }),
  );
  const answer = rejected('confirm', expiredRejection(marked));
  return { answer, entries, reservation: marked };
}

function confirm(
  view: BookView,
  reservation: Reservation,
  wanted: readonly Line[],
  command: ConfirmCommand,
  now: number,
  rules: Rules,
): Decision<ReservationAnswer> {
  const reacquired = reservation.status === 'expired';
  const orderId = reservation.orderId ?? command.orderId;
  const lines: ReservationLine[] = reservation.lines.map((line) => ({
    ...line,
    confirmed: wanted.find(({ sku }) => sku === line.sku)?.quantity ?? 0,
  }));
  const confirmed: Reservation = {
    ...reservation,
    status: rules.acknowledgeOnConfirm ? 'acknowledged' : 'confirmed',
    lines,
    orderId,
    endedAt: now,
    reacquired,
  };
  const entries = confirmEntries(confirmed, orderId);
  if (rules.acknowledgeOnConfirm) entries.push(...acknowledgeEntries(view, confirmed));
  const answer = { ok: true, type: 'confirm', reservation: confirmed, changed: true } as const;
  return { answer, entries, reservation: confirmed };
}

function confirmEntries(confirmed: Reservation, orderId: string | null): EntryDraft[] {
  const order: Detail | null = orderId === null ? null : { order_id: orderId };
  const detail: Detail | null = confirmed.reacquired ? { ...order, reacquired: true } : order;
  const entries: EntryDraft[] = [];
  for (const line of confirmed.lines) {
    // A lapsed reservation has given its units back already; only an active one holds them.
    const held = confirmed.reacquired ? 0 : line.confirmed;
    const spare = confirmed.reacquired ? 0 : line.quantity - line.confirmed;
    if (line.confirmed > 0) {
      const deltas = { reserved: -held, allocated: line.confirmed };
      entries.push(entry('confirm', line.sku, confirmed.id, deltas, detail));
    }
    if (spare > 0) entries.push(entry('release', line.sku, confirmed.id, { reserved: -spare }));
  }
  return entries;
}
