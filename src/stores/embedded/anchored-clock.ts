/**
 * One clock in two threads. `process.hrtime` has one origin in all threads of a process, so that the writer, who fixes
 * the anchor, and the client, who is told of it, read the same time. It never runs back, and starts no earlier than
 * the latest time that the books have recorded.
 */
import type { Clock } from '../../engine/ports.ts';

export interface ClockBase {
  /** Epoch ms at the origin of `process.hrtime`. */
  readonly anchor: number;
  /** Epoch ms before which the clock never reads. */
  readonly floor: number;
}

function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** Anchors a clock to the wall clock, or to `floor` where that is later. */
export function anchorClock(floor: number): ClockBase {
  return { anchor: Math.max(Date.now(), floor) - monotonic(), floor };
}

export class AnchoredClock implements Clock {
  readonly #anchor: number;
  #last: number;

  constructor({ anchor, floor }: ClockBase) {
    this.#anchor = anchor;
    this.#last = floor;
  }

  now(): number {
    const reading = Math.floor(this.#anchor + monotonic());
    if (reading > this.#last) this.#last = reading;
    return this.#last;
  }
}

/** A clock in shared memory that only moves when told to, for tests that must decide what time it is in both threads. */
export class SharedClock implements Clock {
  readonly buffer: SharedArrayBuffer;
  readonly #cell: BigInt64Array;
  #last: number;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8), floor = 0) {
    this.buffer = buffer;
    this.#cell = new BigInt64Array(buffer);
    this.#last = floor;
  }

  now(): number {
    const reading = Number(Atomics.load(this.#cell, 0));
    if (reading > this.#last) this.#last = reading;
    return this.#last;
  }

  set(time: number): void {
    Atomics.store(this.#cell, 0, BigInt(time));
  }

  advance(ms: number): void {
    Atomics.add(this.#cell, 0, BigInt(ms));
  }
}
