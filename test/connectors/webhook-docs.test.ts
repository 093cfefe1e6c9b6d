/** The service before an ERP that docs/connectors.md shows: it runs as it stands there, and the connector works with it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { WebhookConnector } from '../../src/connectors/webhook/webhook-connector.ts';
import type { OutboxMessage } from '../../src/core/outbox/message.ts';
import { ErpFault, type PushCall } from '../../src/engine/erp-port.ts';
import { tempDir } from '../support/temp-dir.ts';
import { parcel } from './bling-bench.ts';
import { SECRET } from './webhook-erp.ts';

const call: PushCall = {
  signal: new AbortController().signal,
  turn: () => Promise.resolve(),
  journal: () => Promise.resolve(),
};

function exampleInDocs(): string {
  const docs = readFileSync(join(import.meta.dirname, '../../docs/connectors.md'), 'utf8');
  return /^```js\n(.*?)^```$/ms.exec(docs)?.[1] ?? assert.fail('there is no example');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function open(t: TestContext) {
  const file = join(await tempDir(t), 'erp.mjs');
  writeFileSync(file, exampleInDocs());
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), HOLDFAST_WEBHOOK_SECRETS: SECRET };
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  await once(child.stdout, 'data');
  const connect = (secret = SECRET, late = 0): WebhookConnector => {
    const connector = new WebhookConnector({
      settings: {
        url: `http://127.0.0.1:${port}`,
        secrets: [secret],
        allowPrivate: true,
        callsPerSecond: 20,
        timeoutMs: 10_000,
      },
      now: () => Date.now() - late,
      newId: randomUUID,
    });
    t.after(() => connector.close());
    return connector;
  };
  return { connect, connector: connect() };
}

test('the example answers all that Holdfast asks, and does each message once', async (t) => {
  const { connector } = await open(t);
  await connector.check(call);
  const levels = async () => {
    const page = await connector.readLevels(['SHIRT-M', 'HAT'], call);
    return [...page.levels.map(({ onHand }) => onHand), ...page.problems.map(({ sku }) => sku)];
  };
  assert.deepEqual(await levels(), [10, 'HAT']);
  const first = await connector.push(parcel('SHIRT-M', 3), call);
  assert.deepEqual(first, { outcome: 'applied', reference: 'ORDER-1' });
  assert.deepEqual(await connector.push(parcel('SHIRT-M', 3), call), first);
  assert.deepEqual(await levels(), [7, 'HAT']);
  const part: Partial<OutboxMessage> = { id: 2, kind: 'cancellation', reference: 'ORDER-1' };
  assert.equal((await connector.push(parcel('SHIRT-M', 1, part), call)).outcome, 'applied');
  assert.deepEqual(await levels(), [8, 'HAT']);
  const asked = (id: number) =>
    parcel('SHIRT-M', 3, { memo: `hf_r-1_${id}`, unknownAt: 0, looks: 3 });
  assert.deepEqual(await connector.settle(asked(1), call), first);
  assert.equal((await connector.settle(asked(9), call)).outcome, 'not_applied');
  const refused = await connector.push(parcel('HAT', 1, { id: 3 }), call);
  assert.ok(refused.outcome === 'rejected' && !refused.retry);
  assert.equal(refused.reason, 'there is no product HAT');
});

test('the example refuses what is not signed, or was signed more than five minutes ago', async (t) => {
  const { connect } = await open(t);
  const forger = connect(`whsec_${Buffer.alloc(32, 9).toString('base64')}`);
  await assert.rejects(forger.check(call), ErpFault);
  for (const connector of [forger, connect(SECRET, 301_000), connect(SECRET, -301_000)]) {
    const pushed = await connector.push(parcel('SHIRT-M', 1), call);
    assert.ok(pushed.outcome === 'rejected' && pushed.retry);
    assert.match(pushed.reason, /the signature is wrong, or too old/);
  }
  assert.equal(
    (await connect(SECRET, 290_000).push(parcel('SHIRT-M', 1), call)).outcome,
    'applied',
  );
});

test('a message that does not show counts as lost only when the other end would refuse it', async (t) => {
  const { connector } = await open(t);
  const look = (ago: number, looks: number) => {
    const unknownAt = Date.now() - ago;
    return connector.settle(parcel('SHIRT-M', 1, { memo: 'hf_r-1_1', unknownAt, looks }), call);
  };
  assert.equal((await look(300_000, 9)).outcome, 'unknown');
  assert.equal((await look(311_000, 0)).outcome, 'unknown', 'one reading is not enough');
  assert.equal((await look(311_000, 1)).outcome, 'not_applied');
});
