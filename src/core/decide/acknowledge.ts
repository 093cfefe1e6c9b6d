/** acknowledge: the ERP has deducted the units of a confirmed reservation. */
import { rejected, type AcknowledgeCommand, type ReservationAnswer } from '../command.ts';
import { entry, type EntryDraft } from '../ledger.ts';
import type { Reservation } from '../reservation.ts';
import { refuse, unchanged, type Decision } from './decision.ts';

export function decideAcknowledge(
  reservation: Reservation | undefined,
  command: AcknowledgeCommand,
  now: number,
): Decision<ReservationAnswer> {
  const { reservationId } = command;
  if (reservation === undefined) {
    return refuse(rejected('acknowledge', { code: 'reservation_not_found', reservationId }));
  }
  if (reservation.status === 'acknowledged') {
    return unchanged({ ok: true, type: 'acknowledge', reservation, changed: false });
  }
  if (reservation.status !== 'confirmed') {
    const { status } = reservation;
    return refuse(rejected('acknowledge', { code: 'not_confirmed', reservationId, status }));
  }
  const acknowledged: Reservation = { ...reservation, status: 'acknowledged', endedAt: now };
  return {
    answer: { ok: true, type: 'acknowledge', reservation: acknowledged, changed: true },
    entries: acknowledgeEntries(reservation),
    reservation: acknowledged,
  };
}

/** What is confirmed and not cancelled leaves the promises and the shelf together. */
export function acknowledgeEntries(reservation: Reservation): EntryDraft[] {
  return reservation.lines.flatMap((line) => {
    const units = line.confirmed - line.cancelled;
    if (units === 0) return [];
    return [entry('acknowledge', line.sku, reservation.id, { allocated: -units, onHand: -units })];
  });
}
