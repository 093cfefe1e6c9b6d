/** What must hold once everything is delivered: no sale lost, none told twice, the order of each key kept, both books equal. */
import assert from 'node:assert/strict';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import { toldOf, type Sale, type Shop } from './shop.ts';
import type { World } from './world.ts';

const CANCELLED = 12;

export interface Expectation {
  readonly skus: readonly string[];
  readonly stock: number;
  readonly mode: BlingSettings['orderMode'];
}

export async function assertSettled(
  world: World,
  shop: Shop,
  { skus, stock, mode }: Expectation,
): Promise<void> {
  if (mode === 'movement') assertMovements(world);
  if (mode === 'order') for (const sale of shop.sales) assertOrder(world, sale);
  for (const sku of skus) {
    const level = await world.store.level(sku);
    const erp = balanceOf(world, sku);
    assert.equal(erp, stock - shop.goneOf(sku), `${sku}: Bling has lost what was sold, once`);
    if (mode === 'observe') continue;
    assert.equal(level?.allocated, 0, `${sku}: all is acknowledged`);
    assert.equal(level.onHand, erp, `${sku}: the books agree`);
  }
  for (const { id } of shop.sales) {
    const status = (await world.store.reservation(id))?.status;
    assert.ok(status === 'acknowledged' || status === 'cancelled', `${id} is ${status}`);
  }
  if (mode !== 'observe') assert.deepEqual(world.drifts, [], 'nobody else moves stock: no drift');
  await assertReconciled(world, skus);
  const { problems } = await world.time.during(() => world.store.audit());
  assert.deepEqual(problems, [], 'the audit passes');
}

/** In mode `observe` the balance may have moved before we heard of the order: one reconciliation later it fits. */
async function assertReconciled(world: World, skus: readonly string[]): Promise<void> {
  const { reconciler } = world.life;
  await reconciler.compareAll({ fix: true, cause: 'schedule' });
  const { drifts, moving, problems } = await reconciler.compareAll({
    fix: false,
    cause: 'operator',
  });
  assert.deepEqual([drifts, moving, problems], [[], [], []]);
  for (const sku of skus) {
    assert.equal((await world.store.level(sku))?.onHand, balanceOf(world, sku), `${sku} agrees`);
  }
}

export function balanceOf({ simulator, settings }: World, sku: string): number {
  const row = simulator.control
    .balances()
    .find((each) => each.sku === sku && each.depositId === settings.depositId);
  return row?.virtual ?? NaN;
}

/** One order, with the sale's units; where all were put back, none, or a cancelled one. */
function assertOrder({ simulator }: World, sale: Sale): void {
  const { control } = simulator;
  const found = control.orders().filter(({ shopNumber }) => shopNumber === `HF-${sale.id}`);
  assert.ok(found.length <= 1, `sale ${sale.id} was told ${found.length} times`);
  const [order] = found;
  const isGone = [...sale.units.keys()].every((sku) => toldOf(sale, sku) === 0);
  if (isGone) {
    assert.ok(order === undefined || order.situationId === CANCELLED, `${sale.id} is cancelled`);
    return;
  }
  assert.ok(order !== undefined && order.situationId !== CANCELLED, `sale ${sale.id} is told`);
}

/** Parcels of one SKU arrive in the order in which they were claimed, each once. */
function assertMovements({ simulator }: World): void {
  const latest = new Map<number, number>();
  for (const { source, productId, notes } of simulator.control.movements()) {
    if (source !== 'api') continue;
    const parcel = Number(/remessa (\d+)$/.exec(notes)?.[1]);
    const before = latest.get(productId) ?? 0;
    assert.ok(parcel !== before, `parcel ${parcel} was told twice`);
    assert.ok(parcel > before, `out of order: parcel ${parcel} after ${before}`);
    latest.set(productId, parcel);
  }
}
