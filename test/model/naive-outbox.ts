/** The outbox as `core/outbox/outbox-book.ts` describes it, word for word: one list, searched from end to end. */
import type { OutboxLevel, OutboxMessage } from '../../src/core/outbox/message.ts';
import type { OutboxBook } from '../../src/core/outbox/outbox-book.ts';

export class NaiveOutbox implements OutboxBook {
  messages: OutboxMessage[] = [];
  levels: OutboxLevel[] = [];
  #head = 0;

  message(id: number): OutboxMessage | undefined {
    return this.messages.find((message) => message.id === id);
  }

  ofReservation(reservationId: string): OutboxMessage[] {
    return this.messages.filter((message) => message.reservationId === reservationId);
  }

  pendingOfKey(key: string, limit: number): OutboxMessage[] {
    return this.messages
      .filter((message) => message.key === key && message.state === 'pending')
      .filter(
        ({ id, kind, reservationId }) =>
          kind === 'sale' ||
          !this.messages.some(
            (other) =>
              other.reservationId === reservationId &&
              other.key === key &&
              other.state === 'dead' &&
              other.id < id,
          ),
      )
      .slice(0, limit);
  }

  dueHeads(now: number, limit: number): OutboxMessage[] {
    const unsettled = (key: string): boolean =>
      this.messages.some(
        (message) =>
          message.key === key && (message.state === 'in_flight' || message.state === 'unknown'),
      );
    return this.messages
      .filter(({ key }) => !unsettled(key))
      .filter(({ id, key }) => this.pendingOfKey(key, 1)[0]?.id === id)
      .filter(({ nextAttemptAt }) => nextAttemptAt <= now)
      .slice(0, limit);
  }

  parcel(parcelId: number): OutboxMessage[] {
    return this.messages.filter(
      (message) =>
        message.parcelId === parcelId &&
        (message.state === 'in_flight' || message.state === 'unknown'),
    );
  }

  inFlight(): OutboxMessage[] {
    return this.messages.filter(({ state }) => state === 'in_flight');
  }

  level(sku: string): OutboxLevel {
    const known = this.levels.find((level) => level.sku === sku);
    return known ?? { sku, owed: 0, unsettled: 0, touched: 0 };
  }

  head(): number {
    return this.#head;
  }

  takeNumber(): number {
    this.#head += 1;
    return this.#head;
  }

  put(message: OutboxMessage): void {
    this.messages = [...this.messages.filter(({ id }) => id !== message.id), message].sort(
      (a, b) => a.id - b.id,
    );
  }

  forget(id: number): void {
    this.messages = this.messages.filter((message) => message.id !== id);
  }

  putLevel(level: OutboxLevel): void {
    this.levels = [...this.levels.filter(({ sku }) => sku !== level.sku), level];
  }
}
