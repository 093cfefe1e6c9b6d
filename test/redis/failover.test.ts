/**
 * The primary is killed in the middle of a sale, its replicas cut off from it a moment before. Where every replica
 * acknowledges, nothing that a caller was told is lost and nothing is oversold. Where none does, the losses are
 * counted, and a run without any proves nothing; where some do, another may be made the primary: that is counted too.
 * More of it, and with every setting: HOLDFAST_FAILOVERS=50.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionSettings } from '../../src/stores/redis/connection/redis-connection.ts';
import { quantile, setting } from '../faults/chance.ts';
import { hasRedis, until } from '../support/redis-servers.ts';
import {
  deployCluster,
  deploySentinel,
  inRounds,
  openTwo,
  SPOILT,
  type Deployment,
  type Shop,
} from './deployments.ts';
import { judge, putOnSale, settleUnknown, startSale, type Instance } from './sale.ts';

const FAILOVERS = setting('HOLDFAST_FAILOVERS', 1);
const ON_HAND = 1_500;
/** From the cutting off to the kill, where nothing is granted in between. */
const LAG_MS = 60;
/** Granted between the two where replicas are not waited for: more than are on their way at any moment. */
const UNHEARD = 50;
const SERVERS = { appendonly: 'yes', appendfsync: 'everysec' };

type Settings = Pick<ConnectionSettings, 'ackReplicas' | 'afterFailover'>;

interface Totals {
  lost: number;
  /** Failovers in which something was. */
  losing: number;
  oversold: number;
  phantoms: number;
  granted: number;
  unknown: number;
  /** Instances that found changes missing and sold nothing more. */
  stopped: number;
  readonly downMs: number[];
}

function hasStopped({ store }: Instance): boolean {
  return /had been acknowledged here/.test(store.health().reason ?? '');
}

/** One sale with one kill; the old primary comes back as a replica. */
async function round(
  deployment: Deployment,
  { instances, auditor }: Shop,
  number: number,
  { ackReplicas }: Settings,
  totals: Totals,
): Promise<typeof SPOILT | null> {
  const sku = `SKU-${number}`;
  await putOnSale(instances[0], sku, ON_HAND);
  await deployment.healed();
  const { sale, done, stop } = startSale(instances, { sku, onHand: ON_HAND });
  await until('the sale is under way', async () => sale.granted.size > 200);
  const old = await deployment.primary();
  const replicas = deployment.servers.filter((server) => server !== old);
  // They hear nothing of what is written from now on, and cannot ask for it.
  for (const replica of replicas) replica.pause();
  await old.ask('CLIENT', 'KILL', 'TYPE', 'replica');
  const heard = sale.granted.size;
  if (ackReplicas > 0) await sleep(LAG_MS);
  else await until('units they never hear of', async () => sale.granted.size > heard + UNHEARD);
  await old.kill();
  for (const replica of replicas) replica.resume();
  await until('another takes over', async () => (await deployment.primary()) !== old);
  await deployment.rejoin(old);
  await deployment.healed();
  await until('it is over', async () => sale.refused > 0 || instances.every(hasStopped));
  await until('each sells or has stopped', async () =>
    instances.every((each) => each.store.health().ready || hasStopped(each)),
  );
  if (instances.some(hasStopped)) stop();
  await done;
  const verdict = await judge(auditor, sale);
  totals.lost += verdict.lost;
  totals.oversold += verdict.oversold;
  totals.phantoms += verdict.phantoms;
  totals.granted += sale.granted.size;
  const stopped = instances.filter(hasStopped).length;
  totals.stopped += stopped;
  if (verdict.lost > 0) totals.losing += 1;
  totals.unknown += sale.unknown.size;
  totals.downMs.push(sale.longestPauseMs);
  await settleUnknown(auditor, sale);
  // Who has stopped waits for an operator, who starts it again.
  return stopped > 0 ? SPOILT : null;
}

async function failovers(
  t: TestContext,
  deployment: Deployment,
  settings: Settings,
): Promise<Totals> {
  const counts = {
    lost: 0,
    oversold: 0,
    phantoms: 0,
    granted: 0,
    unknown: 0,
    stopped: 0,
    losing: 0,
  };
  const totals: Totals = { ...counts, downMs: [] };
  await inRounds(deployment, FAILOVERS, openTwo(deployment, settings), (shop, number) =>
    round(deployment, shop, number, settings, totals),
  );
  t.diagnostic(
    `failovers ${FAILOVERS}, granted ${totals.granted}, lost ${totals.lost} in ${totals.losing} of them, oversold ${totals.oversold}, ` +
      `unknown ${totals.unknown}, instances stopped ${totals.stopped}, not done and yet there ${totals.phantoms}, ` +
      `without a grant p50 ${Math.round(quantile(totals.downMs, 0.5))} ms, max ${Math.round(Math.max(...totals.downMs))} ms`,
  );
  assert.equal(totals.phantoms, 0, 'what was said not to be done is not there');
  return totals;
}

/** Those that are tried when nobody asks for more come first. */
function everySetting(replicas: number): Settings[] {
  const some = Array.from({ length: replicas - 1 }, (_, index) => index + 1);
  const all = (['safety', 'availability'] as const).flatMap((afterFailover) =>
    [replicas, 0, ...some].map((ackReplicas) => ({ ackReplicas, afterFailover })),
  );
  return FAILOVERS > 1 ? all : all.slice(0, 2);
}

for (const [topology, deploy, replicas, deadAfterMs] of [
  ['Sentinel', deploySentinel, 2, 500],
  ['Cluster', deployCluster, 1, 700],
] as const) {
  void test(`${topology}: a killed primary`, async (t) => {
    if (!hasRedis(t)) return;
    const deployment = await deploy(t, { settings: SERVERS, deadAfterMs });
    for (const settings of everySetting(replicas)) {
      const { ackReplicas, afterFailover } = settings;
      await t.test(`ACK_REPLICAS=${ackReplicas} of ${replicas}, ${afterFailover}`, async (t) => {
        const { lost, oversold } = await failovers(t, deployment, settings);
        if (ackReplicas === replicas)
          assert.deepEqual({ lost, oversold }, { lost: 0, oversold: 0 });
        if (ackReplicas === 0)
          assert.ok(lost > 0, 'the losses that are prevented elsewhere are seen');
      });
    }
  });
}
