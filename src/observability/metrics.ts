/** What an operator's Prometheus reads: buyers' answers, levels, the store's commits, HTTP, and the process itself. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Answer, Command } from '../core/command.ts';
import type { LeaseStatus } from '../engine/lease-keeper.ts';
import type { ErpStatus } from '../engine/erp-service.ts';
import type { Clock, CommitNotice, ReservationStore, StoreStats } from '../engine/ports.ts';
import type { WebhookStatus } from '../engine/webhook-service.ts';
import { CounterFamily, HistogramFamily, type Cell } from './cells.ts';
import { ErpMetrics } from './erp-metrics.ts';
import { monitorEventLoop } from './event-loop.ts';
import { HotSkus } from './hot-skus.ts';
import { HttpMetrics } from './http-metrics.ts';
import { WebhookMetrics } from './webhook-metrics.ts';

/** More labels than this cost more than they tell. */
const HOT_SKUS = 20;
/** A scrape does not wait longer for the store, which may be what is wrong. */
const STATS_TIMEOUT_MS = 1_000;

const FIGURES = [
  ['available', 'available'],
  ['on_hand', 'onHand'],
  ['reserved', 'reserved'],
  ['allocated', 'allocated'],
  ['safety_stock', 'safetyStock'],
  ['shortfall', 'shortfall'],
] as const;

/** What it is called when it was not refused. */
const OUTCOMES = {
  reserve: 'granted',
  confirm: 'confirmed',
  release: 'released',
  extend: 'extended',
  cancel: 'cancelled',
  acknowledge: 'acknowledged',
  expire: 'expired',
} as const;

export interface MetricsOptions {
  readonly version: string;
  readonly store: ReservationStore;
  /** Epoch ms of the wall clock, to show how far the store's own clock has moved away from it. */
  readonly wallClock: () => number;
  readonly logDroppedBytes: () => number;
}

export class Metrics {
  readonly metricsContentType: string;
  readonly #registry = new Registry();
  readonly #store: ReservationStore;
  readonly #loop = monitorEventLoop();
  readonly #http: HttpMetrics;
  readonly #hot = new HotSkus(() => performance.now());
  readonly #short = new Set<string>();
  readonly #answers: CounterFamily<'action' | 'outcome' | 'reason'>;
  readonly #answerCells = new Map<string, Map<string, Cell>>();
  readonly #commitCommands;
  readonly #commitSeconds;
  readonly #expiryLag;
  #stats: StoreStats | null = null;
  #webhooks: WebhookMetrics | null = null;
  #erp: ErpMetrics | null = null;

  constructor(options: MetricsOptions) {
    const registry = this.#registry;
    this.#store = options.store;
    this.metricsContentType = registry.contentType;
    this.#http = new HttpMetrics(registry);
    this.#answers = new CounterFamily({
      name: 'stock_reservations_total',
      help: 'Answers about reservations (outcome=granted, confirmed, released, extended, cancelled, or refused with its reason, such as sold_out), and recorded expiries. Repeats with an Idempotency-Key count again.',
      labelNames: ['action', 'outcome', 'reason'],
      registry,
    });
    this.#commitCommands = new HistogramFamily({
      name: 'holdfast_store_commit_commands',
      help: 'Commands that shared one commit. Large under load is good: one fsync serves them all.',
      bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
      registry,
    }).cell({});
    this.#commitSeconds = new HistogramFamily({
      name: 'holdfast_store_commit_duration_seconds',
      help: 'Time to decide one batch and make it durable. Rises when the disk is slow; every answer waits for it.',
      bounds: [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registry,
    }).cell({});
    this.#expiryLag = new HistogramFamily({
      name: 'stock_expiry_lag_seconds',
      help: 'From a reservation’s deadline to the record of its expiry. Tidying only: its units were on sale from the deadline on.',
      bounds: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registry,
    }).cell({});
    this.#addStockGauges();
    this.#addServiceGauges(options);
    collectDefaultMetrics({ register: registry });
    // Sums of gauges beside them, under a name that Prometheus keeps for counters.
    for (const what of ['resources', 'handles', 'requests']) {
      registry.removeSingleMetric(`nodejs_active_${what}_total`);
    }
  }

  #addStockGauges(): void {
    const hot = this.#hot;
    const short = this.#short;
    const registers = [this.#registry];
    new Gauge({
      name: 'stock_level_units',
      help: `Levels of the ${HOT_SKUS} SKUs in which most is going on, as of their last change. figure=available is what can be reserved.`,
      labelNames: ['sku', 'figure'],
      registers,
      collect() {
        this.reset();
        for (const level of hot.hottest(HOT_SKUS)) {
          for (const [figure, key] of FIGURES) this.set({ sku: level.sku, figure }, level[key]);
        }
      },
    });
    new Gauge({
      name: 'stock_shortfall_skus',
      help: 'SKUs that promise more than they have, because their stock was corrected downwards. Seen since this process started. Somebody must decide about each.',
      registers,
      collect() {
        this.set(short.size);
      },
    });
    this.#addStat('stock_active_reservations', 'Reservations that are active now.', 'active');
    this.#addStat('stock_skus', 'SKUs that the store knows.', 'skus');
    this.#addStat(
      'stock_ledger_entries',
      'Entries in the ledger, each one change of one SKU.',
      'headSeq',
    );
  }

  #addStat(name: string, help: string, key: 'active' | 'skus' | 'headSeq'): void {
    const value = (): number | undefined => this.#stats?.[key];
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        const current = value();
        if (current === undefined) this.reset();
        else this.set(current);
      },
    });
  }

  #addServiceGauges({ version, store, wallClock, logDroppedBytes }: MetricsOptions): void {
    const gauge = (name: string, help: string, value: () => number): void => {
      new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.set(value());
        },
      });
    };
    gauge('holdfast_ready', '1 while the service can answer, 0 while /readyz says 503.', () =>
      store.health().ready ? 1 : 0,
    );
    gauge(
      'holdfast_store_queued_commands',
      'Commands waiting for the store or in its hands. Near the limit, new ones are shed with 503.',
      () => store.health().queued,
    );
    gauge(
      'holdfast_clock_drift_seconds',
      'Wall clock minus the store’s steady clock. Far from 0, somebody stepped the wall clock since the start.',
      () => (wallClock() - store.clock.now()) / 1000,
    );
    gauge(
      'holdfast_log_dropped_bytes',
      'Bytes of the log that could not be written since the start: its reader is too slow, or its disk full.',
      logDroppedBytes,
    );
    new Gauge({
      name: 'holdfast_build_info',
      help: 'Always 1; the labels say what is running.',
      labelNames: ['version', 'node_version', 'store'],
      registers: [this.#registry],
    }).set({ version, node_version: process.version, store: store.name }, 1);
  }

  /** Leases that this instance asks for: who has each, as it last heard. */
  watchLeases(statuses: () => readonly LeaseStatus[]): void {
    const registers = [this.#registry];
    new Gauge({
      name: 'holdfast_lease_held',
      help: '1 where this instance has the lease: it alone tidies up (housekeeping), or delivers and reconciles (erp). The sum over all instances is 1, or 0 until another has taken over.',
      labelNames: ['lease'],
      registers,
      collect() {
        for (const { lease, ours } of statuses()) this.set({ lease }, ours ? 1 : 0);
      },
    });
    new Gauge({
      name: 'holdfast_lease_token',
      help: 'Rises by one whenever the lease is taken anew. Rising often: instances die, or Redis answers late.',
      labelNames: ['lease'],
      registers,
      collect() {
        for (const { lease, token } of statuses()) this.set({ lease }, token);
      },
    });
  }

  answered(command: Command, answer: Answer): void {
    if (command.type === 'reserve') {
      for (const { sku } of command.lines) this.#hot.asked(sku);
    }
    if ('reservationId' in command) {
      this.#count(command.type, answer.ok ? null : answer.rejection.code);
    }
  }

  /** `refusal`: the code, or null for what was done. */
  #count(action: keyof typeof OUTCOMES, refusal: string | null, by = 1): void {
    let cells = this.#answerCells.get(action);
    if (cells === undefined) this.#answerCells.set(action, (cells = new Map<string, Cell>()));
    const reason = refusal ?? 'none';
    let cell = cells.get(reason);
    if (cell === undefined) {
      const outcome = refusal === null ? OUTCOMES[action] : 'refused';
      cell = this.#answers.cell({ action, outcome, reason });
      cells.set(reason, cell);
    }
    cell.value += by;
  }

  committed(notice: CommitNotice): void {
    // Another instance's commit is counted where it was made.
    if (notice.commands > 0) {
      this.#commitCommands.observe(notice.commands);
      this.#commitSeconds.observe(notice.seconds);
    }
    for (const { expiresAt } of notice.expired) {
      this.#expiryLag.observe((notice.at - expiresAt) / 1000);
    }
    if (notice.expired.length > 0) this.#count('expire', null, notice.expired.length);
    this.#hot.changed(notice.levels);
    for (const { sku, shortfall } of notice.levels) {
      if (shortfall > 0) this.#short.add(sku);
      else if (this.#short.size > 0) this.#short.delete(sku);
    }
  }

  requestFinished(request: Parameters<HttpMetrics['finished']>[0]): void {
    this.#http.finished(request);
  }

  requestShed(reason: string): void {
    this.#http.shed(reason);
  }

  /** Only a service with an ERP has them; `read` is asked at each scrape, `now` is the wall clock. */
  measureWebhooks(read: () => Promise<WebhookStatus>, now: () => number): WebhookMetrics {
    this.#webhooks = new WebhookMetrics(this.#registry, read, now);
    return this.#webhooks;
  }

  /** For a service with an ERP. `read` is asked before each scrape. */
  measureErp(read: () => Promise<ErpStatus>, clock: Clock): ErpMetrics {
    this.#erp = new ErpMetrics(this.#registry, read, () => clock.now());
    return this.#erp;
  }

  eventLoopDelay(): number {
    return this.#loop.delay();
  }

  async metricsText(): Promise<string> {
    const timeout = AbortSignal.timeout(STATS_TIMEOUT_MS);
    const late = new Promise<null>((resolve) => {
      timeout.addEventListener('abort', () => resolve(null));
    });
    const stats = Promise.race([this.#store.stats().catch(() => null), late]);
    await Promise.all([this.#webhooks?.refresh(late), this.#erp?.refresh(late)]);
    this.#stats = await stats;
    return this.#registry.metrics();
  }

  stop(): void {
    this.#loop.stop();
  }
}
