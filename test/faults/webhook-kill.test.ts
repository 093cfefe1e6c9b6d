/**
 * `kill -9` between the 200 to a webhook and the reading that it calls for: the ERP does not answer while the webhooks
 * come, the service is killed while it takes more in, and after its next start every one that was answered 200 has
 * been followed. `HOLDFAST_WEBHOOKS=5000` takes as many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditDataDir } from '../../src/stores/embedded/audit.ts';
import { SECRET, signatureOf, WebhookErp } from '../connectors/webhook-erp.ts';
import { tempDir } from '../support/temp-dir.ts';
import { setting } from './chance.ts';
import { Client } from './client.ts';
import { startService } from './service-process.ts';

const WEBHOOKS = setting('HOLDFAST_WEBHOOKS', 300);
const SENDERS = 8;
const BEFORE = 10;
const AFTER = 3;

function delivery(index: number) {
  const body = { type: 'stock.changed', skus: [`SKU-${index}`] };
  const timestamp = String(Math.floor(Date.now() / 1000));
  const headers = {
    'webhook-id': `event-${index}`,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatureOf(`event-${index}`, timestamp, JSON.stringify(body)),
  };
  return { body, headers };
}

test('what was answered 200 before a kill -9 is followed after the next start', async (t) => {
  const erp = await new WebhookErp().start(t);
  const dataDir = await tempDir(t);
  const settings = {
    HOLDFAST_ERP: 'webhook',
    HOLDFAST_WEBHOOK_URL: erp.url,
    HOLDFAST_WEBHOOK_SECRETS: SECRET,
    HOLDFAST_WEBHOOK_ALLOW_PRIVATE: 'true',
    HOLDFAST_WEBHOOK_CALLS_PER_SECOND: '500',
    HOLDFAST_RECONCILE_INTERVAL_SECONDS: '0',
    HOLDFAST_LOG_LEVEL: 'fatal',
  };
  const first = await startService(t, dataDir, { settings });
  const client = new Client(t, first.url, SENDERS);
  const rows = Array.from({ length: WEBHOOKS }, (_, index) => `SKU-${index},${BEFORE}`);
  const imported = await fetch(`${first.url}/stock/import`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: ['sku,on_hand', ...rows].join('\n'),
  });
  assert.equal(imported.status, 200, await imported.text());
  erp.always = { status: 503 };
  for (let index = 0; index < WEBHOOKS; index += 1) erp.levels.set(`SKU-${index}`, AFTER);

  const answered: number[] = [];
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < WEBHOOKS) {
      const index = next++;
      const { body, headers } = delivery(index);
      const reply = await client.ask('POST', '/webhooks/webhook', body, headers);
      if (reply === null) return;
      assert.equal(reply.status, 200, JSON.stringify(reply.body));
      answered.push(index);
    }
  };
  const senders = Promise.all(Array.from({ length: SENDERS }, send));
  while (answered.length < WEBHOOKS / 2) await sleep(1);
  await first.end('SIGKILL');
  await senders;
  assert.ok(answered.length >= WEBHOOKS / 2 && answered.length < WEBHOOKS, `${answered.length}`);

  erp.always = null;
  const second = await startService(t, dataDir, { settings });
  const again = new Client(t, second.url);
  // What comes again after the restart is known.
  const repeated = delivery(answered[0] ?? 0);
  const known = await again.ask('POST', '/webhooks/webhook', repeated.body, repeated.headers);
  assert.deepEqual(known?.body, { status: 'seen' });
  const onHandOf = async (index: number): Promise<unknown> =>
    (await again.must('GET', `/stock/SKU-${index}`)).body['on_hand'];
  for (const index of answered) {
    const deadline = performance.now() + 60_000;
    while ((await onHandOf(index)) !== AFTER) {
      assert.ok(performance.now() < deadline, `SKU-${index} was never read`);
      await sleep(20);
    }
  }
  await second.end('SIGTERM');
  assert.deepEqual((await auditDataDir(dataDir)).problems, []);
});
