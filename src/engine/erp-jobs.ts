/**
 * Long work with the ERP, in the service's own process so that it shares the rate of calls with the deliveries: pulling
 * all its SKUs, and comparing all of ours. One at a time; whoever started it asks how far it is.
 */
import { ErpFault } from './erp-port.ts';
import { Fault } from './faults.ts';
import type { Clock, ReservationStore } from './ports.ts';
import type { Reconciler, ReconcileReport } from './reconciler.ts';

export type ErpJobKind = 'pull' | 'reconcile';

export interface ErpJobRequest {
  readonly kind: ErpJobKind;
  /** Correct our books? A pull always does. */
  readonly fix: boolean;
  /** For the ledger: `schedule`, `pull`, `operator`. */
  readonly cause: string;
  /** Only these SKUs are compared; null: all. Of no effect on a pull. */
  readonly skus: readonly string[] | null;
  /** Of a pull: from the ERP's first page, whatever an earlier one has left. */
  readonly restart: boolean;
}

export interface ErpCounts {
  /** Pages of the ERP's SKUs that were read. */
  readonly pages: number;
  readonly compared: number;
  /** SKUs that are new in our books. */
  readonly imported: number;
  /** Known SKUs whose level was set to the ERP's. */
  readonly corrected: number;
}

export interface ErpJob extends ErpCounts {
  readonly kind: ErpJobKind;
  /** `stopped`: with the service. */
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly fix: boolean;
  readonly cause: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** SKUs there are to compare; null where that is not known. */
  readonly total: number | null;
  /** Did it go on where an earlier one had ended? Its counts go on as well, its findings are of the rest only. */
  readonly resumed: boolean;
  /** Why it failed, for people. */
  readonly problem: string | null;
  /** Null until it is done. */
  readonly report: ReconcileReport | null;
}

/** How far a pull has come: what the next one begins with. */
export interface PullPlace extends ErpCounts {
  readonly cursor: string;
  readonly savedAt: number;
}

/** Where a pull's place outlives the process. */
export interface PullMemory {
  load(): Promise<PullPlace | null>;
  /** Null: there is nothing to be taken up again. */
  save(place: PullPlace | null): Promise<void>;
}

export interface ErpJobsParts {
  readonly store: ReservationStore;
  readonly clock: Clock;
  readonly reconciler: Reconciler;
  readonly memory: PullMemory;
  readonly signal: AbortSignal;
  /** The latest of each kind, ended or not. */
  readonly latest: Map<ErpJobKind, ErpJob>;
  /** Told of each that was carried to its end. */
  readonly onDone: (job: ErpJob & { readonly report: ReconcileReport }) => void;
  /** Told of what failed. */
  readonly onError: (error: unknown) => void;
}

/** After this, a place is forgotten: the ERP's pages have moved on. */
const PLACE_LIVES_MS = 86_400_000;
const NONE: ErpCounts = { pages: 0, compared: 0, imported: 0, corrected: 0 };

export class ErpJobs {
  readonly #parts: ErpJobsParts;
  #running: ErpJobKind | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(parts: ErpJobsParts) {
    this.#parts = parts;
  }

  running(): ErpJob | null {
    return this.#running === null ? null : (this.#parts.latest.get(this.#running) ?? null);
  }

  /** Null: another one is running. */
  start(request: ErpJobRequest): ErpJob | null {
    if (this.#running !== null || this.#parts.signal.aborted) return null;
    const { kind, fix, cause } = request;
    const job: ErpJob = {
      ...NONE,
      ...{ kind, fix, cause, state: 'running', startedAt: this.#parts.clock.now(), endedAt: null },
      ...{ total: null, resumed: false, problem: null, report: null },
    };
    this.#running = kind;
    this.#parts.latest.set(kind, job);
    this.#ended = this.#run(request);
    return job;
  }

  /** When the one that is running has ended. */
  async settled(): Promise<void> {
    await this.#ended;
  }

  #change(kind: ErpJobKind, change: Partial<ErpJob>): ErpJob {
    const changed = { ...(this.#parts.latest.get(kind) as ErpJob), ...change };
    this.#parts.latest.set(kind, changed);
    return changed;
  }

  async #run(request: ErpJobRequest): Promise<void> {
    const { kind } = request;
    const end = (change: Partial<ErpJob>): ErpJob => {
      this.#running = null;
      return this.#change(kind, { ...change, endedAt: this.#parts.clock.now() });
    };
    try {
      const report = kind === 'pull' ? await this.#pull(request) : await this.#reconcile(request);
      this.#parts.onDone({ ...end({ state: 'done', report }), report });
    } catch (error) {
      const isStopped = this.#parts.signal.aborted;
      const problem = error instanceof Error ? error.message : String(error);
      end({ state: isStopped ? 'stopped' : 'failed', problem });
      if (isStopped) return;
      if (!isPassing(error)) throw error;
      this.#parts.onError(error);
    }
  }

  async #pull({ restart, cause }: ErpJobRequest): Promise<ReconcileReport> {
    const { memory, clock, reconciler } = this.#parts;
    const place = restart ? null : await memory.load();
    const isFresh = place !== null && clock.now() - place.savedAt < PLACE_LIVES_MS;
    const before = isFresh ? place : null;
    const base: ErpCounts = before ?? NONE;
    this.#change('pull', { ...counts(base), resumed: before !== null });
    const report = await reconciler.pull(
      before?.cursor ?? null,
      { fix: true, cause },
      async ({ next, ...progress }) => {
        const sum = sumOf(base, progress);
        this.#change('pull', sum);
        await memory.save(next === null ? null : { ...sum, cursor: next, savedAt: clock.now() });
      },
    );
    this.#change(
      'pull',
      sumOf(base, countsOf(report, this.#parts.latest.get('pull')?.pages ?? 0, base.pages)),
    );
    return report;
  }

  async #reconcile({ fix, cause, skus }: ErpJobRequest): Promise<ReconcileReport> {
    const { store, reconciler } = this.#parts;
    const total = skus?.length ?? (await store.stats()).skus;
    this.#change('reconcile', { total });
    const onProgress = (compared: number): void => {
      this.#change('reconcile', { compared });
    };
    const report =
      skus === null
        ? await reconciler.compareAll({ fix, cause }, onProgress)
        : await reconciler.compare(skus, { fix, cause });
    this.#change('reconcile', countsOf(report, 0, 0));
    return report;
  }
}

function counts({ pages, compared, imported, corrected }: ErpCounts): ErpCounts {
  return { pages, compared, imported, corrected };
}

function sumOf(a: ErpCounts, b: ErpCounts): ErpCounts {
  return {
    pages: a.pages + b.pages,
    compared: a.compared + b.compared,
    imported: a.imported + b.imported,
    corrected: a.corrected + b.corrected,
  };
}

function countsOf({ compared, drifts }: ReconcileReport, pages: number, before: number): ErpCounts {
  const corrected = drifts.filter((drift) => drift.corrected);
  const imported = corrected.filter(({ known }) => !known).length;
  return { pages: pages - before, compared, imported, corrected: corrected.length - imported };
}

/** Trouble outside, a call that was stopped or took too long included; all else is a bug. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ErpFault || error instanceof Fault) return true;
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
