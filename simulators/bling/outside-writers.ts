/** Others who move the stock of the account while we look away, at a steady rate. */
import type { SimulatedClock } from './clock.ts';

/** Does something so many times per simulated minute, evenly, for as long as the rate is above 0. */
export class Pulse {
  readonly #clock: SimulatedClock;
  readonly #perMinute: () => number;
  readonly #act: () => void;
  #beating = false;

  constructor(clock: SimulatedClock, perMinute: () => number, act: () => void) {
    this.#clock = clock;
    this.#perMinute = perMinute;
    this.#act = act;
  }

  /** To be called when the rate may have changed. */
  wake(): void {
    if (this.#beating || this.#perMinute() === 0) return;
    this.#beating = true;
    this.#clock.after(60_000 / this.#perMinute(), () => {
      this.#beating = false;
      if (this.#perMinute() > 0) this.#act();
      this.wake();
    });
  }
}
