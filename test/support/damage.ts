/** Kinds of damage to books, each with what an audit must call it. */
import type { ProblemKind } from '../../src/core/audit.ts';
import { entry, type LedgerEntry } from '../../src/core/ledger.ts';
import type { Reservation, ReservationLine } from '../../src/core/reservation.ts';
import type { Books, Mutable } from './books.ts';

export type Choose = <T>(candidates: readonly T[]) => T | undefined;

export interface Damage {
  readonly title: string;
  /** Every kind here must be among the problems found. */
  readonly found: readonly ProblemKind[];
  /** Falsifies the books; false where these have nothing of the sort to falsify. */
  readonly plant: (books: Books, choose: Choose) => boolean;
}

/** Gives every entry the number of its place, so that nothing but its content betrays a forgery. */
export function renumber(entries: Mutable<LedgerEntry>[]): void {
  entries.forEach((each, index) => (each.seq = index + 1));
}

export function append(books: Books, draft: Parameters<typeof entry>): void {
  const at = books.entries.at(-1)?.at ?? 0;
  books.entries.push({ ...entry(...draft), seq: books.entries.length + 1, at });
}

export function moves({ onHand, reserved, allocated, safetyStock }: LedgerEntry): boolean {
  return onHand !== 0 || reserved !== 0 || allocated !== 0 || safetyStock !== 0;
}

/** A damage to one thing of those that `among` finds. */
export function falsify<T>(
  title: string,
  found: ProblemKind | readonly ProblemKind[],
  among: (books: Books) => readonly T[],
  change: (target: T, books: Books) => void,
): Damage {
  return {
    title,
    found: typeof found === 'string' ? [found] : found,
    plant: (books, choose) => {
      const target = choose(among(books));
      if (target === undefined) return false;
      change(target, books);
      return true;
    },
  };
}

export const entriesThat =
  (fits: (entry: LedgerEntry) => boolean) =>
  ({ entries }: Books): Mutable<LedgerEntry>[] =>
    entries.filter(fits);
export const ofKind = (...kinds: LedgerEntry['kind'][]): ReturnType<typeof entriesThat> =>
  entriesThat(({ kind }) => kinds.includes(kind));
/** Of reservations that are still there. */
export const keptOfKind =
  (...kinds: LedgerEntry['kind'][]) =>
  ({ entries, reservations }: Books): Mutable<LedgerEntry>[] => {
    const ids = new Set(reservations.map(({ id }) => id));
    return entries.filter(
      ({ kind, reservationId }) => kinds.includes(kind) && ids.has(reservationId ?? ''),
    );
  };
export const allReservations = ({ reservations }: Books): Books['reservations'] => reservations;
export const reservationsThat =
  (fits: (reservation: Reservation) => boolean) =>
  ({ reservations }: Books): Books['reservations'] =>
    reservations.filter(fits);
export const allLevels = ({ levels }: Books): Books['levels'] => levels;
export const linesThat =
  (fits: (line: ReservationLine, reservation: Reservation) => boolean) =>
  ({ reservations }: Books): Mutable<ReservationLine>[] =>
    reservations.flatMap((each) => each.lines.filter((line) => fits(line, each)));
export const anyLine = linesThat(() => true);
