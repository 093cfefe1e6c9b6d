/** Leases over three shards: whoever has lost one changes nothing in any of them, whatever a shard has forgotten. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { fenced } from '../../src/engine/fenced-store.ts';
import type { Fence } from '../../src/engine/lease.ts';
import { keepsOutbox, type OutboxStore } from '../../src/engine/ports.ts';
import { openRedisStore } from '../../src/stores/redis/open-redis-store.ts';
import { Placement, shardTags } from '../../src/stores/redis/sharding/placement.ts';
import { claimMessages, confirm, reconcile, reserve, setStock, uuid } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { outcome } from '../support/outcome.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { patient, TAG } from './store.ts';

const SHARDS = 3;
const RULES = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };
const LENGTH_MS = 1_000;
const LOST = { code: 'LEASE_LOST', retryable: false, outcomeUnknown: false };
const placement = new Placement(SHARDS);

/** One SKU of each shard. */
const SKUS = Array.from({ length: SHARDS }, (_, shard) => {
  for (let n = 0; ; n += 1) if (placement.shardOf(`SKU-${n}`) === shard) return `SKU-${n}`;
});

async function open(t: Lifetime, url: string, clock: FakeClock): Promise<OutboxStore> {
  const store = await openRedisStore({
    ...{ connection: patient(url), rules: RULES, hashTag: TAG, shards: SHARDS, clock },
    report: () => undefined,
  });
  t.after(() => store.close());
  assert.ok(keepsOutbox(store));
  return store;
}

async function take(store: OutboxStore, holder: string): Promise<Fence> {
  const { token, holder: found } = await store.leases.acquire('erp', holder, LENGTH_MS);
  assert.equal(found, holder);
  return { lease: 'erp', token, holder };
}

/** Whether who has this fence may still act, by shard. */
async function mayAct(store: OutboxStore, fence: Fence): Promise<boolean[]> {
  const mine = fenced(store, fence);
  const found = await Promise.allSettled(SKUS.map((sku) => mine.submit(reconcile(sku, 9, 0))));
  return found.map((each) => {
    if (each.status === 'fulfilled') return true;
    assert.equal((each.reason as { code?: string }).code, LOST.code);
    return false;
  });
}

void it('whoever has lost it is refused in every shard, in claims over all of them too', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const store = await open(t, server.url, clock);
  for (const [n, sku] of SKUS.entries()) {
    const id = placement.place(uuid(n), [sku]);
    for (const command of [setStock(sku, 9), reserve(id, `${sku}:1`), confirm(id)]) {
      assert.ok((await store.submit(command)).ok);
    }
  }
  const never: Fence = { lease: 'erp', token: 1, holder: 'a' };
  assert.deepEqual(await mayAct(store, never), [false, false, false]);
  const first = await take(store, 'a');
  assert.deepEqual(await mayAct(store, first), [true, true, true]);
  clock.advance(LENGTH_MS);
  assert.deepEqual(await mayAct(store, first), [true, true, true], 'nobody else has it');
  const second = await take(store, 'b');
  assert.deepEqual(await mayAct(store, first), [false, false, false]);
  assert.deepEqual(await mayAct(store, second), [true, true, true]);
  await assert.rejects(fenced(store, first).submit(claimMessages(9)), LOST);
  assert.equal((await store.outboxStats()).pending, SHARDS);
  const claimed = await fenced(store, second).submit(claimMessages(9));
  assert.equal(outcome(claimed).split(', ').length, SHARDS);
});

void it('a shard that has forgotten it hears of it with the next renewal', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const store = await open(t, server.url, clock);
  const fence = await take(store, 'a');
  const [, , last] = shardTags(TAG, SHARDS);
  await server.ask('HDEL', `{${last}}:meta`, 'lease:erp');
  assert.deepEqual(await mayAct(store, fence), [true, true, false]);
  assert.deepEqual(await take(store, 'a'), fence);
  assert.deepEqual(await mayAct(store, fence), [true, true, true]);
});

void it('where the first has forgotten it, its next holder goes above every token that is known', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const store = await open(t, server.url, clock);
  for (const holder of ['a', 'b', 'c']) {
    await take(store, holder);
    clock.advance(LENGTH_MS);
  }
  const former: Fence = { lease: 'erp', token: 3, holder: 'c' };
  const [first] = shardTags(TAG, SHARDS);
  // As after a failover that lost the newest changes: of three tenures the first knows two.
  const until = clock.now() - 1;
  await server.ask('HSET', `{${first}}:meta`, 'lease:erp', `2 ${until} b`);
  const next = await take(store, 'd');
  assert.equal(next.token, 4);
  assert.deepEqual(await mayAct(store, former), [false, false, false]);
  assert.deepEqual(await mayAct(store, next), [true, true, true]);
});
