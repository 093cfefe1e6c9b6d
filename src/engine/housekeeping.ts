/** The periodic work of one instance: recording expiries, and forgetting what has ended long ago. Tidying only: no decision waits for it. */
import { Fault } from './faults.ts';
import type { ReservationStore } from './ports.ts';

export interface HousekeepingOptions {
  /** Between two looks for lapsed reservations, in ms. */
  readonly sweepEveryMs: number;
  /** Between two purges, in ms. */
  readonly purgeEveryMs: number;
  /** How long an ended reservation is kept, in ms. */
  readonly retentionMs: number;
  /** Lapsed or ended reservations per step; steps follow each other while there is more. */
  readonly stepLimit: number;
  /** Told of a step that failed; the next look tries again. */
  readonly onError: (error: unknown) => void;
}

export interface Timers {
  /** Calls back once after `ms`; the returned function prevents it. Must not keep the process alive. */
  after(ms: number, callback: () => void): () => void;
}

/** Starts the work; the returned function stops it and waits for the step in hand. */
export function startHousekeeping(
  store: ReservationStore,
  timers: Timers,
  options: HousekeepingOptions,
): () => Promise<void> {
  const jobs = [
    repeat(timers, options.sweepEveryMs, options.onError, async () => {
      const answer = await store.submit({ type: 'sweep', limit: options.stepLimit });
      return answer.ok && answer.more;
    }),
    repeat(timers, options.purgeEveryMs, options.onError, async () => {
      const endedBefore = store.clock.now() - options.retentionMs;
      const answer = await store.submit({ type: 'purge', endedBefore, limit: options.stepLimit });
      return answer.ok && answer.more;
    }),
  ];
  return async () => {
    await Promise.all(jobs.map((stop) => stop()));
  };
}

/** Runs `step` every `ms`, and again at once while it says there is more. */
function repeat(
  timers: Timers,
  ms: number,
  onError: (error: unknown) => void,
  step: () => Promise<boolean>,
): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let cancel = (): void => undefined;
  const look = async (): Promise<void> => {
    try {
      while (!stopped && (await step()));
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'STORE_OVERLOADED')) onError(error);
    }
    schedule();
  };
  const schedule = (): void => {
    if (stopped) return;
    cancel = timers.after(ms, () => {
      running = look();
    });
  };
  schedule();
  return async () => {
    stopped = true;
    cancel();
    await running;
  };
}
