import assert from 'node:assert/strict';
import test from 'node:test';
import { Registry } from 'prom-client';
import type { ErpStatus } from '../engine/erp-service.ts';
import { ErpMetrics } from './erp-metrics.ts';

const NOW = 1_000_000;
const NEVER = new Promise<null>(() => undefined);

const CALM = {
  pending: 0,
  inFlight: 0,
  unknown: 0,
  dead: 0,
  keys: 0,
  oldestAt: null,
  head: 0,
  drainedAt: null,
  breaker: 'closed',
  pausedUntil: null,
  callsToday: 0,
  callsPerDay: null,
  lastError: null,
  connection: { state: 'unchecked', checkedAt: null, problem: null },
  reconciliation: null,
  raisesHeldSince: null,
} as unknown as ErpStatus;

function setUp(read: () => Promise<ErpStatus>) {
  const registry = new Registry();
  const metrics = new ErpMetrics(registry, read, () => NOW);
  return {
    metrics,
    /** By name and labels, as Prometheus reads them; without the sums of histograms' buckets. */
    scrape: async (late: Promise<null> = NEVER): Promise<Record<string, number>> => {
      await metrics.refresh(late);
      const lines = (await registry.metrics()).split('\n');
      return Object.fromEntries(
        lines
          .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'))
          .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
      );
    },
  };
}

const of = (change: object) => setUp(() => Promise.resolve({ ...CALM, ...change }));

test('nothing waits: the backlog is 0, and what is not known is absent', async () => {
  assert.deepEqual(await of({}).scrape(), {
    'holdfast_outbox_messages{state="pending"}': 0,
    'holdfast_outbox_messages{state="in_flight"}': 0,
    'holdfast_outbox_messages{state="unknown"}': 0,
    'holdfast_outbox_messages{state="dead"}': 0,
    holdfast_outbox_oldest_seconds: 0,
    holdfast_outbox_drain_seconds: 0,
    holdfast_erp_breaker_open: 0,
    holdfast_erp_calls_today: 0,
    holdfast_erp_raises_held: 0,
  });
});

test('the backlog by state, its age and its end', async () => {
  const counts = { pending: 4, inFlight: 3, unknown: 2, dead: 1 };
  const found = await of({ ...counts, oldestAt: NOW - 90_000, drainedAt: NOW + 12_500 }).scrape();
  assert.equal(found['holdfast_outbox_messages{state="pending"}'], 4);
  assert.equal(found['holdfast_outbox_messages{state="in_flight"}'], 3);
  assert.equal(found['holdfast_outbox_messages{state="unknown"}'], 2);
  assert.equal(found['holdfast_outbox_messages{state="dead"}'], 1);
  assert.equal(found['holdfast_outbox_oldest_seconds'], 90);
  assert.equal(found['holdfast_outbox_drain_seconds'], 12.5);
  const overdue = await of({ pending: 1, drainedAt: NOW - 5_000 }).scrape();
  assert.equal(overdue['holdfast_outbox_drain_seconds'], 0, 'never below 0');
});

test('whether the ERP works, is left alone, and how many calls are left', async () => {
  const connection = (state: string) => ({ connection: { state, checkedAt: NOW, problem: null } });
  const cases = [
    [connection('working'), 'holdfast_erp_working', 1],
    [connection('failing'), 'holdfast_erp_working', 0],
    [{ raisesHeldSince: NOW }, 'holdfast_erp_raises_held', 1],
    [{ breaker: 'open' }, 'holdfast_erp_breaker_open', 1],
    [{ breaker: 'half_open' }, 'holdfast_erp_breaker_open', 0.5],
    [{ callsToday: 120 }, 'holdfast_erp_calls_today', 120],
    [{ callsToday: 120 }, 'holdfast_erp_calls_left_today', undefined],
    [{ callsToday: 120, callsPerDay: 500 }, 'holdfast_erp_calls_left_today', 380],
    [{ callsToday: 501, callsPerDay: 500 }, 'holdfast_erp_calls_left_today', 0],
  ] as const;
  for (const [change, name, value] of cases) {
    const label = `${JSON.stringify(change)}: ${name}`;
    assert.equal((await of(change).scrape())[name], value, label);
  }
});

test('drifts of the last reconciliation, new SKUs apart, and how long ago it was', async () => {
  const drifts = [{ known: true }, { known: true }, { known: false }];
  const reconciliation = { endedAt: NOW - 60_000, report: { drifts } };
  const found = await of({ reconciliation }).scrape();
  assert.equal(found['holdfast_erp_drift_skus'], 2);
  assert.equal(found['holdfast_erp_reconciled_seconds'], 60);
});

test('deliveries and calls are counted, each outcome by itself', async () => {
  const { metrics, scrape } = of({});
  for (const outcome of ['applied', 'unknown', 'applied']) metrics.delivered(outcome);
  metrics.called('push', 'applied', 0.4);
  metrics.called('push', 'applied', 0.6);
  metrics.called('push', 'failed', 3);
  metrics.called('read_levels', 'done', 0.2);
  const found = await scrape();
  assert.equal(found['holdfast_outbox_deliveries_total{outcome="applied"}'], 2);
  assert.equal(found['holdfast_outbox_deliveries_total{outcome="unknown"}'], 1);
  const calls = (labels: string) => [
    found[`holdfast_erp_call_duration_seconds_count{${labels}}`],
    found[`holdfast_erp_call_duration_seconds_sum{${labels}}`],
  ];
  assert.deepEqual(calls('operation="push",outcome="applied"'), [2, 1]);
  assert.deepEqual(calls('operation="push",outcome="failed"'), [1, 3]);
  assert.deepEqual(calls('operation="read_levels",outcome="done"'), [1, 0.2]);
});

test('a status that does not come, or comes too late, leaves the gauges out, not at an old figure', async () => {
  let read = (): Promise<ErpStatus> => Promise.resolve({ ...CALM, pending: 5, callsToday: 9 });
  const { metrics, scrape } = setUp(() => read());
  metrics.delivered('applied');
  assert.equal((await scrape())['holdfast_erp_calls_today'], 9);
  const counted = { 'holdfast_outbox_deliveries_total{outcome="applied"}': 1 };
  read = () => Promise.reject(new Error('the store is closed'));
  assert.deepEqual(await scrape(), counted);
  read = () => new Promise(() => undefined);
  assert.deepEqual(await scrape(Promise.resolve(null)), counted);
});
