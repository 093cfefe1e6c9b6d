/** The beginning of a ledger in memory. */
import type { StoryLine } from '../../core/audit-story.ts';
import type { TrimBook } from '../../core/trim-book.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import { UNCUT, type LedgerCut, type Opening } from '../../core/ledger-cut.ts';

export class MemoryTrimming implements TrimBook {
  readonly openings = new Map<string, Opening>();
  readonly stories = new Map<string, readonly StoryLine[]>();
  /** Those after the cut, without a gap. */
  readonly #entries: LedgerEntry[];
  #cut: LedgerCut = UNCUT;

  constructor(entries: LedgerEntry[]) {
    this.#entries = entries;
  }

  get cut(): LedgerCut {
    return this.#cut;
  }

  get headSeq(): number {
    return this.#cut.seq + this.#entries.length;
  }

  entriesAfter(seq: number, limit: number): LedgerEntry[] {
    const from = Math.max(0, seq - this.#cut.seq);
    return this.#entries.slice(from, from + limit);
  }

  opening(sku: string): Opening | undefined {
    return this.openings.get(sku);
  }

  story(reservationId: string): readonly StoryLine[] | undefined {
    return this.stories.get(reservationId);
  }

  noteExport(through: number): void {
    this.#cut = { ...this.#cut, exportedThrough: through };
  }

  putOpening(opening: Opening): void {
    this.openings.set(opening.sku, opening);
  }

  putStory(reservationId: string, lines: readonly StoryLine[] | null): void {
    if (lines === null) this.stories.delete(reservationId);
    else this.stories.set(reservationId, lines);
  }

  cutOff(seq: number, at: number): void {
    this.#entries.splice(0, seq - this.#cut.seq);
    this.#cut = { ...this.#cut, seq, at };
  }
}
