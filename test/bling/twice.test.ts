/**
 * What a proxy before Bling repeats is done there twice and answered once: nothing in the answer shows it. The next
 * comparison does, and no unit of it is on sale until a person has seen to it in Bling.
 */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import { Random } from '../linearizability/random.ts';
import { cancel } from '../support/commands.ts';
import { balanceOf } from './checks.ts';
import { Shop, type Sale } from './shop.ts';
import { World } from './world.ts';

const SKU = 'HAT';
const STOCK = 100;
const CANCELLED = 12;

interface Scene {
  readonly world: World;
  readonly sale: Sale;
  readonly units: number;
}

/** A sale that Bling was told of, and that it has carried out twice. */
async function open(
  t: TestContext,
  mode: BlingSettings['orderMode'],
  path: string,
  act: (scene: Scene) => Promise<void>,
): Promise<void> {
  const switches = { webhookLoss: 1 };
  const world = await World.open(t, { seed: 1, mode, store: 'memory', switches });
  const { control } = world.simulator;
  control.seed({ products: [{ sku: SKU, stock: STOCK }] });
  const live = async (): Promise<void> => {
    await world.life.reconciler.pull(null, { fix: true, cause: 'pull' });
    const fault = control.addFault({ kind: 'twice', method: 'POST', path, times: 1 });
    const shop = new Shop(world, new Random(1), [SKU], { partCancellations: false });
    const sale = await shop.sell(1);
    await settled(world);
    assert.equal(control.faults().find(({ id }) => id === fault)?.befell, 1);
    assert.equal((await world.store.reservation(sale.id))?.status, 'acknowledged');
    await act({ world, sale, units: sale.units.get(SKU) ?? 0 });
    assert.deepEqual((await world.store.audit()).problems, []);
  };
  await world.time.run(live());
}

async function settled(world: World): Promise<void> {
  for (let looks = 0; looks < 20; looks += 1) {
    await world.time.sleep(10_000);
    if ((await world.store.outbox({ state: null, after: 0, limit: 1 })).length === 0) return;
  }
  assert.fail('not drained');
}

async function corrections(world: World): Promise<unknown[]> {
  const { drifts } = await world.life.reconciler.compareAll({ fix: true, cause: 'schedule' });
  assert.equal((await world.store.level(SKU))?.onHand, balanceOf(world, SKU), 'the books agree');
  return drifts.map(({ units, cause }) => [units, cause]);
}

/** As a person does it at Bling's screen. */
async function cancelInBling({ simulator }: World, orderId: number): Promise<void> {
  const { access_token: token } = simulator.control.issueTokens();
  const url = `${simulator.apiUrl}/pedidos/vendas/${orderId}/situacoes/${CANCELLED}`;
  const headers = { authorization: `Bearer ${token}`, 'enable-jwt': '1' };
  assert.equal((await fetch(url, { method: 'PATCH', headers })).status, 204);
}

test('an order that was made twice: its units are off sale until the other one is cancelled in Bling', async (t) => {
  await open(t, 'order', '/pedidos/vendas', async ({ world, sale, units }) => {
    const { control } = world.simulator;
    const [first, second, ...others] = control
      .orders()
      .filter(({ shopNumber }) => shopNumber === `HF-${sale.id}`);
    assert.ok(first !== undefined && second !== undefined && others.length === 0);
    assert.deepEqual(await corrections(world), [[-units, 'sold_elsewhere']]);

    // The one that Bling's answer named is the sale's; of the other nobody here knows.
    await world.store.submit(cancel(sale.id, { as: 'regret' }));
    await settled(world);
    assert.equal(first.situationId, CANCELLED);
    assert.notEqual(second.situationId, CANCELLED);
    assert.deepEqual(await corrections(world), [], 'the units of the other stay off sale');

    await cancelInBling(world, second.id);
    assert.deepEqual(await corrections(world), [[units, 'received_elsewhere']]);
    assert.equal(balanceOf(world, SKU), STOCK);
  });
});

test('a movement that was made twice is found as a drift of its units', async (t) => {
  await open(t, 'movement', '/estoques', async ({ world, units }) => {
    assert.equal(balanceOf(world, SKU), STOCK - 2 * units);
    assert.deepEqual(await corrections(world), [[-units, 'sold_elsewhere']]);
    assert.deepEqual(await corrections(world), [], 'once');
  });
});
