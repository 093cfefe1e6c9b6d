/** What trimming needs from a store's books. */
import type { StoryLine } from './audit-story.ts';
import type { LedgerEntry } from './ledger.ts';
import type { LedgerCut, Opening } from './ledger-cut.ts';

/** The beginning of a store's ledger. */
export interface TrimBook {
  readonly cut: LedgerCut;
  /** The newest entry's `seq`; 0 when there never was one. */
  readonly headSeq: number;
  entriesAfter(seq: number, limit: number): LedgerEntry[];
  opening(sku: string): Opening | undefined;
  story(reservationId: string): readonly StoryLine[] | undefined;

  noteExport(through: number): void;
  putOpening(opening: Opening): void;
  /** `lines` null: it is forgotten. */
  putStory(reservationId: string, lines: readonly StoryLine[] | null): void;
  /** Drops every entry up to this one. */
  cutOff(seq: number, at: number): void;
}
