/** The ERP's side of a running service: the relay, the reconciliation on its schedule, the webhooks, and what there is to say of both. */
import type { ErpCall, ErpConnector } from './erp-port.ts';
import { ErpFault } from './erp-port.ts';
import { Fault } from './faults.ts';
import { groupingOf, type MessageGrouping, type OutboxMessage } from '../core/outbox/message.ts';
import { fenced } from './fenced-store.ts';
import {
  LeaseKeeper,
  type LeaseKeeperParts,
  type LeaseStatus,
  type Tenure,
} from './lease-keeper.ts';
import { OutboxRelay, type RelayParts, type RelayStatus } from './outbox-relay.ts';
import type { OutboxStore } from './ports.ts';
import { Reconciler, type ReconcileOptions, type ReconcileReport } from './reconciler.ts';
import { WebhookService, type WebhookOptions, type WebhookStatus } from './webhook-service.ts';

export interface ErpServiceParts extends Pick<RelayParts, 'sleep' | 'random' | 'onOutcome'> {
  readonly store: OutboxStore;
  readonly erp: ErpConnector;
  /** Of several instances the one that has the lease does this work. Left out where there can be only one. */
  readonly lease?: LeaseOptions;
  /** Between two looks into an empty outbox, in ms. */
  readonly idleMs: number;
  /** Between two reconciliations, in ms; null: none on a schedule. */
  readonly reconcileEveryMs: number | null;
  readonly options: ReconcileOptions;
  /** Told of each reconciliation that was carried to its end. */
  readonly onReport: (report: ReconcileReport) => void;
  /** Told of what failed and will be tried again. */
  readonly onError: (error: unknown) => void;
  /** Told when the ERP turned out to work, or not to, unless that was known. */
  readonly onConnection?: (connection: ErpConnection) => void;
  readonly webhooks: WebhookOptions;
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
  readonly reconciledAt: number | null;
  /** Drifts that the last reconciliation found, and SKUs that were moving all the while. */
  readonly drifts: number;
  readonly moving: number;
  readonly webhooks: WebhookStatus;
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
  #last: { readonly at: number; readonly report: ReconcileReport } | null = null;

  constructor(parts: ErpServiceParts) {
    const { store, erp } = parts;
    this.#parts = parts;
    this.#relay = new OutboxRelay(parts);
    this.#keeper = new LeaseKeeper({
      ...(parts.lease ?? ONLY_INSTANCE),
      leases: store.leases,
      lease: 'erp',
      sleep: parts.sleep,
      work: (tenure) => this.#work(tenure),
    });
    this.reconciler = new Reconciler({ store, erp, call: () => this.#relay.call('read') });
    this.webhooks = this.#makeWebhooks();
  }

  /** Every instance notices a silence, one tells of it. */
  #makeWebhooks(): WebhookService {
    const { webhooks, store, options } = this.#parts;
    const { onSilence } = webhooks;
    return new WebhookService({
      ...this.#parts,
      ...webhooks,
      inbox: store.inbox,
      fix: options.fix,
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
    const { erp, idleMs, reconcileEveryMs } = this.#parts;
    const store = fenced(this.#parts.store, fence);
    const relay = new OutboxRelay({ ...this.#parts, store, assertHeld });
    this.#relay = relay;
    relay.start(idleMs);
    const stopping = new AbortController();
    const call = (): ErpCall => relay.call('read');
    const reconciler = new Reconciler({ store, erp, call });
    const stopFollowing = this.webhooks.follow({ reconciler, call });
    const schedule =
      reconcileEveryMs === null
        ? Promise.resolve()
        : this.#reconcile(reconciler, reconcileEveryMs, stopping.signal);
    return async () => {
      this.#relay = new OutboxRelay(this.#parts);
      stopping.abort();
      await Promise.all([stopFollowing(), relay.stop()]);
      await schedule;
    };
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

  async #check(): Promise<ErpConnection> {
    const checkedAt = this.#parts.store.clock.now();
    const relay = this.#relay;
    try {
      await this.#parts.erp.check(relay.call('read'));
      return { state: 'working', checkedAt, problem: null };
    } catch (error) {
      if (!isPassing(error)) throw error;
      // A change of the lease makes the call fail, too.
      if (relay !== this.#relay) return this.#connection;
      return { state: 'failing', checkedAt, problem: (error as Error).message };
    }
  }

  async #reconcile(reconciler: Reconciler, everyMs: number, signal: AbortSignal): Promise<void> {
    const stopped = (): boolean => signal.aborted;
    for (;;) {
      await this.#parts.sleep(everyMs, signal);
      if (stopped()) return;
      try {
        const report = await reconciler.compareAll(this.#parts.options);
        this.#last = { at: this.#parts.store.clock.now(), report };
        this.#parts.onReport(report);
      } catch (error) {
        if (stopped()) return;
        if (!isPassing(error)) throw error;
        this.#parts.onError(error);
      }
    }
  }

  get lease(): LeaseStatus {
    return this.#keeper.status;
  }

  async status(): Promise<ErpStatus> {
    const report = this.#last?.report;
    return {
      ...(await this.#relay.status()),
      erp: this.#parts.erp.name,
      connection: this.#connection,
      lease: this.lease,
      reconciledAt: this.#last?.at ?? null,
      drifts: report?.drifts.length ?? 0,
      moving: report?.moving.length ?? 0,
      webhooks: await this.webhooks.status(),
    };
  }
}

/** Trouble outside, a call that was stopped or took too long included; all else is a bug. */
function isPassing(error: unknown): boolean {
  if (error instanceof ErpFault || error instanceof Fault) return true;
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}
