/**
 * What time it is on the server that decides, as far as this process can tell: the last reading that it was told, and
 * what has passed since by this process's monotonic clock. It never runs back.
 */
import type { Clock } from '../../engine/ports.ts';

export class ServerClock implements Clock {
  readonly #monotonic: () => number;
  #heard: number;
  #heardAt: number;
  #last: number;

  /** `reading`: the server's, epoch ms. `monotonic`: ms from any origin. */
  constructor(reading: number, monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#heard = reading;
    this.#heardAt = monotonic();
    this.#last = reading;
  }

  /** A reading that came with an answer. */
  hear(reading: number): void {
    this.#heard = reading;
    this.#heardAt = this.#monotonic();
    if (reading > this.#last) this.#last = reading;
  }

  now(): number {
    const reading = Math.floor(this.#heard + this.#monotonic() - this.#heardAt);
    if (reading > this.#last) this.#last = reading;
    return this.#last;
  }
}
