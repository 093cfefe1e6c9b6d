/**
 * The rows of `sku` that are in use, held in memory: the writer is the only one who changes them, so what it holds is
 * what is true. A changed row is written once per transaction, however often it changed.
 */
import type { DatabaseSync } from 'node:sqlite';
import { emptyLevel, type StockLevel } from '../../core/stock-level.ts';
import { readSku, SKU_COLUMNS, skuRow } from './rows.ts';
import { BulkWrite, Statement } from './statement.ts';

export interface LevelEntry {
  readonly id: number;
  level: StockLevel;
  changed: boolean;
  /** The newest block of `ledger_block` that is known to name this SKU; -1: not known. */
  block: number;
  /** The earliest deadline that had not passed when this was found; null: none; undefined: not known. */
  nextExpiry: number | null | undefined;
  /** Units of active lines with a deadline at or before `lapsedUpTo`. */
  lapsed: number;
  lapsedUpTo: number;
}

/** Rows held between transactions; some 500 bytes each. */
const HELD_AT_MOST = 50_000;

const UPSERT = `INSERT INTO sku (${SKU_COLUMNS}) VALUES`;
const ON_CONFLICT = `ON CONFLICT (id) DO UPDATE SET ${SKU_COLUMNS.split(', ')
  .slice(2)
  .map((column) => `${column} = excluded.${column}`)
  .join(', ')}`;
const ROW = `(${SKU_COLUMNS.split(', ')
  .map(() => '?')
  .join(', ')})`;

export class LevelTable {
  readonly #entries = new Map<string, LevelEntry>();
  #changed: LevelEntry[] = [];
  readonly #find: Statement;
  readonly #write: BulkWrite;
  #lastId: number;
  #count: number;

  constructor(db: DatabaseSync) {
    this.#find = new Statement(db, `SELECT ${SKU_COLUMNS} FROM sku WHERE sku = ?`);
    this.#write = new BulkWrite(db, ROW, (rows) => `${UPSERT} ${rows} ${ON_CONFLICT}`);
    const [count, lastId] = new Statement(db, 'SELECT count(*), max(id) FROM sku').get() ?? [];
    this.#count = Number(count);
    this.#lastId = Number(lastId ?? 0);
  }

  get count(): number {
    return this.#count;
  }

  get(sku: string): LevelEntry | undefined {
    const held = this.#entries.get(sku);
    if (held !== undefined) return held;
    const row = this.#find.get(sku);
    if (row === undefined) return undefined;
    const { id, level } = readSku(row);
    return this.#hold(fresh(id, level));
  }

  /** The SKU's row; a new one if it has none. */
  open(sku: string): LevelEntry {
    const known = this.get(sku);
    if (known !== undefined) return known;
    this.#lastId += 1;
    this.#count += 1;
    const entry = fresh(this.#lastId, emptyLevel(sku));
    entry.nextExpiry = null;
    return this.#hold(entry);
  }

  #hold(entry: LevelEntry): LevelEntry {
    this.#entries.set(entry.level.sku, entry);
    return entry;
  }

  change(entry: LevelEntry, level: StockLevel): void {
    entry.level = level;
    if (entry.changed) return;
    entry.changed = true;
    this.#changed.push(entry);
  }

  get dirty(): boolean {
    return this.#changed.length > 0;
  }

  /** Writes what has changed. */
  flush(): void {
    for (const entry of this.#changed) {
      this.#write.add(skuRow(entry.id, entry.level));
      entry.changed = false;
    }
    this.#write.finish();
    this.#changed = [];
    this.trim();
  }

  /** Lets go of the rows held longest, if too many are held. */
  trim(): void {
    if (this.#changed.length > 0) return;
    for (const sku of this.#entries.keys()) {
      if (this.#entries.size <= HELD_AT_MOST) break;
      this.#entries.delete(sku);
    }
  }
}

function fresh(id: number, level: StockLevel): LevelEntry {
  return {
    id,
    level,
    changed: false,
    block: -1,
    nextExpiry: undefined,
    lapsed: 0,
    lapsedUpTo: -1,
  };
}
