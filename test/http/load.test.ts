/** Shedding: early, honest, gentle, and never for those who watch. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { LoadGate } from '../../src/http/load-gate.ts';
import type { HttpInstruments } from '../../src/http/parts.ts';
import { isProblem } from './support/conforms.ts';
import { testKeys } from './support/keys.ts';
import { startService, type Answer } from './support/service.ts';

test('a full store queue sheds before the body is read', async (t) => {
  let queued = 0;
  const service = await startService(t, {
    settings: { maxQueued: 10 },
    wrap: (store) =>
      Object.assign(store, { health: () => ({ ready: true, reason: null, queued }) }),
  });
  await service.put('SKU-001', 9);
  queued = 10;
  const headers = { 'content-type': 'application/json' };
  const answer = await service.call('POST', '/reservations', { raw: '{broken', headers });
  isProblem(answer, 503, 'overloaded');
  assert.equal(answer.at('outcome'), 'not_done');
  assert.deepEqual(service.shed, ['store_queue']);
  for (const url of ['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs/']) {
    assert.equal((await service.call('GET', url)).status, 200, url);
  }
  queued = 9;
  assert.equal((await service.call('POST', '/stock/SKU-001/reserve')).status, 200);
});

test('Retry-After is spread, so that those turned away do not come back together', async (t) => {
  const service = await startService(t, { settings: { maxQueued: 0 } });
  const seconds = new Set<unknown>();
  for (let count = 0; count < 100; count += 1) {
    seconds.add((await service.call('GET', '/stock')).headers['retry-after']);
  }
  assert.deepEqual([...seconds].sort(), ['1', '2', '3']);
});

test('requests in flight are bounded, and every kind of answer lets one out', async (t) => {
  const release: (() => void)[] = [];
  const service = await startService(t, {
    settings: { maxInFlight: 2 },
    wrap: (store) => {
      const { level } = store;
      store.level = async (sku) => {
        if (sku === 'SLOW') await new Promise<void>((resolve) => release.push(resolve));
        if (sku === 'BUG') throw new Error('bug');
        return level.call(store, sku);
      };
      return store;
    },
  });
  await service.put('SKU-001', 9);
  const slow: Promise<Answer>[] = [];
  for (let count = 0; count < 2; count += 1) slow.push(service.call('GET', '/stock/SLOW'));
  while (release.length < 2) await new Promise(setImmediate);
  isProblem(await service.call('GET', '/stock/SKU-001'), 503, 'overloaded');
  assert.deepEqual(service.shed, ['in_flight']);
  for (const resolve of release) resolve();
  await Promise.all(slow);
  for (let round = 0; round < 5; round += 1) {
    const calls: [string, string, string?][] = [
      ['GET', '/stock/SKU-001'],
      ['HEAD', '/stock/SKU-001'],
      ['GET', '/stock/BUG'],
      ['GET', '/stock/NOPE'],
      ['GET', '/stock/%20'],
      ['GET', '/stock/%ff'],
      ['GET', '/nowhere'],
      ['GET', '/docs/'],
      ['GET', '/docs/nothing'],
      ['POST', '/stock/SKU-001/reserve', '{'],
      ['POST', '/stock/SKU-001/reserve', '{"x":1}'],
      ['POST', '/stock/import', 'x'],
    ];
    for (const [method, url, raw] of calls) {
      const headers = { 'content-type': url === '/stock/import' ? 'text/csv' : 'application/json' };
      const answer = await service.call(method, url, raw === undefined ? {} : { raw, headers });
      assert.notEqual(answer.status, 503, url);
    }
  }
  assert.equal(service.shed.length, 1);
});

test('every answered request is told to the instruments, by its pattern', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  service.finished.length = 0;
  await service.call('POST', '/stock/SKU-001/reserve');
  await service.call('POST', '/stock/SKU-001/reserve');
  await service.call('GET', '/reservations/x');
  await service.call('GET', '/secret/address');
  await service.call('DELETE', '/stock/SKU-001');
  await service.call('GET', '/stock/%ff');
  assert.deepEqual(
    service.finished.map(({ method, route, status }) => `${method} ${route} ${status}`),
    [
      'POST /stock/:sku/reserve 200',
      'POST /stock/:sku/reserve 409',
      'GET /reservations/:reservation_id 404',
      'GET unmatched 404',
      'DELETE unmatched 405',
      'GET unmatched 400',
    ],
  );
  assert.ok(service.finished.every(({ seconds }) => seconds >= 0 && seconds < 60));
});

function gate(delay: () => number): LoadGate {
  const instruments: HttpInstruments = {
    requestFinished: () => undefined,
    requestShed: () => undefined,
    eventLoopDelay: delay,
    metricsText: () => Promise.resolve(''),
    metricsContentType: '',
  };
  const limits = { maxQueued: 10, maxInFlight: 10, maxEventLoopDelayMs: 100 };
  return new LoadGate(limits, () => 0, instruments);
}

test('a late event loop sheds a growing share, never all, and stops when it is over', () => {
  let delay = 0;
  const tested = gate(() => delay);
  const shedOf = (requests: number): number => {
    tested.sample();
    let shed = 0;
    for (let count = 0; count < requests; count += 1) shed += Number(tested.refusal() !== null);
    return shed;
  };
  assert.equal(shedOf(1_000), 0);
  delay = 100;
  assert.equal(shedOf(1_000), 0);
  delay = 150;
  assert.ok(Math.abs(shedOf(1_000) - 500) <= 1);
  delay = 10_000;
  assert.ok(Math.abs(shedOf(1_000) - 900) <= 1);
  delay = 20;
  assert.equal(shedOf(1_000), 0);
});

test('a rate for each key: beyond it 429, and other keys are not touched', async (t) => {
  const keys = testKeys();
  const service = await startService(t, { keys: keys.directory, settings: { ratePerSecond: 5 } });
  const [one, two] = [keys.make('storefront'), keys.make('storefront')];
  const statuses: number[] = [];
  for (let count = 0; count < 7; count += 1) {
    const answer = await service.call('GET', '/stock', { headers: one });
    statuses.push(answer.status);
    if (answer.status !== 429) continue;
    isProblem(answer, 429, 'rate_limited');
    assert.equal(answer.headers['retry-after'], '1');
    assert.equal(answer.at('limit'), 5);
  }
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429]);
  assert.equal((await service.call('GET', '/stock', { headers: two })).status, 200);
  assert.equal((await service.call('GET', '/healthz')).status, 200);
});

test('of requests that come together, as many are taken as the rate allows', async (t) => {
  const service = await startService(t, { settings: { ratePerSecond: 5 } });
  const asked = Array.from({ length: 20 }, () => service.app.inject({ url: '/stock' }));
  const taken = (await Promise.all(asked)).filter(({ statusCode }) => statusCode === 200);
  assert.equal(taken.length, 5);
});

test('without keys the rate is for each address', async (t) => {
  const service = await startService(t, { settings: { ratePerSecond: 2 } });
  const from = async (remoteAddress: string): Promise<number> =>
    (await service.app.inject({ method: 'GET', url: '/stock', remoteAddress })).statusCode;
  assert.deepEqual(
    [await from('10.0.0.1'), await from('10.0.0.1'), await from('10.0.0.1')],
    [200, 200, 429],
  );
  assert.equal(await from('10.0.0.2'), 200);
});

test('CORS is off by default and on for the origins of the setting', async (t) => {
  const shop = { origin: 'https://shop.example' };
  const preflight = { ...shop, 'access-control-request-method': 'POST' };
  const off = await startService(t);
  assert.equal(
    (await off.call('GET', '/stock', { headers: shop })).headers['access-control-allow-origin'],
    undefined,
  );
  const on = await startService(t, {
    settings: { corsOrigins: ['https://shop.example', 'https://b.example'] },
  });
  await on.put('SKU-001', 0);
  const allowed = await on.call('OPTIONS', '/stock/SKU-001/reserve', { headers: preflight });
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers['access-control-allow-origin'], 'https://shop.example');
  for (const url of ['/stock', '/stock/NOPE', '/nowhere']) {
    const answer = await on.call('GET', url, { headers: shop });
    assert.equal(answer.headers['access-control-allow-origin'], 'https://shop.example', url);
    const exposed = String(answer.headers['access-control-expose-headers']);
    assert.match(exposed, /retry-after, x-request-id, x-trace-id/);
  }
  const other = await on.call('GET', '/stock', { headers: { origin: 'https://evil.example' } });
  assert.equal(other.headers['access-control-allow-origin'], undefined);
  isProblem(await on.call('GET', '/nowhere'), 404, 'not_found');
});
