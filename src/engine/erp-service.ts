/** The ERP's side of a running service: the relay, the reconciliation on its schedule, and what there is to say of both. */
import type { ErpConnector } from './erp-port.ts';
import { ErpFault } from './erp-port.ts';
import { Fault } from './faults.ts';
import { OutboxRelay, type RelayParts, type RelayStatus } from './outbox-relay.ts';
import type { OutboxStore } from './ports.ts';
import { Reconciler, type ReconcileOptions, type ReconcileReport } from './reconciler.ts';

export interface ErpServiceParts extends Pick<RelayParts, 'sleep' | 'random' | 'onOutcome'> {
  readonly store: OutboxStore;
  readonly erp: ErpConnector;
  /** Between two looks into an empty outbox, in ms. */
  readonly idleMs: number;
  /** Between two reconciliations, in ms; null: none on a schedule. */
  readonly reconcileEveryMs: number | null;
  readonly options: ReconcileOptions;
  /** Told of each reconciliation that was carried to its end. */
  readonly onReport: (report: ReconcileReport) => void;
  /** Told of what failed and will be tried again. */
  readonly onError: (error: unknown) => void;
}

export interface ErpStatus extends RelayStatus {
  readonly erp: string;
  readonly reconciledAt: number | null;
  /** Drifts that the last reconciliation found, and SKUs that were moving all the while. */
  readonly drifts: number;
  readonly moving: number;
}

export class ErpService {
  readonly reconciler: Reconciler;
  readonly #parts: ErpServiceParts;
  readonly #relay: OutboxRelay;
  readonly #stopping = new AbortController();
  #schedule: Promise<void> = Promise.resolve();
  #last: { readonly at: number; readonly report: ReconcileReport } | null = null;

  constructor(parts: ErpServiceParts) {
    const { store, erp } = parts;
    this.#parts = parts;
    this.#relay = new OutboxRelay(parts);
    this.reconciler = new Reconciler({ store, erp, call: () => this.#relay.call('read') });
  }

  start(): void {
    this.#relay.start(this.#parts.idleMs);
    const { reconcileEveryMs } = this.#parts;
    if (reconcileEveryMs !== null) this.#schedule = this.#reconcile(reconcileEveryMs);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#relay.stop();
    await this.#schedule;
  }

  async #reconcile(everyMs: number): Promise<void> {
    const { signal } = this.#stopping;
    const stopped = (): boolean => signal.aborted;
    for (;;) {
      await this.#parts.sleep(everyMs, signal);
      if (stopped()) return;
      try {
        const report = await this.reconciler.compareAll(this.#parts.options);
        this.#last = { at: this.#parts.store.clock.now(), report };
        this.#parts.onReport(report);
      } catch (error) {
        if (stopped()) return;
        if (!(error instanceof ErpFault || error instanceof Fault)) throw error;
        this.#parts.onError(error);
      }
    }
  }

  async status(): Promise<ErpStatus> {
    const report = this.#last?.report;
    return {
      ...(await this.#relay.status()),
      erp: this.#parts.erp.name,
      reconciledAt: this.#last?.at ?? null,
      drifts: report?.drifts.length ?? 0,
      moving: report?.moving.length ?? 0,
    };
  }
}
