/**
 * Cables that are cut in the middle of a sale: between an instance and all servers, and between a primary and those
 * who then replace it. What a replaced primary grants would be sold a second time. More of it:
 * HOLDFAST_PARTITIONS=50.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionSettings } from '../../src/stores/redis/connection/redis-connection.ts';
import { setting } from '../faults/chance.ts';
import { Network } from '../support/network.ts';
import { hasRedis, until, type RedisServer } from '../support/redis-servers.ts';
import {
  deployCluster,
  deploySentinel,
  inRounds,
  openTwo,
  type Deploy,
  type Deployment,
  type Shop,
} from './deployments.ts';
import { allReady, judge, putOnSale, settleUnknown, startSale, type Sale } from './sale.ts';

const PARTITIONS = setting('HOLDFAST_PARTITIONS', 1);
/** More than is sold: the sale is stopped. */
const ON_HAND = 1_000_000;

interface World {
  readonly network: Network;
  readonly deployment: Deployment;
}

async function deployIn(t: TestContext, deploy: Deploy): Promise<World> {
  const network = Network.open(t);
  return { network, deployment: await deploy(t, { network, replicas: 2 }) };
}

class Tally {
  partitions = 0;
  granted = 0;
  lost = 0;
  notDone = 0;
  unknown = 0;
  /** Of those unknown, how many had taken effect. */
  found = 0;

  /** What callers were told must be what the books have; whatever was unknown becomes known. */
  async add(shop: Shop, sale: Sale): Promise<void> {
    const verdict = await judge(shop.auditor, sale);
    assert.deepEqual([verdict.phantoms, verdict.oversold], [0, 0]);
    this.partitions += 1;
    this.lost += verdict.lost;
    this.granted += sale.granted.size;
    this.notDone += sale.notDone.size;
    this.unknown += sale.unknown.size;
    this.found += await settleUnknown(shop.auditor, sale);
  }

  toString(): string {
    const { partitions, granted, lost, notDone, unknown, found } = this;
    return (
      `partitions ${partitions}, granted ${granted}, of these lost ${lost}, not done ${notDone}, ` +
      `unknown ${unknown}, repeated and settled ${unknown} (${found} had taken effect)`
    );
  }
}

async function sellWhile(
  deployment: Deployment,
  shop: Shop,
  number: number,
  tally: Tally,
  cut: (sale: Sale) => Promise<void>,
): Promise<void> {
  const { instances } = shop;
  const sku = `SKU-${number}`;
  await putOnSale(instances[0], sku, ON_HAND);
  // Else the SKU itself may be lost, and nobody can be sold any more of it.
  await deployment.healed();
  const started = startSale(instances, { sku, onHand: ON_HAND, lanes: 4, restMs: 2 });
  const { sale, done, stop } = started;
  try {
    await until('the sale is under way', async () => sale.granted.size > 50);
    await cut(sale);
    await allReady(instances);
    await sellsOn(sale);
  } finally {
    stop();
    await done;
  }
  await tally.add(shop, sale);
}

async function sellsOn(sale: Sale): Promise<void> {
  const before = sale.granted.size;
  await until('units are granted', async () => sale.granted.size > before);
}

const addressesOf = (servers: readonly RedisServer[]): string[] =>
  servers.map(({ address }) => address);

async function cutOffInstance(t: TestContext, { network, deployment }: World): Promise<void> {
  const servers = addressesOf([...deployment.servers, ...deployment.witnesses]);
  const tally = new Tally();
  const open = openTwo(deployment, { commandDeadlineMs: 500, ackReplicas: 2 }, network);
  await inRounds(deployment, PARTITIONS, open, (shop, number) =>
    sellWhile(deployment, shop, number, tally, async (sale) => {
      network.cut(['two'], servers);
      // Every other time its connections are gone when the cable is mended.
      if (number % 2 === 1) network.reset(['two'], servers);
      const two = shop.instances[1];
      await until('it notices', async () => two?.store.health().ready === false);
      // The other one does.
      await sellsOn(sale);
      await sleep(300);
      network.heal();
    }),
  );
  t.diagnostic(String(tally));
  assert.equal(tally.lost, 0);
}

interface StaleCase {
  /** Of two. */
  readonly ackReplicas: number;
  readonly minReplicas?: number;
  /** One of its two replicas stays with the primary. */
  readonly withReplica?: boolean;
  readonly losses: 'none' | 'some' | 'counted';
  /** Also when nobody asks for more. */
  readonly always?: true;
}

const STALE: readonly StaleCase[] = [
  { ackReplicas: 2, losses: 'none', always: true },
  { ackReplicas: 2, withReplica: true, losses: 'none' },
  // The sentinels may choose the replica that has not acknowledged.
  { ackReplicas: 1, losses: 'counted' },
  { ackReplicas: 1, withReplica: true, losses: 'some' },
  { ackReplicas: 0, losses: 'some', always: true },
  { ackReplicas: 0, minReplicas: 1, losses: 'counted' },
];

/**
 * The primary is cut off from those who replace it; the instance `one` is on its side of the cut, and `two` on both:
 * it may hear of the new primary, or go on with the old one.
 */
async function stalePrimary(
  t: TestContext,
  { network, deployment }: World,
  { ackReplicas, minReplicas = 0, withReplica = false, losses }: StaleCase,
): Promise<void> {
  for (const server of deployment.servers) {
    await server.set({
      'min-replicas-to-write': String(minReplicas),
      'min-replicas-max-lag': '1',
    });
  }
  const settings: Partial<ConnectionSettings> = {
    ackReplicas,
    commandDeadlineMs: 500,
    afterFailover: losses === 'none' ? 'safety' : 'availability',
  };
  const tally = new Tally();
  // To count what is lost, fewer will do than to show that nothing is.
  const rounds = losses === 'none' ? PARTITIONS : Math.ceil(PARTITIONS / 5);
  await inRounds(deployment, rounds, openTwo(deployment, settings, network), (shop, number) =>
    sellWhile(deployment, shop, number, tally, async (sale) => {
      const old = await deployment.primary();
      const [replica, ...others] = deployment.servers.filter((server) => server !== old);
      assert.ok(replica !== undefined);
      const near = withReplica ? [old, replica] : [old];
      const far = withReplica ? others : [replica, ...others];
      network.cut(['one', ...addressesOf(near)], addressesOf([...far, ...deployment.witnesses]));
      await until('another is primary', async () => (await deployment.primary()) !== old);
      // The new primary has as many replicas as are on its side.
      if (ackReplicas < far.length) {
        await until('it sells', async () => shop.instances[1]?.store.health().ready === true);
        await sellsOn(sale);
      }
      await sleep(300);
      network.heal();
      // Both find the new one while the old one still believes in itself.
      if (ackReplicas < far.length) await allReady(shop.instances);
      await deployment.follow(near);
      await deployment.healed();
    }),
  );
  t.diagnostic(String(tally));
  if (losses === 'none') assert.equal(tally.lost, 0);
  if (losses === 'some')
    assert.ok(tally.lost > 0, 'the losses that are prevented elsewhere are seen');
}

for (const [topology, deploy] of [
  ['Sentinel', deploySentinel],
  ['Cluster', deployCluster],
] as const) {
  void test(`${topology}: cut cables`, async (t) => {
    if (!hasRedis(t)) return;
    const world = await deployIn(t, deploy);
    await t.test(
      'an instance that is cut off goes on as before, and no outcome stays unknown',
      (t) => cutOffInstance(t, world),
    );
    for (const stale of STALE) {
      if (PARTITIONS === 1 && stale.always === undefined) continue;
      const { ackReplicas, minReplicas = 0, withReplica = false } = stale;
      const name = `a primary that was replaced and still answers: ACK_REPLICAS=${ackReplicas} of 2, min-replicas-to-write ${minReplicas}`;
      await t.test(withReplica ? `${name}, a replica with it` : name, (t) =>
        stalePrimary(t, world, stale),
      );
    }
  });
}
