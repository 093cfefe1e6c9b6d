import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { Command } from '../core/command.ts';
import { DEFAULT_RULES } from '../core/rules.ts';
import type { WebhookStatus } from '../engine/webhook-service.ts';
import { MemoryStore } from '../stores/memory/memory-store.ts';
import { Metrics } from './metrics.ts';

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

function parse(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([a-z_:\d]+)(?:\{(.*)\})? (\S+)$/i.exec(line);
      assert.ok(match, line);
      return { name: match[1] ?? '', labels: match[2] ?? '', value: Number(match[3]) };
    });
}

function setUp(t: TestContext) {
  let now = 1_000_000;
  const store = new MemoryStore({ now: () => now }, DEFAULT_RULES);
  const metrics = new Metrics({
    version: '1.2.3',
    store,
    wallClock: () => now + 2_000,
    logDroppedBytes: () => 0,
  });
  t.after(() => metrics.stop());
  store.onCommit((notice) => metrics.committed(notice));
  let ids = 0;
  const submit = async (command: Command): Promise<void> => {
    metrics.answered(command, await store.submit(command));
  };
  return {
    store,
    metrics,
    submit,
    reserve: (sku: string, quantity = 1) =>
      submit({
        type: 'reserve',
        reservationId: `id-${(ids += 1)}`,
        lines: [{ sku, quantity }],
        customerId: 'maria',
        ttlSeconds: 1,
        allowPartial: false,
      }),
    pass: (ms: number) => (now += ms),
    samples: async () => parse(await metrics.metricsText()),
    value: async (name: string, ...labels: string[]): Promise<number | undefined> => {
      const found = parse(await metrics.metricsText()).filter(
        (sample) => sample.name === name && labels.every((label) => sample.labels.includes(label)),
      );
      return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
    },
  };
}

test('answers are counted by action, outcome and reason, expiries with their lag', async (t) => {
  const { submit, reserve, pass, value } = setUp(t);
  await submit({ type: 'set_stock', sku: 'HAT', onHand: 2 });
  await reserve('HAT');
  await reserve('HAT');
  await reserve('HAT');
  await reserve('NONE');
  pass(3_000);
  await reserve('HAT', 2);
  const name = 'stock_reservations_total';
  assert.equal(await value(name, 'action="reserve"', 'outcome="granted"', 'reason="none"'), 3);
  assert.equal(await value(name, 'action="reserve"', 'reason="all_reserved"'), 1);
  assert.equal(await value(name, 'action="reserve"', 'reason="unknown_sku"'), 1);
  assert.equal(await value(name, 'action="expire"'), 2);
  assert.equal(await value(name, 'action="set_stock"'), undefined);
  assert.equal(await value('stock_expiry_lag_seconds_sum'), 4);
  assert.equal(await value('stock_expiry_lag_seconds_bucket', 'le="1"'), 0);
  assert.equal(await value('stock_expiry_lag_seconds_bucket', 'le="2.5"'), 2);
  assert.equal(await value('stock_expiry_lag_seconds_bucket', 'le="+Inf"'), 2);
  assert.equal(await value('stock_level_units', 'sku="HAT"', 'figure="available"'), 0);
  assert.equal(await value('stock_level_units', 'sku="HAT"', 'figure="reserved"'), 2);
  assert.equal(await value('stock_active_reservations'), 1);
  assert.equal(await value('stock_skus'), 1);
  assert.equal(await value('holdfast_clock_drift_seconds'), 2);
  assert.equal(await value('holdfast_build_info', 'version="1.2.3"', 'store="memory"'), 1);
});

test('only the hottest SKUs get labels, however many there are', async (t) => {
  const { submit, reserve, samples } = setUp(t);
  const skus = Array.from({ length: 5_000 }, (_, n) => `S-${n}`);
  const rows = skus.map((sku) => ({ sku, onHand: 9 }));
  await submit({ type: 'import_stock', rows, dryRun: false });
  for (let n = 0; n < 50; n += 1) await reserve('S-4999');
  for (const sku of skus) await reserve(sku);
  const shown = (await samples()).filter(({ name }) => name === 'stock_level_units');
  const labelled = new Set(shown.map(({ labels }) => /sku="([^"]*)"/.exec(labels)?.[1]));
  assert.equal(labelled.size, 20);
  assert.ok(labelled.has('S-4999'));
});

test('SKUs in shortfall are counted while they are', async (t) => {
  const { submit, reserve, value } = setUp(t);
  await submit({ type: 'set_stock', sku: 'HAT', onHand: 2 });
  await reserve('HAT', 2);
  assert.equal(await value('stock_shortfall_skus'), 0);
  await submit({ type: 'set_stock', sku: 'HAT', onHand: 1 });
  assert.equal(await value('stock_shortfall_skus'), 1);
  await submit({ type: 'set_stock', sku: 'HAT', onHand: 2 });
  assert.equal(await value('stock_shortfall_skus'), 0);
});

test('requests are timed by route, method and class of status; odd methods share a label', async (t) => {
  const { metrics, value } = setUp(t);
  const request = { method: 'POST', route: '/stock/:sku/reserve', status: 200, seconds: 0.002 };
  metrics.requestFinished(request);
  metrics.requestFinished({ ...request, status: 409 });
  metrics.requestFinished({ ...request, status: 404 });
  for (const method of ['BREW', 'PROPFIND']) metrics.requestFinished({ ...request, method });
  metrics.requestShed('store_queue');
  const count = 'http_server_request_duration_seconds_count';
  assert.equal(await value(count, 'method="POST"', 'status_class="2xx"'), 1);
  assert.equal(await value(count, 'method="POST"', 'status_class="4xx"'), 2);
  assert.equal(await value(count, 'method="OTHER"'), 2);
  const bucket = 'http_server_request_duration_seconds_bucket';
  assert.equal(await value(bucket, 'status_class="2xx"', 'method="POST"', 'le="0.001"'), 0);
  assert.equal(await value(bucket, 'status_class="2xx"', 'method="POST"', 'le="0.0025"'), 1);
  assert.equal(await value('http_server_requests_shed_total', 'reason="store_queue"'), 1);
});

test('ready follows the store, and metrics stay readable when the store does not answer', async (t) => {
  const { store, metrics, value } = setUp(t);
  assert.equal(await value('holdfast_ready'), 1);
  await store.close();
  store.stats = () => new Promise(() => undefined);
  assert.equal(await value('holdfast_ready'), 0);
  assert.ok(metrics.eventLoopDelay() >= 0);
});

test('the text is in the format and the naming that Prometheus asks for', async (t) => {
  const { metrics, reserve } = setUp(t);
  await reserve('NONE');
  const text = await metrics.metricsText();
  assert.match(metrics.metricsContentType, /^text\/plain; version=0\.0\.4/);
  const helped = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)];
  const typed = new Map([...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map((m) => [m[1], m[2]]));
  assert.equal(helped.length, typed.size);
  for (const [name, type] of typed) {
    assert.match(name ?? '', /^(stock|holdfast|http_server|process|nodejs)_[a-z\d_]+$/);
    if (type === 'counter') assert.match(name ?? '', /_total$/);
    else assert.doesNotMatch(name ?? '', /_total$/);
  }
  assert.ok(typed.has('nodejs_eventloop_lag_p99_seconds'));
});

test('a commit of another instance is not counted here', async (t) => {
  const { metrics, submit, value } = setUp(t);
  await submit({ type: 'set_stock', sku: 'HAT', onHand: 2 });
  metrics.committed({ headSeq: 9, commands: 0, seconds: 0, at: 1, expired: [], levels: [] });
  assert.equal(await value('holdfast_store_commit_commands_count'), 1);
  assert.equal(await value('holdfast_store_commit_duration_seconds_count'), 1);
});

test('webhooks are counted by outcome, and what waits of them is as it is at the scrape', async (t) => {
  const { metrics, samples } = setUp(t);
  assert.equal(
    (await samples()).some(({ name }) => name.startsWith('holdfast_webhooks')),
    false,
  );
  let silent = false;
  let status: WebhookStatus | null = null;
  const made = metrics.measureWebhooks(
    () => (status === null ? Promise.reject(new Error('down')) : Promise.resolve(status)),
    () => 90_000,
  );
  const values = async () =>
    Object.fromEntries(
      (await samples())
        .filter(({ name }) => name.startsWith('holdfast_webhooks'))
        .map(({ name, labels, value }) => [`${name.slice(18)} ${labels}`.trim(), value]),
    );
  made.received('stored');
  made.received('stored');
  made.received('forged');
  const counted = await values();
  assert.equal(counted['received_total outcome="stored"'], 2);
  assert.equal(counted['received_total outcome="forged"'], 1);
  assert.equal(counted['received_total outcome="stale"'], 0);
  // Nothing is said of what cannot be read.
  assert.equal('pending' in counted, false);
  status = { pending: 3, oldestAt: 30_000, lastReceivedAt: 85_000, silent, afterMs: null };
  const { pending, oldest_pending_seconds, last_received_seconds, ...rest } = await values();
  assert.deepEqual([pending, oldest_pending_seconds, last_received_seconds], [3, 60, 5]);
  assert.equal(rest['silent'], 0);
  silent = true;
  status = { pending: 0, oldestAt: null, lastReceivedAt: null, silent, afterMs: 60_000 };
  const later = await values();
  assert.deepEqual([later['oldest_pending_seconds'], later['silent']], [0, 1]);
  assert.equal('last_received_seconds' in later, false);
});
