/**
 * Which shard keeps what: a SKU's shard and a reservation's home follow from their names, for good. An id that was
 * made for lines of one shard has that shard for its home, so that such a cart is one script there.
 */
import { crc16, slotOfKey } from '../connection/key-slot.ts';

const SLOTS = 16_384;
/** Where a UUID's 12 bits between version and variant stand; what says the shard is told by them, the rest is chance. */
const DIGITS = { from: 15, to: 18, values: 4_096 } as const;

export class Placement {
  readonly shards: number;

  constructor(shards: number) {
    this.shards = shards;
  }

  shardOf(sku: string): number {
    return this.#hash(sku);
  }

  /** The shard that keeps this reservation, or the cart of this id; also of an idempotency key. */
  homeOf(id: string): number {
    return this.#hash(id);
  }

  #hash(text: string): number {
    return crc16(Buffer.from(text)) % this.shards;
  }

  /**
   * The UUID, changed so that the shard of these SKUs is its home; of several, the last, which decides when it takes
   * its own lines.
   */
  place(id: string, skus: readonly string[]): string {
    return this.placeAt(id, Math.max(...skus.map((sku) => this.shardOf(sku))));
  }

  /** At most six of its random bits are then told by the shard. */
  placeAt(id: string, home: number): string {
    const first = Number.parseInt(id.slice(DIGITS.from, DIGITS.to), 16);
    for (let tried = 0; tried < DIGITS.values; tried += 1) {
      const digits = ((first + tried) % DIGITS.values).toString(16).padStart(3, '0');
      const placed = id.slice(0, DIGITS.from) + digits + id.slice(DIGITS.to);
      if (this.homeOf(placed) === home) return placed;
    }
    return id;
  }
}

/** The hash tag of each shard: of several, one in each equal part of a cluster's slots. */
export function shardTags(base: string, shards: number): string[] {
  if (shards === 1) return [base];
  return Array.from({ length: shards }, (_, shard) => {
    for (let salt = 0; ; salt += 1) {
      const tag = salt === 0 ? `${base}-${shard}` : `${base}-${shard}.${salt}`;
      if (Math.floor((slotOfKey(`{${tag}}`) * shards) / SLOTS) === shard) return tag;
    }
  });
}
