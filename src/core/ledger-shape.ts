/** What each kind of ledger entry may change, so that an entry which could not have been written is found. */
import type { EntryDraft } from './ledger.ts';

/** What is wrong with the entry's deltas for its kind; null if nothing is. */
export function shapeFault(entry: EntryDraft): string | null {
  const { onHand, reserved, allocated, safetyStock } = entry;
  const only = (...moved: (keyof EntryDraft)[]): boolean =>
    (moved.includes('onHand') || onHand === 0) &&
    (moved.includes('reserved') || reserved === 0) &&
    (moved.includes('allocated') || allocated === 0) &&
    (moved.includes('safetyStock') || safetyStock === 0);
  return fits(entry, only) ? null : `a ${entry.kind} entry cannot change levels in this way`;
}

function fits(entry: EntryDraft, only: (...moved: (keyof EntryDraft)[]) => boolean): boolean {
  const { kind, reserved, allocated, detail } = entry;
  const ofReservation = entry.reservationId !== null;
  switch (kind) {
    case 'set':
      return !ofReservation && only('onHand');
    case 'reconcile':
      return !ofReservation && only('onHand') && typeof detail?.['erp_on_hand'] === 'number';
    case 'dead_letter':
    case 'outbox_retry':
    case 'outbox_discard':
      return !ofReservation && only() && typeof detail?.['message'] === 'number';
    case 'adjust':
      return !ofReservation && only('onHand') && typeof detail?.['reason'] === 'string';
    case 'policy':
      return !ofReservation && only('safetyStock');
    case 'shortfall':
      return !ofReservation && only() && Number(detail?.['units']) > 0;
    case 'reserve':
      return ofReservation && only('reserved') && reserved > 0;
    case 'release':
    case 'expire':
      return ofReservation && only('reserved') && reserved < 0;
    case 'confirm':
      return (
        ofReservation &&
        only('reserved', 'allocated') &&
        allocated > 0 &&
        (reserved === -allocated || (reserved === 0 && detail?.['reacquired'] === true))
      );
    case 'acknowledge':
      return ofReservation && only('onHand', 'allocated') && allocated < 0 && takesUpTo(entry);
    case 'cancel':
      return ofReservation && only('onHand', 'allocated') && fitsCancel(entry);
    case 'extend':
    case 'refund_required':
      return ofReservation && only();
    case 'adopt':
      return ofReservation && only() && typeof detail?.['order_id'] === 'string';
  }
}

/** Promised units leave the shelf, as far as they are on it. */
function takesUpTo({ onHand, allocated }: EntryDraft): boolean {
  return onHand <= 0 && onHand >= allocated;
}

/** Before the ERP has deducted, the promise goes, and with it the units or not; afterwards units come back or not. */
function fitsCancel(entry: EntryDraft): boolean {
  const { onHand, allocated, detail } = entry;
  const quantity = detail?.['quantity'];
  if (typeof quantity !== 'number' || quantity < 1) return false;
  if (allocated === 0) return onHand === 0 || onHand === quantity;
  return allocated === -quantity && takesUpTo(entry);
}
