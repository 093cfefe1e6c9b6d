/** Reads whole books, as of one moment, beside their writer if there is one. */
import type { LedgerEntry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import { dataFiles } from './data-files.ts';
import { LedgerPages } from './ledger-table.ts';
import { recentLevels } from './level-table.ts';
import { Queries } from './queries.ts';
import { openReadOnly } from './read-only.ts';
import { Statement } from './statement.ts';

const PAGE = 1_000;

export interface BooksReader {
  /** As recorded, in order of SKU. */
  levels(): AsyncGenerator<StockLevel>;
  /** As recorded, in order of id. */
  reservations(): AsyncGenerator<Reservation>;
  /** Entries with a higher `seq` than `after`, of those that are there. */
  ledger(after?: number): AsyncGenerator<LedgerEntry>;
  close(): void;
}

/** To be closed soon: while it is open, the writer's log grows. */
export function readBooks(dataDir: string): BooksReader {
  const db = openReadOnly(dataFiles(dataDir).database);
  db.exec('BEGIN');
  const queries = new Queries(db);
  const ledger = new LedgerPages(db);
  const [levelsSeq] = new Statement(db, 'SELECT levels_seq FROM meta').get() ?? [];
  const recent = new Map<string, StockLevel>();
  for (const { level } of recentLevels(db, Number(levelsSeq))) recent.set(level.sku, level);
  return {
    levels: () =>
      pages(
        (after: string | null) => queries.levels({ after, prefix: null, limit: PAGE }),
        (level) => level.sku,
        (level) => recent.get(level.sku) ?? level,
      ),
    reservations: () =>
      pages(
        (after: string | null) => queries.reservations(after, PAGE),
        ({ id }) => id,
      ),
    ledger: (from = 0) =>
      pages(
        (after: number | null) => ledger.all(after ?? from, PAGE),
        ({ seq }) => seq,
      ),
    close: () => {
      db.close();
    },
  };
}

/** All of a table, a page at a time; others have their turn between pages. */
async function* pages<T, K>(
  read: (after: K | null) => T[],
  key: (row: T) => K,
  seen: (row: T) => T = (row) => row,
): AsyncGenerator<T> {
  let after: K | null = null;
  for (;;) {
    const page = read(after);
    for (const row of page) yield seen(row);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = key(last);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
