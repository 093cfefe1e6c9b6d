/** Reserving past the framework gives the same answers as through it. `inject` goes through it, a socket past it. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { Fault } from '../../src/engine/faults.ts';
import { directSku } from '../../src/http/direct-lane.ts';
import { testKeys } from './support/keys.ts';
import { startService, type Service, type ServiceOptions } from './support/service.ts';

type Headers = Record<string, string>;

interface Seen {
  readonly status: number;
  readonly headers: object;
  readonly text: string;
}

async function listening(t: TestContext, options: ServiceOptions = {}) {
  const service = await startService(t, options);
  await service.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = service.app.server.address() as AddressInfo;
  return { service, port };
}

function overSocket(port: number, path: string, headers: Headers): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: '127.0.0.1', port, path, method: 'POST', headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
        });
      },
    );
    sent.on('error', reject).end();
  });
}

async function throughFramework(service: Service, path: string, headers: Headers): Promise<Seen> {
  const { status, text, headers: answered } = await service.call('POST', path, { headers });
  return { status, headers: answered, text };
}

/** Without what differs between any two answers. */
function comparable({ status, headers, text }: Seen) {
  const { date: _date, connection: _connection, ...rest } = headers as Headers;
  delete rest['keep-alive'];
  delete rest['x-request-id'];
  if (rest['retry-after'] !== undefined) rest['retry-after'] = 'some';
  const body = text.replace(/"(reservation_id|request_id)":"[^"]+"/g, '"$1":"…"');
  return { status, headers: { ...rest, 'content-length': 'some' }, body };
}

async function same(
  { service, port }: { service: Service; port: number },
  path: string,
  headers: Headers = {},
): Promise<number> {
  const direct = await overSocket(port, path, headers);
  const usual = await throughFramework(service, path, headers);
  assert.deepEqual(comparable(direct), comparable(usual));
  const [first, second] = service.finished.splice(0).slice(-2);
  assert.deepEqual({ ...first, seconds: 0 }, { ...second, seconds: 0 }, 'counted alike');
  return direct.status;
}

test('granted, refused, unknown: the same answers, in either language', async (t) => {
  const both = await listening(t);
  await both.service.put('PLENTY', 9);
  await both.service.put('GONE', 0);
  await both.service.put('CAPPED', 9, { max_per_customer: 1 });
  assert.equal(await same(both, '/stock/PLENTY/reserve'), 200);
  assert.equal(await same(both, '/stock/PLENTY/reserve', { 'content-length': '0' }), 200);
  assert.equal(await same(both, '/stock/GONE/reserve'), 409);
  assert.equal(await same(both, '/stock/GONE/reserve', { 'accept-language': 'pt-BR' }), 409);
  assert.equal(await same(both, '/stock/NONE/reserve'), 404);
  assert.equal(await same(both, '/stock/CAPPED/reserve'), 422);
  assert.equal(await same(both, '/stock/PLENTY/reserve', { 'x-request-id': 'mine' }), 200);
});

test('an idempotency key is kept, and a bad one refused', async (t) => {
  const both = await listening(t);
  await both.service.put('PLENTY', 9);
  const key = { 'idempotency-key': 'once' };
  const first = await overSocket(both.port, '/stock/PLENTY/reserve', key);
  const again = await overSocket(both.port, '/stock/PLENTY/reserve', key);
  const usual = await throughFramework(both.service, '/stock/PLENTY/reserve', key);
  assert.deepEqual([first.status, again.text, usual.text], [200, first.text, first.text]);
  assert.equal((await both.service.store.level('PLENTY'))?.available, 8);
  const bad = { 'idempotency-key': 'k'.repeat(256) };
  assert.equal(await same(both, '/stock/PLENTY/reserve', bad), 422);
});

test('keys, scopes and load are looked at first', async (t) => {
  const keys = testKeys();
  const both = await listening(t, { keys: keys.directory, settings: { maxEventLoopDelayMs: 0 } });
  const admin = keys.make('admin');
  await both.service.call('PUT', '/stock/HAT', { body: { on_hand: 9 }, headers: admin });
  assert.equal(await same(both, '/stock/HAT/reserve'), 401);
  assert.equal(await same(both, '/stock/HAT/reserve', keys.make('orders')), 403);
  assert.equal(await same(both, '/stock/HAT/reserve', keys.make('storefront')), 200);
  const full = await listening(t, { settings: { maxInFlight: 0 } });
  assert.equal(await same(full, '/stock/HAT/reserve'), 503);
  assert.deepEqual(full.service.shed, ['in_flight', 'in_flight']);
});

test('a store that fails and a bug are told alike, and nothing stays counted', async (t) => {
  let trouble: Error = new Fault('STORE_UNAVAILABLE', 'gone', { retryable: true });
  const both = await listening(t, {
    settings: { maxInFlight: 1 },
    wrap: (store) => Object.assign(store, { submit: () => Promise.reject(trouble) }),
  });
  assert.equal(await same(both, '/stock/HAT/reserve'), 503);
  trouble = new Error('a bug');
  assert.equal(await same(both, '/stock/HAT/reserve'), 500);
  assert.equal(await same(both, '/stock/HAT/reserve'), 500);
  assert.deepEqual(both.service.shed, []);
  assert.equal(both.service.logged.length, 6);
});

test('what is not plainly this call goes the usual way', () => {
  const of = (method: string, url: string, headers: Headers = {}) =>
    directSku({ method, url, headers });
  assert.equal(of('POST', '/stock/SKU-001/reserve'), 'SKU-001');
  assert.equal(of('POST', '/stock/SKU-001/reserve', { 'content-length': '0' }), 'SKU-001');
  for (const [method, url, headers] of [
    ['GET', '/stock/SKU-001/reserve', {}],
    ['POST', '/stock/SKU-001/reserve', { 'content-length': '2' }],
    ['POST', '/stock/SKU-001/reserve', { 'transfer-encoding': 'chunked' }],
    ['POST', '/stock/SKU-001/reserve?x=1', {}],
    ['POST', '/stock/SKU%20001/reserve', {}],
    ['POST', '/stock/../reserve', {}],
    ['POST', '/stock/SKU-001/reserve/', {}],
    ['POST', `/stock/${'S'.repeat(129)}/reserve`, {}],
    ['POST', '/stock/confirm', {}],
  ] as const) {
    assert.equal(of(method, url, headers), null, `${method} ${url}`);
  }
});

test('with a rate or with browser origins every request goes the usual way, and is limited', async (t) => {
  const { service, port } = await listening(t, { settings: { ratePerSecond: 1 } });
  await service.put('PLENTY', 9);
  const statuses = new Set<number>();
  for (let count = 0; count < 5; count += 1) {
    statuses.add((await overSocket(port, '/stock/PLENTY/reserve', {})).status);
  }
  assert.ok(statuses.has(429), [...statuses].join(' '));
});
