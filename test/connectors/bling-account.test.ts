/** What accounts of Bling are really like: kits, parents, codes used twice, other hands on the stock. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { idOf } from '../../src/connectors/bling/client.ts';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import type { OutboxMessage, Parcel } from '../../src/core/outbox/message.ts';
import { ErpFault } from '../../src/engine/erp-port.ts';
import { openBench, parcel, reasonOf, type BlingBench } from './bling-bench.ts';

function physical({ simulator }: BlingBench, sku: string): number {
  return simulator.control.balances().find((row) => row.sku === sku)?.physical ?? NaN;
}

test('variations are sold, parents and kits are refused, each with its reason', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  simulator.control.seed({
    products: [
      { sku: 'TEE', variations: [{ sku: 'TEE-M', variation: 'Tamanho:M', stock: 4 }] },
      { sku: 'MUG', stock: 9 },
      { sku: 'GIFT', components: [{ sku: 'MUG', quantity: 2 }] },
    ],
  });
  const page = await connector.readPage(null, call);
  assert.deepEqual(
    page.levels.map(({ sku, onHand }) => [sku, onHand]),
    [
      ['TEE-M', 4],
      ['MUG', 9],
    ],
  );
  assert.deepEqual(
    page.problems.map(({ sku }) => sku),
    ['GIFT'],
  );
  const asked = await connector.readLevels(['TEE', 'GIFT', 'TEE-M'], call);
  assert.deepEqual(
    asked.levels.map(({ sku }) => sku),
    ['TEE-M'],
  );
  const reasons = Object.fromEntries(asked.problems.map(({ sku, reason }) => [sku, reason]));
  assert.match(reasons['TEE'] ?? '', /product with variations/);
  assert.match(reasons['GIFT'] ?? '', /composition .* sell its components/);
  const pushed = await connector.push(parcel('GIFT', 1), call);
  assert.match(reasonOf(pushed), /^rejected: GIFT is a composition/);
  assert.ok(pushed.outcome === 'rejected' && !pushed.retry);
});

test('a code of two products, a fraction, and a SKU that Bling does not know: one problem each', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  const { control } = simulator;
  control.seed({
    products: [
      { sku: 'A', stock: 1 },
      { sku: 'B', stock: 2.5 },
      { sku: 'C', stock: 3 },
    ],
  });
  control.seed({ products: [{ sku: 'A', stock: 1 }] });
  const { levels, problems } = await connector.readLevels(['A', 'B', 'C', 'D'], call);
  assert.deepEqual(levels, [{ sku: 'C', onHand: 3 }]);
  const reasons = Object.fromEntries(problems.map(({ sku, reason }) => [sku, reason]));
  assert.match(reasons['A'] ?? '', /belongs to several products of Bling: \d+, \d+/);
  assert.match(reasons['B'] ?? '', /Bling has 2.5 of B: only whole units can be sold/);
  assert.match(reasons['D'] ?? '', /no active product with the code D/);
});

test('only the named deposit counts; where it is missing, nothing is summed in its place', async (t) => {
  const bench = await openBench(t);
  const { connector, call, simulator } = bench;
  const other = simulator.control.addDeposit({ name: 'Loja' });
  simulator.control.seed({ products: [{ sku: 'A', stock: 5 }] });
  simulator.control.outsideMovement({ sku: 'A', quantity: 90, operation: 'E', depositId: other });
  assert.deepEqual((await connector.readLevels(['A'], call)).levels, [{ sku: 'A', onHand: 5 }]);
  simulator.control.setSwitches({ omitDeposits: true });
  const { levels, problems } = await connector.readLevels(['A'], call);
  assert.deepEqual(levels, []);
  assert.match(problems[0]?.reason ?? '', /deposit \d+ is missing .*HOLDFAST_BLING_DEPOSIT_ID/);
});

test('a deposit that does not exist stops the start, and says which there are', async (t) => {
  const { connector, call } = await openBench(t, { settings: { depositId: 777 } });
  await assert.rejects(connector.check(call), (error) => {
    assert.ok(error instanceof ErpFault && error.code === 'ERP_MISCONFIGURED');
    assert.match(error.message, /deposit 777 does not exist in Bling; active are: \d+ \(Geral\)/);
    return true;
  });
});

test('a situation that orders do not have stops the start, and says which there are', async (t) => {
  const found = async (settings: Partial<BlingSettings>): Promise<string> => {
    const { connector, call } = await openBench(t, { settings });
    const check = connector.check(call);
    return check.then(
      () => 'fine',
      (error: unknown) => (error instanceof ErpFault ? error.message : String(error)),
    );
  };
  const there = '; there are: 6 (Em aberto), 9 (Atendido), 12 (Cancelado), 15 (Em andamento)';
  assert.equal(
    await found({ situations: [15, 77] }),
    `orders in Bling have no situation 77 of HOLDFAST_BLING_SITUATIONS${there}`,
  );
  assert.equal(
    await found({ situations: [78], cancelledSituation: 79, orderMode: 'observe' }),
    `orders in Bling have no situation 78 of HOLDFAST_BLING_SITUATIONS, nor 79 of HOLDFAST_BLING_CANCELLED_SITUATION${there}`,
  );
  assert.equal(await found({ situations: [77], orderMode: 'movement' }), 'fine');
});

test('a code given to another product is noticed when the balance is read', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  const { control } = simulator;
  control.seed({ products: [{ sku: 'A', stock: 5 }] });
  await connector.readLevels(['A'], call);
  control.changeProduct({ sku: 'A', newSku: 'OLD' });
  control.seed({ products: [{ sku: 'A', stock: 8 }] });
  assert.deepEqual((await connector.readLevels(['A'], call)).levels, [{ sku: 'A', onHand: 8 }]);
});

test('observe: written by others, settled when the order is there and takes its units', async (t) => {
  const settings = { orderMode: 'observe', situations: [15] } as const;
  const { connector, call, simulator, parts } = await openBench(t, { settings });
  const { control } = simulator;
  control.seed({ products: [{ sku: 'A', stock: 5 }] });
  const sale = parcel('A', 2);
  const early = await connector.push(sale, call);
  assert.match(reasonOf(early), /^rejected: .*does not have the order #1001 yet/);
  const verdict = (await parts.catalogue.resolve(['A'], call)).get('A');
  assert.ok(verdict?.ok);
  // The other integration: the order comes, and its situation changes later.
  const lines = [{ product: verdict.product, quantity: 2 }];
  const create = await parts.orders.prepare({ shopNumber: '#1001', lines, note: '' }, call);
  const id = idOf(((await create()) as { body: unknown }).body) ?? 0;
  await parts.orders.move(id, 6, call);
  const open = await connector.push(sale, call);
  assert.match(reasonOf(open), /^rejected: .*situation 6, which takes no units/);
  await parts.orders.move(id, 15, call);
  assert.equal((await connector.push(sale, call)).outcome, 'applied');
  const cancellation = parcel('A', 2, { kind: 'cancellation', reference: String(id) });
  const uncancelled = await connector.push(cancellation, call);
  assert.match(reasonOf(uncancelled), /is not cancelled yet/);
  await parts.orders.move(id, 12, call);
  assert.equal((await connector.push(cancellation, call)).outcome, 'applied');
  const nameless = await connector.push(parcel('A', 2, { orderId: null }), call);
  assert.match(reasonOf(nameless), /^rejected: confirmed without an order_id/);
  const writes = control.calls().filter(({ method }) => method !== 'GET');
  assert.equal(writes.length, 4, 'all of them by the other integration');
});

test('movement: whether a lost one happened is told by the balance only where nobody else moves it', async (t) => {
  const shared = await openBench(t, { settings: { orderMode: 'movement', soleWriter: false } });
  shared.simulator.control.seed({ products: [{ sku: 'A', stock: 9 }] });
  const memo = JSON.stringify({ product: 1, before: 9, units: 2 });
  const keyed = { key: 'A', memo };
  const told = await shared.connector.settle(parcel('A', 2, keyed), shared.call);
  assert.match(reasonOf(told), /^undecidable: .*others move that stock too/);

  const alone = await openBench(t, { settings: { orderMode: 'movement' } });
  const { control } = alone.simulator;
  control.seed({ products: [{ sku: 'A', stock: 9 }] });
  control.addFault({ kind: 'reset_after', method: 'POST', times: 1 });
  const pushed = await alone.connector.push(parcel('A', 2, { key: 'A' }), alone.call);
  assert.equal(pushed.outcome, 'unknown');
  control.outsideMovement({ sku: 'A', quantity: 1 });
  const settled = await alone.connector.settle(
    parcel('A', 2, { key: 'A', memo: alone.memos.at(-1) ?? null, looks: 3 }),
    alone.call,
  );
  assert.match(
    reasonOf(settled),
    /^undecidable: Bling had 9 of A and was to have 7, but has 6: .*"Holdfast: A, remessa 1"/,
  );
});

test('movement: sales and cancellations of a SKU are one movement of what is left of them', async (t) => {
  const bench = await openBench(t, { settings: { orderMode: 'movement' } });
  const { connector, call, simulator } = bench;
  simulator.control.seed({ products: [{ sku: 'A', stock: 9 }] });
  const of = (quantity: number, kind: OutboxMessage['kind']) =>
    parcel('A', quantity, { key: 'A', kind }).messages;
  const merged: Parcel = {
    id: 5,
    key: 'A',
    messages: [...of(3, 'sale'), ...of(2, 'sale'), ...of(1, 'cancellation')],
  };
  assert.equal((await connector.push(merged, call)).outcome, 'applied');
  assert.equal(physical(bench, 'A'), 5);
  const nothing = { ...merged, messages: [...of(2, 'sale'), ...of(2, 'cancellation')] };
  simulator.control.clearCalls();
  assert.deepEqual(await connector.push(nothing, call), { outcome: 'applied', reference: null });
  assert.equal(simulator.control.calls().length, 0);
});

test('the limits of Bling: told with how long to wait, and left alone meanwhile', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  const { control } = simulator;
  control.seed({ products: [{ sku: 'A', stock: 5 }] });
  control.addFault({ kind: 'too_many_day', times: 1 });
  const pushed = await connector.push(parcel('A', 1), call);
  assert.ok(pushed.outcome === 'rejected' && pushed.retry && (pushed.waitMs ?? 0) >= 60_000);
  const calls = control.calls().length;
  const again = await connector.push(parcel('A', 1), call);
  assert.ok(again.outcome === 'rejected' && again.retry && (again.waitMs ?? 0) > 3_000_000);
  assert.equal(control.calls().length, calls, 'nobody knocks while the day is spent');
  await control.advance(3_600_000);
  assert.equal((await connector.push(parcel('A', 1), call)).outcome, 'applied');
});

test('a right that the app lacks is for a person, and no sale is lost over it', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  simulator.control.seed({ products: [{ sku: 'A', stock: 5 }] });
  simulator.control.setSwitches({ scopes: ['produtos', 'estoques', 'depositos'] });
  const pushed = await connector.push(parcel('A', 1), call);
  assert.ok(pushed.outcome === 'rejected' && pushed.retry, JSON.stringify(pushed));
  assert.match(pushed.reason, /insufficient_scope.* scopes it needs/);
});

test('ten minutes of sales one after the other: no second with more than three calls', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  const { control } = simulator;
  control.seed({ products: [{ sku: 'A', stock: 100_000 }] });
  const end = control.now() + 600_000;
  let sales = 0;
  for (; control.now() < end; sales += 1) {
    const reservationId = `r-${sales}`;
    const change = { id: sales + 1, reservationId, key: reservationId };
    const pushed = await connector.push(parcel('A', 1, change), call);
    assert.equal(pushed.outcome, 'applied', JSON.stringify(pushed));
  }
  const { limits } = control.state();
  assert.equal(limits.refusedPerSecond, 0);
  assert.ok(limits.peakPerSecond <= 3, String(limits.peakPerSecond));
  assert.equal(control.orders().length, sales);
  assert.ok(sales > 750, `${sales} sales in ten minutes: slower than the limit allows`);
});

test('an address where nobody answers is named, with the setting it comes from', async (t) => {
  const nobody = 'http://127.0.0.1:1/Api/v3';
  const { connector, call } = await openBench(t, { settings: { apiUrl: nobody } });
  const words = (url: string, setting: string): RegExp =>
    new RegExp(`${url} cannot be reached \\(ECONNREFUSED\\): .*${setting}`);
  await assert.rejects(connector.check(call), words(nobody, 'HOLDFAST_BLING_API_URL'));
  const other = await openBench(t, { settings: { oauthUrl: nobody } });
  other.simulator.control.expireAccessTokens();
  await assert.rejects(other.connector.check(call), words(nobody, 'HOLDFAST_BLING_OAUTH_URL'));
});
