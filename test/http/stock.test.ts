/** What there is of each SKU, and what an operator says of it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ChangedStock, Level, StockPage } from '../../src/http/schemas/responses.ts';
import { conforms, isProblem } from './support/conforms.ts';
import { startService } from './support/service.ts';

test('PUT introduces a SKU with 201, then changes it with 200', async (t) => {
  const service = await startService(t);
  const policy = { max_per_order: 2, max_per_customer: 3, ttl_seconds: 120 };
  const window = { opens_at: '2026-11-27T09:00:00-03:00', closes_at: null };
  const body = { on_hand: 10, safety_stock: 1, ...policy, ...window };
  const created = await service.call('PUT', '/stock/SKU-001', { body });
  assert.equal(created.status, 201);
  conforms(created, ChangedStock);
  assert.equal(created.at('created'), true);
  assert.equal(created.at('available'), 9);
  assert.equal(created.at('opens_at'), '2026-11-27T12:00:00.000Z');
  const changed = await service.call('PUT', '/stock/SKU-001', { body: { max_per_order: null } });
  assert.equal(changed.status, 200);
  assert.equal(changed.at('created'), false);
  const read = await service.call('GET', '/stock/SKU-001');
  conforms(read, Level);
  assert.deepEqual(
    ['on_hand', 'max_per_order', 'max_per_customer', 'ttl_seconds'].map((name) => read.at(name)),
    [10, null, 3, 120],
  );
  assert.equal(read.at('as_of'), '2026-11-27T12:00:00.000Z');
});

test('PUT refuses what it cannot mean', async (t) => {
  const service = await startService(t);
  const bodies: [object, string][] = [
    [{}, ''],
    [{ onhand: 5 }, 'onhand'],
    [{ on_hand: -1 }, 'on_hand'],
    [{ on_hand: 2_147_483_648 }, 'on_hand'],
    [{ on_hand: 1.5 }, 'on_hand'],
    [{ on_hand: '5' }, 'on_hand'],
    [{ on_hand: null }, 'on_hand'],
    [{ max_per_order: 0 }, 'max_per_order'],
    [{ opens_at: '2026-11-27' }, 'opens_at'],
    [{ opens_at: '2026-11-27T12:00:00' }, 'opens_at'],
    [{ opens_at: '2026-02-30T12:00:00Z' }, 'opens_at'],
    [{ opens_at: 1_764_000_000_000 }, 'opens_at'],
    [{ opens_at: '2026-11-27T12:00:00Z', closes_at: '2026-11-27T12:00:00Z' }, 'closes_at'],
  ];
  for (const [body, param] of bodies) {
    const answer = await service.call('PUT', '/stock/SKU-001', { body });
    isProblem(answer, 422, 'validation_failed');
    assert.equal(answer.at('errors.0.param'), param, answer.text);
  }
  isProblem(await service.call('GET', '/stock/SKU-001'), 404, 'unknown_sku');
});

test('a balance below the promises is accepted and shown as a shortfall', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 5);
  await service.call('POST', '/stock/SKU-001/reserve', { body: { quantity: 5 } });
  const answer = await service.call('PUT', '/stock/SKU-001', { body: { on_hand: 2 } });
  assert.deepEqual([answer.status, answer.at('available'), answer.at('shortfall')], [200, 0, 3]);
});

test('adjust adds and takes away, with a reason, within the range', async (t) => {
  const service = await startService(t);
  isProblem(
    await service.call('POST', '/stock/SKU-001/adjust', { body: { delta: 1, reason: 'x' } }),
    404,
    'unknown_sku',
  );
  await service.put('SKU-001', 5);
  const adjust = (body: object) => service.call('POST', '/stock/SKU-001/adjust', { body });
  const answer = await adjust({ delta: -2, reason: 'water damage' });
  assert.equal(answer.status, 200);
  conforms(answer, ChangedStock);
  assert.equal(answer.at('on_hand'), 3);
  isProblem(await adjust({ delta: -4, reason: 'x' }), 422, 'stock_out_of_range');
  for (const body of [{ delta: 0, reason: 'x' }, { delta: 1 }, { delta: 1, reason: '' }, {}]) {
    isProblem(await adjust(body), 422, 'validation_failed');
  }
});

test('the list comes in pages in code point order, and can be narrowed', async (t) => {
  const service = await startService(t);
  const skus = ['A-1', 'A-2', 'B-1', 'Ω', '𝛀', 'a-1'];
  for (const sku of skus) await service.put(sku, 1);
  const seen: unknown[] = [];
  let url: unknown = '/stock?limit=2';
  for (let pages = 0; typeof url === 'string'; pages += 1) {
    assert.ok(pages < 5);
    const page = await service.call('GET', url);
    assert.equal(page.status, 200, page.text);
    conforms(page, StockPage);
    seen.push(...(page.at('items') as { sku: string }[]).map(({ sku }) => sku));
    url = page.at('next');
  }
  assert.deepEqual(seen, ['A-1', 'A-2', 'B-1', 'a-1', 'Ω', '𝛀']);
  const some = await service.call('GET', '/stock?prefix=A-&limit=1');
  assert.equal(some.at('next'), '/stock?after=A-1&prefix=A-&limit=1');
  const last = await service.call('GET', String(some.at('next')));
  assert.deepEqual([last.at('items.0.sku'), last.at('next')], ['A-2', null]);
});

test('a query is read exactly', async (t) => {
  const service = await startService(t);
  const queries = ['limit=0', 'limit=1001', 'limit=x', 'limit=1e2', 'limit=', 'limit=1&limit=2'];
  for (const query of [...queries, 'after=%20', 'prefix=', 'page=2', '__proto__=1', 'limit=+1']) {
    isProblem(await service.call('GET', `/stock?${query}`), 422, 'validation_failed');
  }
});

test('a SKU in the address is decoded once and checked', async (t) => {
  const service = await startService(t);
  const strange = [
    'a/b',
    'a b',
    '50%',
    '%41',
    'Ação',
    '日本',
    "o'neil",
    'a?b#c',
    '💥',
    'x'.repeat(128),
  ];
  for (const sku of strange) {
    await service.put(sku, 3);
    const answer = await service.call('GET', `/stock/${encodeURIComponent(sku)}`);
    assert.deepEqual([answer.status, answer.at('sku')], [200, sku]);
  }
  for (const sku of ['%20a', 'a%20', '%00', 'a%0Ab', '%09', 'x'.repeat(129), '%E2%80%A8']) {
    const answer = await service.call('GET', `/stock/${sku}`);
    assert.equal(answer.at('errors.0.param'), 'sku', `${sku}: ${answer.text}`);
    isProblem(answer, 422, 'validation_failed');
  }
  for (const sku of ['%', '%ff', '%C3%28', '%zz', '%ed%a0%80']) {
    isProblem(await service.call('GET', `/stock/${sku}`), 400, 'malformed_url');
  }
});
