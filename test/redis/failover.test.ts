/**
 * The primary is killed in the middle of a sale, its replicas cut off from it a moment before. With acknowledged
 * replicas nothing that a caller was told is lost and nothing is oversold; without, the losses are counted, and a run
 * without any proves nothing. More of it, and with every setting: HOLDFAST_FAILOVERS=50.
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
  type Deployment,
  type Shop,
} from './deployments.ts';
import { judge, putOnSale, settleUnknown, startSale, type Instance } from './sale.ts';

const FAILOVERS = setting('HOLDFAST_FAILOVERS', 1);
const ON_HAND = 4_000;
/** From the cutting off to the kill. */
const LAG_MS = 60;
const SERVERS = { appendonly: 'yes', appendfsync: 'everysec' };

type Settings = Pick<ConnectionSettings, 'ackReplicas' | 'afterFailover'>;

interface Totals {
  lost: number;
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
  totals: Totals,
): Promise<void> {
  const sku = `SKU-${number}`;
  await putOnSale(instances[0], sku, ON_HAND);
  const { sale, done, stop } = startSale(instances, { sku, onHand: ON_HAND });
  await until('the sale is under way', async () => sale.granted.size > 200);
  const old = await deployment.primary();
  const replicas = deployment.servers.filter((server) => server !== old);
  // They hear nothing of what is written from now on, and cannot ask for it.
  for (const replica of replicas) replica.pause();
  await old.ask('CLIENT', 'KILL', 'TYPE', 'replica');
  await sleep(LAG_MS);
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
  totals.stopped += instances.filter(hasStopped).length;
  totals.unknown += sale.unknown.size;
  totals.downMs.push(sale.longestPauseMs);
  await settleUnknown(auditor, sale);
}

/** Then an instance that finds changes missing waits for an operator, who starts it again. */
function endsForGood({ ackReplicas, afterFailover }: Settings): boolean {
  return ackReplicas === 0 && afterFailover === 'safety';
}

async function failovers(
  t: TestContext,
  deployment: Deployment,
  settings: Settings,
): Promise<Totals> {
  const counts = { lost: 0, oversold: 0, phantoms: 0, granted: 0, unknown: 0, stopped: 0 };
  const totals: Totals = { ...counts, downMs: [] };
  const plan = { rounds: FAILOVERS, perBooks: endsForGood(settings) ? 1 : 10 };
  await inRounds(deployment, plan, openTwo(deployment, settings), (shop, number) =>
    round(deployment, shop, number, totals),
  );
  t.diagnostic(
    `failovers ${FAILOVERS}, granted ${totals.granted}, lost ${totals.lost}, oversold ${totals.oversold}, ` +
      `unknown ${totals.unknown}, instances stopped ${totals.stopped}, not done and yet there ${totals.phantoms}, ` +
      `without a grant p50 ${Math.round(quantile(totals.downMs, 0.5))} ms, max ${Math.round(Math.max(...totals.downMs))} ms`,
  );
  assert.equal(totals.phantoms, 0, 'what was said not to be done is not there');
  return totals;
}

/** Those that are tried when nobody asks for more come first. */
function everySetting(replicas: number): Settings[] {
  const all: Settings[] = [
    { ackReplicas: 1, afterFailover: 'safety' },
    { ackReplicas: 0, afterFailover: 'availability' },
    { ackReplicas: 1, afterFailover: 'availability' },
    { ackReplicas: 0, afterFailover: 'safety' },
    { ackReplicas: 2, afterFailover: 'safety' },
    { ackReplicas: 2, afterFailover: 'availability' },
  ];
  return all.filter(({ ackReplicas }) => ackReplicas <= replicas).slice(0, FAILOVERS > 1 ? 6 : 2);
}

for (const [topology, deploy, replicas, deadAfterMs] of [
  ['Sentinel', deploySentinel, 2, 500],
  ['Cluster', deployCluster, 1, 700],
] as const) {
  void test(`${topology}: a killed primary`, async (t) => {
    if (!hasRedis(t)) return;
    const deployment = await deploy(t, { settings: SERVERS, deadAfterMs });
    for (const settings of everySetting(replicas)) {
      const name = `ACK_REPLICAS=${settings.ackReplicas}, ${settings.afterFailover}`;
      await t.test(name, async (t) => {
        const { lost, oversold } = await failovers(t, deployment, settings);
        if (settings.ackReplicas > 0)
          assert.deepEqual({ lost, oversold }, { lost: 0, oversold: 0 });
        else assert.ok(lost > 0, 'the losses that acknowledgement prevents are seen');
      });
    }
  });
}
