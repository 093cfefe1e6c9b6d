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
  assert.match(
    first.stderr,
    /sales were made here without an ERP, and bling was never told of them/,
  );
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

test('books kept without an ERP are not raised by what was sold meanwhile, until the operator says so', async (t) => {
  const { bling, cwd, settings } = await openBlingShop(t);
  const none = await serve(t, cwd, { ...settings, HOLDFAST_ERP: 'none' });
  for (const sku of ['SKU-0001', 'SKU-0002'])
    await call(none, 'PUT', `/stock/${sku}`, { on_hand: 10 });
  await sell(none, 'SKU-0001');
  await none.stop();

  bling.control.outsideMovement({ sku: 'SKU-0002', quantity: 3 });
  const first = await serve(t, cwd, settings);
  const pulled = await holdfast(['erp', 'pull', '--url', first.url], { cwd });
  assert.equal(pulled.code, 1, pulled.stderr);
  assert.match(pulled.stdout, /^SKU-0001: \+1 \(the ERP has 10, here 9\): .*; held back$/m);
  assert.match(pulled.stdout, /^SKU-0002: -3 .*; corrected$/m);
  assert.match(pulled.stdout, /1 new, 1 corrected, 0 with a problem\.\nHeld back: 1 SKU of which/);
  assert.equal((await first.stop()).code, 0);

  const again = await serve(t, cwd, settings);
  const at = ['--url', again.url];
  const held = await holdfast(['erp', 'status', ...at], { cwd });
  assert.equal(held.code, 1);
  assert.match(held.stdout, /^higher balances +held back since .* then: holdfast erp accept/m);
  const refused = await holdfast(['reconcile', '--fix', ...at], { cwd });
  assert.equal(
    refused.code,
    1,
    'who asks for a correction has not said that the sales are entered',
  );
  assert.equal((await call(again, 'GET', '/stock/SKU-0001')).body['on_hand'], 9);
  // The sale is entered, and goods come in.
  bling.control.outsideMovement({ sku: 'SKU-0001', quantity: 1 });
  bling.control.outsideMovement({ sku: 'SKU-0001', operation: 'E', quantity: 5 });
  const accepted = await holdfast(['erp', 'accept', ...at], { cwd });
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.equal((await holdfast(['reconcile', '--fix', ...at], { cwd })).code, 0);
  assert.equal((await call(again, 'GET', '/stock/SKU-0001')).body['on_hand'], 14);
  assert.equal((await holdfast(['erp', 'status', ...at], { cwd })).code, 0);
  assert.equal((await again.stop()).code, 0);
  assert.equal((await holdfast(['audit'], { cwd })).code, 0);
});

test('pull, reconcile and status, as an operator runs them', async (t) => {
  const { bling, cwd, settings } = await openBlingShop(t, { skus: 120, stock: 10 });
  bling.control.outsideMovement({ sku: 'SKU-0003', quantity: 12 });
  bling.control.outsideMovement({ sku: 'SKU-0004', quantity: 0.5 });
  const service = await serve(t, cwd, settings);
  const at = ['--url', service.url];
  const pulled = await holdfast(['erp', 'pull', ...at], { cwd });
  assert.equal(pulled.code, 1, pulled.stderr);
  assert.match(pulled.stdout, /^SKU-0003: the ERP has -2 of SKU-0003/m);
  assert.match(pulled.stdout, /^SKU-0004: .*9\.5/m);
  assert.match(pulled.stdout, /Pulled 119 SKUs: 119 new, 0 corrected, 2 with a problem\.$/m);
  assert.equal((await call(service, 'GET', '/stock/SKU-0120')).body['on_hand'], 10);

  bling.control.outsideMovement({ sku: 'SKU-0001', quantity: 4 });
  const skus = ['--sku', 'SKU-0001', '--sku', 'SKU-0002', ...at];
  const found = await holdfast(['reconcile', ...skus], { cwd });
  assert.equal(found.code, 1, found.stderr);
  assert.match(found.stdout, /^SKU-0001: -4 \(the ERP has 6, here 10\): the ERP has fewer/m);
  assert.match(found.stdout, /Compared 2 SKUs: 1 differed, 0 corrected[^]*--fix corrects/);
  const fixed = await holdfast(['reconcile', '--fix', '--json', ...skus], { cwd });
  assert.equal(fixed.code, 0, fixed.stdout + fixed.stderr);
  const report = JSON.parse(fixed.stdout) as { corrected: number; findings: object[] };
  assert.deepEqual([report.corrected, report.findings.length], [1, 1]);

  const status = await holdfast(['erp', 'status', ...at], { cwd });
  assert.equal(status.code, 0, status.stdout);
  assert.match(status.stdout, /^connection +working, asked at \S+$/m);
  assert.match(status.stdout, /^outbox +empty: the ERP has taken every sale$/m);
  assert.match(
    status.stdout,
    /^last reconciliation +\S+: 2 SKUs compared, 1 differed, 1 corrected, 0 on the move$/m,
  );
  assert.match(status.stdout, /^calls today +\d+ of [\d,]+, [\d,]+ left$/m);
  await service.stop();
});

test('a dead letter is listed, shown, retried and discarded', async (t) => {
  const { bling, cwd, settings } = await openBlingShop(t);
  const service = await serve(t, cwd, settings);
  const at = ['--url', service.url];
  for (const sku of ['GONE', 'AWAY', 'LOST']) {
    await call(service, 'PUT', `/stock/${sku}`, { on_hand: 5 });
    await sell(service, sku);
  }
  let ids: string[] = [];
  await until(async () => {
    const { body } = await call(service, 'GET', '/outbox?state=dead');
    ids = (body['items'] as { message_id: number }[]).map(({ message_id: id }) => String(id));
    return ids.length === 3;
  });
  const [gone = '', away = '', lost = ''] = ids;
  const listed = await holdfast(['outbox', 'list', '--sku', 'GONE', ...at], { cwd });
  assert.equal(listed.code, 1, listed.stderr);
  assert.match(listed.stdout, /^ *\d+ +sale +dead +\S+ +1 × GONE +\S.*GONE/m);
  assert.match(listed.stdout, /0 messages pending, 0 in flight, 0 unknown, 3 dead\.$/m);
  // Without --url it is the service that the settings are for.
  const own = { HOLDFAST_PORT: new URL(service.url).port };
  const shown = await holdfast(['outbox', 'show', gone], { cwd, settings: own });
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^units +1 × GONE$/m);

  bling.control.seed({ products: [{ sku: 'GONE', stock: 5 }] });
  const reason = ['--reason', 'made it in Bling'];
  const neither = await holdfast(['outbox', 'retry', ...reason, ...at], { cwd });
  assert.equal(neither.code, 2);
  assert.match(neither.stderr, /expected either the number of a dead letter, or --all/);
  const retried = await holdfast(['outbox', 'retry', gone, ...reason, ...at], { cwd });
  assert.equal(retried.code, 0, retried.stderr);
  await until(() => bling.control.orders().length === 1);
  bling.control.seed({ products: [{ sku: 'AWAY', stock: 5 }] });
  const both = await holdfast(['outbox', 'retry', '--all', '--json', ...reason, ...at], { cwd });
  assert.equal(both.code, 0, both.stderr);
  assert.deepEqual(JSON.parse(both.stdout), { retried: [away, lost].map(Number), left: [] });
  await until(async () => {
    const { counts } = (await call(service, 'GET', '/outbox')).body;
    return (counts as { dead: number }).dead === 1 && bling.control.orders().length === 2;
  });
  const unsaid = await holdfast(['outbox', 'discard', lost, ...reason, ...at], { cwd });
  assert.equal(unsaid.code, 2);
  assert.match(unsaid.stderr, /say what becomes of its units/);
  const discard = ['outbox', 'discard', lost, '--units', 'restock', '--json', ...reason, ...at];
  const discarded = await holdfast(discard, { cwd });
  assert.equal(discarded.code, 0, discarded.stderr);
  assert.equal((JSON.parse(discarded.stdout) as { state: string }).state, 'delivered');
  assert.equal((await call(service, 'GET', '/stock/LOST')).body['available'], 5);
  await until(async () => {
    const counts = (await call(service, 'GET', '/outbox')).body['counts'];
    return Object.values(counts as Record<string, number>).every((value) => value === 0);
  });
  const empty = await holdfast(['outbox', 'list', '--json', ...at], { cwd });
  assert.equal(empty.code, 0, empty.stdout);
  await service.stop();
  const nobody = await holdfast(['erp', 'status', ...at], { cwd });
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /nobody answers/);
});
