/**
 * What each setting of durability lets go, counted: the primary's process is killed and started again in its place, or
 * killed and replaced by a replica that had heard nothing for a moment. A killed process is no lost machine: what it
 * had written is still in the system's memory. More of it, and every setting: HOLDFAST_DURABILITY_KILLS=10.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisStore } from '../../src/stores/redis/redis-store.ts';
import { seeded, setting } from '../faults/chance.ts';
import { hasStrace, slowly } from '../faults/strace.ts';
import { Network } from '../support/network.ts';
import { hasRedis, RedisServer, until } from '../support/redis-servers.ts';
import { deploySentinel, inRounds, openTwo, type Deployment } from './deployments.ts';
import { allReady, judge, openInstance, putOnSale, startSale, type Instance } from './sale.ts';

const KILLS = setting('HOLDFAST_DURABILITY_KILLS', 1);
/** More than is sold: the sale is stopped. */
const ON_HAND = 1_000_000;
/** From the cutting off to the kill. */
const LAG_MS = 60;

const SLOW_MS = 700;
/** More than `everysec`'s second. */
const WHILE_MS = 1_200;
const SERVERS = { appendonly: 'yes' };
const FSYNCS = ['always', 'everysec', 'no'] as const;

interface Setting {
  readonly fsync: (typeof FSYNCS)[number];
  readonly ackReplicas: number;
  readonly minReplicas: number;
}

const ALL: Setting[] = FSYNCS.flatMap((fsync) =>
  [0, 1, 2].flatMap((ackReplicas) =>
    [0, 1].map((minReplicas) => ({ fsync, ackReplicas, minReplicas })),
  ),
);
/** When nobody asks for more. */
const FEW: Setting[] = [
  { fsync: 'always', ackReplicas: 2, minReplicas: 1 },
  { fsync: 'no', ackReplicas: 0, minReplicas: 0 },
];

type Kill = () => Promise<void>;

async function inPlace(deployment: Deployment): Promise<void> {
  const primary = await deployment.primary();
  await primary.restart();
  await deployment.healed();
}

async function failedOver(deployment: Deployment, network: Network): Promise<void> {
  const primary = await deployment.primary();
  const replicas = deployment.servers.filter((server) => server !== primary);
  const sides = [[primary.address], replicas.map(({ address }) => address)] as const;
  network.cut(...sides);
  await sleep(LAG_MS);
  await primary.kill();
  network.reset(...sides);
  network.heal();
  await until('another takes over', async () => (await deployment.primary()) !== primary);
  await deployment.rejoin(primary);
  await deployment.healed();
}

interface Totals {
  granted: number;
  lost: number;
}

/** One sale with one kill. */
async function round(
  instances: readonly Instance[],
  auditor: RedisStore,
  inStep: () => Promise<void>,
  kill: Kill,
  totals: Totals,
): Promise<void> {
  const sku = `SKU-${totals.granted}`;
  await putOnSale(instances[0], sku, ON_HAND);
  await inStep();
  const { sale, done, stop } = startSale(instances, { sku, onHand: ON_HAND });
  try {
    await until('the sale is under way', async () => sale.granted.size > 200);
    await kill();
    await allReady(instances);
  } finally {
    stop();
    await done;
  }
  const { lost, phantoms } = await judge(auditor, sale);
  assert.equal(phantoms, 0);
  totals.lost += lost;
  totals.granted += sale.granted.size;
}

async function count(
  deployment: Deployment,
  { fsync, ackReplicas, minReplicas }: Setting,
  kill: Kill,
): Promise<Totals> {
  for (const server of deployment.servers) {
    await server.set({
      appendfsync: fsync,
      'min-replicas-to-write': String(minReplicas),
      'min-replicas-max-lag': '1',
    });
  }
  const open = openTwo(deployment, { ackReplicas, afterFailover: 'availability' });
  const totals: Totals = { granted: 0, lost: 0 };
  await inRounds(deployment, KILLS, open, ({ instances, auditor }) =>
    round(instances, auditor, deployment.healed, kill, totals),
  );
  return totals;
}

async function everySetting(
  t: TestContext,
  deployment: Deployment,
  kill: Kill,
  survives: (setting: Setting) => boolean,
): Promise<void> {
  for (const each of KILLS > 1 ? ALL : FEW) {
    const { fsync, ackReplicas, minReplicas } = each;
    const title = `appendfsync ${fsync}, ACK_REPLICAS=${ackReplicas}, min-replicas-to-write ${minReplicas}`;
    await t.test(title, async (t) => {
      const { granted, lost } = await count(deployment, each, kill);
      t.diagnostic(`kills ${KILLS}, granted ${granted}, lost ${lost}`);
      if (survives(each)) assert.equal(lost, 0);
    });
  }
}

void test('a killed primary is started again in its place', async (t) => {
  if (!hasRedis(t)) return;
  // Nobody takes over in the time that a start takes.
  const deployment = await deploySentinel(t, { settings: SERVERS, deadAfterMs: 60_000 });
  await everySetting(
    t,
    deployment,
    () => inPlace(deployment),
    ({ fsync }) => fsync !== 'everysec',
  );
});

void test('a killed primary is replaced', async (t) => {
  if (!hasRedis(t)) return;
  const network = Network.open(t);
  const deployment = await deploySentinel(t, { settings: SERVERS, network, deadAfterMs: 1_500 });
  await everySetting(
    t,
    deployment,
    () => failedOver(deployment, network),
    ({ ackReplicas }) => ackReplicas === 2,
  );
});

/** `everysec` lets the server answer before it writes while the disk still works at the last second's. */
void test('a killed server whose disk is slow', async (t) => {
  if (!hasRedis(t) || !hasStrace(t)) return;
  const random = seeded(t, import.meta.filename);
  for (const fsync of KILLS > 1 ? FSYNCS : (['everysec'] as const)) {
    await t.test(`appendfsync ${fsync}, ${SLOW_MS} ms for each fdatasync`, async (t) => {
      const settings = { ...SERVERS, appendfsync: fsync };
      const server = await RedisServer.start(t, settings, { through: slowly(SLOW_MS) });
      const instance = await openInstance(t, server.url, {
        afterFailover: 'availability',
        commandDeadlineMs: 10_000,
      });
      const totals: Totals = { granted: 0, lost: 0 };
      for (let kill = 0; kill < KILLS; kill += 1) {
        const restart = async (): Promise<void> => {
          await sleep(WHILE_MS + random.between(0, 1_000));
          await server.restart();
        };
        await round([instance], instance.store, async () => undefined, restart, totals);
      }
      t.diagnostic(`kills ${KILLS}, granted ${totals.granted}, lost ${totals.lost}`);
      if (fsync !== 'everysec') assert.equal(totals.lost, 0);
    });
  }
});
