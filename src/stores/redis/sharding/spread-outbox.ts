/**
 * The outbox of whole books, spread over shards: each message to the shard that keeps it, under a number that tells the
 * shard and keeps the order; and to the others their shares of it.
 */
import { groupingOf, type OutboxLevel, type OutboxMessage } from '../../../core/outbox/message.ts';
import { Fault } from '../../../engine/faults.ts';
import type { CartShares, MessageShare } from '../outbox-reads.ts';
import type { Placement } from './placement.ts';

export class SpreadOutbox {
  readonly #placement: Placement;
  /** By shard, then by cart. */
  readonly #shares = new Map<number, Map<string, MessageShare[]>>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  /** What every shard goes on from: above all numbers that `message` gives. `head`: of the books. */
  headOf(head: number): number {
    return head === 0 ? 0 : this.#numberOf(head + 1, 0);
  }

  #numberOf(number: number, shard: number): number {
    return number * this.#placement.shards + shard;
  }

  /** Call in order of id. Throws `Fault` where the ERP may know it by the number that it has. */
  message(message: OutboxMessage): { readonly shard: number; readonly value: OutboxMessage } {
    const { id, parcelId, state, unknownAt, key, reservationId } = message;
    if (state === 'in_flight' || state === 'unknown' || (state === 'dead' && unknownAt !== null)) {
      throw new Fault(
        'STORE_UNAVAILABLE',
        `message ${id} of the outbox may have reached the ERP, which could not be asked about it under the number that it would get in several shards: let the service deliver it, or discard it, before the books are exported`,
      );
    }
    const grouping = groupingOf(message);
    const shard =
      grouping === 'sale' ? this.#placement.homeOf(reservationId) : this.#placement.shardOf(key);
    const value = {
      ...message,
      id: this.#numberOf(id, shard),
      parcelId: parcelId === null ? null : this.#numberOf(parcelId, shard),
    };
    if (grouping === 'sale' && state !== 'delivered') this.#share(shard, value);
    return { shard, value };
  }

  #share(home: number, { id, kind, state, lines, reservationId }: OutboxMessage): void {
    for (const [shard, own] of Map.groupBy(lines, ({ sku }) => this.#placement.shardOf(sku))) {
      if (shard === home) continue;
      const carts = this.#shares.get(shard) ?? new Map<string, MessageShare[]>();
      this.#shares.set(shard, carts);
      const known = carts.get(reservationId) ?? [];
      carts.set(reservationId, [...known, { id, kind, state, lines: own }]);
    }
  }

  level(level: OutboxLevel): { readonly shard: number; readonly value: OutboxLevel } {
    const { shards } = this.#placement;
    const touched = level.touched === 0 ? 0 : this.#numberOf(level.touched, shards - 1);
    return { shard: this.#placement.shardOf(level.sku), value: { ...level, touched } };
  }

  /** Call after every message was given. */
  *shares(): Generator<{
    readonly shard: number;
    readonly id: string;
    readonly shares: CartShares;
  }> {
    for (const [shard, carts] of this.#shares) {
      for (const [id, messages] of carts) {
        const v = Math.max(...messages.map((message) => message.id));
        yield { shard, id, shares: { v, messages } };
      }
    }
  }
}
