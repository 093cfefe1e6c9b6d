/** The prototype's three calls keep their paths, fields and statuses: its callers need not change. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Purchased, ReservedOne, Level } from '../../src/http/schemas/responses.ts';
import { conforms, isProblem } from './support/conforms.ts';
import { startService } from './support/service.ts';

const NOBODY = '01a21ce0-6e00-70ed-a164-5e7019d7e07b';

test('GET /stock/{sku} tells the quantity', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 7);
  const answer = await service.call('GET', '/stock/SKU-001');
  assert.equal(answer.status, 200);
  assert.equal(answer.at('sku'), 'SKU-001');
  assert.equal(answer.at('quantity'), 7);
  conforms(answer, Level);
});

test('GET /stock/{sku} of an unknown SKU is 404', async (t) => {
  const service = await startService(t);
  isProblem(await service.call('GET', '/stock/SKU-404'), 404, 'unknown_sku');
});

test('POST /stock/{sku}/reserve with an empty body takes one unit', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 2);
  const bodies = [{}, { headers: { 'content-type': 'application/json' } }];
  for (const [index, options] of bodies.entries()) {
    const answer = await service.call('POST', '/stock/SKU-001/reserve', options);
    assert.equal(answer.status, 200, answer.text);
    conforms(answer, ReservedOne);
    assert.equal(answer.at('sku'), 'SKU-001');
    assert.equal(answer.at('quantity'), 1);
    assert.match(String(answer.at('reservation_id')), /^[0-9a-f-]{36}$/);
    assert.equal(answer.at('expires_at'), '2026-11-27T12:10:00.000Z');
    const stock = await service.call('GET', '/stock/SKU-001');
    assert.equal(stock.at('quantity'), 1 - index);
  }
});

test('an empty body may name any media type, as curl -d "" does', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' };
  const answer = await service.call('POST', '/stock/SKU-001/reserve', { headers });
  assert.equal(answer.status, 200, answer.text);
});

test('POST /stock/{sku}/reserve of an unknown SKU is 404, of a sold out one 409', async (t) => {
  const service = await startService(t);
  isProblem(await service.call('POST', '/stock/SKU-404/reserve'), 404, 'unknown_sku');
  await service.put('SKU-002', 0);
  isProblem(await service.call('POST', '/stock/SKU-002/reserve'), 409, 'sold_out');
});

test('POST /stock/confirm makes the purchase', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const reserved = await service.call('POST', '/stock/SKU-001/reserve');
  const body = { reservation_id: reserved.at('reservation_id') };
  const answer = await service.call('POST', '/stock/confirm', { body });
  assert.equal(answer.status, 200);
  conforms(answer, Purchased);
  assert.equal(answer.at('status'), 'SUCCESS');
  assert.equal(answer.at('message'), 'Purchase confirmed.');
  assert.equal(answer.at('reservation.status'), 'acknowledged');
  const again = await service.call('POST', '/stock/confirm', { body });
  assert.deepEqual([again.status, again.text], [200, answer.text]);
});

test('POST /stock/confirm speaks Portuguese to who reads it', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const reserved = await service.call('POST', '/stock/SKU-001/reserve');
  const answer = await service.call('POST', '/stock/confirm', {
    body: { reservation_id: reserved.at('reservation_id') },
    headers: { 'accept-language': 'pt-BR,pt;q=0.9' },
  });
  assert.equal(answer.at('message'), 'Compra efetivada.');
  assert.equal(answer.headers['content-language'], 'pt-BR');
});

test('POST /stock/confirm of an unknown id is 404, whatever the id looks like', async (t) => {
  const service = await startService(t);
  for (const id of [NOBODY, NOBODY.toUpperCase(), 'x', '123', '../..', 'é'.repeat(200)]) {
    const answer = await service.call('POST', '/stock/confirm', { body: { reservation_id: id } });
    isProblem(answer, 404, 'reservation_not_found');
    assert.equal(answer.at('reservation_id'), id);
  }
});

test('POST /stock/confirm after the deadline is 410, even if no sweep has run', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const reserved = await service.call('POST', '/stock/SKU-001/reserve');
  service.clock.time += 600_000;
  const body = { reservation_id: reserved.at('reservation_id') };
  const answer = await service.call('POST', '/stock/confirm', { body });
  isProblem(answer, 410, 'reservation_expired');
  assert.equal(answer.at('expired_at'), reserved.at('expires_at'));
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('quantity'), 1);
});

test('POST /stock/confirm without an id is 422 and says so', async (t) => {
  const service = await startService(t);
  const answer = await service.call('POST', '/stock/confirm');
  isProblem(answer, 422, 'validation_failed');
  assert.equal(answer.at('errors.0.param'), 'reservation_id');
});
