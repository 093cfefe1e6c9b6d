import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { isPrivate } from '../../src/connectors/webhook/public-lookup.ts';
import type { WebhookSettings } from '../../src/connectors/webhook/settings.ts';
import { isSigned, signedHeaders } from '../../src/connectors/webhook/signature.ts';
import { WebhookConnector } from '../../src/connectors/webhook/webhook-connector.ts';
import type { OutboxMessage, Parcel } from '../../src/core/outbox/message.ts';
import type { PushCall } from '../../src/engine/erp-port.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SECRET, WebhookErp } from './webhook-erp.ts';

const OTHER_SECRET = `whsec_${Buffer.alloc(32, 4).toString('base64')}`;

const call: PushCall = {
  signal: new AbortController().signal,
  turn: () => Promise.resolve(),
  journal: () => Promise.resolve(),
};

const message: OutboxMessage = {
  id: 1,
  key: 'r-1',
  kind: 'sale',
  reservationId: 'r-1',
  orderId: null,
  lines: [{ sku: 'A', quantity: 1, restock: false }],
  createdAt: 0,
  state: 'in_flight',
  parcelId: 1,
  attempts: 1,
  nextAttemptAt: 0,
  unknownAt: null,
  looks: 0,
  memo: null,
  reference: null,
  lastError: null,
};
const sale: Parcel = { id: 1, key: 'r-1', messages: [message] };

async function open(t: TestContext, changed: Partial<WebhookSettings> = {}) {
  const erp = await new WebhookErp().start(t);
  const clock = new FakeClock();
  const settings: WebhookSettings = {
    url: erp.url,
    secrets: [SECRET],
    allowPrivate: true,
    callsPerSecond: 20,
    timeoutMs: 10_000,
    ...changed,
  };
  const connector = new WebhookConnector({ settings, now: () => clock.now(), newId: randomUUID });
  t.after(() => connector.close());
  return { erp, clock, connector };
}

test("the specification's own example of a signature", () => {
  const signed = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: '1614265330',
    payload: '{"test": 2432232314}',
  };
  const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  assert.equal(signedHeaders(signed, secrets)['webhook-signature'], signature);
  assert.ok(isSigned(signed, `v2,x ${signature}`, secrets));
  assert.ok(!isSigned({ ...signed, id: 'msg_other' }, signature, secrets));
  assert.ok(!isSigned({ ...signed, timestamp: '1614265331' }, signature, secrets));
  assert.ok(!isSigned(signed, signature.replace('v1', 'v1a'), secrets));
});

test('while the secret changes, either side may be first', async (t) => {
  const both = await open(t, { secrets: [OTHER_SECRET, SECRET] });
  await both.connector.check(call);
  assert.equal(both.erp.forged, 0);
  const wrong = await open(t, { secrets: [OTHER_SECRET] });
  await assert.rejects(wrong.connector.check(call), /the signature is wrong/);
  const pushed = await wrong.connector.push(sale, call);
  assert.ok(pushed.outcome === 'rejected' && pushed.retry, 'no sale is lost over a wrong secret');
});

test('the same message twice is one message', async (t) => {
  const { erp, connector } = await open(t);
  erp.levels.set('A', 5);
  const first = await connector.push(sale, call);
  assert.deepEqual(await connector.push(sale, call), first);
  assert.equal(erp.levels.get('A'), 4);
});

test('410 switches deliveries off for an hour; Retry-After is kept to', async (t) => {
  const { erp, connector, clock } = await open(t);
  erp.always = { status: 429, headers: { 'retry-after': '7' } };
  const busy = await connector.push(sale, call);
  assert.ok(busy.outcome === 'rejected' && busy.waitMs === 7_000);
  erp.always = { status: 410 };
  await connector.push(sale, call);
  erp.always = null;
  const requests = erp.requests;
  const off = await connector.push(sale, call);
  assert.ok(off.outcome === 'rejected' && off.retry && off.waitMs === 3_600_000);
  assert.equal(erp.requests, requests);
  clock.advance(3_600_000);
  assert.equal((await connector.push(sale, call)).outcome, 'applied');
});

test('no call goes into a private network unless a setting says so', async (t) => {
  const { erp, connector } = await open(t, { allowPrivate: false });
  const byNumber = await connector.push(sale, call);
  assert.ok(byNumber.outcome === 'rejected' && byNumber.retry);
  assert.match(byNumber.reason, /private network/);
  const url = erp.url.replace('127.0.0.1', 'localhost');
  const byName = await open(t, { allowPrivate: false, url });
  const pushed = await byName.connector.push(sale, call);
  assert.ok(pushed.outcome === 'rejected' && pushed.retry);
  assert.match(pushed.reason, /private network/);
  assert.equal(erp.requests + byName.erp.requests, 0);
});

test('which addresses are private', () => {
  for (const address of [
    ...['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1'],
    ...['0.0.0.0', '::', '::1', 'fe80::1', 'fd00::1', '::ffff:127.0.0.1', '::ffff:10.0.0.1'],
    '64:ff9b::7f00:1',
  ]) {
    assert.ok(isPrivate(address), address);
  }
  for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8']) {
    assert.ok(!isPrivate(address), address);
  }
});

test("a level that is no whole number, and the ERP's own problems, are told per SKU", async (t) => {
  const { erp, connector } = await open(t);
  erp.levels.set('A', 2.5).set('B', 'it is a kit').set('C', 3);
  const { levels, problems } = await connector.readPage(null, call);
  assert.deepEqual(levels, [{ sku: 'C', onHand: 3 }]);
  assert.deepEqual(problems, [
    { sku: 'A', reason: 'the ERP has 2.5 of A: only whole units can be sold' },
    { sku: 'B', reason: 'it is a kit' },
  ]);
});
