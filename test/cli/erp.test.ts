/** The service with an ERP, as it is started: the simulated Bling at the other end. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { openBlingShop, until } from './bling-shop.ts';
import { call, holdfast, serve, type Service } from './support.ts';

async function sell(service: Service, sku: string): Promise<string> {
  const reserved = await call(service, 'POST', `/stock/${sku}/reserve`);
  assert.equal(reserved.status, 200, JSON.stringify(reserved.body));
  const id = String(reserved.body['reservation_id']);
  const confirmed = await call(service, 'POST', '/stock/confirm', { reservation_id: id });
  assert.equal(confirmed.status, 200);
  return id;
}

async function statusOf(service: Service, id: string): Promise<unknown> {
  return (await call(service, 'GET', `/reservations/${id}`)).body['status'];
}

test('a confirmed sale becomes an order in Bling, and is acknowledged', async (t) => {
  const { bling, cwd, settings } = await openBlingShop(t);
  const service = await serve(t, cwd, settings);
  assert.match(service.stderr, /ERP +bling: a confirmed unit leaves the stock when bling has been/);
  await call(service, 'PUT', '/stock/SKU-0001', { on_hand: 10 });
  const id = await sell(service, 'SKU-0001');
  await until(async () => (await statusOf(service, id)) === 'acknowledged');
  const [order] = bling.control.orders();
  assert.equal(order?.shopNumber, `HF-${id}`);
  const level = await call(service, 'GET', '/stock/SKU-0001');
  assert.deepEqual([level.body['on_hand'], level.body['allocated']], [9, 0]);
  const { code, stdout } = await service.stop();
  assert.equal(code, 0);
  assert.match(stdout, /"event.action":"erp_check".*bling answers/);
});

test('an ERP that cannot be used is one warning, and the sale goes on', async (t) => {
  const { cwd, settings } = await openBlingShop(t, { connected: false });
  const service = await serve(t, cwd, settings);
  await call(service, 'PUT', '/stock/SKU-0001', { on_hand: 1 });
  const id = await sell(service, 'SKU-0001');
  await until(() => /warning: bling cannot be used/.test(service.stderr));
  assert.match(service.stderr, /sales wait for it: .*holdfast bling connect/);
  assert.equal(await statusOf(service, id), 'confirmed');
  const { code, stderr, stdout } = await service.stop();
  assert.equal(code, 0);
  assert.equal(stderr.split('cannot be used').length, 2, stderr);
  assert.equal(stdout.split('"event.action":"erp_check"').length, 2);
});

test('switching an ERP on, off, or to another way of being told is safe', async (t) => {
  const { bling, cwd, settings } = await openBlingShop(t);
  const none = await serve(t, cwd, { ...settings, HOLDFAST_ERP: 'none' });
  await call(none, 'PUT', '/stock/SKU-0001', { on_hand: 10 });
  const untold = await sell(none, 'SKU-0001');
  assert.equal(await statusOf(none, untold), 'acknowledged');
  await none.stop();

  // Bling is there, and answers nothing: what is sold waits.
  bling.control.addFault({ kind: 'outage' });
  const first = await serve(t, cwd, settings);
  assert.match(first.stderr, /kept without an ERP: bling will not hear of sales confirmed before/);
  const told = await sell(first, 'SKU-0001');
  assert.equal(await statusOf(first, told), 'confirmed');
  assert.equal((await first.stop()).code, 0);

  const off = await serve(t, cwd, { ...settings, HOLDFAST_ERP: 'none' });
  assert.match(off.stderr, /warning: 1 messages wait for an ERP, and HOLDFAST_ERP is none/);
  assert.equal((await call(off, 'GET', '/stock/SKU-0001')).body['allocated'], 1);
  await off.stop();

  const movement = { ...settings, HOLDFAST_BLING_ORDER_MODE: 'movement' };
  const refused = await holdfast(['serve', '--port', '0'], { cwd, settings: movement });
  assert.equal(refused.code, 78);
  assert.match(refused.stderr, /sales wait in the outbox as one message for each sale/);

  bling.control.removeFaults();
  const again = await serve(t, cwd, settings);
  await until(async () => (await statusOf(again, told)) === 'acknowledged');
  assert.deepEqual(
    bling.control.orders().map(({ shopNumber }) => shopNumber),
    [`HF-${told}`],
  );
  await again.stop();
  const later = await serve(t, cwd, movement);
  const moved = await sell(later, 'SKU-0001');
  await until(async () => (await statusOf(later, moved)) === 'acknowledged');
  // The order that it became is not a movement's to undo: nobody guesses, a person is told.
  const cancelled = await call(later, 'POST', `/reservations/${told}/cancel`, { restock: true });
  assert.equal(cancelled.status, 200, JSON.stringify(cancelled.body));
  await until(async () => {
    const ledger = await call(later, 'GET', '/stock/SKU-0001/ledger');
    return /"dead_letter".*told whole sales/.test(JSON.stringify(ledger.body));
  });
  const { code } = await later.stop();
  assert.equal(code, 0);
  assert.equal((await holdfast(['audit'], { cwd })).code, 0);
});
