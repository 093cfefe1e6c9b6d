/** What an operator's Prometheus reads of the ERP's webhooks. */
import type { Registry } from 'prom-client';
import { WEBHOOK_OUTCOMES, type WebhookOutcome } from '../engine/webhook-intake.ts';
import type { WebhookStatus } from '../engine/webhook-service.ts';
import { CounterFamily, type Cell } from './cells.ts';
import { StatusGauges } from './status-gauges.ts';

export class WebhookMetrics {
  readonly #gauges: StatusGauges<WebhookStatus>;
  readonly #cells: Readonly<Record<WebhookOutcome, Cell>>;

  /** `now`: epoch ms of the wall clock. */
  constructor(registry: Registry, read: () => Promise<WebhookStatus>, now: () => number) {
    this.#gauges = new StatusGauges(registry, read, now);
    const received = new CounterFamily({
      name: 'holdfast_webhooks_received_total',
      help: 'Webhooks of the ERP by outcome: stored, seen (delivered again), forged, stale, unreadable, unavailable (the store could not take it: its sender tries again).',
      labelNames: ['outcome'],
      registry,
    });
    this.#cells = Object.fromEntries(
      WEBHOOK_OUTCOMES.map((outcome) => [outcome, received.cell({ outcome })]),
    ) as Record<WebhookOutcome, Cell>;
    this.#gauges.add(
      'holdfast_webhooks_pending',
      'Webhooks that are stored and whose SKUs were not read from the ERP yet.',
      ({ pending }) => pending,
    );
    this.#gauges.add(
      'holdfast_webhooks_oldest_pending_seconds',
      'Age of the first of them; 0 where there is none. Rises while the ERP does not answer.',
      ({ oldestAt }, now) => (oldestAt === null ? 0 : (now - oldestAt) / 1000),
    );
    this.#gauges.add(
      'holdfast_webhooks_last_received_seconds',
      'Since the newest webhook; absent where there never was one.',
      ({ lastReceivedAt }, now) => (lastReceivedAt === null ? null : (now - lastReceivedAt) / 1000),
    );
    this.#gauges.add(
      'holdfast_webhooks_silent',
      '1 while no webhook has come for longer than HOLDFAST_ERP_WEBHOOK_SILENCE_MINUTES: the ERP may have switched them off.',
      ({ silent }) => (silent ? 1 : 0),
    );
  }

  received(outcome: WebhookOutcome): void {
    this.#cells[outcome].value += 1;
  }

  /** Before a scrape; `late` ends the waiting, and then the gauges are absent. */
  async refresh(late: Promise<null>): Promise<void> {
    await this.#gauges.refresh(late);
  }
}
