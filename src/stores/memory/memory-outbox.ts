/** The outbox in maps. */
import { LiveMessages } from '../../core/outbox/live-messages.ts';
import type { OutboxLevel, OutboxMessage } from '../../core/outbox/message.ts';
import type { OutboxBook } from '../../core/outbox/outbox-book.ts';

export class MemoryOutbox implements OutboxBook {
  readonly live = new LiveMessages();
  readonly levels = new Map<string, OutboxLevel>();
  readonly #messages = new Map<number, OutboxMessage>();
  readonly #byReservation = new Map<string, Set<number>>();
  #head = 0;

  /** By id, delivered ones included. */
  messages(): OutboxMessage[] {
    return [...this.#messages.values()].sort((a, b) => a.id - b.id);
  }

  message(id: number): OutboxMessage | undefined {
    return this.#messages.get(id);
  }

  ofReservation(reservationId: string): OutboxMessage[] {
    const ids = [...(this.#byReservation.get(reservationId) ?? [])];
    return ids.sort((a, b) => a - b).map((id) => this.#messages.get(id) as OutboxMessage);
  }

  dueHeads(now: number, limit: number): OutboxMessage[] {
    return this.live.dueHeads(now, limit);
  }

  pendingOfKey(key: string, limit: number): OutboxMessage[] {
    return this.live.pendingOfKey(key, limit);
  }

  parcel(parcelId: number): OutboxMessage[] {
    return this.live.ofParcel(parcelId);
  }

  inFlight(): OutboxMessage[] {
    return this.live.inState('in_flight');
  }

  level(sku: string): OutboxLevel {
    return this.levels.get(sku) ?? { sku, owed: 0, unsettled: 0, touched: 0 };
  }

  head(): number {
    return this.#head;
  }

  takeNumber(): number {
    this.#head += 1;
    return this.#head;
  }

  put(message: OutboxMessage): void {
    const { id, reservationId } = message;
    this.#messages.set(id, message);
    this.live.put(message);
    const ids = this.#byReservation.get(reservationId) ?? new Set();
    this.#byReservation.set(reservationId, ids.add(id));
  }

  forget(id: number): void {
    const reservationId = this.#messages.get(id)?.reservationId;
    this.#messages.delete(id);
    this.live.remove(id);
    if (reservationId === undefined) return;
    const ids = this.#byReservation.get(reservationId);
    ids?.delete(id);
    if (ids?.size === 0) this.#byReservation.delete(reservationId);
  }

  putLevel(level: OutboxLevel): void {
    this.levels.set(level.sku, level);
  }
}
