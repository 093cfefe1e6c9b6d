/** Pages of the books, for whoever has a connection: the writer, an audit, an export. */
import type { DatabaseSync } from 'node:sqlite';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import type { LevelsQuery } from '../../engine/ports.ts';
import { readReservation, readSku, RESERVATION_COLUMNS, SKU_COLUMNS } from './rows.ts';
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
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): Statement => new Statement(db, text);
  return {
    levelsFrom: sql(`SELECT ${SKU_COLUMNS} FROM sku WHERE sku >= ? ORDER BY sku`),
    levelsAfter: sql(`SELECT ${SKU_COLUMNS} FROM sku WHERE sku > ? ORDER BY sku`),
    reservations: sql(
      `SELECT ${RESERVATION_COLUMNS} FROM reservation WHERE id > ? ORDER BY id LIMIT ?`,
    ),
  };
}
