/**
 * Proves the books of a data directory against their ledger, on a connection of its own and as of one moment, while
 * the service goes on selling. What only this store can have wrong is checked beside: the file's structure, each row's
 * checksum, and what the indexes and `active_line` say against the rows they were made from.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Audit, type AuditReport } from '../../core/audit.ts';
import type { Reservation } from '../../core/reservation.ts';
import { Fault } from '../../engine/faults.ts';
import { dataFiles } from './data-files.ts';
import { BLOCK_BITS } from './ledger-table.ts';
import { checkVersion } from './migrate.ts';
import {
  ENTRY_COLUMNS,
  readEntry,
  readReservation,
  readSku,
  RESERVATION_COLUMNS,
  SKU_COLUMNS,
} from './rows.ts';
import { Statement, type Row } from './statement.ts';

/** Findings of SQLite's own check that are told one by one. */
const STRUCTURE_FINDINGS = 100;

export function openReadOnly(dataDir: string): DatabaseSync {
  const { database } = dataFiles(dataDir);
  if (!existsSync(database)) {
    throw new Fault('STORE_UNAVAILABLE', `there are no books in ${dataDir}`);
  }
  const db = new DatabaseSync(database, { readOnly: true, timeout: 5_000 });
  try {
    checkVersion(db, database);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function auditBooks(dataDir: string): AuditReport {
  const db = openReadOnly(dataDir);
  try {
    db.exec('BEGIN');
    return new BooksAudit(db).run();
  } finally {
    db.close();
  }
}

class BooksAudit {
  readonly #db: DatabaseSync;
  readonly #audit: Audit;
  readonly #skuIds = new Map<string, number>();
  /** Active lines that reservations tell of, by what `active_line` must say. */
  readonly #lines = new Set<string>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    const [purged] = this.#select("SELECT value FROM meta WHERE name = 'purged_before'");
    this.#audit = new Audit(Number(purged?.[0] ?? 0));
  }

  run(): AuditReport {
    this.#guard('structure', () => {
      this.#structure();
    });
    this.#guard('SKU ids', () => {
      for (const [id, sku] of this.#rows('SELECT id, sku FROM sku NOT INDEXED')) {
        this.#skuIds.set(sku as string, id as number);
      }
    });
    this.#guard('ledger', () => {
      this.#ledger();
    });
    this.#guard('reservations', () => {
      this.#reservations();
    });
    this.#guard('active lines', () => {
      this.#activeLines();
    });
    this.#guard('SKUs', () => {
      this.#each(`SELECT ${SKU_COLUMNS} FROM sku NOT INDEXED ORDER BY id`, (row) => {
        this.#audit.level(readSku(row).level);
      });
    });
    return this.#audit.finish();
  }

  /** What cannot be read is a finding, not a crash. */
  #guard(what: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#audit.report('record_damaged', `the ${what} cannot be read to the end: ${message}`);
    }
  }

  #rows(sql: string): IterableIterator<Row> {
    return new Statement(this.#db, sql).iterate();
  }

  #select(sql: string): Row[] {
    return new Statement(this.#db, sql).all();
  }

  /** A row that is not what was written is reported, and the next one read. */
  #each(sql: string, take: (row: Row) => void): void {
    for (const row of this.#rows(sql)) {
      try {
        take(row);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        this.#audit.report('record_damaged', message);
      }
    }
  }

  #structure(): void {
    for (const [finding] of this.#rows(`PRAGMA integrity_check(${STRUCTURE_FINDINGS})`)) {
      if (finding !== 'ok') this.#audit.report('record_damaged', finding as string);
    }
  }

  #ledger(): void {
    const sql = `SELECT ${ENTRY_COLUMNS} FROM ledger LEFT JOIN sku ON sku.id = ledger.sku_id ORDER BY ledger.seq`;
    this.#each(sql, (row) => {
      this.#audit.entry(readEntry(row));
    });
    const missing = `SELECT DISTINCT ledger.sku_id, ledger.seq >> ${BLOCK_BITS} FROM ledger
      EXCEPT SELECT sku_id, block FROM ledger_block`;
    for (const [sku, block] of this.#rows(missing)) {
      const message = `ledger_block lacks block ${block as number} of SKU number ${sku as number}`;
      this.#audit.report('index_differs', message);
    }
  }

  #reservations(): void {
    this.#each(`SELECT ${RESERVATION_COLUMNS} FROM reservation ORDER BY id`, (row) => {
      const reservation = readReservation(row);
      this.#audit.reservation(reservation);
      if (reservation.status === 'active') this.#expectLines(reservation);
    });
  }

  #expectLines({ id, expiresAt, lines }: Reservation): void {
    for (const { sku, quantity } of lines) {
      this.#lines.add(`${this.#skuIds.get(sku) ?? sku} ${expiresAt} ${id} ${quantity}`);
    }
  }

  #activeLines(): void {
    const sql = 'SELECT sku_id, expires_at, reservation_id, quantity FROM active_line';
    for (const row of this.#rows(sql)) {
      if (this.#lines.delete(row.join(' '))) continue;
      const reservationId = row[2] as string;
      const message = `active_line tells of a line of reservation ${reservationId} that it has not`;
      this.#audit.report('index_differs', message, { reservationId });
    }
    for (const line of this.#lines) {
      const reservationId = line.split(' ')[2] ?? null;
      const message = `active_line lacks a line of reservation ${String(reservationId)}`;
      this.#audit.report('index_differs', message, { reservationId });
    }
  }
}
