/** All of a store's books, as they move from one store to another. */
import type { RememberedAnswer } from '../../core/book.ts';
import type { StoryLine } from '../../core/audit-story.ts';
import type { LedgerCut, Opening } from '../../core/ledger-cut.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import type { OutboxLevel, OutboxMessage } from '../../core/outbox/message.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';

/** What the books say of themselves. */
export interface BooksHead {
  /** The latest time that a recorded decision used (epoch ms); the next store's clock never reads less. */
  readonly clock: number;
  /** Reservations that ended before this may have been purged (epoch ms); 0: none were. */
  readonly purgedBefore: number;
  /** The newest ledger entry's `seq`. */
  readonly headSeq: number;
  /** The outbox's latest number. */
  readonly outboxHead: number;
  /** Where the ledger begins. */
  readonly cut: LedgerCut;
}

/** What entries that were cut off told of a reservation. */
export interface Story {
  readonly reservationId: string;
  readonly lines: readonly StoryLine[];
}

/** An answer kept for a repeated request, and when it was given (epoch ms). */
export interface KeptAnswer extends RememberedAnswer {
  readonly key: string;
  readonly at: number;
}

interface Contents {
  opening: Opening;
  story: Story;
  entry: LedgerEntry;
  message: OutboxMessage;
  outbox_level: OutboxLevel;
  /** As recorded: one that has lapsed may still read as active. */
  reservation: Reservation;
  level: StockLevel;
  answer: KeptAnswer;
}
export type RecordKind = keyof Contents;

/** The order in which records come, so that an audit can read them as they do. */
export const RECORD_KINDS = [
  'opening',
  'story',
  'entry',
  'message',
  'outbox_level',
  'reservation',
  'level',
  'answer',
] as const satisfies readonly RecordKind[];

/** Entries rise by `seq`, messages by id, answers by `at`; the others come in any order. */
export type BooksRecord = {
  [K in RecordKind]: { readonly kind: K; readonly value: Contents[K] };
}[RecordKind];

export type RecordCounts = Readonly<Record<RecordKind, number>>;

export function noRecords(): Record<RecordKind, number> {
  return {
    opening: 0,
    story: 0,
    entry: 0,
    message: 0,
    outbox_level: 0,
    reservation: 0,
    level: 0,
    answer: 0,
  };
}

/** Whole books at one moment. */
export interface BooksSource {
  readonly head: BooksHead;
  /** Throws `Fault` where the books have changed since `head` was read. */
  records(): AsyncIterable<BooksRecord>;
  close(): Promise<void>;
}
