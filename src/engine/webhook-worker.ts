/**
 * Acts on webhooks. They are hints: whatever they say, and in whatever order they came, the ERP is asked how it stands
 * now, and the answer goes through the fence of the reconciliation. Hints that arrived together are followed together,
 * each SKU read once: a sale makes thousands.
 *
 * A webhook is settled once each of its hints has been followed by a reading that began after it was received. A hint
 * that could not be followed, or whose SKUs were moving at each reading, is tried again later, also by the next process.
 */
import { isSku } from '../core/quantities.ts';
import { backoffMs } from '../core/retry-policy.ts';
import { ErpFault, type ErpCall, type ErpConnector } from './erp-port.ts';
import { Fault } from './faults.ts';
import type { Reconciler, ReconcileReport } from './reconciler.ts';
import { isOver } from './unsent.ts';
import type { WebhookInbox } from './webhook-inbox.ts';

/** From the first hint to the reading, for others to come along. */
const GATHER_MS = 1_000;
/** Between two readings, so that a SKU which sells all the time does not take up the calls of the sales themselves. */
const REST_MS = 5_000;
/** After a hint that could not be followed. */
const RETRY = { baseMs: 10_000, maxMs: 600_000 } as const;
/** After a failure of the ERP, or of the store. */
const PAUSE = { baseMs: 2_000, maxMs: 300_000 } as const;
/** Then it is for the reconciliation on its schedule. */
const GIVE_UP_MS = 3 * 86_400_000;
const PAGE = 1_000;
/** Webhooks whose hints are in memory. */
const MOST_LOADED = 20_000;
/** Hints followed in one round. */
const MOST_AT_ONCE = 500;

export interface WebhookWorkerParts {
  readonly inbox: WebhookInbox;
  readonly erp: Pick<ErpConnector, 'limits' | 'resolveHint'>;
  readonly reconciler: Pick<Reconciler, 'compare'>;
  /** A new call of the connector, at the pace of all others. */
  readonly call: () => ErpCall;
  /** Correct our books, or only tell of drift? */
  readonly fix: boolean;
  /** Resolves after `ms`, or at once when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Epoch ms of the wall clock. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Between two looks into an empty inbox, in ms; what was put in by this process is noticed at once. */
  readonly idleMs: number;
  /** Told of each reading. */
  readonly onReport: (report: ReconcileReport) => void;
  /** Told of what failed; it is tried again unless the message says otherwise. */
  readonly onError: (error: unknown) => void;
}

/** A hint that is not followed yet. */
interface Waiting {
  /** When the first webhook with it was received. */
  readonly since: number;
  readonly webhooks: Set<number>;
  attempts: number;
  notBefore: number;
}

export class WebhookWorker {
  readonly #parts: WebhookWorkerParts;
  readonly #stopping = new AbortController();
  readonly #hints = new Map<string, Waiting>();
  /** How many hints of each webhook are not followed yet. */
  readonly #open = new Map<number, number>();
  /** Nothing is left to do for these; the store has not heard of it yet. */
  #done: number[] = [];
  #loadedUpTo = 0;
  #failures = 0;
  #nap = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: WebhookWorkerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** There is something new in the inbox. */
  nudge(): void {
    this.#nap.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { idleMs, sleep, onError, random } = this.#parts;
    while (!signal.aborted) {
      let busy = false;
      try {
        if (await this.#isAnythingDue()) {
          await sleep(GATHER_MS, signal);
          if (isOver(signal)) return;
          busy = await this.round();
        }
        if (this.#failures === 0) {
          await (busy ? sleep(REST_MS, signal) : this.#sleepUntilNudged(idleMs));
          continue;
        }
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.#failures += 1;
        onError(error);
      }
      await sleep(backoffMs(this.#failures, random(), PAUSE) + GATHER_MS, signal);
    }
  }

  async #sleepUntilNudged(ms: number): Promise<void> {
    this.#nap = new AbortController();
    await this.#parts.sleep(ms, AbortSignal.any([this.#stopping.signal, this.#nap.signal]));
  }

  async #isAnythingDue(): Promise<boolean> {
    await this.#load();
    return this.#done.length > 0 || this.#due().length > 0;
  }

  /** Follows the hints that are due; says whether there were any. Throws `Fault` where the store does not answer. */
  async round(): Promise<boolean> {
    await this.#load();
    const due = this.#due().slice(0, MOST_AT_ONCE);
    const { erp, call } = this.#parts;
    let failed = false;
    const skusOf = new Map<string, readonly string[]>();
    for (const hint of due) {
      const skus = await this.#attempt(() => erp.resolveHint(hint, call()));
      failed = skus === null;
      if (skus === null) {
        this.#postpone(hint);
        break;
      }
      skusOf.set(hint, skus.filter(isSku));
    }
    const read = await this.#read(new Set([...skusOf.values()].flat()));
    failed ||= read.failed;
    for (const [hint, skus] of skusOf) {
      if (skus.every((sku) => read.settled.has(sku))) this.#followed(hint);
      else this.#postpone(hint);
    }
    this.#failures = failed ? this.#failures + 1 : 0;
    await this.#tellStore();
    return due.length > 0;
  }

  /** `settled`: the SKUs of which nothing more is to be learnt for now. */
  async #read(skus: ReadonlySet<string>): Promise<{ settled: Set<string>; failed: boolean }> {
    const { reconciler, erp, fix, onReport } = this.#parts;
    const settled = new Set<string>();
    const list = [...skus];
    for (let at = 0; at < list.length; at += erp.limits.skusPerRead) {
      const chunk = list.slice(at, at + erp.limits.skusPerRead);
      const report = await this.#attempt(() =>
        reconciler.compare(chunk, { fix, cause: 'webhook' }),
      );
      if (report === null) return { settled, failed: true };
      onReport(report);
      for (const sku of chunk) if (!report.moving.includes(sku)) settled.add(sku);
    }
    return { settled, failed: false };
  }

  /** Null where the ERP gave no usable answer, or the call was stopped. */
  async #attempt<T>(ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (error) {
      const isOut = error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name);
      if (!(error instanceof ErpFault || isOut)) throw error;
      // A stop makes every call fail, which says nothing of the ERP.
      if (!isOver(this.#stopping.signal)) this.#parts.onError(error);
      return null;
    }
  }

  async #load(): Promise<void> {
    // From the first: a store that has lost what it acknowledged counts from an earlier number again.
    if (this.#open.size === 0) this.#loadedUpTo = 0;
    while (this.#open.size < MOST_LOADED) {
      const page = await this.#parts.inbox.pending(this.#loadedUpTo, PAGE);
      for (const { number, hints, receivedAt } of page) {
        const wanted = new Set(hints);
        this.#open.set(number, wanted.size);
        for (const hint of wanted) this.#await(hint, number, receivedAt);
        this.#loadedUpTo = number;
      }
      if (page.length < PAGE) return;
    }
  }

  #await(hint: string, webhook: number, receivedAt: number): void {
    const waiting = this.#hints.get(hint);
    if (waiting !== undefined) waiting.webhooks.add(webhook);
    else {
      const webhooks = new Set([webhook]);
      this.#hints.set(hint, { since: receivedAt, webhooks, attempts: 0, notBefore: 0 });
    }
  }

  #due(): string[] {
    const now = this.#parts.now();
    const due: string[] = [];
    for (const [hint, { notBefore }] of this.#hints) if (notBefore <= now) due.push(hint);
    return due;
  }

  /** Later; the hints that have not failed go first. */
  #postpone(hint: string): void {
    const waiting = this.#hints.get(hint);
    if (waiting === undefined) return;
    const { now, random, onError } = this.#parts;
    if (now() - waiting.since > GIVE_UP_MS) {
      const message = `a webhook's hint could not be followed for three days and is given up on: ${hint}`;
      onError(new ErpFault('ERP_UNAVAILABLE', message));
      this.#followed(hint);
      return;
    }
    waiting.attempts += 1;
    waiting.notBefore = now() + REST_MS + backoffMs(waiting.attempts, random(), RETRY);
  }

  #followed(hint: string): void {
    for (const webhook of this.#hints.get(hint)?.webhooks ?? []) {
      const left = (this.#open.get(webhook) ?? 1) - 1;
      this.#open.set(webhook, left);
      if (left === 0) this.#done.push(webhook);
    }
    this.#hints.delete(hint);
  }

  async #tellStore(): Promise<void> {
    if (this.#done.length === 0) return;
    const done = this.#done;
    await this.#parts.inbox.settle(done);
    for (const webhook of done) this.#open.delete(webhook);
    this.#done = [];
  }
}
