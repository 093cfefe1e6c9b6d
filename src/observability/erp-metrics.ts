/** What an operator's Prometheus reads of the ERP's side: the backlog and its end, deliveries, calls, drifts. */
import { Gauge, type Registry } from 'prom-client';
import type { ErpStatus } from '../engine/erp-service.ts';
import type { ErpOperation } from '../engine/observed-connector.ts';
import { CounterFamily, HistogramFamily, type Cell, type HistogramCell } from './cells.ts';
import { StatusGauges } from './status-gauges.ts';

const CALL_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export class ErpMetrics {
  readonly #gauges: StatusGauges<ErpStatus>;
  readonly #deliveries: CounterFamily<'outcome'>;
  readonly #calls: HistogramFamily<'operation' | 'outcome'>;
  readonly #deliveryCells = new Map<string, Cell>();
  readonly #callCells = new Map<string, HistogramCell>();

  /** `now`: the store's clock. */
  constructor(registry: Registry, read: () => Promise<ErpStatus>, now: () => number) {
    this.#gauges = new StatusGauges(registry, read, now);
    this.#deliveries = new CounterFamily({
      name: 'holdfast_outbox_deliveries_total',
      help: 'Parcels sent to the ERP or looked for there, by outcome: applied, not_applied (later again), unknown (looked for), given_up (a dead letter).',
      labelNames: ['outcome'],
      registry,
    });
    this.#calls = new HistogramFamily({
      name: 'holdfast_erp_call_duration_seconds',
      help: 'What is asked of the ERP, waiting for a free call included, by operation and outcome (failed: no usable answer).',
      bounds: CALL_SECONDS,
      registry,
    });
    this.#addBacklog(registry);
    this.#addState();
  }

  delivered(outcome: string): void {
    let cell = this.#deliveryCells.get(outcome);
    if (cell === undefined) {
      cell = this.#deliveries.cell({ outcome });
      this.#deliveryCells.set(outcome, cell);
    }
    cell.value += 1;
  }

  called(operation: ErpOperation, outcome: string, seconds: number): void {
    const key = `${operation} ${outcome}`;
    let cell = this.#callCells.get(key);
    if (cell === undefined) {
      cell = this.#calls.cell({ operation, outcome });
      this.#callCells.set(key, cell);
    }
    cell.observe(seconds);
  }

  /** Before a scrape; `late` ends the waiting, and then the gauges are absent. */
  async refresh(late: Promise<null>): Promise<void> {
    await this.#gauges.refresh(late);
  }

  #addBacklog(registry: Registry): void {
    const gauges = this.#gauges;
    new Gauge({
      name: 'holdfast_outbox_messages',
      help: 'Messages that the ERP has not taken, by state. state=dead: each waits for a person (`holdfast outbox list --state dead`).',
      labelNames: ['state'],
      registers: [registry],
      collect() {
        this.reset();
        const found = gauges.status;
        if (found === null) return;
        this.set({ state: 'pending' }, found.pending);
        this.set({ state: 'in_flight' }, found.inFlight);
        this.set({ state: 'unknown' }, found.unknown);
        this.set({ state: 'dead' }, found.dead);
      },
    });
    this.#gauges.add(
      'holdfast_outbox_oldest_seconds',
      'Age of the oldest message that the ERP has not taken; 0 where there is none.',
      ({ oldestAt }, now) => (oldestAt === null ? 0 : (now - oldestAt) / 1_000),
    );
    this.#gauges.add(
      'holdfast_outbox_drain_seconds',
      'Until all will have been delivered at the ERP’s pace, if nothing goes wrong and nothing is added; 0 where nothing waits.',
      ({ drainedAt }, now) => (drainedAt === null ? 0 : Math.max(0, drainedAt - now) / 1_000),
    );
  }

  #addState(): void {
    this.#gauges.add(
      'holdfast_erp_working',
      '1 where the last check of the ERP found all well, 0 where it did not; absent before the first.',
      ({ connection }) =>
        connection.state === 'unchecked' ? null : Number(connection.state === 'working'),
    );
    this.#gauges.add(
      'holdfast_erp_breaker_open',
      '1 while the ERP is left alone because it did not answer several times in a row; 0.5 while one call tries it.',
      ({ breaker }) => ({ open: 1, half_open: 0.5, closed: 0 })[breaker],
    );
    this.#gauges.add(
      'holdfast_erp_calls_today',
      'Calls of the ERP’s day that is running.',
      ({ callsToday }) => callsToday,
    );
    this.#gauges.add(
      'holdfast_erp_calls_left_today',
      'What its daily limit leaves; absent where there is none.',
      ({ callsPerDay, callsToday }) =>
        callsPerDay === null ? null : Math.max(0, callsPerDay - callsToday),
    );
    this.#gauges.add(
      'holdfast_erp_drift_skus',
      'SKUs that differed in the last reconciliation; absent before the first.',
      ({ reconciliation }) =>
        reconciliation?.report?.drifts.filter(({ known }) => known).length ?? null,
    );
    this.#gauges.add(
      'holdfast_erp_raises_held',
      '1 while the ERP’s balances do not raise our books, as sales were made that it was never told of (`holdfast erp accept`).',
      ({ raisesHeldSince }) => Number(raisesHeldSince !== null),
    );
    this.#gauges.add(
      'holdfast_erp_reconciled_seconds',
      'Since the last reconciliation; absent before the first.',
      ({ reconciliation }, now) => {
        const at = reconciliation?.endedAt ?? null;
        return at === null ? null : (now - at) / 1_000;
      },
    );
  }
}
