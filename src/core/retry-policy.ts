/** How long to wait before something is tried again: exponential, with full jitter, so that many do not come back together. */

export interface RetryPolicy {
  /** The longest wait after the first attempt, in ms; it doubles with each. */
  readonly baseMs: number;
  /** No wait is longer than this. */
  readonly maxMs: number;
}

/** `attempt`: 1 after the first; `luck`: from 0 up to 1. At least 1 ms. */
export function backoffMs(attempt: number, luck: number, { baseMs, maxMs }: RetryPolicy): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return 1 + Math.floor(luck * ceiling);
}
