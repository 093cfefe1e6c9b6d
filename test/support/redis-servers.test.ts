/** The servers that other tests rely on: they start, fail over as told, and leave nothing behind. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { hasRedis, RedisServer, startCluster, startSentinelGroup, until } from './redis-servers.ts';
import type { Lifetime } from './temp-dir.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A lifetime that ends when the test says so, in the order of a real one. */
function lifetime(): Lifetime & { end(): Promise<void> } {
  const steps: (() => unknown)[] = [];
  return {
    after: (done) => void steps.push(done),
    end: async () => {
      for (const step of steps) await step();
    },
  };
}

void test('a server keeps what it was told over a kill and a restart, and is gone in the end', async (t) => {
  if (!hasRedis(t)) return;
  const life = lifetime();
  t.after(() => life.end());
  const server = await RedisServer.start(life, { appendonly: 'yes', appendfsync: 'always' });
  await server.ask('SET', 'a', '1');
  const before = server.pid;
  await server.restart();
  assert.notEqual(server.pid, before);
  assert.equal(await server.ask('GET', 'a'), '1');
  const { pid, dir } = server;
  await life.end();
  assert.ok(pid !== null && !isAlive(pid), 'the process is gone');
  assert.ok(!existsSync(dir), 'its folder is gone');
});

void test('a paused server answers after it was resumed', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const client = server.client();
  t.after(() => client.disconnect());
  await client.set('a', '1');
  server.pause();
  let answered = false;
  const answer = client.incr('a').then((value) => {
    answered = true;
    return value;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(!answered);
  server.resume();
  assert.equal(await answer, 2);
});

void test('a server that cannot start says why', async (t) => {
  if (!hasRedis(t)) return;
  await assert.rejects(RedisServer.start(t, { 'no-such-setting': '1' }), /no-such-setting/);
});

void test('three sentinels make a replica the primary when theirs dies', async (t) => {
  if (!hasRedis(t)) return;
  const group = await startSentinelGroup(t);
  const old = await group.primary();
  await old.ask('SET', 'a', '1');
  assert.ok(Number(await old.ask('WAIT', 2, 5000)) === 2);
  await old.kill();
  await until('another primary', async () => (await group.primary()) !== old);
  const now = await group.primary();
  assert.equal(await now.ask('GET', 'a'), '1');
});

void test('a cluster gives the slots of a dead primary to its replica', async (t) => {
  if (!hasRedis(t)) return;
  const cluster = await startCluster(t);
  const slot = 0;
  const old = await cluster.ownerOf(slot);
  await old.server.kill();
  const witness = cluster.nodes[1]?.server;
  await until('another owner', async () => (await cluster.ownerOf(slot, witness)) !== old);
  await cluster.whole();
  await old.server.start();
  await until('the old one follows', async () => {
    return (await old.server.info('replication')).get('role') === 'slave';
  });
});
