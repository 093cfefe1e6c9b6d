/** Appends to the ledger, many entries per statement. */
import type { DatabaseSync } from 'node:sqlite';
import type { EntryDraft } from '../../core/ledger.ts';
import type { LevelEntry } from './level-table.ts';
import { BulkWrite, Statement } from './statement.ts';

/** Entries per row of `ledger_block`, as a power of two. */
export const BLOCK_BITS = 7;

/** `2 ** 53` entries do not fit 32-bit operators. */
export function blockOf(seq: number): number {
  return Math.floor(seq / 2 ** BLOCK_BITS);
}

interface Kept {
  readonly seq: number;
  readonly at: number;
  readonly entry: LevelEntry;
  readonly change: EntryDraft;
}

export class LedgerTable {
  readonly #events: BulkWrite;
  readonly #reserves: BulkWrite;
  readonly #blocks: BulkWrite;
  #kept: Kept[] = [];
  #head: number;

  constructor(db: DatabaseSync) {
    const insert = (rows: string): string => `INSERT INTO ledger VALUES ${rows}`;
    this.#events = new BulkWrite(db, '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', insert);
    this.#reserves = new BulkWrite(db, "(?, ?, 'reserve', ?, ?, 0, ?, 0, 0, NULL)", insert);
    this.#blocks = new BulkWrite(
      db,
      '(?, ?)',
      (rows) => `INSERT OR IGNORE INTO ledger_block VALUES ${rows}`,
    );
    this.#head = Number(new Statement(db, 'SELECT max(seq) FROM ledger').get()?.[0] ?? 0);
  }

  /** The newest entry's `seq`. */
  get head(): number {
    return this.#head;
  }

  /** Entries not yet written. */
  get kept(): number {
    return this.#kept.length;
  }

  append(change: EntryDraft, at: number, entry: LevelEntry): void {
    this.#head += 1;
    this.#kept.push({ seq: this.#head, at, entry, change });
  }

  flush(): void {
    for (const { seq, at, entry, change } of this.#kept) {
      const { kind, reservationId, onHand, reserved, allocated, safetyStock, detail } = change;
      if (kind === 'reserve') {
        this.#reserves.add([seq, at, entry.id, reservationId, reserved]);
      } else {
        const json = detail === null ? null : JSON.stringify(detail);
        const deltas = [onHand, reserved, allocated, safetyStock];
        this.#events.add([seq, at, kind, entry.id, reservationId, ...deltas, json]);
      }
      const block = blockOf(seq);
      if (entry.block === block) continue;
      entry.block = block;
      this.#blocks.add([entry.id, block]);
    }
    this.#reserves.finish();
    this.#events.finish();
    this.#blocks.finish();
    this.#kept = [];
  }
}
