/**
 * Counts the requests of each caller in windows of fixed length, for the limiter of requests.
 *
 * The limiter's own store hands out one object per caller and goes on counting in it. Requests that come together are
 * looked at after all of them were counted, and so all are refused, the first ones as well. Here each gets its figure.
 */
import type { FastifyRateLimitStore } from '@fastify/rate-limit';

/** Callers that are remembered at a time; past that, the one whose window began first is forgotten. */
const MOST_CALLERS = 5_000;

interface Window {
  count: number;
  beganAt: number;
}

export class RateWindows implements FastifyRateLimitStore {
  readonly #windows = new Map<string, Window>();

  /** `timeWindow` and the answer's `ttl` in ms. */
  incr(
    caller: string,
    callback: (error: Error | null, result?: { current: number; ttl: number }) => void,
    timeWindow: number,
  ): void {
    const now = performance.now();
    let window = this.#windows.get(caller);
    if (window === undefined || window.beganAt + timeWindow <= now) {
      window = { count: 0, beganAt: now };
      this.#windows.delete(caller);
      this.#windows.set(caller, window);
      this.#forget();
    }
    window.count += 1;
    callback(null, { current: window.count, ttl: window.beganAt + timeWindow - now });
  }

  #forget(): void {
    const [oldest] = this.#windows.size > MOST_CALLERS ? this.#windows.keys() : [];
    if (oldest !== undefined) this.#windows.delete(oldest);
  }

  child(): RateWindows {
    return new RateWindows();
  }
}
