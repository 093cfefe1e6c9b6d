/**
 * As an operator and thousands of buyers meet it: the real service beside a simulated Bling, its stock pulled, a rush,
 * the confirmed sales delivered, and both books equal. The pace is raised on both sides, or it would take hours.
 */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBlingShop, until } from '../cli/bling-shop.ts';
import { call, holdfast, serve, type Service, type Settings } from '../cli/support.ts';
import { setting } from '../faults/chance.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import type { BlingSimulator } from '../../simulators/bling/server.ts';

const SKUS = setting('HOLDFAST_ERP_SKUS', 40);
const BUYERS = setting('HOLDFAST_BUYERS', 100);
const STOCK = 20;
const PACE = '100';
const RESERVING = 6;
const CANCELLED = 12;
/** Buyers of mode `observe` at a time. */
const AT_ONCE = 20;

interface Shop {
  readonly service: Service;
  readonly bling: BlingSimulator;
  readonly cwd: string;
  readonly settings: Settings;
  readonly skus: readonly string[];
}

/** `books`: settings of a store other than the folder. */
async function open(t: TestContext, mode: string, books: Settings = {}): Promise<Shop> {
  const { bling, cwd, settings } = await openBlingShop(t, {
    skus: SKUS,
    stock: STOCK,
    switches: { limitPerDay: 0, ipBlocks: false },
  });
  const all = {
    ...settings,
    ...books,
    HOLDFAST_BLING_ORDER_MODE: mode,
    HOLDFAST_BLING_CALLS_PER_SECOND: PACE,
    HOLDFAST_RELAY_IDLE_MS: '50',
  };
  const service = await serve(t, cwd, all);
  const { code, stdout, stderr } = await holdfast(['erp', 'pull', '--url', service.url], {
    cwd,
    settings: all,
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`Pulled ${SKUS.toLocaleString('en')} SKUs`));
  const skus = bling.control.products().map(({ sku }) => sku);
  return { service, bling, cwd, settings: all, skus };
}

async function statusOf(service: Service): Promise<Record<string, unknown>> {
  return (await call(service, 'GET', '/erp')).body;
}

/** Until the outbox is empty; says how long that took, in seconds. */
async function drained(service: Service): Promise<number> {
  const began = performance.now();
  for (;;) {
    const { outbox } = (await statusOf(service)) as { outbox: Record<string, number> };
    const { pending = 0, in_flight: inFlight = 0, unknown = 0, dead = 0 } = outbox;
    assert.equal(dead, 0, 'no dead letter');
    if (pending + inFlight + unknown === 0) return (performance.now() - began) / 1_000;
    await sleep(200);
  }
}

/** Units that are gone, all SKUs together. */
async function assertEqualBooks({ service, bling, cwd, settings, skus }: Shop): Promise<number> {
  const erp = new Map(bling.control.balances().map((row) => [row.sku, row.virtual]));
  let gone = 0;
  for (const sku of skus) {
    const levels = async () => (await call(service, 'GET', `/stock/${sku}`)).body;
    // A cart over several shards is acknowledged a moment after its message was delivered.
    await until(async () => (await levels())['allocated'] === 0);
    const body = await levels();
    assert.deepEqual([body['on_hand'], body['allocated']], [erp.get(sku), 0], sku);
    gone += STOCK - Number(body['on_hand']);
  }
  const compared = await holdfast(['reconcile', '--url', service.url], { cwd, settings });
  assert.equal(compared.code, 0, compared.stdout + compared.stderr);
  assert.equal((await service.stop()).code, 0);
  const audit = await holdfast(['audit'], { cwd, settings });
  assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  return gone;
}

for (const mode of ['order', 'movement']) {
  test(`mode ${mode}: pulled, rushed at, delivered, and both books equal`, async (t) => {
    const shop = await open(t, mode);
    const { service, bling, cwd, settings, skus } = shop;
    const args = ['rush', service.url, '--buyers', String(BUYERS), '--abandon', '0.1', '--json'];
    const rush = await holdfast([...args, '--sku', ...skus], { cwd, settings });
    assert.equal(rush.code, 0, rush.stdout + rush.stderr);
    const seconds = await drained(service);
    const gone = await assertEqualBooks(shop);
    assert.ok(gone > 0, 'something was sold');
    const orders = bling.control.orders().length;
    t.diagnostic(
      `${SKUS} SKUs, ${BUYERS} buyers: ${gone} units sold, ${orders} orders, ${bling.control.movements().length - SKUS} movements; delivered ${seconds.toFixed(1)} s after the rush at ${PACE} calls a second at most; books equal`,
    );
  });
}

/** As the other integration does it. */
async function cancelInBling({ apiUrl, control }: BlingSimulator, orderId: number): Promise<void> {
  const headers = { authorization: `Bearer ${control.issueTokens().access_token}` };
  const url = `${apiUrl}/pedidos/vendas/${orderId}/situacoes/${CANCELLED}`;
  const { status } = await fetch(url, { method: 'PATCH', headers });
  assert.equal(status, 204);
}

/** A cart of this SKU and the next ones, bought, and some of it sent back. */
async function buyCart({ service, skus }: Shop, n: number): Promise<void> {
  const own = Array.from({ length: 4 }, (_, k) => skus[(n + k * 7) % skus.length] ?? '');
  const lines = [...new Set(own)].map((sku) => ({ sku, quantity: 1 }));
  const reserved = await call(service, 'POST', '/reservations', { lines, allow_partial: true });
  if (reserved.status !== 201) return;
  const id = String(reserved.body['reservation_id']);
  const confirm = { order_id: `#${n}` };
  assert.equal((await call(service, 'POST', `/reservations/${id}/confirm`, confirm)).status, 200);
  if (n % 5 !== 0) return;
  const [first] = reserved.body['lines'] as { sku: string }[];
  const returned = [{ sku: first?.sku, quantity: 1, restock: true }];
  const cancel = { lines: returned, cancellation_id: `return-${n}` };
  const back = await call(service, 'POST', `/reservations/${id}/cancel`, cancel);
  assert.equal(back.status, 200, JSON.stringify(back.body));
}

for (const mode of ['order', 'movement']) {
  test(`mode ${mode}, books over three shards: carts of several, and both books equal`, async (t) => {
    if (!hasRedis(t)) return;
    const server = await RedisServer.start(t, { appendonly: 'yes' });
    const shop = await open(t, mode, {
      HOLDFAST_STORE: server.url,
      HOLDFAST_REDIS_SHARDS: '3',
    });
    let next = 0;
    const buyers = Array.from({ length: AT_ONCE }, async () => {
      while (next < BUYERS) await buyCart(shop, next++);
    });
    await Promise.all(buyers);
    const seconds = await drained(shop.service);
    const gone = await assertEqualBooks(shop);
    assert.ok(gone > BUYERS, 'carts were sold');
    const orders = shop.bling.control.orders().length;
    t.diagnostic(
      `${SKUS} SKUs, ${BUYERS} carts: ${gone} units gone, ${orders} orders; delivered ${seconds.toFixed(1)} s later; books equal`,
    );
  });
}

test('mode observe: pulled, sold, seen in Bling, and both books equal', async (t) => {
  const shop = await open(t, 'observe');
  const { service, bling, cwd, settings, skus } = shop;
  let next = 0;
  let sale = { id: '', sku: '', orderId: 0 };
  const buyers = Array.from({ length: AT_ONCE }, async () => {
    while (next < BUYERS) {
      const n = next;
      next += 1;
      const sku = skus[n % skus.length] ?? '';
      const reserved = await call(service, 'POST', `/stock/${sku}/reserve`);
      if (reserved.status !== 200) continue;
      const id = String(reserved.body['reservation_id']);
      const order = `#${n}`;
      const confirm = { reservation_id: id, order_id: order };
      assert.equal((await call(service, 'POST', '/stock/confirm', confirm)).status, 200);
      // The other integration imports the shop's order.
      const made = bling.control.outsideSale({ sku, quantity: 1, shopNumber: order });
      assert.equal(made.situationId, RESERVING);
      sale = { id, sku, orderId: made.id };
    }
  });
  await Promise.all(buyers);
  const seconds = await drained(service);
  // Bling has the cancellation, and Holdfast its balance, before Holdfast is told: the unit comes back once.
  await cancelInBling(bling, sale.orderId);
  await holdfast(['reconcile', '--fix', '--url', service.url], { cwd, settings });
  const levelOf = async () => (await call(service, 'GET', `/stock/${sale.sku}`)).body['on_hand'];
  const raised = await levelOf();
  assert.equal((await call(service, 'POST', `/reservations/${sale.id}/cancel`, {})).status, 200);
  assert.equal(await levelOf(), raised);
  await drained(service);
  const gone = await assertEqualBooks(shop);
  assert.equal(gone, bling.control.orders().length - 1);
  t.diagnostic(
    `${SKUS} SKUs, ${BUYERS} buyers: ${gone} units sold; seen ${seconds.toFixed(1)} s later; books equal`,
  );
});
