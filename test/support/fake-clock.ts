/**
 * A clock that moves only when a test says so. Its reading lives in shared memory, so that a store which decides
 * in another thread reads the same clock.
 */
import type { Clock } from '../../src/engine/ports.ts';

/** Where fake time begins: 2027-01-15T08:00:00Z. */
export const START = 1_800_000_000_000;

export class FakeClock implements Clock {
  /** Epoch milliseconds, in one BigInt64. */
  readonly shared = new SharedArrayBuffer(8);
  readonly #reading = new BigInt64Array(this.shared);

  constructor(start = START) {
    this.set(start);
  }

  now(): number {
    return Number(Atomics.load(this.#reading, 0));
  }

  /** Sets the reading, also backwards: that is how a test steps a wall clock. */
  set(epochMs: number): void {
    Atomics.store(this.#reading, 0, BigInt(epochMs));
  }

  advance(ms: number): void {
    this.set(this.now() + ms);
  }
}
