/** What a decision comes to: the answer, and the changes that make it true. */
import type { Rejected } from '../command.ts';
import { entry, type EntryDraft, type EntryKind } from '../ledger.ts';
import type { Reservation } from '../reservation.ts';

export interface Decision<A> {
  readonly answer: A | Rejected;
  readonly entries: readonly EntryDraft[];
  /** The reservation's new state, where the decision changes one. */
  readonly reservation: Reservation | null;
}

export function refuse(answer: Rejected): Decision<never> {
  return { answer, entries: [], reservation: null };
}

export function unchanged<A>(answer: A): Decision<A> {
  return { answer, entries: [], reservation: null };
}

/** Entries that give every reserved unit of an active reservation back. */
export function giveBack(kind: EntryKind, reservation: Reservation): EntryDraft[] {
  return reservation.lines.map(({ sku, quantity }) =>
    entry(kind, sku, reservation.id, { reserved: -quantity }),
  );
}
