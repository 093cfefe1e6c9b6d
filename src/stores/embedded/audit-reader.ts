/**
 * Proves the books of a data directory against their ledger, on a connection of its own and as of one moment, while
 * the service goes on selling. What only this store can have wrong is checked beside: the file's structure, each row's
 * checksum, and what the indexes and `active_line` say against the rows they were made from.
 */
import type { DatabaseSync } from 'node:sqlite';
import { Audit, type AuditReport } from '../../core/audit.ts';
import type { Reservation } from '../../core/reservation.ts';
import { Fault } from '../../engine/faults.ts';
import { readActiveLines } from './active-lines.ts';
import { sumOf } from './active-units.ts';
import { beginningOf, readCut } from './cut-rows.ts';
import { ENTRIES_PER_MARK } from './ledger-table.ts';
import { recentLevels } from './level-table.ts';
import {
  MESSAGE_COLUMNS,
  OUTBOX_LEVEL_COLUMNS,
  readMessage,
  readOutboxLevel,
} from './outbox-rows.ts';
import { openReadOnly } from './read-only.ts';
import {
  ANSWER_COLUMNS,
  ENTRY_COLUMNS,
  META_COLUMNS,
  readAnswer,
  readMeta,
  type Meta,
  readEntryRecord,
  readReservation,
  readSku,
  RESERVATION_COLUMNS,
  SKU_COLUMNS,
  type SkuRecord,
} from './rows.ts';
import { Statement, type Row } from './statement.ts';
import { structureFindings } from './structure.ts';
import { readWebhook, WEBHOOK_COLUMNS } from './webhook-table.ts';

/** Works on the books of a running service, of a stopped one, and on a backup. */
export function auditFile(database: string): AuditReport {
  let db: DatabaseSync | null = null;
  try {
    db = openReadOnly(database);
    db.exec('BEGIN');
    return new BooksAudit(db).run();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'STORE_DAMAGED') throw error;
    const audit = new Audit(0);
    audit.report('record_damaged', error.message);
    return audit.finish();
  } finally {
    db?.close();
  }
}

const NOTHING_KNOWN: Meta = { clock: 0, levelsSeq: 0, active: 0, activeSum: 0, purgedBefore: 0 };

/** As far as it can be read; `fault`: what is wrong with it. */
function metaOf(db: DatabaseSync): { meta: Meta; fault: string | null } {
  try {
    const row = new Statement(db, `SELECT ${META_COLUMNS} FROM meta`).get();
    return { meta: readMeta(row), fault: null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { meta: NOTHING_KNOWN, fault: `meta cannot be read: ${message}` };
  }
}

class BooksAudit {
  readonly #db: DatabaseSync;
  readonly #audit: Audit;
  readonly #meta: Meta;
  readonly #skuIds = new Map<string, number>();
  /** Active lines that reservations tell of, by what `active_line` must say. */
  readonly #lines = new Set<string>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    const { meta, fault } = metaOf(db);
    this.#meta = meta;
    this.#audit = new Audit(meta.purgedBefore).withOutbox();
    if (fault !== null) this.#audit.report('record_damaged', fault);
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
    this.#guard('outbox', () => {
      this.#each(`SELECT ${MESSAGE_COLUMNS} FROM outbox ORDER BY id`, (row) => {
        this.#audit.message(readMessage(row));
      });
    });
    this.#guard('reservations', () => {
      this.#reservations();
    });
    this.#guard('outbox levels', () => {
      this.#each(`SELECT ${OUTBOX_LEVEL_COLUMNS} FROM outbox_level`, (row) => {
        this.#audit.outboxLevel(readOutboxLevel(row));
      });
    });
    this.#guard('active lines', () => {
      this.#activeLines();
    });
    this.#guard('SKUs', () => {
      this.#levels();
    });
    this.#guard('remembered answers', () => {
      this.#each(`SELECT ${ANSWER_COLUMNS} FROM idempotency`, readAnswer);
    });
    this.#guard('webhooks', () => {
      this.#each(`SELECT ${WEBHOOK_COLUMNS} FROM webhook`, readWebhook);
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
    for (const finding of structureFindings(this.#db, 'integrity_check')) {
      this.#audit.report('record_damaged', finding);
    }
  }

  #ledger(): void {
    const sql = `SELECT ${ENTRY_COLUMNS} FROM ledger
      LEFT JOIN sku ON sku.id = ledger.sku_id ORDER BY ledger.seq`;
    const chains = this.#beginning();
    const marks = new Set<string>();
    this.#each(sql, (row) => {
      const { entry, skuId, previous } = readEntryRecord(row);
      const { seq } = entry;
      const chain = chains.get(skuId) ?? { seq: 0, entries: 0 };
      if (previous !== chain.seq) {
        const message = `entry ${seq} names ${previous} as its SKU's entry before it, not ${chain.seq}`;
        this.#audit.report('index_differs', message, { seq });
      }
      const entries = chain.entries + 1;
      if (entries % ENTRIES_PER_MARK === 0) marks.add(`${skuId} ${seq}`);
      chains.set(skuId, { seq, entries });
      this.#audit.entry(entry);
    });
    for (const [skuId, seq] of this.#rows('SELECT sku_id, seq FROM ledger_mark')) {
      if (marks.delete(`${skuId as number} ${seq as number}`)) continue;
      const message = `ledger_mark names entry ${seq as number}, which is not to be marked`;
      this.#audit.report('index_differs', message);
    }
    if (marks.size > 0) {
      this.#audit.report('index_differs', `ledger_mark lacks ${marks.size} entries`);
    }
  }

  /** What stands in place of the entries that were cut off; the chain of each SKU goes on from there. */
  #beginning(): Map<number, { seq: number; entries: number }> {
    const chains = new Map<number, { seq: number; entries: number }>();
    const { openings, stories } = beginningOf(this.#db);
    this.#guard('openings of the ledger', () => {
      for (const opening of openings()) {
        const { sku, lastSeq: seq, entries } = opening;
        const id = this.#skuIds.get(sku);
        if (id !== undefined) chains.set(id, { seq, entries });
        this.#audit.opening(opening);
      }
      for (const { reservationId, lines } of stories()) this.#audit.story(reservationId, lines);
      this.#audit.cut(readCut(this.#db));
    });
    return chains;
  }

  /** Rows that lag behind the ledger are seen with what they lack. */
  #levels(): void {
    const recent = new Map<number, SkuRecord>();
    this.#guard('newest ledger entries', () => {
      for (const record of recentLevels(this.#db, this.#meta.levelsSeq))
        recent.set(record.id, record);
    });
    this.#each(`SELECT ${SKU_COLUMNS} FROM sku NOT INDEXED ORDER BY id`, (row) => {
      const record = readSku(row);
      this.#audit.level((recent.get(record.id) ?? record).level);
    });
  }

  #reservations(): void {
    let active = 0;
    this.#each(`SELECT ${RESERVATION_COLUMNS} FROM reservation ORDER BY id`, (row) => {
      const reservation = readReservation(row);
      this.#audit.reservation(reservation);
      if (reservation.status !== 'active') return;
      active += 1;
      this.#expectLines(reservation);
    });
    if (active === this.#meta.active) return;
    const message = `meta counts ${this.#meta.active} active reservations, there are ${active}`;
    this.#audit.report('index_differs', message);
  }

  #expectLines({ id, expiresAt, lines }: Reservation): void {
    for (const { sku, quantity } of lines) {
      this.#lines.add(`${expiresAt} ${id} ${this.#skuIds.get(sku) ?? sku} ${quantity}`);
    }
  }

  #activeLines(): void {
    const sql = 'SELECT expires_at, reservation_id, sku_id, quantity FROM active_line';
    for (const row of this.#rows(sql)) {
      if (this.#lines.delete(row.join(' '))) continue;
      const reservationId = row[1] as string;
      const message = `active_line tells of a line of reservation ${reservationId} that it has not`;
      this.#audit.report('index_differs', message, { reservationId });
    }
    for (const line of this.#lines) {
      const reservationId = line.split(' ')[1] ?? null;
      const message = `active_line lacks a line of reservation ${String(reservationId)}`;
      this.#audit.report('index_differs', message, { reservationId });
    }
    if (sumOf(readActiveLines(this.#db)) === this.#meta.activeSum) return;
    this.#audit.report('index_differs', "active_line's rows do not make the sum that meta states");
  }
}
