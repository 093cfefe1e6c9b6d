import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from './clock.ts';
import { bench, send, type Bench } from './testing.ts';

const api = (bling: Bench) => (method: string, path: string, body?: unknown) =>
  send(`${bling.url}/__control${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

test('the control API explains itself, to people and to programs', async (t) => {
  const bling = await bench(t);
  const { text } = await api(bling)('GET', '');
  for (const word of ['/__control/outside/sale', 'webhook_duplicates', 'reset_in_answer']) {
    assert.ok(text.includes(word), word);
  }
  const { body } = await send(`${bling.url}/__control`, {
    headers: { accept: 'application/json' },
  });
  const { switches, routes } = body as { switches: { name: string }[]; routes: unknown[] };
  const known = Object.keys((await api(bling)('GET', '/switches')).body as object);
  assert.deepEqual(switches.map(({ name }) => name).toSorted(), known.toSorted());
  assert.ok(routes.length > 20);
});

test('every route that reads answers', async (t) => {
  const bling = await bench(t);
  bling.control.seed({ count: 2 });
  for (const path of [
    '/state',
    '/products',
    '/balances',
    '/movements',
    '/orders',
    '/switches',
    '/faults',
    '/calls',
    '/webhooks',
  ]) {
    assert.equal((await api(bling)('GET', path)).status, 200, path);
  }
});

test('seeding, switching, selling and reading balances over HTTP, in snake_case', async (t) => {
  const bling = await bench(t);
  const control = api(bling);
  const seeded = await control('POST', '/products', { count: 2, stock: 5, sku_prefix: 'A-' });
  const [first] = seeded.body as { id: number; sku: string; parent_id: null }[];
  assert.deepEqual([first!.sku, first!.parent_id], ['A-0001', null]);
  const switched = await control('PATCH', '/switches', { order_search_lag_ms: 700 });
  assert.equal((switched.body as Record<string, unknown>)['order_search_lag_ms'], 700);
  const sold = { sku: 'A-0001', quantity: 2, launch: true };
  assert.equal((await control('POST', '/outside/sale', sold)).status, 200);
  await control('POST', '/outside/movement', { sku: 'A-0002', quantity: 6.5 });
  assert.deepEqual((await control('GET', '/balances')).body, [
    {
      product_id: first!.id,
      sku: 'A-0001',
      deposit_id: bling.depositId,
      physical: 3,
      virtual: 3,
    },
    {
      product_id: first!.id + 1,
      sku: 'A-0002',
      deposit_id: bling.depositId,
      physical: -1.5,
      virtual: -1.5,
    },
  ]);
  const moves = (await control('GET', '/movements')).body as { source: string }[];
  assert.deepEqual(
    moves.map(({ source }) => source),
    ['seed', 'seed', 'shop', 'nfe'],
  );
});

test('a switch, a field or a SKU that does not exist is refused with the reason', async (t) => {
  const bling = await bench(t);
  const control = api(bling);
  for (const [method, path, body] of [
    ['PATCH', '/switches', { no_such_switch: 1 }],
    ['PATCH', '/switches', { limit_per_second: -1 }],
    ['POST', '/faults', { kind: 'no_such_fault' }],
    ['POST', '/outside/sale', { sku: 'NONE', quantity: 1 }],
    ['POST', '/clock', { speed: -1 }],
  ] as const) {
    const answer = await control(method, path, body);
    assert.equal(answer.status, 400, path);
    assert.match((answer.body as { error: string }).error, /\w/);
  }
  assert.equal(
    (await send(`${bling.url}/__control/faults`, { method: 'POST', body: '{' })).status,
    400,
  );
});

test('calls are logged in their order with what became of them, without tokens', async (t) => {
  const bling = await bench(t);
  await bling.token({ grant_type: 'refresh_token', refresh_token: 'secret' });
  await bling.call('GET', '/produtos/7?a=1');
  const { body } = await api(bling)('GET', '/calls');
  const calls = body as Record<string, unknown>[];
  assert.deepEqual(
    calls.map(({ seq, method, route, path, query, status, ending }) => [
      seq,
      method,
      route,
      path,
      query,
      status,
      ending,
    ]),
    [
      [1, 'POST', '/oauth/token', '/oauth/token', '', 400, 'whole'],
      [2, 'GET', '/produtos/:id', '/produtos/7', 'a=1', 404, 'whole'],
    ],
  );
  assert.equal(JSON.stringify(calls).includes('secret'), false);
  const later = await api(bling)('GET', '/calls?after=1');
  assert.equal((later.body as unknown[]).length, 1);
  assert.deepEqual(bling.control.callCounts(), [
    { method: 'POST', route: '/oauth/token', status: 400, calls: 1 },
    { method: 'GET', route: '/produtos/:id', status: 404, calls: 1 },
  ]);
  await api(bling)('DELETE', '/calls');
  assert.deepEqual(bling.control.calls(), []);
});

test('faults and tokens over HTTP', async (t) => {
  const bling = await bench(t);
  const control = api(bling);
  const { body } = await control('POST', '/faults', { kind: 'error_before', path: '/depositos' });
  assert.equal((await bling.call('GET', '/depositos')).status, 500);
  await control('DELETE', `/faults?id=${(body as { id: number }).id}`);
  assert.equal((await bling.call('GET', '/depositos')).status, 200);
  const issued = (await control('POST', '/tokens/issue')).body as { access_token: string };
  const read = async () =>
    (
      await bling.call('GET', '/depositos', undefined, {
        authorization: `Bearer ${issued.access_token}`,
      })
    ).status;
  assert.equal(await read(), 200);
  await control('POST', '/tokens/expire', {});
  assert.equal(await read(), 401);
});

test('the clock stands, is put forward and runs, over HTTP', async (t) => {
  const bling = await bench(t);
  const control = api(bling);
  const clock = async (body: unknown) =>
    (await control('POST', '/clock', body)).body as { now: number; speed: number };
  const start = bling.control.now();
  assert.deepEqual(await clock({ advance_ms: 90_000 }), { now: start + 90_000, speed: 0 });
  assert.equal((await clock({ speed: 3_600 })).speed, 3_600);
});

test('others sell and invoice at a steady rate while the switch is above 0', async (t) => {
  const bling = await bench(t, { switches: { outsideSalesPerMinute: 6 } });
  bling.control.seed({ count: 3, stock: 50 });
  await bling.control.advance(60_000);
  assert.equal(bling.control.orders().length, 6);
  bling.control.setSwitches({ outsideSalesPerMinute: 0, outsideInvoicesPerMinute: 2 });
  await bling.control.advance(60_000);
  const sources = bling.control.movements().map(({ source }) => source);
  assert.equal(sources.filter((source) => source === 'shop').length, 6);
  assert.equal(sources.filter((source) => source === 'nfe').length, 2);
  assert.equal(
    bling.control.balances().reduce((sum, { physical }) => sum + physical, 0),
    142,
  );
});

test('a clock does what falls due in its order, each at its own time', async () => {
  const clock = new SimulatedClock(0, 0);
  const seen: [string, number][] = [];
  clock.after(20, () => seen.push(['b', clock.now()]));
  clock.after(10, () => {
    seen.push(['a', clock.now()]);
    clock.after(5, () => seen.push(['a2', clock.now()]));
  });
  clock.after(20, () => seen.push(['c', clock.now()]));
  clock.after(41, () => seen.push(['late', clock.now()]));
  await clock.advance(40);
  assert.deepEqual(seen, [
    ['a', 10],
    ['a2', 15],
    ['b', 20],
    ['c', 20],
  ]);
  assert.equal(clock.now(), 40);
});

test('a clock put forward twice at once goes as far as the longer way, and on as before', async () => {
  const clock = new SimulatedClock(0, 0.001);
  const slow = () => new Promise((resolve) => setTimeout(resolve, 20));
  clock.after(10, slow);
  await Promise.all([clock.advance(100), clock.advance(50)]);
  assert.equal(clock.now(), 100);
  assert.equal(clock.speed, 0.001);
  clock.stop();
});

test('a clock that runs does what falls due by itself', async () => {
  const clock = new SimulatedClock(0, 1_000);
  await new Promise((resolve) => {
    const alive = setInterval(() => undefined, 1_000);
    clock.after(20_000, () => {
      clearInterval(alive);
      resolve(undefined);
    });
  });
  assert.ok(clock.now() >= 20_000);
  clock.stop();
});
