/** The ERP's side of a running service: the relay, the reconciliation on its schedule, the webhooks, and what there is to say of both. */
import { groupingOf, type MessageGrouping, type OutboxMessage } from '../core/outbox/message.ts';
import {
  ErpJobs,
  isPassing,
  type ErpJob,
  type ErpJobKind,
  type ErpJobRequest,
  type ErpJobsParts,
} from './erp-jobs.ts';
import type { ErpCall, ErpConnector } from './erp-port.ts';
import { fenced } from './fenced-store.ts';
import {
  LeaseKeeper,
  type LeaseKeeperParts,
  type LeaseStatus,
  type Tenure,
} from './lease-keeper.ts';
import { OutboxRelay, type RelayParts, type RelayStatus } from './outbox-relay.ts';
import type { OutboxStore } from './ports.ts';
import type { RaiseGuard } from './raise-guard.ts';
import { Reconciler } from './reconciler.ts';
import { WebhookService, type WebhookOptions, type WebhookStatus } from './webhook-service.ts';

export interface ErpServiceParts
  extends
    Pick<RelayParts, 'sleep' | 'random' | 'onOutcome'>,
    Pick<ErpJobsParts, 'memory' | 'onDone'> {
  readonly store: OutboxStore;
  readonly erp: ErpConnector;
  /** Of several instances the one that has the lease does this work. Left out where there can be only one. */
  readonly lease?: LeaseOptions;
  /** Between two looks into an empty outbox, in ms. */
  readonly idleMs: number;
  /** Between two reconciliations, in ms; null: none on a schedule. */
  readonly reconcileEveryMs: number | null;
  /** Does the schedule correct our books, or only report? */
  readonly fix: boolean;
  /** Told of what failed and will be tried again. */
  readonly onError: (error: unknown) => void;
  /** Told when the ERP turned out to work, or not to, unless that was known. */
  readonly onConnection?: (connection: ErpConnection) => void;
  readonly webhooks: WebhookOptions;
  /** Left out: the ERP's balances are taken over, higher or lower. */
  readonly raises?: RaiseGuard;
}

export type LeaseOptions = Pick<LeaseKeeperParts, 'holder' | 'lengthMs' | 'monotonic' | 'onChange'>;

/** A lock keeps others away: this lease never runs out. */
const ONLY_INSTANCE: LeaseOptions = { holder: 'this', lengthMs: 60_000, monotonic: () => 0 };

export interface ErpConnection {
  /** `unchecked`: not asked yet. */
  readonly state: 'unchecked' | 'working' | 'failing';
  readonly checkedAt: number | null;
  /** For the person who set it up; null unless failing. */
  readonly problem: string | null;
}

/** Between two checks of an ERP that works, and of one that does not. */
const CHECK_EVERY_MS = { working: 600_000, failing: 60_000 } as const;
const OUTBOX_PAGE = 1_000;

/**
 * A sale that is still to be told and was cut for an ERP of another grouping; null where there is none. With one, the
 * ERP must not be started: it would be told parts of sales as if they were whole, or the other way round.
 */
export async function findForeignSale(
  store: OutboxStore,
  grouping: MessageGrouping,
): Promise<OutboxMessage | null> {
  for (let after = 0; ;) {
    const page = await store.outbox({ state: null, after, limit: OUTBOX_PAGE });
    const foreign = page.find(
      (message) =>
        message.kind === 'sale' && message.state !== 'dead' && groupingOf(message) !== grouping,
    );
    if (foreign !== undefined) return foreign;
    if (page.length < OUTBOX_PAGE) return null;
    after = page.at(-1)?.id ?? after;
  }
}

export interface ErpStatus extends RelayStatus {
  readonly erp: string;
  readonly connection: ErpConnection;
  /** Which instance delivers and reconciles. */
  readonly lease: LeaseStatus;
  readonly callsPerSecond: number;
  /** Null: no daily limit. */
  readonly callsPerDay: number | null;
  /** The latest that has ended, on the schedule or asked for; null: none since the start. */
  readonly reconciliation: ErpJob | null;
  /** Null: none on a schedule, or not by this instance. */
  readonly nextReconciliationAt: number | null;
  /** What runs now. */
  readonly job: ErpJob | null;
  readonly webhooks: WebhookStatus;
  /** Since when the ERP's balances do not raise our books; null: they do. */
  readonly raisesHeldSince: number | null;
}

export class ErpService {
  readonly reconciler: Reconciler;
  readonly webhooks: WebhookService;
  readonly #parts: ErpServiceParts;
  readonly #keeper: LeaseKeeper;
  readonly #stopping = new AbortController();
  /** That of this tenure; without the lease one that is not started, for figures and calls. */
  #relay: OutboxRelay;
  #checks: Promise<void> = Promise.resolve();
  #connection: ErpConnection = { state: 'unchecked', checkedAt: null, problem: null };
  /** Null without the lease. */
  #jobs: ErpJobs | null = null;
  readonly #latest = new Map<ErpJobKind, ErpJob>();
  #reconciliation: ErpJob | null = null;
  #nextReconciliationAt: number | null = null;

  constructor(parts: ErpServiceParts) {
    const { store } = parts;
    this.#parts = parts;
    this.#relay = new OutboxRelay(parts);
    this.#keeper = new LeaseKeeper({
      ...(parts.lease ?? ONLY_INSTANCE),
      leases: store.leases,
      lease: 'erp',
      sleep: parts.sleep,
      work: (tenure) => this.#work(tenure),
    });
    this.reconciler = this.#openReconciler(store, () => this.#relay.call('read'));
    this.webhooks = this.#makeWebhooks();
  }

  /** Every instance notices a silence, one tells of it. */
  #makeWebhooks(): WebhookService {
    const { webhooks, store } = this.#parts;
    const { onSilence } = webhooks;
    return new WebhookService({
      ...this.#parts,
      ...webhooks,
      inbox: store.inbox,
      onSilence: (silent, lastReceivedAt) => {
        if (this.lease.ours) onSilence(silent, lastReceivedAt);
      },
    });
  }

  start(): void {
    this.webhooks.start();
    this.#checks = this.#keepChecking();
    this.#keeper.start();
  }

  /** As long as this instance has the lease. Each tenure begins with a relay that takes what is in flight for unknown. */
  #work({ fence, assertHeld }: Tenure): () => Promise<void> {
    const { idleMs, reconcileEveryMs } = this.#parts;
    const store = fenced(this.#parts.store, fence);
    const relay = new OutboxRelay({ ...this.#parts, store, assertHeld });
    this.#relay = relay;
    relay.start(idleMs);
    const stopping = new AbortController();
    const { signal } = stopping;
    const call = (): ErpCall => relay.call('read');
    const reconciler = this.#openReconciler(store, call);
    const stopFollowing = this.webhooks.follow({ reconciler, call });
    const jobs = this.#openJobs(reconciler, signal);
    this.#jobs = jobs;
    const schedule =
      reconcileEveryMs === null
        ? Promise.resolve()
        : this.#keepReconciling(jobs, reconcileEveryMs, signal);
    return async () => {
      this.#relay = new OutboxRelay(this.#parts);
      this.#jobs = null;
      stopping.abort();
      await Promise.all([stopFollowing(), relay.stop()]);
      await schedule;
      await jobs.settled();
    };
  }

  #openReconciler(store: OutboxStore, call: () => ErpCall): Reconciler {
    const { erp } = this.#parts;
    return new Reconciler({ store, erp, call, mayRaise: () => this.raisesHeldSince === null });
  }

  /** Epoch ms; null: the ERP's balances raise our books. */
  get raisesHeldSince(): number | null {
    return this.#parts.raises?.heldSince ?? null;
  }

  /** From now on the ERP's balances raise our books again; says whether they did not. Durable once it resolves. */
  async acceptRaises(): Promise<boolean> {
    return (await this.#parts.raises?.accept()) ?? false;
  }

  #openJobs(reconciler: Reconciler, signal: AbortSignal): ErpJobs {
    const { store, memory, onDone, onError } = this.#parts;
    return new ErpJobs({
      ...{ store, clock: store.clock, reconciler, memory, signal, onError, latest: this.#latest },
      onDone: (job) => {
        if (job.kind === 'reconcile') this.#reconciliation = job;
        onDone(job);
      },
    });
  }

  /** Does this instance do the ERP's work? Else another one does, or will in a moment. */
  get works(): boolean {
    return this.#jobs !== null;
  }

  /** Null: another job is running, or this instance does not do the ERP's work. */
  startJob(request: ErpJobRequest): ErpJob | null {
    return this.#jobs?.start(request) ?? null;
  }

  /** The latest of its kind that this instance has done since its start; null where there was none. */
  job(kind: ErpJobKind): ErpJob | null {
    return this.#latest.get(kind) ?? null;
  }

  runningJob(): ErpJob | null {
    return this.#jobs?.running() ?? null;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#keeper.stop(), this.#relay.stop(), this.webhooks.stop()]);
    await this.#checks;
    await this.#parts.erp.close();
  }

  async #keepChecking(): Promise<void> {
    const { signal } = this.#stopping;
    const stopped = (): boolean => signal.aborted;
    while (!stopped()) {
      const found = await this.#check();
      if (found === null) continue;
      const isNews =
        found.state !== this.#connection.state || found.problem !== this.#connection.problem;
      // A stop makes every call fail, which says nothing of the ERP.
      if (stopped()) return;
      this.#connection = found;
      if (isNews) this.#parts.onConnection?.(found);
      const wait = CHECK_EVERY_MS[found.problem === null ? 'working' : 'failing'];
      await this.#parts.sleep(wait, signal);
    }
  }

  /** Null: the lease has come or gone meanwhile, which makes calls fail and says nothing of the ERP. */
  async #check(): Promise<ErpConnection | null> {
    const checkedAt = this.#parts.store.clock.now();
    const relay = this.#relay;
    try {
      await this.#parts.erp.check(relay.call('read'));
      return { state: 'working', checkedAt, problem: null };
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (relay !== this.#relay) return null;
      return { state: 'failing', checkedAt, problem: (error as Error).message };
    }
  }

  /** One that somebody asked for meanwhile does as well as our own. */
  async #keepReconciling(jobs: ErpJobs, everyMs: number, signal: AbortSignal): Promise<void> {
    const stopped = (): boolean => signal.aborted;
    for (;;) {
      this.#nextReconciliationAt = this.#parts.store.clock.now() + everyMs;
      await this.#parts.sleep(everyMs, signal);
      this.#nextReconciliationAt = null;
      if (stopped()) return;
      const { fix } = this.#parts;
      jobs.start({ kind: 'reconcile', fix, cause: 'schedule', skus: null, restart: false });
      await jobs.settled();
    }
  }

  get lease(): LeaseStatus {
    return this.#keeper.status;
  }

  async status(): Promise<ErpStatus> {
    const { name, limits } = this.#parts.erp;
    return {
      ...(await this.#relay.status()),
      erp: name,
      connection: this.#connection,
      lease: this.lease,
      callsPerSecond: limits.callsPerSecond,
      callsPerDay: limits.callsPerDay,
      reconciliation: this.#reconciliation,
      nextReconciliationAt: this.#nextReconciliationAt,
      job: this.runningJob(),
      webhooks: await this.webhooks.status(),
      raisesHeldSince: this.raisesHeldSince,
    };
  }
}
