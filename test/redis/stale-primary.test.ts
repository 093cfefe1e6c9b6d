/**
 * A primary that others have replaced and that still answers us: cut off from its replicas and the sentinels. What it grants would be sold a second time. More of it: HOLDFAST_PARTITIONS=50.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setting } from '../faults/chance.ts';
import { hasRedis, startSentinelGroup, until } from '../support/redis-servers.ts';
import { allReady, judge, openInstance, putOnSale, startSale, type Instance } from './sale.ts';

const PARTITIONS = setting('HOLDFAST_PARTITIONS', 1);
const ON_HAND = 1_000_000;

interface Cut {
  /** Cuts the primary of the books off from the others, not from us; resolves when it has been replaced. */
  apart(): Promise<void>;
  /** Ends it, and waits until it is a replica. */
  together(): Promise<void>;
}

/** Sells on both sides of each cut, and says what callers were told that is not in the books. */
async function sellOver(
  t: TestContext,
  instances: readonly Instance[],
  cut: Cut,
): Promise<{ lost: number }> {
  const [instance] = instances;
  assert.ok(instance !== undefined);
  await putOnSale(instance, 'A', ON_HAND);
  let lost = 0;
  let [granted, notDone, unknown] = [0, 0, 0];
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const { sale, done, stop } = startSale(instances, { sku: 'A', onHand: ON_HAND, lanes: 4 });
    await until('the sale is under way', async () => sale.granted.size > 100);
    await cut.apart();
    await allReady(instances);
    const before = sale.granted.size;
    await until('the new primary sells', async () => sale.granted.size > before);
    await cut.together();
    await allReady(instances);
    stop();
    await done;
    const verdict = await judge(instance, sale);
    assert.equal(verdict.phantoms, 0);
    lost += verdict.lost;
    granted += sale.granted.size;
    notDone += sale.notDone.size;
    unknown += sale.unknown.size;
  }
  t.diagnostic(
    `partitions ${PARTITIONS}, granted ${granted}, not done ${notDone}, unknown ${unknown}, ` +
      `granted by a stale primary ${lost}`,
  );
  return { lost };
}

/**
 * The primary asks everybody but the shop for a password that nobody has: a cut for its replicas and for the
 * sentinels, while the connections of the instances stay.
 */
async function sentinelCut(t: TestContext) {
  const group = await startSentinelGroup(t);
  for (const node of group.nodes) {
    await node.ask('ACL', 'SETUSER', 'shop', 'on', '>pw', '~*', '+@all');
  }
  let old = await group.primary();
  const asShop = async (...command: [string, ...string[]]): Promise<void> => {
    const client = old.client({ username: 'shop', password: 'pw' });
    try {
      await client.call(...command);
    } finally {
      client.disconnect();
    }
  };
  const url = `redis+sentinel://shop:pw@${group.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${group.name}`;
  const cut: Cut = {
    apart: async () => {
      old = await group.primary();
      await old.ask('ACL', 'SETUSER', 'default', 'off');
      await asShop('CLIENT', 'KILL', 'USER', 'default');
      await until('another is primary', async () => (await group.primary()) !== old);
    },
    together: async () => {
      await asShop('ACL', 'SETUSER', 'default', 'on', 'nopass');
      await until(
        'it follows',
        async () => (await old.info('replication')).get('role') === 'slave',
      );
      await until('all are in step', async () => {
        return Number(await (await group.primary()).ask('WAIT', 2, 1000)) === 2;
      });
    },
  };
  return { url, cut };
}

void test('Sentinel: with an acknowledging replica, a stale primary grants nothing', async (t) => {
  if (!hasRedis(t)) return;
  const { url, cut } = await sentinelCut(t);
  const settings = { ackReplicas: 1, commandDeadlineMs: 500 };
  const instances = [await openInstance(t, url, settings), await openInstance(t, url, settings)];
  assert.equal((await sellOver(t, instances, cut)).lost, 0);
});

void test('Sentinel: without it, a stale primary grants until we hear of the new one; this is counted', async (t) => {
  if (!hasRedis(t)) return;
  const { url, cut } = await sentinelCut(t);
  const settings = { afterFailover: 'availability', commandDeadlineMs: 500 } as const;
  const instances = [await openInstance(t, url, settings), await openInstance(t, url, settings)];
  const { lost } = await sellOver(t, instances, cut);
  assert.ok(lost > 0, 'the grants that acknowledgement prevents are seen');
});
