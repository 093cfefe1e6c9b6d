/** A cluster: slots move, primaries die, the minority goes on believing in itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { slotOfKey } from '../../src/stores/redis/connection/key-slot.ts';
import type { RedisConnection } from '../../src/stores/redis/connection/redis-connection.ts';
import {
  hasRedis,
  startCluster,
  until,
  type ClusterNode,
  type RedisCluster,
} from '../support/redis-servers.ts';
import { reserve, uuid } from '../support/commands.ts';
import { openInstance, putOnSale } from './sale.ts';
import { moveSlot } from './slots.ts';
import { TAG } from './store.ts';
import { open, refusal, takeUnder } from './support.ts';

function urlOf(nodes: readonly ClusterNode[]): string {
  return `redis+cluster://${nodes.map(({ server }) => `127.0.0.1:${server.port}`).join(',')}`;
}

/** A tag for each of the first three nodes, which own a third of the slots each. */
async function tagsOf(cluster: RedisCluster): Promise<string[]> {
  const tags = new Map<ClusterNode, string>();
  for (let number = 0; tags.size < 3; number += 1) {
    const owner = await cluster.ownerOf(slotOfKey(`{t${number}}`));
    if (!tags.has(owner)) tags.set(owner, `{t${number}}`);
  }
  return cluster.nodes.slice(0, 3).map((node) => tags.get(node) ?? '');
}

async function takersOf(connection: RedisConnection, key: string): Promise<Set<string>> {
  return new Set((await connection.read('SMEMBERS', [`${key}:takers`])) as string[]);
}

void test('keys find their nodes, and a slot may move while it is in use', async (t) => {
  if (!hasRedis(t)) return;
  const cluster = await startCluster(t, { replicas: 0 });
  const { connection } = await open(t, urlOf(cluster.nodes.slice(0, 1)));
  const tags = await tagsOf(cluster);
  for (const tag of tags) {
    await connection.read('SET', [`${tag}stock`], [10]);
    assert.equal(
      await connection.run('take', [`${tag}stock`, `${tag}stock:takers`], [1, 'ana']),
      'taken',
    );
  }
  const [from, to] = cluster.nodes;
  assert.ok(from !== undefined && to !== undefined);
  const key = `${tags[0] ?? ''}stock`;
  const slot = connection.slotOf(key);
  assert.equal(slot, Number(await from.server.ask('CLUSTER', 'KEYSLOT', key)));
  await connection.read('SET', [key], [1_000_000]);
  await connection.read('DEL', [`${key}:takers`]);

  const load = takeUnder(connection, key);
  await load.more(20);
  await moveSlot(slot, from, to);
  await load.more(20);
  await moveSlot(slot, to, from);
  await load.more(20);
  const { taken, notDone, unknown } = await load.end();
  t.diagnostic(`taken ${taken.length}, not done ${notDone.length}, unknown ${unknown.length}`);
  const takers = await takersOf(connection, key);
  assert.ok(taken.length > 0);
  assert.equal(unknown.length, 0);
  assert.deepEqual([...takers].sort(), [...taken].sort());
  assert.equal(1_000_000 - Number(await connection.read('GET', [key])), taken.length);
});

void test('a primary dies under load: with acknowledged replicas, nothing that was taken is lost', async (t) => {
  if (!hasRedis(t)) return;
  const cluster = await startCluster(t);
  const { connection, reports } = await open(t, urlOf(cluster.nodes), { ackReplicas: 1 });
  let audits = 0;
  connection.guardSales(async () => {
    audits += 1;
    return null;
  });
  const [tag = ''] = await tagsOf(cluster);
  const key = `${tag}stock`;
  await connection.read('SET', [key], [1_000_000]);
  const load = takeUnder(connection, key);
  await load.more(100);
  await cluster.nodes[0]?.server.kill();
  await until('the replica took over', async () => connection.trouble() === null && audits > 0);
  await sleep(300);
  // The cluster goes on without this shard's second copy: nothing is taken that could be lost.
  const { taken, notDone, unknown } = await load.end();
  t.diagnostic(`taken ${taken.length}, not done ${notDone.length}, unknown ${unknown.length}`);
  const takers = await takersOf(connection, key);
  assert.ok(taken.length > 0);
  assert.deepEqual(
    taken.filter((taker) => !takers.has(taker)),
    [],
  );
  assert.deepEqual(
    notDone.filter((taker) => takers.has(taker)),
    [],
  );
  assert.match(reports.join('\n'), /was replaced or started again: sales stop/);
});

void test('a cluster that is not whole is said at the start', async (t) => {
  if (!hasRedis(t)) return;
  const cluster = await startCluster(t, { replicas: 0, nodeTimeoutMs: 1_000 });
  await cluster.nodes[2]?.server.kill();
  const seeds = cluster.nodes.slice(0, 2);
  await until('the others know', async () =>
    /cluster_state:fail/.test(String(await seeds[0]?.server.ask('CLUSTER', 'INFO'))),
  );
  assert.match(await refusal(t, urlOf(seeds)), /cluster_state is fail/);
});

void test('a primary that has none of the books may be down: the others sell, and say that they do', async (t) => {
  if (!hasRedis(t)) return;
  const settings = { 'cluster-require-full-coverage': 'no' };
  const cluster = await startCluster(t, { replicas: 0, nodeTimeoutMs: 1_000, settings });
  const instance = await openInstance(t, urlOf(cluster.nodes));
  const { store } = instance;
  await putOnSale(instance, 'A', 9);
  const owner = await cluster.ownerOf(slotOfKey(`{${TAG}}`));
  const [other] = cluster.nodes.filter((node) => node !== owner);
  await other?.server.kill();
  await until('the others know', async () =>
    String(await owner.server.ask('CLUSTER', 'NODES')).includes('fail'),
  );
  assert.deepEqual(store.health(), { ready: true, reason: null, queued: 0 });
  assert.ok((await store.submit(reserve(uuid(1), 'A'))).ok);
  assert.deepEqual(instance.reports, []);
  await owner.server.kill();
  await until('the loss is noticed', async () => !store.health().ready);
});
