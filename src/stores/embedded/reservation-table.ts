/**
 * Reservations, for the one writer. Those that a transaction has met are held until it ends: read once, written once.
 * A reservation that is put without having been read is new.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Reservation } from '../../core/reservation.ts';
import type { Deadline } from './deadline-window.ts';
import { readReservation, RESERVATION_COLUMNS, reservationRow } from './rows.ts';
import { BulkWrite, Statement } from './statement.ts';

interface Met {
  /** As the tables have it; null: not at all. */
  stored: Reservation | null;
  current: Reservation;
}

const COUNTS_FOR_CUSTOMER = `customer_id IS NOT NULL AND status IN ('active', 'confirmed', 'acknowledged')`;
const COLUMNS = RESERVATION_COLUMNS.split(', ');
/** What a reservation is born with stays; naming it would make SQLite look at its indexes. */
const UPDATES = COLUMNS.filter((column) => !['id', 'customer_id', 'created_at'].includes(column))
  .map((column) => `${column} = excluded.${column}`)
  .join(', ');
/** Reservations read with one statement. */
const READ_AT_ONCE = 16;
/** Unlatched reservations of a SKU that are looked up together. */
const NEWEST_READ = 10_000;

/** The row of a reservation as it is made: values that are always the same need no binding. */
const FRESH_ROW = "(?, 'active', ?, NULL, ?, ?, NULL, 0, 0, ?, NULL, ?)";
const FRESH_FIELDS = [...FRESH_ROW.split(', ').entries()].flatMap(([field, value]) =>
  value.includes('?') ? [field] : [],
);

function isFresh(reservation: Reservation): boolean {
  const { status, orderId, endedAt, reacquired, refundRequired, cancellations } = reservation;
  const changed = orderId !== null || endedAt !== null || reacquired || refundRequired;
  return status === 'active' && !changed && cancellations.length === 0;
}

const NOTHING_FOUND = { at: -1, skuId: -1, id: '' };

export class ReservationTable {
  readonly #met = new Map<string, Met>();
  #changed: Met[] = [];
  #changedByCustomer = new Map<string, Set<string>>();
  #activeCount: number;
  #highestId: string;
  #earliestUnwritten = Infinity;
  #lastFound = NOTHING_FOUND;
  /** The newest unlatched reservations of a SKU, the newest last; whoever has changed since is no longer one. */
  #newest: { readonly skuId: number; readonly ids: string[] } | null = null;
  readonly #statements;

  constructor(db: DatabaseSync, activeCount: number) {
    this.#statements = prepare(db);
    this.#activeCount = activeCount;
    this.#highestId = (this.#statements.highestId.get()?.[0] ?? '') as string;
  }

  get activeCount(): number {
    return this.#activeCount;
  }

  get dirty(): boolean {
    return this.#changed.length > 0;
  }

  /** Of all that are in the table; empty: it has none. Those purged since may have been higher than the rest. */
  get highestId(): string {
    return this.#highestId;
  }

  get(id: string): Reservation | undefined {
    const met = this.#met.get(id);
    if (met !== undefined) return met.current;
    // As good as every new one's: ids rise with time. A look into the table would cost a reserve a third more.
    if (id > this.#highestId) return undefined;
    const row = this.#statements.find.get(id);
    if (row === undefined) return undefined;
    const reservation = readReservation(row);
    this.#met.set(id, { stored: reservation, current: reservation });
    return reservation;
  }

  /** Reads several, so that `get` has them at hand. */
  prepare(ids: readonly string[]): void {
    const missing = ids.filter((id) => !this.#met.has(id));
    for (let at = 0; at + READ_AT_ONCE <= missing.length; at += READ_AT_ONCE) {
      for (const row of this.#statements.findMany.all(...missing.slice(at, at + READ_AT_ONCE))) {
        const reservation = readReservation(row);
        this.#met.set(reservation.id, { stored: reservation, current: reservation });
      }
    }
  }

  /** The earliest deadline of an active reservation that is not yet written so; Infinity: none. */
  get earliestUnwritten(): number {
    return this.#earliestUnwritten;
  }

  /**
   * The first by id of the active reservations with this deadline that name the SKU. Sees through what is not yet
   * written, if `earliestUnwritten` is later than `at`. Asked again and again while they lapse, it goes on from where
   * it was.
   */
  firstWithDeadline(at: number, skuId: number): Reservation | undefined {
    const last = this.#lastFound;
    const from =
      last.at === at && last.skuId === skuId && !this.#isActive(last.id, at) ? last.id : '';
    for (const [id] of this.#statements.withDeadline.iterate(at, from, skuId)) {
      if (!this.#isActive(id as string, at)) continue;
      this.#lastFound = { at, skuId, id: id as string };
      return this.get(id as string);
    }
    return undefined;
  }

  #isActive(id: string, expiresAt: number): boolean {
    const reservation = this.get(id);
    return reservation?.status === 'active' && reservation.expiresAt === expiresAt;
  }

  /** The newest active reservation naming the SKU that is not latched to an order. */
  newestUnlatched(skuId: number, flush: () => void): Reservation | undefined {
    for (;;) {
      let newest = this.#newest;
      if (newest?.skuId !== skuId) {
        flush();
        const ids = this.#statements.unlatched.all(skuId).map(([id]) => id as string);
        newest = { skuId, ids: ids.reverse() };
        this.#newest = newest;
        if (ids.length === 0) return undefined;
      }
      const id = newest.ids.at(-1);
      if (id === undefined) {
        this.#newest = null;
        continue;
      }
      const reservation = this.get(id);
      if (reservation?.status === 'active' && reservation.orderId === null) return reservation;
      newest.ids.pop();
    }
  }

  /** Returns what it was before; null: it is new. */
  put(reservation: Reservation): Reservation | null {
    const { id, customerId, status, expiresAt } = reservation;
    const met = this.#met.get(id);
    const before = met?.current ?? null;
    this.#activeCount += Number(status === 'active') - Number(before?.status === 'active');
    if (customerId !== null) this.#noteCustomer(customerId, id);
    if (status === 'active') {
      this.#earliestUnwritten = Math.min(this.#earliestUnwritten, expiresAt);
      if (expiresAt <= this.#lastFound.at) this.#lastFound = NOTHING_FOUND;
    }
    if (met === undefined) {
      this.#newest = null;
      const made: Met = { stored: null, current: reservation };
      this.#met.set(id, made);
      this.#changed.push(made);
    } else {
      if (met.current === met.stored) this.#changed.push(met);
      met.current = reservation;
    }
    return before;
  }

  #noteCustomer(customerId: string, id: string): void {
    const ids = this.#changedByCustomer.get(customerId);
    if (ids === undefined) this.#changedByCustomer.set(customerId, new Set([id]));
    else ids.add(id);
  }

  /** The customer's reservations that count: active, confirmed or acknowledged. */
  *ofCustomer(customerId: string): Generator<Reservation> {
    const changed = this.#changedByCustomer.get(customerId);
    for (const id of changed ?? []) {
      const reservation = this.#met.get(id)?.current;
      if (reservation !== undefined) yield reservation;
    }
    for (const row of this.#statements.ofCustomer.all(customerId)) {
      if (changed?.has(row[0] as string) !== true) yield readReservation(row);
    }
  }

  deadlines({ at, id }: Deadline, limit: number): Deadline[] {
    const rows = this.#statements.deadlines.all(at, id, limit);
    return rows.map((row) => ({ at: row[0] as number, id: row[1] as string }));
  }

  forget(id: string): void {
    this.#met.delete(id);
    this.#statements.forget.run(id);
  }

  /** Writes what has changed. */
  flush(skuId: (sku: string) => number): void {
    const { insert, insertFresh, update, removeLine, addLine } = this.#statements;
    for (const met of this.#changed) {
      const { stored, current } = met;
      const row = reservationRow(current);
      if (stored !== null) update.add(row);
      else if (isFresh(current)) insertFresh.add(FRESH_FIELDS.map((field) => row[field] ?? null));
      else insert.add(row);
      const was = stored?.status === 'active' ? stored.expiresAt : null;
      const is = current.status === 'active' ? current.expiresAt : null;
      if (was !== is) {
        for (const { sku, quantity } of current.lines) {
          const line = skuId(sku);
          if (was !== null) removeLine.add([was, current.id, line]);
          if (is !== null) addLine.add([is, current.id, line, quantity]);
        }
      }
      met.stored = current;
      if (current.id > this.#highestId) this.#highestId = current.id;
    }
    insertFresh.finish();
    insert.finish();
    update.finish();
    removeLine.finish();
    addLine.finish();
    this.#changed = [];
    this.#changedByCustomer.clear();
    this.#earliestUnwritten = Infinity;
  }

  /** To be called when a transaction ends. */
  forgetMet(): void {
    this.#met.clear();
    this.#newest = null;
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): Statement => new Statement(db, text);
  const row = `(${COLUMNS.map(() => '?').join(', ')})`;
  const insert = (rows: string): string =>
    `INSERT INTO reservation (${RESERVATION_COLUMNS}) VALUES ${rows}`;
  return {
    findMany: sql(
      `SELECT ${RESERVATION_COLUMNS} FROM reservation
       WHERE id IN (${Array(READ_AT_ONCE).fill('?').join(', ')})`,
    ),
    withDeadline: sql(
      `SELECT reservation_id FROM active_line
       WHERE expires_at = ? AND reservation_id > ? AND sku_id = ? ORDER BY reservation_id`,
    ),
    // All lines of active reservations are looked at: worth it only where many are wanted one after the other.
    unlatched: sql(
      `SELECT reservation.id FROM active_line JOIN reservation ON reservation.id = active_line.reservation_id
       WHERE active_line.sku_id = ? AND reservation.order_id IS NULL
       ORDER BY reservation.created_at DESC, reservation.id DESC LIMIT ${NEWEST_READ}`,
    ),
    highestId: sql('SELECT max(id) FROM reservation'),
    find: sql(`SELECT ${RESERVATION_COLUMNS} FROM reservation WHERE id = ?`),
    ofCustomer: sql(
      `SELECT ${RESERVATION_COLUMNS} FROM reservation INDEXED BY reservation_customer
       WHERE ${COUNTS_FOR_CUSTOMER} AND customer_id = ?`,
    ),
    deadlines: sql(
      `SELECT DISTINCT expires_at, reservation_id FROM active_line
       WHERE (expires_at, reservation_id) > (?, ?) ORDER BY expires_at, reservation_id LIMIT ?`,
    ),
    forget: sql('DELETE FROM reservation WHERE id = ?'),
    insert: new BulkWrite(db, row, insert),
    insertFresh: new BulkWrite(db, FRESH_ROW, insert),
    update: new BulkWrite(
      db,
      row,
      (rows) => `${insert(rows)} ON CONFLICT (id) DO UPDATE SET ${UPDATES}`,
    ),
    addLine: new BulkWrite(db, '(?, ?, ?, ?)', (rows) => `INSERT INTO active_line VALUES ${rows}`),
    removeLine: new BulkWrite(
      db,
      '(?, ?, ?)',
      (rows) =>
        `DELETE FROM active_line WHERE (expires_at, reservation_id, sku_id) IN (VALUES ${rows})`,
    ),
  };
}
