/** Timers that ring when a test moves their clock. */
import type { Timers } from '../../src/engine/housekeeping.ts';
import type { FakeClock } from './fake-clock.ts';

export class FakeTimers implements Timers {
  readonly #clock: FakeClock;
  #set: { readonly at: number; readonly ring: () => void }[] = [];

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Timers that have not rung. */
  get pending(): number {
    return this.#set.length;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#clock.now() + ms, ring: callback };
    this.#set.push(timer);
    return () => {
      this.#set = this.#set.filter((other) => other !== timer);
    };
  }

  /** Moves the clock, rings what is due on the way, each at its time, and lets the work that follows finish. */
  async advance(ms: number): Promise<void> {
    const end = this.#clock.now() + ms;
    for (;;) {
      const due = this.#set.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      const next = due[0];
      if (next === undefined) break;
      this.#set = this.#set.filter((other) => other !== next);
      this.#clock.set(Math.max(this.#clock.now(), next.at));
      next.ring();
      await this.settle();
    }
    this.#clock.set(end);
    await this.settle();
  }

  /** Lets promises that are ready run on, as far as they go without a timer. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
