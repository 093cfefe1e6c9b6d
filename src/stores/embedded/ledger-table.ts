/** Appends to the ledger, many entries per statement, and reads it. */
import type { DatabaseSync } from 'node:sqlite';
import type { EntryDraft, LedgerEntry } from '../../core/ledger.ts';
import { readCut } from './cut-rows.ts';
import { ENTRY_COLUMNS, entryRow, readEntry } from './rows.ts';
import { BulkWrite, Statement } from './statement.ts';

/** Every so many entries of a SKU there is a way into its chain. */
export const ENTRIES_PER_MARK = 64;

interface Kept {
  readonly seq: number;
  readonly at: number;
  readonly skuId: number;
  readonly previous: number;
  readonly change: EntryDraft;
}

export class LedgerTable {
  readonly #events: BulkWrite;
  readonly #reserves: BulkWrite;
  readonly #mark: Statement;
  #kept: Kept[] = [];
  #marks: (readonly [skuId: number, seq: number])[] = [];
  #head: number;

  constructor(db: DatabaseSync) {
    const insert = (rows: string): string => `INSERT INTO ledger VALUES ${rows}`;
    this.#events = new BulkWrite(db, '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', insert);
    this.#reserves = new BulkWrite(db, "(?, ?, 'reserve', ?, ?, 0, ?, 0, 0, NULL, ?, ?)", insert);
    this.#mark = new Statement(db, 'INSERT INTO ledger_mark VALUES (?, ?)');
    this.#head = headOf(db);
  }

  /** The newest entry's `seq`. */
  get head(): number {
    return this.#head;
  }

  /** Entries not yet written. */
  get kept(): number {
    return this.#kept.length;
  }

  /** The entry's `seq` is the next one. `previous`: the SKU's entry before; `entries`: how many it has with this one. */
  append(change: EntryDraft, at: number, skuId: number, previous: number, entries: number): void {
    this.#head += 1;
    this.#kept.push({ seq: this.#head, at, skuId, previous, change });
    if (entries % ENTRIES_PER_MARK === 0) this.#marks.push([skuId, this.#head]);
  }

  /** The next entry is the one after this. */
  beginAfter(seq: number): void {
    this.#head = seq;
  }

  flush(): void {
    for (const { seq, at, skuId, previous, change } of this.#kept) {
      const row = entryRow(change, seq, at, skuId, previous);
      // What a reserve cannot change need not be bound.
      if (change.kind === 'reserve') {
        this.#reserves.add([
          seq,
          at,
          skuId,
          change.reservationId,
          change.reserved,
          previous,
          row[11] as number,
        ]);
      } else {
        this.#events.add(row);
      }
    }
    this.#reserves.finish();
    this.#events.finish();
    for (const [skuId, seq] of this.#marks) this.#mark.run(skuId, seq);
    this.#kept = [];
    this.#marks = [];
  }
}

/** The newest entry's `seq`; of trimmed books without any, that of the cut. */
export function headOf(db: DatabaseSync): number {
  const newest = new Statement(db, 'SELECT max(seq) FROM ledger').get()?.[0];
  return typeof newest === 'number' ? newest : readCut(db).seq;
}

/** Reads pages of the ledger. */
export class LedgerPages {
  readonly #all: Statement;
  readonly #chain: Statement;
  readonly #marks: Statement;

  constructor(db: DatabaseSync) {
    this.#all = new Statement(
      db,
      `SELECT ${ENTRY_COLUMNS} FROM ledger LEFT JOIN sku ON sku.id = ledger.sku_id
       WHERE ledger.seq > ? ORDER BY ledger.seq LIMIT ?`,
    );
    this.#chain = new Statement(
      db,
      `WITH RECURSIVE chain (seq) AS (
         VALUES (?)
         UNION ALL
         SELECT ledger.prev FROM chain JOIN ledger ON ledger.seq = chain.seq WHERE ledger.prev > ?
       )
       SELECT ${ENTRY_COLUMNS} FROM chain JOIN ledger ON ledger.seq = chain.seq
       LEFT JOIN sku ON sku.id = ledger.sku_id ORDER BY ledger.seq LIMIT ?`,
    );
    this.#marks = new Statement(
      db,
      'SELECT seq FROM ledger_mark WHERE sku_id = ? AND seq > ? ORDER BY seq LIMIT ?',
    );
  }

  /** Entries of all SKUs after `after`. */
  all(after: number, limit: number): LedgerEntry[] {
    return this.#all.all(after, limit).map(readEntry);
  }

  /** Entries of one SKU after `after`; `newest` is its newest. Costs what the page has, not what the ledger has. */
  ofSku(skuId: number, newest: number, after: number, limit: number): LedgerEntry[] {
    if (newest <= after || limit <= 0) return [];
    const enough = Math.ceil(limit / ENTRIES_PER_MARK) + 1;
    const marks = this.#marks.all(skuId, after, enough);
    const last = marks.length === enough ? Number(marks.at(-1)?.[0]) : newest;
    return this.#chain.all(last, after, limit).map(readEntry);
  }
}
