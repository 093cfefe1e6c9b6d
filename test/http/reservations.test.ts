/** Carts, and what becomes of a reservation. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  Reservation,
  ReservationNow,
  Reserved,
  ReservedOne,
} from '../../src/http/schemas/responses.ts';
import { conforms, isProblem } from './support/conforms.ts';
import { startService, type Answer, type Service } from './support/service.ts';

async function reserve(service: Service, lines: object[], more: object = {}): Promise<Answer> {
  return service.call('POST', '/reservations', { body: { lines, ...more } });
}

async function reserved(service: Service, quantity = 1, more: object = {}): Promise<string> {
  const answer = await reserve(service, [{ sku: 'SKU-001', quantity }], more);
  assert.equal(answer.status, 201, answer.text);
  return String(answer.at('reservation_id'));
}

async function act(service: Service, id: string, verb: string, body?: object): Promise<Answer> {
  return service.call('POST', `/reservations/${id}/${verb}`, body === undefined ? {} : { body });
}

test('a cart is reserved whole, and can be read where Location says', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 5);
  await service.put('São/Paulo 50% +1', 5);
  const lines = [
    { sku: 'SKU-001', quantity: 2 },
    { sku: 'São/Paulo 50% +1', quantity: 1 },
    { sku: 'SKU-001', quantity: 1 },
  ];
  const answer = await reserve(service, lines, { customer_id: 'ana', ttl_seconds: 90 });
  assert.equal(answer.status, 201);
  conforms(answer, Reserved);
  assert.equal(answer.at('lines.0.quantity'), 3);
  assert.equal(answer.at('customer_id'), 'ana');
  assert.equal(answer.at('expires_at'), '2026-11-27T12:01:30.000Z');
  assert.deepEqual(answer.at('refused'), []);
  service.clock.time += 30_500;
  const read = await service.call('GET', String(answer.headers['location']));
  assert.equal(read.status, 200);
  conforms(read, ReservationNow);
  assert.equal(read.at('expires_in_seconds'), 60);
  const stock = await service.call('GET', `/stock/${encodeURIComponent('São/Paulo 50% +1')}`);
  assert.equal(stock.at('reserved'), 1);
});

test('a 409 names every short SKU and says when to come back', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  await service.put('SKU-002', 1);
  await reserved(service);
  const answer = await reserve(service, [
    { sku: 'SKU-001', quantity: 1 },
    { sku: 'SKU-002', quantity: 2 },
  ]);
  isProblem(answer, 409, 'insufficient_stock');
  assert.deepEqual(answer.at('short'), [
    {
      sku: 'SKU-001',
      requested: 1,
      available: 0,
      reason: 'all_reserved',
      next_expiry_at: '2026-11-27T12:10:00.000Z',
    },
    {
      sku: 'SKU-002',
      requested: 2,
      available: 1,
      reason: 'insufficient_stock',
      next_expiry_at: null,
    },
  ]);
  service.clock.time += 1_500;
  const wait = await service.call('POST', '/stock/SKU-001/reserve');
  isProblem(wait, 409, 'all_reserved');
  assert.equal(wait.headers['retry-after'], '599');
  assert.equal(wait.at('next_expiry_at'), '2026-11-27T12:10:00.000Z');
});

test('allow_partial takes what there is and says what it refused', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const lines = [
    { sku: 'SKU-001', quantity: 3 },
    { sku: 'SKU-404', quantity: 1 },
  ];
  const answer = await reserve(service, lines, { allow_partial: true });
  assert.equal(answer.status, 201);
  conforms(answer, Reserved);
  assert.deepEqual(answer.at('refused'), [
    { sku: 'SKU-001', requested: 3, granted: 1, reason: 'insufficient_stock' },
    { sku: 'SKU-404', requested: 1, granted: 0, reason: 'unknown_sku' },
  ]);
});

test('the limits of a SKU have their own refusals', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 9, { max_per_order: 3, max_per_customer: 4 });
  const one = [{ sku: 'SKU-001', quantity: 1 }];
  isProblem(await reserve(service, one), 422, 'customer_required');
  const ana = { customer_id: 'ana' };
  isProblem(await reserve(service, [{ sku: 'SKU-001', quantity: 4 }], ana), 409, 'max_per_order');
  assert.equal((await reserve(service, [{ sku: 'SKU-001', quantity: 3 }], ana)).status, 201);
  const more = await reserve(service, [{ sku: 'SKU-001', quantity: 2 }], ana);
  isProblem(more, 409, 'max_per_customer');
  assert.deepEqual([more.at('limit'), more.at('held'), more.at('requested')], [4, 3, 2]);
  isProblem(await reserve(service, one, { ...ana, ttl_seconds: 90_000 }), 422, 'ttl_out_of_range');
});

test('before and after its sale a SKU is not on sale', async (t) => {
  const service = await startService(t);
  const window = { opens_at: '2026-11-27T10:00:00-03:00', closes_at: '2026-11-27T14:00:00Z' };
  await service.put('SKU-001', 9, window);
  const early = await service.call('POST', '/stock/SKU-001/reserve');
  isProblem(early, 409, 'not_on_sale');
  assert.equal(early.at('opens_at'), '2026-11-27T13:00:00.000Z');
  assert.match(String(early.at('detail')), /opens at 2026-11-27T13:00:00.000Z/);
  service.clock.time += 3_600_000;
  assert.equal((await service.call('POST', '/stock/SKU-001/reserve')).status, 200);
  service.clock.time += 3_600_000;
  const late = await service.call('POST', '/stock/SKU-001/reserve');
  isProblem(late, 409, 'not_on_sale');
  assert.match(String(late.at('detail')), /any more/);
});

test('POST /stock/{sku}/reserve takes a quantity, a customer and a lifetime', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 9);
  const body = { quantity: 4, customer_id: null, ttl_seconds: 60 };
  const answer = await service.call('POST', '/stock/SKU-001/reserve', { body });
  conforms(answer, ReservedOne);
  assert.equal(answer.at('quantity'), 4);
  assert.equal(answer.at('expires_at'), '2026-11-27T12:01:00.000Z');
});

test('confirm: once, again the same, for another order refused', async (t) => {
  const service = await startService(t, { rules: { acknowledgeOnConfirm: false } });
  await service.put('SKU-001', 5);
  const id = await reserved(service, 3);
  const body = { order_id: 'o-1', lines: [{ sku: 'SKU-001', quantity: 2 }] };
  const first = await act(service, id, 'confirm', body);
  assert.equal(first.status, 200);
  conforms(first, Reservation);
  assert.equal(first.at('status'), 'confirmed');
  assert.equal(first.at('lines.0.confirmed'), 2);
  assert.equal((await act(service, id, 'confirm', body)).text, first.text);
  isProblem(await act(service, id, 'confirm', { order_id: 'o-2' }), 409, 'already_confirmed');
  isProblem(await act(service, id, 'release'), 409, 'already_confirmed');
  isProblem(await act(service, id, 'extend'), 409, 'already_confirmed');
  const stock = await service.call('GET', '/stock/SKU-001');
  assert.deepEqual([stock.at('available'), stock.at('allocated')], [3, 2]);
});

test('confirm refuses lines that were not reserved', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 5);
  const id = await reserved(service, 1);
  const lines = (sku: string, quantity: number): object => ({ lines: [{ sku, quantity }] });
  isProblem(await act(service, id, 'confirm', lines('SKU-002', 1)), 422, 'line_not_reserved');
  const more = await act(service, id, 'confirm', lines('SKU-001', 2));
  isProblem(more, 422, 'quantity_exceeds_reserved');
  assert.deepEqual([more.at('reserved'), more.at('requested')], [1, 2]);
});

test('a late confirm is 410, reacquires if asked to, or says that a refund is due', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const id = await reserved(service);
  service.clock.time += 600_000;
  isProblem(await act(service, id, 'confirm'), 410, 'reservation_expired');
  const other = await reserved(service);
  const late = await act(service, id, 'confirm', { on_expired: 'reacquire' });
  isProblem(late, 410, 'reservation_expired');
  assert.equal(late.at('refund_required'), true);
  assert.match(String(late.at('detail')), /refund/);
  service.clock.time += 600_000;
  const back = await act(service, other, 'confirm', { on_expired: 'reacquire' });
  assert.equal(back.status, 200, back.text);
  assert.equal(back.at('reacquired'), true);
});

test('release gives back, twice the same; afterwards everything else is 410', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const id = await reserved(service);
  const first = await act(service, id, 'release');
  conforms(first, Reservation);
  assert.equal((await act(service, id, 'release', {})).text, first.text);
  isProblem(await act(service, id, 'confirm'), 410, 'reservation_released');
  isProblem(await act(service, id, 'extend'), 410, 'reservation_released');
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('quantity'), 1);
});

test('extend gives time, latches to an order, and has an end', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const id = await reserved(service);
  service.clock.time += 60_000;
  const longer = await act(service, id, 'extend', { ttl_seconds: 1_200 });
  conforms(longer, Reservation);
  assert.equal(longer.at('expires_at'), '2026-11-27T12:21:00.000Z');
  const pix = await act(service, id, 'extend', { order_id: 'o-1', payment_method: 'pix' });
  assert.equal(pix.at('order_id'), 'o-1');
  assert.equal(pix.at('expires_at'), '2026-11-27T12:31:00.000Z');
  isProblem(await act(service, id, 'extend', { order_id: 'o-2' }), 409, 'order_mismatch');
  isProblem(await act(service, id, 'confirm', { order_id: 'o-2' }), 409, 'order_mismatch');
});

test('extend ends at the cap, counted from the creation', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const id = await reserved(service);
  const longest = await act(service, id, 'extend', { ttl_seconds: 80_000 });
  assert.equal(longest.at('expires_at'), '2026-11-27T14:00:00.000Z');
  const end = await act(service, id, 'extend', { ttl_seconds: 80_000 });
  isProblem(end, 409, 'extend_limit_reached');
  assert.equal(end.at('expires_at'), '2026-11-27T14:00:00.000Z');
});

test('extend with a payment method needs the order it is for', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  const answer = await act(service, await reserved(service), 'extend', { payment_method: 'pix' });
  isProblem(answer, 422, 'validation_failed');
  assert.equal(answer.at('errors.0.param'), 'order_id');
});

test('cancel undoes a purchase, whole or by lines, each once', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 5);
  const id = await reserved(service, 3);
  isProblem(await act(service, id, 'cancel'), 409, 'not_confirmed');
  await act(service, id, 'confirm');
  const lines = [{ sku: 'SKU-001', quantity: 1 }];
  const unnamed = await act(service, id, 'cancel', { lines });
  isProblem(unnamed, 422, 'validation_failed');
  assert.equal(unnamed.at('errors.0.param'), 'cancellation_id');
  const named = { lines, cancellation_id: 'return-1' };
  const first = await act(service, id, 'cancel', named);
  conforms(first, Reservation);
  assert.equal(first.at('lines.0.cancelled'), 1);
  assert.equal((await act(service, id, 'cancel', named)).at('lines.0.cancelled'), 1);
  const byKey = await service.call('POST', `/reservations/${id}/cancel`, {
    body: { lines: [{ sku: 'SKU-001', quantity: 1, restock: false }] },
    headers: { 'idempotency-key': 'return-2' },
  });
  assert.equal(byKey.at('lines.0.cancelled'), 2);
  const over = { lines: [{ sku: 'SKU-001', quantity: 2 }], cancellation_id: 'return-3' };
  const tooMany = await act(service, id, 'cancel', over);
  isProblem(tooMany, 422, 'quantity_exceeds_confirmed');
  assert.deepEqual([tooMany.at('confirmed'), tooMany.at('cancelled')], [3, 2]);
  assert.equal((await act(service, id, 'cancel')).at('status'), 'cancelled');
  isProblem(await act(service, id, 'confirm'), 410, 'reservation_cancelled');
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('quantity'), 4);
});

test('units of a cancellation that does not say go where the setting says', async (t) => {
  for (const restockByDefault of [true, false]) {
    const service = await startService(t, { settings: { restockByDefault } });
    await service.put('SKU-001', 5);
    const available = async () => (await service.call('GET', '/stock/SKU-001')).at('quantity');
    const [silent, said] = [await reserved(service, 2), await reserved(service, 1)];
    for (const id of [silent, said]) await act(service, id, 'confirm');
    await act(service, silent, 'cancel');
    assert.equal(await available(), restockByDefault ? 4 : 2);
    await act(service, said, 'cancel', { restock: true });
    assert.equal(await available(), restockByDefault ? 5 : 3);
  }
});

test('an id that is no UUID, or nobody’s, is 404 for every verb', async (t) => {
  const service = await startService(t);
  for (const id of ['nope', '01a21ce0-6e00-70ed-a164-5e7019d7e07b', '%00', 'a%2Fb']) {
    isProblem(await service.call('GET', `/reservations/${id}`), 404, 'reservation_not_found');
    for (const verb of ['confirm', 'release', 'extend', 'cancel']) {
      isProblem(await act(service, id, verb), 404, 'reservation_not_found');
    }
  }
});
