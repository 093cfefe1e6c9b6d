/**
 * The store's clock, in epoch milliseconds: anchored once to the wall clock, then driven by the monotonic one, so
 * that a step of the wall clock neither lapses a reservation early nor gives one more life. It never runs back,
 * and never starts before `floor`, the highest reading that the store has recorded.
 */
import type { Clock } from './ports.ts';

export class SteadyClock implements Clock {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  readonly #anchor: number;
  #last: number;

  /** `wall`: epoch ms. `monotonic`: ms from any origin. `floor`: epoch ms. */
  constructor(wall: () => number, monotonic: () => number, floor = 0) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#last = Math.floor(Math.max(wall(), floor));
    this.#anchor = this.#last - monotonic();
  }

  now(): number {
    const reading = Math.floor(this.#anchor + this.#monotonic());
    if (reading > this.#last) this.#last = reading;
    return this.#last;
  }

  /** How far the wall clock has moved away from this one, in ms; positive when the wall is ahead. */
  drift(): number {
    return this.#wall() - this.now();
  }
}
