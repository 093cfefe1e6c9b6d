import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { readHint, readWebhook } from './webhook.ts';

const KEY = 'client-secret-test';
/** Computed independently of this program, for this key. */
const VECTOR = {
  body: '{"eventId":"01945027-150e-72b4-e7cf-4943a042cd9c","date":"2025-01-10T12:18:46Z","version":"v1","event":"stock.updated","companyId":"d4475854366a36c86a37e792f9634a51","data":{"produto":{"id":12345678},"deposito":{"id":12345678,"saldoFisico":10,"saldoVirtual":8},"operacao":"S","quantidade":2,"saldoFisicoTotal":10,"saldoVirtualTotal":8}}',
  signature: 'sha256=8b8aa87f5441acfa7373867b8019af6be209e97a25d320a6244b5e3336435873',
};
const AT = Date.parse('2025-01-10T12:18:50Z');

function read(
  body: string | Uint8Array,
  { signature, at = AT }: { signature?: string | string[]; at?: number } = {},
) {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const right = `sha256=${createHmac('sha256', KEY).update(bytes).digest('hex')}`;
  const headers = { 'x-bling-signature-256': signature ?? right };
  return readWebhook({ headers, body: bytes, receivedAt: at }, KEY);
}

function faultOf(reading: ReturnType<typeof read>): string {
  return reading.ok ? 'ok' : reading.fault;
}

test('the vector is accepted, and is a hint about its product', () => {
  assert.deepEqual(read(VECTOR.body, { signature: VECTOR.signature }), {
    ok: true,
    event: {
      eventId: '01945027-150e-72b4-e7cf-4943a042cd9c',
      topic: 'stock.updated',
      hints: ['stock:12345678'],
    },
  });
});

test('a body that is not the signed one to the byte, or another signature, is forged', () => {
  const { body, signature } = VECTOR;
  assert.equal(faultOf(read(`${body} `, { signature })), 'forged');
  assert.equal(faultOf(read(body.replace('10', '11'), { signature })), 'forged');
  for (const wrong of [
    '',
    'sha256=',
    signature.slice(7),
    signature.toUpperCase(),
    signature.replace(/.$/, '4'),
  ]) {
    assert.equal(faultOf(read(body, { signature: wrong })), 'forged', wrong);
  }
  assert.equal(faultOf(read(body, { signature: [signature, signature] })), 'forged');
  const bytes = new TextEncoder().encode(body);
  assert.equal(faultOf(readWebhook({ headers: {}, body: bytes, receivedAt: AT }, KEY)), 'forged');
});

test('one that Bling can no longer be trying to deliver is stale; three days late it may come', () => {
  const { body } = VECTOR;
  assert.equal(faultOf(read(body, { at: AT + 3 * 86_400_000 })), 'ok');
  assert.equal(faultOf(read(body, { at: AT + 5 * 86_400_000 })), 'stale');
  assert.equal(faultOf(read(body, { at: AT - 3_600_000 })), 'stale');
});

test('every field but the product is optional', () => {
  const bare = read('{"event":"virtual_stock.updated","data":{"produto":{"id":5}}}');
  assert.ok(bare.ok);
  assert.deepEqual(bare.event.hints, ['stock:5']);
  assert.match(bare.event.eventId, /^[\da-f]{64}$/);
  const again = read('{"event":"virtual_stock.updated","data":{"produto":{"id":5}}}');
  assert.ok(again.ok && again.event.eventId === bare.event.eventId);
  const product = read('{"event":"product.updated","data":{"id":6}}');
  assert.deepEqual(product.ok && product.event.hints, ['product:6']);
  const order = read('{"event":"order.updated","data":{"id":7}}');
  assert.deepEqual(order.ok && order.event.hints, []);
  const empty = read('{}');
  assert.deepEqual(empty.ok && empty.event.hints, []);
});

test('what is signed and is no webhook is unreadable', () => {
  for (const body of ['', '[]', 'null', '{"event":', new Uint8Array([123, 34, 255, 34, 125])]) {
    assert.equal(faultOf(read(body)), 'unreadable');
  }
  assert.equal(faultOf(read(`{"x":"${'x'.repeat(1_048_576)}"}`)), 'unreadable');
});

test('a hint is read back, and nothing else is', () => {
  assert.deepEqual(readHint('stock:12345678'), { about: 'stock', productId: 12345678 });
  assert.deepEqual(readHint('product:9'), { about: 'product', productId: 9 });
  for (const text of ['', 'stock:', 'stock:x', 'order:1', 'stock:1 or 2']) {
    assert.equal(readHint(text), null);
  }
});
