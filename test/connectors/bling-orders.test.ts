/** One order per sale: made once, found again, moved, changed in part, and told apart from what others did. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { OutboxMessage } from '../../src/core/outbox/message.ts';
import type { PushOutcome, SettleOutcome } from '../../src/engine/erp-port.ts';
import { openBench, parcel, reasonOf, type BenchOptions, type BlingBench } from './bling-bench.ts';

const MEMO = 'HF-r-1';
const REFUSAL = { error: { type: 'VALIDATION_ERROR', message: 'Não foi possível', fields: [] } };

interface Shop extends BlingBench {
  /** A settling of the sale of one unit of A, `looks` readings after it became unknown at `unknownAt`. */
  look(unknownAt: number, looks: number): Promise<SettleOutcome>;
  orders(): string[];
}

async function shop(t: Parameters<typeof openBench>[0], options: BenchOptions = {}): Promise<Shop> {
  const bench = await openBench(t, options);
  const { control } = bench.simulator;
  control.seed({
    products: [
      { sku: 'A', stock: 9 },
      { sku: 'B', stock: 9 },
    ],
  });
  return {
    ...bench,
    look: (unknownAt, looks) =>
      bench.connector.settle(parcel('A', 1, { memo: MEMO, unknownAt, looks }), bench.call),
    orders: () =>
      control.orders().map(({ shopNumber, situationId }) => `${shopNumber} ${situationId}`),
  };
}

function left({ simulator }: BlingBench, sku: string): number {
  return simulator.control.balances().find((row) => row.sku === sku)?.virtual ?? NaN;
}

test('an order that is there is adopted, not made again; several are for a person', async (t) => {
  const { connector, call, simulator, parts } = await openBench(t);
  simulator.control.seed({ products: [{ sku: 'A', stock: 5 }] });
  const first = await connector.push(parcel('A', 1), call);
  const second = await connector.push(parcel('A', 1), call);
  assert.deepEqual(second, first);
  assert.equal(simulator.control.orders().length, 1);
  simulator.control.outsideSale({ sku: 'A', quantity: 1, shopNumber: 'HF-r-1' });
  const third = await connector.push(parcel('A', 1), call);
  assert.match(reasonOf(third), /^unknown: Bling has 2 orders with the shop's number HF-r-1/);
  const settled = await connector.settle(parcel('A', 1, { memo: 'HF-r-1' }), call);
  assert.match(reasonOf(settled), /^undecidable: .*cancel all but one in Bling, then retry/);
  // The person has done so, and retries.
  const [, later] = simulator.control.orders();
  await parts.orders.move(later?.id ?? 0, 12, call);
  assert.deepEqual(await connector.push(parcel('A', 1), call), first);
});

test('an order that the search does not show yet is waited for', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  const { control } = simulator;
  control.seed({ products: [{ sku: 'A', stock: 5 }] });
  control.setSwitches({ orderSearchLagMs: 15_000 });
  control.addFault({ kind: 'reset_after', method: 'POST', times: 1 });
  assert.equal((await connector.push(parcel('A', 1), call)).outcome, 'unknown');
  const unknownAt = control.now();
  const look = (looks: number) =>
    connector.settle(parcel('A', 1, { memo: 'HF-r-1', unknownAt, looks }), call);
  await control.advance(10_000);
  assert.equal((await look(0)).outcome, 'unknown');
  await control.advance(10_000);
  assert.equal((await look(1)).outcome, 'applied');
});

test('an order that came after four minutes is found: until five are over none is made again', async (t) => {
  const { connector, call, simulator, look, orders } = await shop(t);
  const { control } = simulator;
  control.addFault({ kind: 'late_apply', method: 'POST', times: 1, delayMs: 240_000 });
  assert.equal((await connector.push(parcel('A', 1), call)).outcome, 'unknown');
  const unknownAt = control.now();
  let pause = 10_000;
  const times: number[] = [];
  for (let looks = 0; ; looks += 1) {
    await control.advance(pause);
    times.push((control.now() - unknownAt) / 1_000);
    const seen = await look(unknownAt, looks);
    if (seen.outcome === 'applied') break;
    assert.equal(seen.outcome, 'unknown', reasonOf(seen));
    pause = (seen as { waitMs?: number }).waitMs ?? 0;
  }
  assert.deepEqual(times.map(Math.round), [10, 20, 40, 80, 160, 300]);
  assert.deepEqual(orders(), ['HF-r-1 15']);
});

test('an order that never came counts as lost only after HOLDFAST_BLING_PATIENCE_SECONDS', async (t) => {
  const settings = { patienceMs: 60_000 };
  const { connector, call, simulator, look } = await shop(t, { settings });
  const { control } = simulator;
  control.addFault({ kind: 'reset_before', method: 'POST', times: 1 });
  assert.equal((await connector.push(parcel('A', 1), call)).outcome, 'unknown');
  const unknownAt = control.now();
  await control.advance(59_000);
  assert.equal((await look(unknownAt, 5)).outcome, 'unknown');
  await control.advance(1_000);
  assert.equal((await look(unknownAt, 0)).outcome, 'unknown', 'one reading is not enough');
  assert.match(
    reasonOf(await look(unknownAt, 1)),
    /^not_applied: order HF-r-1 did not show in 60 s/,
  );
});

test('an order that takes no units yet is finished, not given back to be sent or cancelled unsent', async (t) => {
  const { connector, call, simulator, look, orders } = await shop(t, {
    settings: { situations: [15] },
  });
  const { control } = simulator;
  // As if made by a call of ours that was lost, in the situation that new orders have.
  const order = control.outsideSale({ sku: 'A', quantity: 1, shopNumber: MEMO });
  assert.equal(order.situationId, 6);
  const move = { method: 'PATCH', times: 1 } as const;
  control.addFault({ kind: 'outage', ...move });
  assert.equal((await look(control.now(), 0)).outcome, 'unknown');
  control.addFault({ kind: 'status', status: 400, body: REFUSAL, ...move });
  const refused = reasonOf(await look(control.now(), 1));
  assert.match(refused, /^undecidable: Bling's order \d+ takes no units, .*SITUATIONS in Bling/);
  const pushed = { kind: 'status', status: 400, body: REFUSAL, ...move } as const;
  control.addFault(pushed);
  assert.equal((await connector.push(parcel('A', 1), call)).outcome, 'unknown', 'it is there');
  const applied = { outcome: 'applied', reference: String(order.id) };
  assert.deepEqual(await look(control.now(), 2), applied);
  assert.deepEqual(orders(), ['HF-r-1 15']);
  assert.deepEqual(await connector.push(parcel('A', 1), call), applied);
});

test('a situation that was set by a call whose answer was lost counts, though Bling refuses it again', async (t) => {
  const { simulator, call, parts } = await shop(t);
  const { id } = simulator.control.outsideSale({ sku: 'A', quantity: 1 });
  assert.equal((await parts.orders.move(id, 15, call)).kind, 'done');
  assert.equal((await parts.orders.move(id, 15, call)).kind, 'done');
  assert.equal((await parts.orders.move(id, 77, call)).kind, 'refused');
});

test('an order that Bling refused and kept all the same is adopted', async (t) => {
  const { connector, call, simulator, orders } = await shop(t);
  const { control } = simulator;
  const no = { status: 400, body: REFUSAL, method: 'POST', times: 1 } as const;
  control.addFault({ kind: 'status_after', ...no });
  assert.equal((await connector.push(parcel('A', 1), call)).outcome, 'applied');
  assert.deepEqual(orders(), ['HF-r-1 15']);
  control.addFault({ kind: 'status', ...no });
  const other = parcel('A', 1, { id: 2, key: 'r-2', reservationId: 'r-2' });
  const refused = await connector.push(other, call);
  assert.ok(refused.outcome === 'rejected' && !refused.retry, reasonOf(refused));
  control.addFault({ kind: 'status', ...no });
  control.addFault({ kind: 'outage', method: 'GET', path: '/pedidos/vendas', skip: 1, times: 1 });
  assert.equal((await connector.push(other, call)).outcome, 'unknown', 'nobody could look');
});

/** A sale of three units of A and two of B that Bling has, and ways to cancel of it. */
async function sold(t: Parameters<typeof openBench>[0], options: BenchOptions = {}) {
  const bench = await shop(t, options);
  const { connector, call } = bench;
  const lines = [
    { sku: 'A', quantity: 3, restock: false },
    { sku: 'B', quantity: 2, restock: false },
  ];
  const pushed = await connector.push(parcel('A', 3, { lines }), call);
  assert.ok(pushed.outcome === 'applied');
  const { reference } = pushed;
  const cancellation = (
    id: number,
    sku: string,
    quantity: number,
    more: Partial<OutboxMessage> = {},
  ) => parcel(sku, quantity, { id, kind: 'cancellation', reference, ...more });
  const cancel = (id: number, sku: string, quantity: number): Promise<PushOutcome> =>
    connector.push(cancellation(id, sku, quantity), call);
  const there = () => [left(bench, 'A'), left(bench, 'B')];
  return { ...bench, id: Number(reference), cancel, cancellation, there };
}

test('a part that is cancelled leaves the order; what is cancelled last cancels it', async (t) => {
  const { cancel, there, simulator, id } = await sold(t);
  const { control } = simulator;
  assert.deepEqual(there(), [6, 7]);
  assert.deepEqual(await cancel(2, 'A', 1), { outcome: 'applied', reference: String(id) });
  assert.deepEqual(there(), [7, 7]);
  await control.advance(2_000);
  assert.equal((await cancel(3, 'B', 2)).outcome, 'applied');
  assert.deepEqual(there(), [7, 9]);
  const [order] = control.orders();
  assert.equal(order?.situationId, 15);
  assert.match(
    String(order.sent['observacoesInternas']),
    /^Holdfast: reserva r-1, pedido #1001 da loja\n.* 2 de r-1: 1 of A\n.* 3 de r-1: 2 of B$/,
  );
  await control.advance(2_000);
  assert.equal((await cancel(4, 'A', 2)).outcome, 'applied');
  assert.deepEqual(there(), [9, 9]);
  assert.equal(control.orders()[0]?.situationId, 12);
  await control.advance(2_000);
  assert.equal((await cancel(4, 'A', 2)).outcome, 'applied', 'told again');
});

test('a change whose answer was lost is found in the order, also late, and is never made twice', async (t) => {
  const { cancel, cancellation, there, simulator, connector, call, memos } = await sold(t);
  const { control } = simulator;
  const put = { method: 'PUT', times: 1 } as const;
  const settle = (id: number, unknownAt: number, looks: number) => {
    const state = { memo: memos.at(-1) ?? null, unknownAt, looks };
    return connector.settle(cancellation(id, 'A', 1, state), call);
  };
  control.addFault({ kind: 'reset_after', ...put });
  assert.equal((await cancel(2, 'A', 1)).outcome, 'unknown');
  assert.equal((await settle(2, control.now(), 0)).outcome, 'applied');
  await control.advance(2_000);
  control.addFault({ kind: 'late_apply', delayMs: 310_000, ...put });
  assert.equal((await cancel(3, 'A', 1)).outcome, 'unknown');
  const unknownAt = control.now();
  await control.advance(100_000);
  assert.equal((await settle(3, unknownAt, 3)).outcome, 'unknown');
  await control.advance(200_000);
  assert.match(
    reasonOf(await settle(3, unknownAt, 4)),
    /^not_applied: the change of order \d+ did/,
  );
  assert.deepEqual(there(), [7, 7]);
  // Later than anybody waits; told again, it is found to be done.
  await control.advance(20_000);
  assert.deepEqual(there(), [8, 7]);
  assert.equal((await cancel(3, 'A', 1)).outcome, 'applied');
  assert.deepEqual(there(), [8, 7]);
  assert.equal(control.calls().filter(({ method }) => method === 'PUT').length, 2);
});

test('a part that cannot be taken out says why, and what a person is to do', async (t) => {
  const { cancel, simulator, id, call, parts, there } = await sold(t);
  const { control } = simulator;
  assert.match(
    reasonOf(await cancel(2, 'A', 4)),
    /^rejected: 4 of A must leave Bling's order \d+, and Holdfast cannot take them out \(it does not have so many\): change the order in Bling, then discard this message$/,
  );
  assert.match(
    reasonOf(await cancel(3, 'C', 1)),
    /\(Bling has no active product with the code C\)/,
  );
  control.addFault({ kind: 'status', status: 400, body: REFUSAL, method: 'PUT', times: 1 });
  assert.match(
    reasonOf(await cancel(4, 'A', 1)),
    /^rejected: 1 of A must leave .*VALIDATION_ERROR/,
  );
  await control.advance(2_000);
  control.addFault({ kind: 'too_many_second', method: 'PUT', times: 1 });
  const busy = await cancel(4, 'A', 1);
  assert.ok(busy.outcome === 'rejected' && busy.retry, reasonOf(busy));
  await control.advance(2_000);
  // Somebody gives a discount, then makes an invoice.
  const { raw } = (await parts.orders.read(id, call)) ?? assert.fail();
  const [instalment] = raw['parcelas'] as Record<string, unknown>[];
  const body = {
    ...raw,
    desconto: { valor: 1, unidade: 'REAL' },
    parcelas: [{ ...instalment, valor: Number(instalment?.['valor']) - 1 }],
  };
  assert.equal((await parts.orders.replace(id, { body }, call)).kind, 'done');
  assert.match(
    reasonOf(await cancel(4, 'A', 1)),
    /\(its instalments are no longer as Holdfast made/,
  );
  await parts.client.write('POST', `/pedidos/vendas/${id}/gerar-nfe`, null, call);
  await control.advance(2_000);
  assert.match(reasonOf(await cancel(4, 'A', 1)), /\(an invoice was made of it\)/);
  assert.deepEqual(there(), [6, 7]);
});

test('where orders post their stock, a part is for a person: changing the order may not bring it back', async (t) => {
  const settings = { balance: 'fisico', situations: [9] } as const;
  const switches = { launchOnSituations: [9] };
  const { cancel, simulator } = await sold(t, { settings, simulator: { switches } });
  assert.match(
    reasonOf(await cancel(2, 'A', 1)),
    /^rejected: .*HOLDFAST_BLING_BALANCE=fisico its stock/,
  );
  assert.equal(simulator.control.calls().filter(({ method }) => method === 'PUT').length, 0);
});
