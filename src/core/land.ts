/** Makes a decision's changes true in the books. */
import type { Book } from './book.ts';
import type { EntryDraft } from './ledger.ts';
import type { Reservation } from './reservation.ts';

export interface Changes {
  readonly entries: readonly EntryDraft[];
  readonly reservation: Reservation | null;
}

export function land(book: Book, changes: Changes, now: number): void {
  if (changes.reservation !== null) book.putReservation(changes.reservation);
  for (const change of changes.entries) book.append(change, now);
}
