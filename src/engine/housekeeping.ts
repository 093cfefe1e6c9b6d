/** The periodic work of one instance: recording expiries, and forgetting what has ended long ago. Tidying only: no decision waits for it. */
import { Fault } from './faults.ts';
import type { ReservationStore } from './ports.ts';

export type Job = 'sweep' | 'purge' | 'trim';

export interface HousekeepingOptions {
  /** Between two looks for lapsed reservations, in ms. */
  readonly sweepEveryMs: number;
  /** Between two purges, and two trims of the ledger, in ms. */
  readonly purgeEveryMs: number;
  /** How long an ended reservation is kept, in ms. */
  readonly retentionMs: number;
  /** How long entries of the ledger are kept after they were exported, and how many of the newest; null: for ever. */
  readonly ledgerKeep: { readonly ms: number; readonly entries: number } | null;
  /** Lapsed or ended reservations, or entries, per step; steps follow each other while there is more. */
  readonly stepLimit: number;
  /** Told of a step that failed, once for each kind of failure until one succeeds again; the next look tries again. */
  readonly onError: (error: unknown, job: Job) => void;
  /** Told when a step succeeds after such a failure. */
  readonly onRecovery: (job: Job) => void;
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
    repeat(timers, options.sweepEveryMs, tellOnce('sweep', options), async () => {
      const answer = await store.submit({ type: 'sweep', limit: options.stepLimit });
      return answer.ok && answer.more;
    }),
    repeat(timers, options.purgeEveryMs, tellOnce('purge', options), async () => {
      const endedBefore = store.clock.now() - options.retentionMs;
      const answer = await store.submit({ type: 'purge', endedBefore, limit: options.stepLimit });
      return answer.ok && answer.more;
    }),
  ];
  const keep = options.ledgerKeep;
  if (keep !== null) {
    const trim = repeat(timers, options.purgeEveryMs, tellOnce('trim', options), async () => {
      const answer = await store.submit({
        type: 'trim_ledger',
        exportedThrough: null,
        before: store.clock.now() - keep.ms,
        keepEntries: keep.entries,
        limit: options.stepLimit,
      });
      return answer.ok && answer.more;
    });
    jobs.push(trim);
  }
  return async () => {
    await Promise.all(jobs.map((stop) => stop()));
  };
}

interface Told {
  failed(error: unknown): void;
  succeeded(): void;
}

/** An outage is many failures of a few kinds, several a second: each kind is news once, and so is its end. */
function tellOnce(job: Job, { onError, onRecovery }: HousekeepingOptions): Told {
  const kinds = new Set<unknown>();
  return {
    failed: (error) => {
      // An overloaded store has more important things to do than tidying.
      const kind = error instanceof Fault ? error.code : String(error);
      if (kind === 'STORE_OVERLOADED' || kinds.has(kind)) return;
      kinds.add(kind);
      onError(error, job);
    },
    succeeded: () => {
      if (kinds.size === 0) return;
      kinds.clear();
      onRecovery(job);
    },
  };
}

/** Runs `step` every `ms`, and again at once while it says there is more. */
function repeat(
  timers: Timers,
  ms: number,
  told: Told,
  step: () => Promise<boolean>,
): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let cancel = (): void => undefined;
  const look = async (): Promise<void> => {
    try {
      while (!stopped && (await step())) told.succeeded();
      told.succeeded();
    } catch (error) {
      told.failed(error);
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
