import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { WebhookConnector } from '../../src/connectors/webhook/webhook-connector.ts';
import { SECRET, signatureOf, WebhookErp } from '../connectors/webhook-erp.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { connectorSuite, type ConnectorSubject, type Mishap } from './connector-suite.ts';

const TROUBLE: Readonly<Record<Mishap, NonNullable<WebhookErp['trouble']>>> = {
  lost_request: { kind: 'reset', applied: false },
  lost_answer: { kind: 'reset', applied: true },
  error_before: { kind: 'answer', status: 500, applied: false },
  error_after: { kind: 'answer', status: 500, applied: true },
  garbage_before: { kind: 'garbage', applied: false },
  garbage_after: { kind: 'garbage', applied: true },
  late: { kind: 'late' },
  outage: { kind: 'answer', status: 503, applied: false },
  busy: { kind: 'answer', status: 429, applied: false },
  refused: { kind: 'answer', status: 422, applied: false },
};

async function open(t: TestContext): Promise<ConnectorSubject> {
  const clock = new FakeClock();
  const erp = await new WebhookErp().start(t);
  const reopen = (): WebhookConnector => {
    const connector = new WebhookConnector({
      settings: {
        url: erp.url,
        secrets: [SECRET],
        allowPrivate: true,
        callsPerSecond: 20,
        timeoutMs: 10_000,
      },
      now: () => clock.now(),
      newId: randomUUID,
    });
    t.after(() => connector.close());
    return connector;
  };
  return {
    connector: reopen(),
    reopen,
    now: () => clock.now(),
    elapse: (ms) => {
      clock.advance(ms);
      erp.arrive();
      return Promise.resolve();
    },
    seed: (stock) => {
      for (const [sku, units] of stock) erp.levels.set(sku, units);
      return Promise.resolve();
    },
    level: (sku) => Number(erp.levels.get(sku)),
    befall: (mishap) => (erp.trouble = TROUBLE[mishap]),
    down: () => (erp.always = { status: 503 }),
    changes: () => erp.applied.length,
    webhook: (sku) => {
      const text = JSON.stringify({ type: 'stock.changed', skus: [sku] });
      const timestamp = String(Math.floor(clock.now() / 1_000));
      return {
        headers: {
          'webhook-id': 'evt-1',
          'webhook-timestamp': timestamp,
          'webhook-signature': signatureOf('evt-1', timestamp, text),
        },
        body: new TextEncoder().encode(text),
      };
    },
  };
}

connectorSuite('webhook', open);
