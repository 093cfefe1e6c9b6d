/** The beginning of the ledger, for the one writer. Trimming is rare: rows are written at once, within the transaction. */
import type { DatabaseSync } from 'node:sqlite';
import type { StoryLine } from '../../core/audit-story.ts';
import type { TrimBook } from '../../core/trim-book.ts';
import type { LedgerCut, Opening } from '../../core/ledger-cut.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import {
  CUT_COLUMNS,
  cutRow,
  OPENING_COLUMNS,
  openingRow,
  readCut,
  readOpening,
  readStory,
  STORY_COLUMNS,
  storyRow,
} from './cut-rows.ts';
import { LedgerPages } from './ledger-table.ts';
import { Statement } from './statement.ts';

/** What trimming needs of the books that it trims. */
interface Surroundings {
  /** Opens the transaction, if it is not open yet. */
  begin(): void;
  /** Writes what is kept in memory. */
  flush(): void;
  /** Makes the rows of `sku` lack no entry up to this one: after a crash they are made from entries. */
  levelsUpTo(seq: number): void;
  headSeq(): number;
}

export class TrimmingTable implements TrimBook {
  readonly #statements;
  readonly #pages: LedgerPages;
  readonly #books: Surroundings;
  #cut: LedgerCut;

  constructor(db: DatabaseSync, books: Surroundings) {
    this.#statements = prepare(db);
    this.#pages = new LedgerPages(db);
    this.#books = books;
    this.#cut = readCut(db);
  }

  get cut(): LedgerCut {
    return this.#cut;
  }

  get headSeq(): number {
    return this.#books.headSeq();
  }

  entriesAfter(seq: number, limit: number): LedgerEntry[] {
    this.#books.flush();
    return this.#pages.all(seq, limit);
  }

  opening(sku: string): Opening | undefined {
    const row = this.#statements.opening.get(sku);
    return row === undefined ? undefined : readOpening(row);
  }

  story(reservationId: string): readonly StoryLine[] | undefined {
    const row = this.#statements.story.get(reservationId);
    return row === undefined ? undefined : readStory(row).lines;
  }

  noteExport(through: number): void {
    this.setCut({ ...this.#cut, exportedThrough: through });
  }

  putOpening(opening: Opening): void {
    this.#books.begin();
    this.#statements.putOpening.run(...openingRow(opening));
  }

  putStory(reservationId: string, lines: readonly StoryLine[] | null): void {
    this.#books.begin();
    if (lines === null) this.#statements.dropStory.run(reservationId);
    else this.#statements.putStory.run(...storyRow(reservationId, lines));
  }

  cutOff(seq: number, at: number): void {
    this.#books.begin();
    this.#books.flush();
    this.#books.levelsUpTo(seq);
    this.#statements.dropEntries.run(seq);
    this.#statements.dropMarks.run(seq);
    this.setCut({ ...this.#cut, seq, at });
  }

  /** Also where books come in whole, whose ledger was trimmed elsewhere. */
  setCut(cut: LedgerCut): void {
    this.#books.begin();
    this.#statements.setCut.run(...cutRow(cut));
    this.#cut = cut;
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): Statement => new Statement(db, text);
  const places = (columns: string): string => columns.replaceAll(/\w+/g, '?');
  const put = (table: string, columns: string): Statement =>
    sql(`INSERT OR REPLACE INTO ${table} (${columns}) VALUES (${places(columns)})`);
  return {
    opening: sql(`SELECT ${OPENING_COLUMNS} FROM ledger_opening WHERE sku = ?`),
    story: sql(`SELECT ${STORY_COLUMNS} FROM ledger_story WHERE reservation_id = ?`),
    putOpening: put('ledger_opening', OPENING_COLUMNS),
    putStory: put('ledger_story', STORY_COLUMNS),
    dropStory: sql('DELETE FROM ledger_story WHERE reservation_id = ?'),
    dropEntries: sql('DELETE FROM ledger WHERE seq <= ?'),
    dropMarks: sql('DELETE FROM ledger_mark WHERE seq <= ?'),
    setCut: sql(`UPDATE ledger_cut SET (${CUT_COLUMNS}) = (${places(CUT_COLUMNS)})`),
  };
}
