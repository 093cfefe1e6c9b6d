/** Stops asking somebody who does not answer, and tries one call after a while. */
import { backoffMs } from '../core/retry-policy.ts';

/** Failures in a row that open it. */
const FAILURES_TO_OPEN = 5;
const PAUSE = { baseMs: 5_000, maxMs: 120_000 } as const;

export type BreakerState = 'closed' | 'open' | 'half_open';

export class CircuitBreaker {
  #failures = 0;
  #opened = 0;
  #openUntil = 0;

  /** How many calls may be made at a time now, at most `most`: none while it is open, one to try it. */
  allows(now: number, most: number): number {
    if (now < this.#openUntil) return 0;
    return this.#failures >= FAILURES_TO_OPEN ? 1 : most;
  }

  /** `half_open`: the next call is a trial. */
  state(now: number): BreakerState {
    if (now < this.#openUntil) return 'open';
    return this.#failures >= FAILURES_TO_OPEN ? 'half_open' : 'closed';
  }

  /** When it will try again; in the past where it is not open. */
  get openUntil(): number {
    return this.#openUntil;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#opened = 0;
  }

  /** `luck`: from 0 up to 1. */
  failed(now: number, luck: number): void {
    this.#failures += 1;
    if (this.#failures < FAILURES_TO_OPEN || now < this.#openUntil) return;
    this.#opened += 1;
    // Not shorter than half: with full jitter alone it would often not pause at all.
    const pause = backoffMs(this.#opened, luck, PAUSE);
    this.#openUntil = now + Math.max(pause, PAUSE.baseMs / 2);
  }
}
