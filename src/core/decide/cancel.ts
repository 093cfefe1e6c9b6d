/** cancel: undo a confirmed reservation, whole or per line, never beyond what was confirmed. */
import type { BookView } from '../book.ts';
import {
  rejected,
  type CancelCommand,
  type CancelLine,
  type ReservationAnswer,
} from '../command.ts';
import { entry, type EntryDraft } from '../ledger.ts';
import { MAX_STOCK } from '../quantities.ts';
import type { Rejection } from '../rejection.ts';
import type { Reservation, ReservationLine } from '../reservation.ts';
import { leaves } from './acknowledge.ts';
import { refuse, unchanged, type Decision } from './decision.ts';

export function decideCancel(
  view: BookView,
  reservation: Reservation | undefined,
  command: CancelCommand,
  now: number,
): Decision<ReservationAnswer> {
  const { reservationId } = command;
  const refused = (rejection: Rejection): Decision<never> => refuse(rejected('cancel', rejection));
  if (reservation === undefined) return refused({ code: 'reservation_not_found', reservationId });
  const { status } = reservation;
  if (alreadyDone(reservation, command)) {
    return unchanged({ ok: true, type: 'cancel', reservation, changed: false });
  }
  if (status !== 'confirmed' && status !== 'acknowledged') {
    return refused(
      status === 'cancelled'
        ? { code: 'reservation_cancelled', reservationId }
        : { code: 'not_confirmed', reservationId, status },
    );
  }
  const wanted = command.lines ?? remaining(reservation, command.restock);
  const fault = linesFault(reservation, wanted);
  if (fault !== null) return refused(fault);
  const entries = cancelEntries(view, reservation, wanted);
  const overflow = shelfFault(view, entries);
  if (overflow !== null) return refused(overflow);
  return cancel(reservation, wanted, entries, command, now);
}

function alreadyDone(reservation: Reservation, command: CancelCommand): boolean {
  const { cancellationId, lines } = command;
  if (cancellationId !== null && reservation.cancellations.includes(cancellationId)) return true;
  return reservation.status === 'cancelled' && lines === null;
}

function remaining(reservation: Reservation, restock: boolean): CancelLine[] {
  return reservation.lines.flatMap((line) => {
    const quantity = line.confirmed - line.cancelled;
    return quantity > 0 ? [{ sku: line.sku, quantity, restock }] : [];
  });
}

function cancelledUnits(wanted: readonly CancelLine[], sku: string): number {
  return wanted.reduce((sum, line) => (line.sku === sku ? sum + line.quantity : sum), 0);
}

function linesFault(reservation: Reservation, wanted: readonly CancelLine[]): Rejection | null {
  const reservationId = reservation.id;
  for (const { sku } of wanted) {
    const line = reservation.lines.find((candidate) => candidate.sku === sku);
    if (line === undefined) return { code: 'line_not_reserved', reservationId, sku };
    const requested = cancelledUnits(wanted, sku);
    const { confirmed, cancelled } = line;
    if (requested > confirmed - cancelled) {
      return {
        code: 'quantity_exceeds_confirmed',
        reservationId,
        sku,
        confirmed,
        cancelled,
        requested,
      };
    }
  }
  return null;
}

/** Units put back on a shelf that the ERP has meanwhile filled to the brim of what can be counted. */
function shelfFault(view: BookView, entries: readonly EntryDraft[]): Rejection | null {
  for (const { sku } of entries) {
    const onHand = entries.reduce(
      (sum, change) => (change.sku === sku ? sum + change.onHand : sum),
      onHandOf(view, sku),
    );
    if (onHand > MAX_STOCK) return { code: 'stock_out_of_range', sku, onHand };
  }
  return null;
}

function cancel(
  reservation: Reservation,
  wanted: readonly CancelLine[],
  entries: readonly EntryDraft[],
  command: CancelCommand,
  now: number,
): Decision<ReservationAnswer> {
  const lines: ReservationLine[] = reservation.lines.map((line) => ({
    ...line,
    cancelled: line.cancelled + cancelledUnits(wanted, line.sku),
  }));
  const whole = lines.every((line) => line.cancelled === line.confirmed);
  const after: Reservation = {
    ...reservation,
    lines,
    status: whole ? 'cancelled' : reservation.status,
    endedAt: now,
    cancellations:
      command.cancellationId === null
        ? reservation.cancellations
        : [...reservation.cancellations, command.cancellationId],
  };
  return {
    answer: { ok: true, type: 'cancel', reservation: after, changed: true },
    entries,
    reservation: after,
  };
}

/**
 * Before the ERP has deducted, the units are still on hand: restocking frees the promise, not restocking removes
 * them too. Afterwards they are gone from the shelf: restocking puts them back, not restocking changes nothing.
 */
function cancelEntries(
  view: BookView,
  { id, status }: Reservation,
  wanted: readonly CancelLine[],
): EntryDraft[] {
  const taken = new Map<string, number>();
  return wanted.map(({ sku, quantity, restock }) => {
    const detail = { quantity, restock };
    if (status === 'acknowledged') {
      return entry('cancel', sku, id, { onHand: restock ? quantity : 0 }, detail);
    }
    if (restock) return entry('cancel', sku, id, { allocated: -quantity }, detail);
    const gone = leaves(onHandOf(view, sku) - (taken.get(sku) ?? 0), quantity);
    taken.set(sku, (taken.get(sku) ?? 0) + gone.units);
    const deltas = { allocated: -quantity, onHand: -gone.units };
    return entry('cancel', sku, id, deltas, { ...detail, ...gone.detail });
  });
}

function onHandOf(view: BookView, sku: string): number {
  return view.level(sku)?.onHand ?? 0;
}
