/** acknowledge: the ERP has deducted the units of a confirmed reservation. */
import type { BookView } from '../book.ts';
import { rejected, type AcknowledgeCommand, type ReservationAnswer } from '../command.ts';
import { entry, type EntryDraft } from '../ledger.ts';
import type { Reservation } from '../reservation.ts';
import { refuse, unchanged, type Decision } from './decision.ts';

export function decideAcknowledge(
  view: BookView,
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
    entries: acknowledgeEntries(view, reservation),
    reservation: acknowledged,
  };
}

/** What is confirmed and not cancelled leaves the promises and the shelf together. */
export function acknowledgeEntries(view: BookView, reservation: Reservation): EntryDraft[] {
  return reservation.lines.flatMap(({ sku, confirmed, cancelled }) => {
    const units = confirmed - cancelled;
    if (units === 0) return [];
    const gone = leaves(view.level(sku)?.onHand ?? 0, units);
    return [
      entry(
        'acknowledge',
        sku,
        reservation.id,
        { allocated: -units, onHand: -gone.units },
        gone.detail,
      ),
    ];
  });
}

/** Units that leave the shelf: below a shortfall not all that were promised are on it, and the entry says how many lacked. */
export function leaves(
  onHand: number,
  promised: number,
): { readonly units: number; readonly detail: { readonly lacking: number } | null } {
  const units = Math.min(onHand, promised);
  return { units, detail: units === promised ? null : { lacking: promised - units } };
}
