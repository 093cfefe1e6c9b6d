/** The outbox's part of a store's books. */
import type { OutboxLevel, OutboxMessage } from './message.ts';

export interface OutboxBook {
  message(id: number): OutboxMessage | undefined;
  /** A reservation's messages by id, delivered ones included. */
  ofReservation(reservationId: string): readonly OutboxMessage[];
  /**
   * Of each key of which no message is in flight or unknown, the first pending one by id, where it is due at `now`;
   * by id. A cancellation counts as pending only if no message of its reservation and key before it is dead.
   */
  dueHeads(now: number, limit: number): OutboxMessage[];
  /** The key's pending messages in the same sense, due or not, by id. */
  pendingOfKey(key: string, limit: number): OutboxMessage[];
  /** The messages of a claim that are in flight or unknown, by id. */
  parcel(parcelId: number): OutboxMessage[];
  /** Every message in flight, by id. */
  inFlight(): OutboxMessage[];
  /** Zeros where the outbox never named the SKU. */
  level(sku: string): OutboxLevel;
  /** The latest number taken; messages, claims and settlements share one that rises. */
  head(): number;

  takeNumber(): number;
  put(message: OutboxMessage): void;
  forget(id: number): void;
  putLevel(level: OutboxLevel): void;
}
