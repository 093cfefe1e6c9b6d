import assert from 'node:assert/strict';
import test from 'node:test';
import { readConfig } from '../config.ts';
import type { ReservationStore } from '../engine/ports.ts';
import { DEFAULT_RULES } from '../core/rules.ts';
import { SteadyClock } from '../engine/steady-clock.ts';
import { Metrics } from '../observability/metrics.ts';
import { MemoryStore } from '../stores/memory/memory-store.ts';
import { openConnector, openErpService, rulesWith } from './erp.ts';
import type { Log } from './log.ts';

const { config } = readConfig({
  HOLDFAST_ERP: 'webhook',
  HOLDFAST_WEBHOOK_URL: 'https://erp.example/holdfast',
  HOLDFAST_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 1).toString('base64')}`,
});

test('an ERP is refused over a store that keeps no outbox, and taken over one that does', async (t) => {
  const connector = openConnector(config);
  assert.ok(connector !== null);
  t.after(() => connector.close());
  const clock = new SteadyClock(Date.now, () => performance.now());
  const rules = rulesWith(connector, DEFAULT_RULES);
  assert.deepEqual([rules.acknowledgeOnConfirm, rules.messageGrouping], [false, 'sale']);
  const metrics = new Metrics({
    version: '0',
    store: new MemoryStore(clock, rules),
    wallClock: Date.now,
    logDroppedBytes: () => 0,
  });
  t.after(() => metrics.stop());
  const lease = { holder: 'a', lengthMs: 5_000, monotonic: () => 0 };
  const parts = { log: {} as Log, metrics, lease };
  const without = { name: 'redis' } as ReservationStore;
  await assert.rejects(openErpService(config, connector, without, parts), {
    name: 'CliFailure',
    exitCode: 78,
    message: /HOLDFAST_ERP=webhook needs a store .* redis does not in this version/,
  });
  const { service } = await openErpService(config, connector, new MemoryStore(clock, rules), parts);
  assert.equal((await service.status()).connection.state, 'unchecked');
});
