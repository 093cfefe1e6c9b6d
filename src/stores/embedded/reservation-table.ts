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
const UPDATES = COLUMNS.filter((column) => column !== 'id')
  .map((column) => `${column} = excluded.${column}`)
  .join(', ');

export class ReservationTable {
  readonly #met = new Map<string, Met>();
  #changed: Met[] = [];
  #changedByCustomer = new Map<string, Set<string>>();
  #activeCount: number;
  readonly #statements;

  constructor(db: DatabaseSync, activeCount: number) {
    this.#statements = prepare(db);
    this.#activeCount = activeCount;
  }

  get activeCount(): number {
    return this.#activeCount;
  }

  get dirty(): boolean {
    return this.#changed.length > 0;
  }

  get(id: string): Reservation | undefined {
    const met = this.#met.get(id);
    if (met !== undefined) return met.current;
    const row = this.#statements.find.get(id);
    if (row === undefined) return undefined;
    const reservation = readReservation(row);
    this.#met.set(id, { stored: reservation, current: reservation });
    return reservation;
  }

  /** Returns what it was before; null: it is new. */
  put(reservation: Reservation): Reservation | null {
    const { id, customerId, status } = reservation;
    const met = this.#met.get(id);
    const before = met?.current ?? null;
    this.#activeCount += Number(status === 'active') - Number(before?.status === 'active');
    if (customerId !== null) this.#noteCustomer(customerId, id);
    if (met === undefined) {
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
    const { insert, update, removeLine, addLine } = this.#statements;
    for (const met of this.#changed) {
      const { stored, current } = met;
      (stored === null ? insert : update).add(reservationRow(current));
      const was = stored?.status === 'active' ? stored.expiresAt : null;
      const is = current.status === 'active' ? current.expiresAt : null;
      if (was !== is) {
        for (const { sku, quantity } of current.lines) {
          const line = skuId(sku);
          if (was !== null) removeLine.run(was, current.id, line);
          if (is !== null) addLine.add([is, current.id, line, quantity]);
        }
      }
      met.stored = current;
    }
    insert.finish();
    update.finish();
    addLine.finish();
    this.#changed = [];
    this.#changedByCustomer.clear();
  }

  /** To be called when a transaction ends. */
  forgetMet(): void {
    this.#met.clear();
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): Statement => new Statement(db, text);
  const row = `(${COLUMNS.map(() => '?').join(', ')})`;
  const insert = (rows: string): string =>
    `INSERT INTO reservation (${RESERVATION_COLUMNS}) VALUES ${rows}`;
  return {
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
    update: new BulkWrite(
      db,
      row,
      (rows) => `${insert(rows)} ON CONFLICT (id) DO UPDATE SET ${UPDATES}`,
    ),
    addLine: new BulkWrite(db, '(?, ?, ?, ?)', (rows) => `INSERT INTO active_line VALUES ${rows}`),
    removeLine: sql(
      'DELETE FROM active_line WHERE expires_at = ? AND reservation_id = ? AND sku_id = ?',
    ),
  };
}
