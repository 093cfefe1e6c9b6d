/**
 * The outbox for the one writer: what is not delivered is in memory as well, what has been delivered only in the table.
 * Changes are kept until `flush`.
 */
import type { DatabaseSync } from 'node:sqlite';
import { LiveMessages } from '../../core/outbox/live-messages.ts';
import type { OutboxLevel, OutboxMessage } from '../../core/outbox/message.ts';
import type { OutboxBook } from '../../core/outbox/outbox-book.ts';
import type { OutboxQuery, OutboxStats } from '../../engine/ports.ts';
import {
  MESSAGE_COLUMNS,
  messageRow,
  OUTBOX_LEVEL_COLUMNS,
  outboxHeadRow,
  outboxLevelRow,
  readMessage,
  readOutboxHead,
  readOutboxLevel,
} from './outbox-rows.ts';
import { BulkWrite, Statement } from './statement.ts';

export class OutboxTable implements OutboxBook {
  readonly #live = new LiveMessages();
  readonly #levels = new Map<string, OutboxLevel>();
  readonly #statements;
  /** Null: to be deleted. */
  readonly #changed = new Map<number, OutboxMessage | null>();
  readonly #changedLevels = new Set<string>();
  #head: number;
  #writtenHead: number;

  constructor(db: DatabaseSync) {
    this.#statements = prepare(db);
    this.#head = readOutboxHead(this.#statements.head.get());
    this.#writtenHead = this.#head;
    for (const row of this.#statements.live.iterate()) this.#live.put(readMessage(row));
    for (const row of this.#statements.levels.iterate()) {
      const level = readOutboxLevel(row);
      this.#levels.set(level.sku, level);
    }
  }

  get dirty(): boolean {
    return (
      this.#changed.size > 0 || this.#changedLevels.size > 0 || this.#head !== this.#writtenHead
    );
  }

  message(id: number): OutboxMessage | undefined {
    const changed = this.#changed.get(id);
    if (changed !== undefined) return changed ?? undefined;
    const live = this.#live.get(id);
    if (live !== undefined) return live;
    const row = this.#statements.find.get(id);
    return row === undefined ? undefined : readMessage(row);
  }

  ofReservation(reservationId: string): OutboxMessage[] {
    // Without an ERP there has never been a message, and nobody shall pay for looking.
    if (this.#head === 0) return [];
    const found = new Map<number, OutboxMessage>();
    for (const row of this.#statements.ofReservation.iterate(reservationId)) {
      const message = readMessage(row);
      found.set(message.id, message);
    }
    for (const [id, message] of this.#changed) {
      if (message === null) found.delete(id);
      else if (message.reservationId === reservationId) found.set(id, message);
    }
    return [...found.values()].sort((a, b) => a.id - b.id);
  }

  dueHeads(now: number, limit: number): OutboxMessage[] {
    return this.#live.dueHeads(now, limit);
  }

  pendingOfKey(key: string, limit: number): OutboxMessage[] {
    return this.#live.pendingOfKey(key, limit);
  }

  parcel(parcelId: number): OutboxMessage[] {
    return this.#live.ofParcel(parcelId);
  }

  inFlight(): OutboxMessage[] {
    return this.#live.inState('in_flight');
  }

  level(sku: string): OutboxLevel {
    return this.#levels.get(sku) ?? { sku, owed: 0, unsettled: 0, touched: 0 };
  }

  head(): number {
    return this.#head;
  }

  takeNumber(): number {
    this.#head += 1;
    return this.#head;
  }

  /** For books that come from elsewhere. */
  setHead(number: number): void {
    this.#head = number;
  }

  put(message: OutboxMessage): void {
    this.#live.put(message);
    this.#changed.set(message.id, message);
  }

  forget(id: number): void {
    this.#live.remove(id);
    this.#changed.set(id, null);
  }

  putLevel(level: OutboxLevel): void {
    this.#levels.set(level.sku, level);
    this.#changedLevels.add(level.sku);
  }

  stats(): OutboxStats {
    return {
      pending: this.#live.count('pending'),
      inFlight: this.#live.count('in_flight'),
      unknown: this.#live.count('unknown'),
      dead: this.#live.count('dead'),
      keys: this.#live.pendingKeys(),
      oldestAt: this.#live.oldestAt(),
      head: this.#head,
    };
  }

  /** As written: `flush` before. */
  page({ state, after, limit }: OutboxQuery): OutboxMessage[] {
    const { pageOf, pageOfLive } = this.#statements;
    const rows = state === null ? pageOfLive.all(after, limit) : pageOf.all(state, after, limit);
    return rows.map(readMessage);
  }

  flush(): void {
    const { put, forget, putLevel, setHead } = this.#statements;
    for (const [id, message] of this.#changed) {
      if (message === null) forget.run(id);
      else put.add(messageRow(message));
    }
    put.finish();
    for (const sku of this.#changedLevels) putLevel.add(outboxLevelRow(this.level(sku)));
    putLevel.finish();
    if (this.#head !== this.#writtenHead) setHead.run(...outboxHeadRow(this.#head));
    this.#writtenHead = this.#head;
    this.#changed.clear();
    this.#changedLevels.clear();
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): Statement => new Statement(db, text);
  const select = `SELECT ${MESSAGE_COLUMNS} FROM outbox`;
  const blanks = (columns: string): string =>
    `(${columns
      .split(', ')
      .map(() => '?')
      .join(', ')})`;
  return {
    head: sql('SELECT number, checksum FROM outbox_head'),
    setHead: sql('UPDATE outbox_head SET number = ?, checksum = ?'),
    live: sql(`${select} WHERE state <> 'delivered' ORDER BY id`),
    levels: sql(`SELECT ${OUTBOX_LEVEL_COLUMNS} FROM outbox_level`),
    find: sql(`${select} WHERE id = ?`),
    ofReservation: sql(`${select} WHERE reservation_id = ?`),
    pageOf: sql(`${select} WHERE state = ? AND id > ? ORDER BY id LIMIT ?`),
    pageOfLive: sql(`${select} WHERE state <> 'delivered' AND id > ? ORDER BY id LIMIT ?`),
    forget: sql('DELETE FROM outbox WHERE id = ?'),
    put: new BulkWrite(
      db,
      blanks(MESSAGE_COLUMNS),
      (rows) => `INSERT OR REPLACE INTO outbox (${MESSAGE_COLUMNS}) VALUES ${rows}`,
    ),
    putLevel: new BulkWrite(
      db,
      blanks(OUTBOX_LEVEL_COLUMNS),
      (rows) => `INSERT OR REPLACE INTO outbox_level (${OUTBOX_LEVEL_COLUMNS}) VALUES ${rows}`,
    ),
  };
}
