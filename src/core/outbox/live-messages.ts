/** Messages not delivered, in memory, with the few orders in which the outbox is asked for them. */
import { isUnsettled, type MessageState, type OutboxMessage } from './message.ts';

export class LiveMessages {
  readonly #byId = new Map<number, OutboxMessage>();
  readonly #byKey = new Map<string, OutboxMessage[]>();
  readonly #byReservation = new Map<string, OutboxMessage[]>();
  readonly #counts = new Map<MessageState, number>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): OutboxMessage | undefined {
    return this.#byId.get(id);
  }

  count(state: MessageState): number {
    return this.#counts.get(state) ?? 0;
  }

  pendingKeys(): number {
    let keys = 0;
    for (const messages of this.#byKey.values()) {
      if (messages.some(({ state }) => state === 'pending')) keys += 1;
    }
    return keys;
  }

  /** When the oldest of them came to be; null when there is none. */
  oldestAt(): number | null {
    let oldest = Infinity;
    for (const { createdAt } of this.#byId.values()) oldest = Math.min(oldest, createdAt);
    return oldest === Infinity ? null : oldest;
  }

  /** Takes the message in place of what it was; a delivered one only goes. */
  put(message: OutboxMessage): void {
    this.remove(message.id);
    if (message.state === 'delivered') return;
    this.#byId.set(message.id, message);
    insert(this.#byKey, message.key, message);
    insert(this.#byReservation, message.reservationId, message);
    this.#counts.set(message.state, this.count(message.state) + 1);
  }

  remove(id: number): void {
    const message = this.#byId.get(id);
    if (message === undefined) return;
    this.#byId.delete(id);
    drop(this.#byKey, message.key, id);
    drop(this.#byReservation, message.reservationId, id);
    this.#counts.set(message.state, this.count(message.state) - 1);
  }

  /** By id. */
  ofReservation(reservationId: string): readonly OutboxMessage[] {
    return this.#byReservation.get(reservationId) ?? [];
  }

  /** Those of a key that may be claimed one after the other, due or not, by id. */
  pendingOfKey(key: string, limit: number): OutboxMessage[] {
    const pending: OutboxMessage[] = [];
    for (const message of this.#byKey.get(key) ?? []) {
      if (pending.length >= limit) break;
      if (message.state === 'pending' && !this.#waits(message)) pending.push(message);
    }
    return pending;
  }

  /** The first that may be claimed of each key of which nothing is unsettled, where that is due; by id. */
  dueHeads(now: number, limit: number): OutboxMessage[] {
    if (this.count('pending') === 0) return [];
    const heads: OutboxMessage[] = [];
    for (const [key, messages] of this.#byKey) {
      if (messages.some(isUnsettled)) continue;
      const [head] = this.pendingOfKey(key, 1);
      if (head !== undefined && head.nextAttemptAt <= now) heads.push(head);
    }
    return heads.sort((a, b) => a.id - b.id).slice(0, limit);
  }

  /** By id; null: all of them. */
  inState(state: MessageState | null): OutboxMessage[] {
    if (state !== null && this.count(state) === 0) return [];
    return [...this.#byId.values()]
      .filter((message) => state === null || message.state === state)
      .sort((a, b) => a.id - b.id);
  }

  /** The messages of a claim that are still unsettled, by id. */
  ofParcel(parcelId: number): OutboxMessage[] {
    const found: OutboxMessage[] = [];
    if (this.count('in_flight') + this.count('unknown') === 0) return found;
    for (const message of this.#byId.values()) {
      if (message.parcelId === parcelId && isUnsettled(message)) found.push(message);
    }
    return found.sort((a, b) => a.id - b.id);
  }

  /** A cancellation waits while the sale before it lies dead: whether there is anything to cancel, a person decides. */
  #waits({ id, kind, key, reservationId }: OutboxMessage): boolean {
    if (kind === 'sale') return false;
    return this.ofReservation(reservationId).some(
      (other) => other.state === 'dead' && other.key === key && other.id < id,
    );
  }
}

function insert(map: Map<string, OutboxMessage[]>, key: string, message: OutboxMessage): void {
  const list = map.get(key);
  if (list === undefined) {
    map.set(key, [message]);
    return;
  }
  let at = list.length;
  while (at > 0 && (list[at - 1] as OutboxMessage).id > message.id) at -= 1;
  list.splice(at, 0, message);
}

function drop(map: Map<string, OutboxMessage[]>, key: string, id: number): void {
  const list = map.get(key);
  if (list === undefined) return;
  const at = list.findIndex((message) => message.id === id);
  if (at >= 0) list.splice(at, 1);
  if (list.length === 0) map.delete(key);
}
