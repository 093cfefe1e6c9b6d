/**
 * Instances that make carts over ten shards of a Cluster are killed with SIGKILL, again and again, and another goes on
 * on the same books. More often: HOLDFAST_KILLS=50.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_RULES } from '../../../src/core/rules.ts';
import { openRedisStore } from '../../../src/stores/redis/open-redis-store.ts';
import { importStock, setting as stockOf, sweep } from '../../support/commands.ts';
import { hasRedis, startCluster, until } from '../../support/redis-servers.ts';
import { seeded, setting } from '../../faults/chance.ts';
import { patient } from '../store.ts';

const KILLS = setting('HOLDFAST_KILLS', 3);
const SHARDS = 10;
const SKUS = 24;
const ON_HAND = 400;
const TTL_SECONDS = 3;
const LEFT_AFTER_MS = 4_000;
const FIXTURE = new URL('./coordinator.fixture.ts', import.meta.url).pathname;

test('instances are killed in the middle of carts over ten shards', async (t) => {
  if (!hasRedis(t)) return;
  const random = seeded(t, import.meta.filename);
  const { nodes } = await startCluster(t, { replicas: 0 });
  const url = `redis+cluster://${nodes.map(({ server }) => `${server.host}:${server.port}`).join(',')}`;
  const store = await openRedisStore({
    // A short deadline of commands makes what is left soon somebody else's.
    connection: { ...patient(url), commandDeadlineMs: LEFT_AFTER_MS / 2 },
    rules: DEFAULT_RULES,
    hashTag: 'killed',
    shards: SHARDS,
    report: () => undefined,
  });
  t.after(() => store.close());
  const skus = Array.from({ length: SKUS }, (_, n) => `SKU-${n}`);
  await store.submit(importStock(skus.map((sku) => stockOf(sku, ON_HAND))));
  const told = new Map<string, string>();
  for (let kill = 0; kill < KILLS; kill += 1) {
    const args = [url, 'killed', SHARDS, random.between(0, 1e9), SKUS, TTL_SECONDS].map(String);
    const child = spawn(process.execPath, [FIXTURE, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const ended = new Promise((resolve) => child.once('close', resolve));
    await until('it sells', () => Promise.resolve(text.includes('acknowledged')));
    await sleep(random.between(20, 400));
    child.kill('SIGKILL');
    await ended;
    // The last line may be cut off: it was told to nobody.
    for (const line of text.slice(0, text.lastIndexOf('\n')).split('\n')) {
      const [id = '', word = ''] = line.split(' ');
      if (id !== '-') told.set(id, word);
    }
  }
  const books = async (): Promise<unknown> => (await store.audit()).problems;
  assert.deepEqual(await books(), []);
  await sleep(LEFT_AFTER_MS + TTL_SECONDS * 1_000);
  for (let more = true; more;) {
    const answer = await store.submit(sweep(500));
    assert.ok(answer.ok);
    more = answer.more;
  }
  const sold = new Map<string, number>();
  const ends: Record<string, number> = {};
  for (const [id, word] of told) {
    const found = await store.reservation(id);
    const status = found?.status ?? 'not there';
    ends[status] = (ends[status] ?? 0) + 1;
    // What is confirmed and not told of yet may be told as active only.
    const possible: Record<string, readonly string[]> = {
      asked: ['not there', 'expired'],
      active: ['expired', 'acknowledged', 'released'],
      acknowledged: ['acknowledged'],
      released: ['released'],
    };
    assert.ok(possible[word]?.includes(status), `${id}: told ${word}, and it is ${status}`);
    for (const { sku, confirmed } of found?.lines ?? []) {
      sold.set(sku, (sold.get(sku) ?? 0) + confirmed);
    }
  }
  for (const sku of skus) {
    const level = await store.level(sku);
    const expected = [ON_HAND - (sold.get(sku) ?? 0), 0, 0];
    assert.deepEqual([level?.onHand, level?.reserved, level?.allocated], expected, sku);
  }
  assert.deepEqual(await books(), []);
  t.diagnostic(`${KILLS} instances killed, ${told.size} carts: ${JSON.stringify(ends)}`);
  assert.ok((ends['acknowledged'] ?? 0) > 0);
});
