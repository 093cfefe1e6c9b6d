/**
 * The books in SQLite, for the one writer. Changes are kept in memory and written together, many rows per statement,
 * when a read needs them there or the transaction ends; what a decision reads is always what was changed last.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Book, RememberedAnswer } from '../../core/book.ts';
import type { LedgerCut, Opening } from '../../core/ledger-cut.ts';
import type { EntryDraft, LedgerEntry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import { Fault } from '../../engine/faults.ts';
import { ActiveUnits, sumOf, type LineColumns } from './active-units.ts';
import { readActiveLines } from './active-lines.ts';
import { DeadlineWindow } from './deadline-window.ts';
import { LedgerTable, type LedgerPages } from './ledger-table.ts';
import { LevelTable } from './level-table.ts';
import { OutboxTable } from './outbox-table.ts';
import { ReservationTable } from './reservation-table.ts';
import {
  ANSWER_COLUMNS,
  answerRow,
  META_COLUMNS,
  metaRow,
  readAnswer,
  readMeta,
  RowDamage,
  type Meta,
} from './rows.ts';
import { Statement } from './statement.ts';
import { TrimmingTable } from './trimming-table.ts';
import { WebhookTable } from './webhook-table.ts';

/** Changes kept in memory at most, within one transaction. */
const KEPT_AT_MOST = 8_192;

/** Ledger entries that the rows of `sku` may lack. */
const LEVELS_LAG_AT_MOST = 8_192;

export interface Changes {
  /** SKUs whose level or deadlines changed. */
  readonly skus: ReadonlySet<string>;
  readonly expired: readonly Reservation[];
}

export class SqliteBook implements Book {
  readonly outbox: OutboxTable;
  readonly webhooks: WebhookTable;
  readonly trimming: TrimmingTable;
  readonly #levels: LevelTable;
  readonly #reservations: ReservationTable;
  readonly #ledger: LedgerTable;
  readonly #deadlines: DeadlineWindow;
  readonly #active = new ActiveUnits();
  readonly #answers = new Map<string, RememberedAnswer & { at: number }>();
  readonly #statements;
  #touched = new Set<string>();
  #expired: Reservation[] = [];
  /** Changes when another connection has written. */
  readonly #dataVersion;
  #inTransaction = false;
  #clock: number;
  #levelsSeq: number;
  #purgedBefore: number;

  constructor(db: DatabaseSync) {
    this.#statements = prepare(db);
    const meta = readMeta(this.#statements.meta.get());
    const { clock, levelsSeq, active, purgedBefore } = meta;
    this.#dataVersion = this.#statements.dataVersion.get()?.[0];
    this.#clock = clock;
    this.#levelsSeq = levelsSeq;
    this.#purgedBefore = purgedBefore;
    this.#levels = new LevelTable(db, levelsSeq);
    this.#reservations = new ReservationTable(db, active);
    this.#ledger = new LedgerTable(db);
    this.outbox = new OutboxTable(db);
    this.webhooks = new WebhookTable(db, () => {
      this.#begin();
    });
    this.trimming = new TrimmingTable(db, {
      begin: () => {
        this.#begin();
      },
      flush: () => {
        this.flush();
      },
      levelsUpTo: (seq) => {
        if (seq > this.#levelsSeq) this.flushLevels();
      },
      headSeq: () => this.headSeq,
    });
    this.#deadlines = new DeadlineWindow((after, limit) => {
      this.flush();
      return this.#reservations.deadlines(after, limit);
    });
    this.#active.load(soundLines(db, meta));
  }

  get skuCount(): number {
    return this.#levels.count;
  }

  get headSeq(): number {
    return this.#ledger.head;
  }

  get activeCount(): number {
    return this.#reservations.activeCount;
  }

  get highestId(): string {
    return this.#reservations.highestId;
  }

  /** The latest time that a recorded decision has used. */
  get clock(): number {
    return this.#clock;
  }

  /** The deadline of the oldest active reservation that has lapsed at `now`. */
  oldestDueAt(now: number): number | null {
    return this.#deadlines.upTo(now, 1)[0]?.at ?? null;
  }

  level(sku: string): StockLevel | undefined {
    return this.#levels.get(sku)?.level;
  }

  reservation(id: string): Reservation | undefined {
    return this.#reservations.get(id);
  }

  customerHeld(sku: string, customerId: string, now: number): number {
    let held = 0;
    for (const reservation of this.#reservations.ofCustomer(customerId)) {
      const line = reservation.lines.find((candidate) => candidate.sku === sku);
      if (line === undefined) continue;
      if (reservation.status !== 'active') held += line.confirmed - line.cancelled;
      else if (now < reservation.expiresAt) held += line.quantity;
    }
    return held;
  }

  nextExpiry(sku: string, now: number): number | null {
    const entry = this.#levels.get(sku);
    return entry === undefined ? null : this.#active.nextAfter(entry.id, now);
  }

  lapsedUnits(sku: string, now: number): number {
    if (now < this.#deadlines.earliest()) return 0;
    const entry = this.#levels.get(sku);
    return entry === undefined ? 0 : this.#active.unitsUpTo(entry.id, now);
  }

  oldestDue(sku: string, now: number): Reservation | undefined {
    if (now < this.#deadlines.earliest()) return undefined;
    const entry = this.#levels.get(sku);
    if (entry === undefined) return undefined;
    const at = this.#active.nextAfter(entry.id, -1);
    if (at === null || at > now) return undefined;
    if (this.#reservations.earliestUnwritten <= at) this.flush();
    const found = this.#reservations.firstWithDeadline(at, entry.id);
    if (found !== undefined) return found;
    throw strayLine(`a line of ${sku} that lapsed at ${at} is of no active reservation`);
  }

  due(now: number, limit: number): Reservation[] {
    if (now < this.#deadlines.earliest()) return [];
    const deadlines = this.#deadlines.upTo(now, limit);
    this.#reservations.prepare(deadlines.map(({ id }) => id));
    return deadlines.map(({ at, id }) => {
      const reservation = this.reservation(id);
      if (reservation?.status === 'active' && reservation.expiresAt === at) return reservation;
      throw strayLine(`${id}, which lapsed at ${at}, is no active reservation`);
    });
  }

  newestUnlatched(sku: string): Reservation | undefined {
    const entry = this.#levels.get(sku);
    if (entry === undefined) return undefined;
    return this.#reservations.newestUnlatched(entry.id, () => {
      this.flush();
    });
  }

  endedBefore(time: number, limit: number): string[] {
    this.flush();
    return this.#statements.ended.all(time, limit).map(([id]) => id as string);
  }

  remembered(key: string): RememberedAnswer | undefined {
    const fresh = this.#answers.get(key);
    if (fresh !== undefined) return fresh;
    const row = this.#statements.remembered.get(key);
    return row === undefined ? undefined : readAnswer(row);
  }

  append(change: EntryDraft, at: number): void {
    const { entry, previous } = this.#levels.apply(change, this.#ledger.head + 1);
    this.#ledger.append(change, at, entry.id, previous, entry.entries);
    this.#touched.add(change.sku);
    if (this.#ledger.kept > KEPT_AT_MOST) this.flush();
  }

  putLevel(level: StockLevel): void {
    this.#levels.replace(level);
    this.#touched.add(level.sku);
  }

  /** Of books that are made whole, before anything else: their ledger begins after the cut. */
  beginAt(cut: LedgerCut): void {
    this.trimming.setCut(cut);
    this.#ledger.beginAfter(cut.seq);
  }

  /** Of books that are made whole, before their entries. */
  open(opening: Opening): void {
    this.trimming.putOpening(opening);
    this.#levels.openAt(opening);
  }

  putReservation(reservation: Reservation): void {
    const before = this.#reservations.put(reservation);
    const was = before?.status === 'active' ? before : null;
    const is = reservation.status === 'active' ? reservation : null;
    if (was !== null && was.expiresAt !== is?.expiresAt) this.#lineGone(was);
    if (is !== null && was?.expiresAt !== is.expiresAt) this.#lineMade(is);
    if (was !== null && reservation.status === 'expired') this.#expired.push(reservation);
  }

  #lineGone({ id, expiresAt, lines }: Reservation): void {
    this.#deadlines.remove({ at: expiresAt, id });
    for (const { sku, quantity } of lines) {
      this.#active.remove(this.#levels.open(sku).id, expiresAt, quantity);
      this.#touched.add(sku);
    }
  }

  #lineMade({ id, expiresAt, lines }: Reservation): void {
    this.#deadlines.add({ at: expiresAt, id });
    for (const { sku, quantity } of lines) {
      this.#active.add(this.#levels.open(sku).id, expiresAt, quantity);
      this.#touched.add(sku);
    }
  }

  /** A page of one SKU's ledger. */
  ledgerOf(pages: LedgerPages, sku: string, after: number, limit: number): LedgerEntry[] {
    const entry = this.#levels.get(sku);
    if (entry === undefined) return [];
    this.flush();
    return pages.ofSku(entry.id, entry.seq, after, limit);
  }

  remember(key: string, record: RememberedAnswer, at: number): void {
    this.#answers.set(key, { ...record, at });
  }

  forgetReservation(id: string): void {
    this.#begin();
    this.#reservations.forget(id);
  }

  forgetAnswers(time: number, limit: number): number {
    this.flush();
    const old = this.#statements.oldAnswers.all(limit).filter(([, at]) => (at as number) < time);
    const last = old.at(-1);
    if (last === undefined) return 0;
    this.#begin();
    this.#statements.forgetAnswers.run(last[0] as number);
    return old.length;
  }

  /** Reservations that ended before `time` may be forgotten from now on. */
  notePurge(time: number): void {
    if (time <= this.#purgedBefore) return;
    this.#purgedBefore = time;
    this.#begin();
  }

  #begin(): void {
    if (this.#inTransaction) return;
    this.#statements.begin.run();
    this.#inTransaction = true;
    const version = this.#statements.dataVersion.get()?.[0];
    if (version === this.#dataVersion) return;
    throw new Fault(
      'STORE_UNAVAILABLE',
      'another program has written to the books while they were open; what this one remembers of them may be wrong.',
    );
  }

  /** Writes what is kept in memory, so that reads of the tables see it. */
  flush(): void {
    const kept =
      this.#ledger.kept > 0 ||
      this.#reservations.dirty ||
      this.#levels.pressing ||
      this.outbox.dirty ||
      this.#answers.size > 0;
    if (!kept) return;
    this.#begin();
    this.#levels.flush();
    this.#ledger.flush();
    this.outbox.flush();
    this.#reservations.flush((sku) => this.#levels.open(sku).id);
    for (const [key, record] of this.#answers) {
      this.#statements.remember.run(...answerRow(key, record, record.at));
    }
    this.#answers.clear();
    if (this.#ledger.head - this.#levelsSeq > LEVELS_LAG_AT_MOST) this.flushLevels();
  }

  /** Writes every level that lags behind the ledger. */
  flushLevels(): void {
    this.#levels.flushAll();
    this.#levelsSeq = this.#ledger.head;
    this.#levels.trim();
  }

  /** Makes all changes since the last commit durable; null where there are none, and then nothing is written. */
  commit(now: number): Changes | null {
    this.flush();
    this.#reservations.forgetMet();
    this.#levels.trim();
    if (!this.#inTransaction) return null;
    this.#clock = Math.max(this.#clock, now);
    const meta = metaRow({
      clock: this.#clock,
      levelsSeq: this.#levelsSeq,
      active: this.#reservations.activeCount,
      activeSum: this.#active.sum,
      purgedBefore: this.#purgedBefore,
    });
    this.#statements.setMeta.run(...meta);
    this.#statements.commit.run();
    this.#inTransaction = false;
    const changes = { skus: this.#touched, expired: this.#expired };
    this.#touched = new Set();
    this.#expired = [];
    return changes;
  }

  /** Leaves nothing for the next start to catch up on. */
  settle(): void {
    if (this.#levelsSeq === this.#ledger.head) return;
    this.#begin();
    this.flushLevels();
    this.commit(this.#clock);
  }
}

function strayLine(what: string): RowDamage {
  return new RowDamage('active_line', what);
}

/** Refused before they are made use of: what lapses when decides what is on sale. */
function soundLines(db: DatabaseSync, { activeSum }: Meta): LineColumns {
  const lines = readActiveLines(db);
  if (sumOf(lines) === activeSum) return lines;
  throw new RowDamage('active_line', 'its rows are not those that were written');
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): Statement => new Statement(db, text);
  return {
    begin: sql('BEGIN IMMEDIATE'),
    commit: sql('COMMIT'),
    dataVersion: sql('PRAGMA data_version'),
    meta: sql(`SELECT ${META_COLUMNS} FROM meta`),
    setMeta: sql(`UPDATE meta SET (${META_COLUMNS}) = (?, ?, ?, ?, ?, ?)`),
    ended: sql(
      `SELECT id FROM reservation INDEXED BY reservation_ended
       WHERE ended_at IS NOT NULL AND status <> 'confirmed' AND ended_at < ? ORDER BY ended_at, id LIMIT ?`,
    ),
    remembered: sql(`SELECT ${ANSWER_COLUMNS} FROM idempotency WHERE key = ?`),
    remember: sql(`INSERT INTO idempotency (${ANSWER_COLUMNS}) VALUES (?, ?, ?, ?, ?)`),
    oldAnswers: sql('SELECT n, at FROM idempotency ORDER BY n LIMIT ?'),
    forgetAnswers: sql('DELETE FROM idempotency WHERE n <= ?'),
  };
}
