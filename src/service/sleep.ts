import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after `ms`, or at once when the signal is aborted. */
export function sleepUntil(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => undefined);
}
