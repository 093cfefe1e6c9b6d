/**
 * The rows of `sku` that are in use, held in memory: the writer is the only one who changes them, so what it holds is
 * what is true. Their figures are sums over the ledger, so a row needs no writing with each change: all that changed
 * are written together every few thousand entries, and the entries after that are added again at the next start.
 */
import type { DatabaseSync } from 'node:sqlite';
import { applyEntry, type EntryDraft } from '../../core/ledger.ts';
import type { Opening } from '../../core/ledger-cut.ts';
import { emptyLevel, type StockLevel } from '../../core/stock-level.ts';
import {
  ENTRY_COLUMNS,
  readEntryRecord,
  readSku,
  SKU_COLUMNS,
  skuRow,
  type SkuRecord,
} from './rows.ts';
import { BulkWrite, Statement } from './statement.ts';

export interface LevelEntry extends SkuRecord {
  level: StockLevel;
  /** Its newest ledger entry; 0: none. */
  seq: number;
  /** How many it has. */
  entries: number;
  /** Does the row in the table lag behind? */
  stale: boolean;
  /** Must it be written with this transaction? */
  pressing: boolean;
}

/** Rows held between transactions; some 400 bytes each. */
const HELD_AT_MOST = 50_000;

const COLUMNS = SKU_COLUMNS.split(', ');
const UPDATES = COLUMNS.slice(2)
  .map((column) => `${column} = excluded.${column}`)
  .join(', ');

export class LevelTable {
  readonly #held = new Map<string, LevelEntry>();
  #stale: LevelEntry[] = [];
  #pressing: LevelEntry[] = [];
  readonly #find: Statement;
  readonly #write: BulkWrite;
  #lastId: number;
  #count: number;

  constructor(db: DatabaseSync, levelsSeq: number) {
    this.#find = new Statement(db, `SELECT ${SKU_COLUMNS} FROM sku WHERE sku = ?`);
    this.#write = new BulkWrite(
      db,
      `(${COLUMNS.map(() => '?').join(', ')})`,
      (rows) =>
        `INSERT INTO sku (${SKU_COLUMNS}) VALUES ${rows} ON CONFLICT (id) DO UPDATE SET ${UPDATES}`,
    );
    const [count, lastId] = new Statement(db, 'SELECT count(*), max(id) FROM sku').get() ?? [];
    this.#count = Number(count);
    this.#lastId = Number(lastId ?? 0);
    for (const record of recentLevels(db, levelsSeq)) {
      const entry = { ...record, stale: true, pressing: false };
      this.#held.set(entry.level.sku, entry);
      this.#stale.push(entry);
    }
  }

  get count(): number {
    return this.#count;
  }

  get(sku: string): LevelEntry | undefined {
    const held = this.#held.get(sku);
    if (held !== undefined) return held;
    const row = this.#find.get(sku);
    if (row === undefined) return undefined;
    const entry = { ...readSku(row), stale: false, pressing: false };
    this.#held.set(sku, entry);
    return entry;
  }

  /** The SKU's row; a new one if it has none. */
  open(sku: string): LevelEntry {
    const known = this.get(sku);
    if (known !== undefined) return known;
    this.#lastId += 1;
    this.#count += 1;
    const entry: LevelEntry = {
      id: this.#lastId,
      level: emptyLevel(sku),
      seq: 0,
      entries: 0,
      stale: false,
      pressing: false,
    };
    this.#held.set(sku, entry);
    this.#press(entry);
    return entry;
  }

  /** Policy is not in the ledger: the row is written with this transaction. */
  replace(level: StockLevel): void {
    const entry = this.open(level.sku);
    entry.level = level;
    this.#press(entry);
  }

  /** A new SKU, of whose entries only the sum is there. */
  openAt({ sku, onHand, reserved, allocated, safetyStock, entries, lastSeq }: Opening): void {
    const entry = this.open(sku);
    entry.level = { ...entry.level, onHand, reserved, allocated, safetyStock };
    entry.seq = lastSeq;
    entry.entries = entries;
  }

  /** Counts a new ledger entry in; returns the SKU's row and the entry before. */
  apply(change: EntryDraft, seq: number): { entry: LevelEntry; previous: number } {
    const entry = this.open(change.sku);
    const previous = entry.seq;
    entry.level = applyEntry(entry.level, change);
    entry.seq = seq;
    entry.entries += 1;
    if (!entry.stale) {
      entry.stale = true;
      this.#stale.push(entry);
    }
    return { entry, previous };
  }

  #press(entry: LevelEntry): void {
    if (entry.pressing) return;
    entry.pressing = true;
    this.#pressing.push(entry);
  }

  get pressing(): boolean {
    return this.#pressing.length > 0;
  }

  /** Writes what must be written with this transaction. */
  flush(): void {
    this.#writeAll(this.#pressing);
    this.#pressing = [];
  }

  /** Writes every row that lags behind. */
  flushAll(): void {
    this.flush();
    this.#writeAll(this.#stale.filter(({ stale }) => stale));
    this.#stale = [];
  }

  #writeAll(entries: LevelEntry[]): void {
    // In the order of the table, so that each of its pages is changed once.
    for (const entry of entries.sort((a, b) => a.id - b.id)) {
      this.#write.add(skuRow(entry));
      entry.pressing = false;
      entry.stale = false;
    }
    this.#write.finish();
  }

  /** Lets go of the rows held longest, if too many are held. */
  trim(): void {
    if (this.#held.size <= HELD_AT_MOST) return;
    for (const [sku, { stale, pressing }] of this.#held) {
      if (this.#held.size <= HELD_AT_MOST / 2) break;
      if (!stale && !pressing) this.#held.delete(sku);
    }
    this.#stale = this.#stale.filter(({ stale }) => stale);
  }
}

/** The SKUs of ledger entries after `levelsSeq`, those entries counted in. */
export function recentLevels(db: DatabaseSync, levelsSeq: number): Iterable<SkuRecord> {
  const find = new Statement(db, `SELECT ${SKU_COLUMNS} FROM sku WHERE id = ?`);
  const tail = new Statement(
    db,
    `SELECT ${ENTRY_COLUMNS} FROM ledger LEFT JOIN sku ON sku.id = ledger.sku_id
     WHERE ledger.seq > ? ORDER BY ledger.seq`,
  );
  const records = new Map<number, SkuRecord>();
  for (const row of tail.all(levelsSeq)) {
    const { entry, skuId: id } = readEntryRecord(row);
    let record = records.get(id);
    if (record === undefined) {
      record = readSku(find.get(id) ?? []);
      records.set(id, record);
    }
    const { seq } = entry;
    if (seq <= record.seq) continue;
    const level = applyEntry(record.level, entry);
    records.set(id, { id, level, seq, entries: record.entries + 1 });
  }
  return records.values();
}
