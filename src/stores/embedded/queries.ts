/** Pages of the books, for whoever has a connection: the writer, an audit, an export. */
import type { DatabaseSync } from 'node:sqlite';
import type { LedgerEntry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import type { LedgerQuery, LevelsQuery } from '../../engine/ports.ts';
import { BLOCK_BITS, blockOf } from './ledger-table.ts';
import {
  ENTRY_COLUMNS,
  readEntry,
  readReservation,
  readSku,
  RESERVATION_COLUMNS,
  SKU_COLUMNS,
} from './rows.ts';
import { Statement } from './statement.ts';

export class Queries {
  readonly #statements;

  constructor(db: DatabaseSync) {
    this.#statements = prepare(db);
  }

  /** Levels as recorded. */
  levels({ after, prefix, limit }: LevelsQuery): StockLevel[] {
    const { levelsFrom, levelsAfter } = this.#statements;
    const from = prefix ?? '';
    const begun = after === null || Buffer.compare(Buffer.from(after), Buffer.from(from)) < 0;
    const rows = begun ? levelsFrom.iterate(from) : levelsAfter.iterate(after);
    const found: StockLevel[] = [];
    if (limit <= 0) return found;
    for (const row of rows) {
      const { level } = readSku(row);
      if (!level.sku.startsWith(from)) break;
      found.push(level);
      if (found.length === limit) break;
    }
    return found;
  }

  reservations(after: string | null, limit: number): Reservation[] {
    return this.#statements.reservations.all(after ?? '', limit).map(readReservation);
  }

  ledger({ sku, after, limit }: LedgerQuery): LedgerEntry[] {
    const { ledger, ledgerOfSku, skuId } = this.#statements;
    if (sku === null) return ledger.all(after, limit).map(readEntry);
    const id = skuId.get(sku)?.[0];
    if (id === undefined) return [];
    return ledgerOfSku.all(id, blockOf(after + 1), id, after, limit).map(readEntry);
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): Statement => new Statement(db, text);
  const block = `ledger_block.block << ${BLOCK_BITS}`;
  return {
    skuId: sql('SELECT id FROM sku WHERE sku = ?'),
    levelsFrom: sql(`SELECT ${SKU_COLUMNS} FROM sku WHERE sku >= ? ORDER BY sku`),
    levelsAfter: sql(`SELECT ${SKU_COLUMNS} FROM sku WHERE sku > ? ORDER BY sku`),
    reservations: sql(
      `SELECT ${RESERVATION_COLUMNS} FROM reservation WHERE id > ? ORDER BY id LIMIT ?`,
    ),
    ledger: sql(
      `SELECT ${ENTRY_COLUMNS} FROM ledger LEFT JOIN sku ON sku.id = ledger.sku_id
       WHERE ledger.seq > ? ORDER BY ledger.seq LIMIT ?`,
    ),
    ledgerOfSku: sql(
      `SELECT ${ENTRY_COLUMNS} FROM ledger_block
       CROSS JOIN ledger ON ledger.seq BETWEEN ${block} AND (${block}) + ${2 ** BLOCK_BITS - 1}
       CROSS JOIN sku ON sku.id = ledger.sku_id
       WHERE ledger_block.sku_id = ? AND ledger_block.block >= ? AND ledger.sku_id = ? AND ledger.seq > ?
       ORDER BY ledger_block.block, ledger.seq LIMIT ?`,
    ),
  };
}
