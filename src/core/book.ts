/** What `execute` needs from a store's books inside one atomic step: cheap reads, and changes that land together or not at all. */
import type { Answer } from './command.ts';
import type { TrimBook } from './trim-book.ts';
import type { EntryDraft } from './ledger.ts';
import type { OutboxBook } from './outbox/outbox-book.ts';
import type { Reservation } from './reservation.ts';
import type { StockLevel } from './stock-level.ts';

/** The reads that a decision may ask for. */
export interface BookView {
  level(sku: string): StockLevel | undefined;
  reservation(id: string): Reservation | undefined;
  /** Units of the SKU that the customer has: active and not lapsed at `now`, plus confirmed and not cancelled. */
  customerHeld(sku: string, customerId: string, now: number): number;
  /** The earliest deadline after `now` among the SKU's active lines. */
  nextExpiry(sku: string, now: number): number | null;
}

export interface RememberedAnswer {
  readonly fingerprint: string;
  readonly answer: Answer;
}

export interface Book extends BookView {
  /** Units of the SKU's active lines whose deadline is at or before `now`. */
  lapsedUnits(sku: string, now: number): number;
  /** The active reservation naming the SKU that lapsed first (by `expiresAt`, then id), if any has at `now`. */
  oldestDue(sku: string, now: number): Reservation | undefined;
  /** Active reservations that have lapsed at `now`, by `expiresAt`, then id. */
  due(now: number, limit: number): Reservation[];
  /** The newest active reservation naming the SKU that is not latched to an order (by `createdAt`, then id). */
  newestUnlatched(sku: string): Reservation | undefined;
  /** Ids of reservations in an end state (not active, not awaiting acknowledgement) since before `time`, by `endedAt`, then id. */
  endedBefore(time: number, limit: number): string[];
  remembered(key: string): RememberedAnswer | undefined;

  /** What the ERP is still to be told. */
  readonly outbox: OutboxBook;

  /** Where the ledger begins. */
  readonly trimming: TrimBook;

  /** Records the entry in the ledger at `at` and applies its deltas to the level. */
  append(change: EntryDraft, at: number): void;
  putReservation(reservation: Reservation): void;
  /** Replaces policy, or introduces a SKU; quantities change by `append` only. */
  putLevel(level: StockLevel): void;
  remember(key: string, record: RememberedAnswer, at: number): void;
  forgetReservation(id: string): void;
  /** Drops remembered answers older than `time`; returns how many, at most `limit`. */
  forgetAnswers(time: number, limit: number): number;
}
