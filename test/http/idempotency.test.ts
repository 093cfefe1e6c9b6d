/** T10: each request three times, at once, with a changed body: one effect and one answer. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { isProblem } from './support/conforms.ts';
import { testKeys } from './support/keys.ts';
import { startService, type Answer, type Service } from './support/service.ts';

interface Request {
  readonly url: string;
  readonly method?: string;
  readonly body: object;
  readonly changed: object;
}

/** A service with a reservation for each verb to act on. */
async function prepared(service: Service): Promise<Request[]> {
  await service.put('SKU-001', 1_000);
  const made: string[] = [];
  for (let count = 0; count < 5; count += 1) {
    const answer = await service.call('POST', '/stock/SKU-001/reserve', { body: { quantity: 3 } });
    made.push(String(answer.at('reservation_id')));
  }
  const [one = '', two = '', three = '', four = '', five = ''] = made;
  await service.call('POST', `/reservations/${four}/confirm`);
  const lines = (quantity: number): object => ({ lines: [{ sku: 'SKU-001', quantity }] });
  return [
    { url: '/stock/SKU-001/reserve', body: { quantity: 2 }, changed: { quantity: 3 } },
    { url: '/reservations', body: lines(4), changed: lines(5) },
    { url: `/reservations/${one}/confirm`, body: { order_id: 'a' }, changed: { order_id: 'b' } },
    { url: '/stock/confirm', body: { reservation_id: five }, changed: { reservation_id: one } },
    {
      url: `/reservations/${two}/extend`,
      body: { ttl_seconds: 900 },
      changed: { ttl_seconds: 901 },
    },
    {
      url: `/reservations/${three}/release`,
      body: {},
      changed: { url: `/reservations/${two}/release` },
    },
    { url: `/reservations/${four}/cancel`, body: lines(1), changed: lines(2) },
    {
      url: '/stock/SKU-001/adjust',
      body: { delta: 7, reason: 'x' },
      changed: { delta: 8, reason: 'x' },
    },
    {
      url: '/stock/SKU-001',
      method: 'PUT',
      body: { safety_stock: 3 },
      changed: { safety_stock: 4 },
    },
  ];
}

async function books(service: Service): Promise<unknown[]> {
  const level = await service.call('GET', '/stock/SKU-001');
  const events = await service.call('GET', '/events?limit=1');
  const { as_of: _time, ...figures } = level.body as Record<string, unknown>;
  return [figures, events.at('head_seq')];
}

test('each request three times in a row: one effect, one answer', async (t) => {
  const service = await startService(t);
  for (const [index, { url, method = 'POST', body }] of (await prepared(service)).entries()) {
    const send = (): Promise<Answer> =>
      service.call(method, url, { body, headers: { 'idempotency-key': `key-${index}` } });
    const first = await send();
    assert.ok(first.status < 300, first.text);
    const after = await books(service);
    for (let repeat = 0; repeat < 2; repeat += 1) {
      service.clock.time += 1_000;
      const again = await send();
      assert.deepEqual([again.status, again.text], [first.status, first.text], url);
      assert.deepEqual(await books(service), after, url);
    }
  }
});

test('each request three times at once: one effect, one answer', async (t) => {
  const service = await startService(t);
  for (const [index, { url, method = 'POST', body }] of (await prepared(service)).entries()) {
    const send = (): Promise<Answer> =>
      service.call(method, url, { body, headers: { 'idempotency-key': `key-${index}` } });
    const answers = await Promise.all([send(), send(), send()]);
    assert.equal(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size, 1, url);
  }
  assert.equal((await service.call('GET', '/audit')).at('ok'), true);
});

test('the same key with a changed request is 422 and changes nothing', async (t) => {
  const service = await startService(t);
  for (const [index, request] of (await prepared(service)).entries()) {
    const { url, method = 'POST', body, changed } = request;
    const headers = { 'idempotency-key': `key-${index}` };
    await service.call(method, url, { body, headers });
    const before = await books(service);
    const other = 'url' in changed ? { url: String(changed.url), body } : { url, body: changed };
    const answer = await service.call(method, other.url, { body: other.body, headers });
    isProblem(answer, 422, 'idempotency_key_reused');
    assert.deepEqual(await books(service), before);
  }
});

test('a refusal is the answer too, and stays it', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 0);
  const headers = { 'idempotency-key': 'k' };
  const first = await service.call('POST', '/stock/SKU-001/reserve', { headers });
  isProblem(first, 409, 'sold_out');
  await service.put('SKU-001', 5);
  const again = await service.call('POST', '/stock/SKU-001/reserve', { headers });
  isProblem(again, 409, 'sold_out');
  assert.equal(again.headers['idempotency-replayed'], undefined);
});

test('a replayed reserve says that it is one', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 5);
  for (const url of ['/stock/SKU-001/reserve', '/reservations']) {
    const body = url === '/reservations' ? { lines: [{ sku: 'SKU-001', quantity: 1 }] } : {};
    const headers = { 'idempotency-key': url };
    const first = await service.call('POST', url, { body, headers });
    const again = await service.call('POST', url, { body, headers });
    assert.equal(first.headers['idempotency-replayed'], undefined);
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(again.headers['location'], first.headers['location']);
  }
});

test('spelling does not matter, meaning does', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 50);
  const send = (raw: string): Promise<Answer> =>
    service.call('POST', '/stock/SKU-001/reserve', {
      raw,
      headers: { 'idempotency-key': 'k', 'content-type': 'application/json' },
    });
  const first = await send('{"quantity":1,"customer_id":"ana"}');
  for (const raw of ['{ "customer_id": "ana", "quantity": 1 }', '{"customer_id":"\\u0061na"}']) {
    assert.equal((await send(raw)).text, first.text, raw);
  }
  isProblem(await send('{"customer_id":"bia"}'), 422, 'idempotency_key_reused');
});

test('a key belongs to its API key', async (t) => {
  const keys = testKeys();
  const service = await startService(t, { keys: keys.directory });
  const admin = keys.make('admin');
  await service.call('PUT', '/stock/SKU-001', { body: { on_hand: 9 }, headers: admin });
  const send = (headers: Record<string, string>): Promise<Answer> =>
    service.call('POST', '/stock/SKU-001/reserve', {
      headers: { ...headers, 'idempotency-key': 'k' },
    });
  const [one, two] = [await send(keys.make('storefront')), await send(keys.make('storefront'))];
  assert.notEqual(one.at('reservation_id'), two.at('reservation_id'));
});

test('a key is 1 to 255 printable ASCII characters', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 50);
  const send = (key: string): Promise<Answer> =>
    service.call('POST', '/stock/SKU-001/reserve', { headers: { 'idempotency-key': key } });
  for (const key of ['a', 'x'.repeat(255), '01a21ce0-6e00', 'a b~!"']) {
    assert.equal((await send(key)).status, 200);
  }
  for (const key of ['', 'x'.repeat(256), 'é', 'a\tb']) {
    const answer = await send(key);
    isProblem(answer, 422, 'validation_failed');
    assert.equal(answer.at('errors.0.param'), 'Idempotency-Key');
  }
});

test('1,000 requests, each three times at once: as if each had come once', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 600);
  const requests = Array.from({ length: 3_000 }, (_, index) =>
    service.call('POST', '/stock/SKU-001/reserve', {
      headers: { 'idempotency-key': `buyer-${index % 1_000}` },
    }),
  );
  const answers = await Promise.all(requests);
  const ids = new Set(
    answers.filter(({ status }) => status === 200).map((a) => a.at('reservation_id')),
  );
  assert.equal(ids.size, 600);
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('reserved'), 600);
  for (let index = 0; index < 1_000; index += 1) {
    const [one, two, three] = [answers[index], answers[index + 1_000], answers[index + 2_000]];
    assert.ok(one?.status === two?.status && two?.status === three?.status);
  }
});
