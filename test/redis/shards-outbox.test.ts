/** The outbox over three shards beyond what every store does: fences between shards, the oldest first, damage by hand. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ClaimAnswer, Command } from '../../src/core/command.ts';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { keepsOutbox, type OutboxStore } from '../../src/engine/ports.ts';
import { openRedisStore } from '../../src/stores/redis/open-redis-store.ts';
import { Placement, shardTags } from '../../src/stores/redis/sharding/placement.ts';
import {
  cancel,
  claimMessages,
  confirm,
  purge,
  reconcile,
  reserve,
  setStock,
  settleParcel,
  uuid,
} from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { outcome } from '../support/outcome.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { patient, TAG } from './store.ts';

const SHARDS = 3;
const RULES = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };
const placement = new Placement(SHARDS);
const tags = shardTags(TAG, SHARDS);

function skuOf(shard: number): string {
  for (let n = 0; ; n += 1) if (placement.shardOf(`SKU-${n}`) === shard) return `SKU-${n}`;
}
const [A, B, C] = [skuOf(0), skuOf(1), skuOf(2)] as const;

async function open(t: Lifetime, url: string, clock = new FakeClock()) {
  const store = await openRedisStore({
    ...{ connection: patient(url), rules: RULES, hashTag: TAG, shards: SHARDS, clock },
    report: () => undefined,
  });
  t.after(() => store.close());
  assert.ok(keepsOutbox(store));
  return store;
}

async function ok(store: OutboxStore, ...commands: readonly Command[]): Promise<void> {
  for (const command of commands) {
    const answer = await store.submit(command);
    assert.ok(answer.ok, outcome(answer));
  }
}

let sales = 0;

async function sell(store: OutboxStore, ...skus: readonly string[]): Promise<string> {
  const id = placement.place(uuid((sales += 1)), skus);
  await ok(store, reserve(id, skus.map((sku) => `${sku}:1`).join(' ')), confirm(id));
  return id;
}

async function claim(store: OutboxStore, limit: number): Promise<ClaimAnswer['parcels']> {
  return ((await store.submit(claimMessages(limit))) as ClaimAnswer).parcels;
}

void it('a balance is refused if its SKU has moved since, however far ahead another shard counts', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await open(t, server.url);
  await ok(store, ...[A, B, C].map((sku) => setStock(sku, 50)));
  for (let n = 0; n < 20; n += 1) await sell(store, A);
  await sell(store, B);
  const fence = await store.balanceFence();
  const claimed = await claim(store, 21);
  const parcel = claimed.find(({ messages }) => messages[0]?.lines[0]?.sku === B);
  await ok(store, settleParcel(parcel?.id ?? 0, 'applied'));
  // The ERP was asked before, and has it by now: nobody knows which of both the balance is of.
  assert.equal(outcome(await store.submit(reconcile(B, 50, fence))), `balance_outdated ${B}`);
  const again = await store.balanceFence();
  assert.ok(again > fence);
  assert.equal(outcome(await store.submit(reconcile(B, 49, again))), `${B} 49/49 agrees`);
  assert.equal(outcome(await store.submit(reconcile(C, 50, fence))), `${C} 50/50 agrees`);
});

void it('the oldest of all shards are claimed first, each by one of two instances', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const stores = [await open(t, server.url, clock), await open(t, server.url, clock)] as const;
  const [store] = stores;
  await ok(store, ...[A, B, C].map((sku) => setStock(sku, 90)));
  const sold: string[] = [];
  for (let n = 0; n < 60; n += 1) {
    clock.advance(1);
    const cart = [[A], [B], [A, C], [C], [A, B, C]][n % 5] ?? [];
    sold.push(await sell(store, ...cart));
  }
  const namesOf = (parcels: ClaimAnswer['parcels']): string[] =>
    parcels.flatMap(({ messages }) => messages.map(({ reservationId }) => reservationId));
  assert.deepEqual(namesOf(await claim(store, 7)), sold.slice(0, 7));
  const taken = await Promise.all(
    stores.map(async (each) => {
      const own: string[] = [];
      for (;;) {
        const parcels = await claim(each, 4);
        own.push(...namesOf(parcels));
        if (parcels.length === 0 && (await each.outboxStats()).pending === 0) return own;
      }
    }),
  );
  assert.deepEqual(taken.flat().sort(), sold.slice(7).sort());
  assert.deepEqual((await store.audit()).problems, []);
});

void it('an audit finds what was changed by hand between a message and its shares', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await open(t, server.url);
  await ok(store, ...[A, B, C].map((sku) => setStock(sku, 10)));
  const id = await sell(store, A, B, C);
  const home = placement.homeOf(id);
  const other = (home + 1) % SHARDS;
  const key = (shard: number, name: string): string => `{${tags[shard]}}:${name}`;
  const kinds = async (): Promise<string[]> => {
    const { problems } = await store.audit();
    return [...new Set(problems.map(({ kind }) => kind))].sort();
  };
  assert.deepEqual(await kinds(), []);
  const [message] = await store.outbox({ state: null, after: 0, limit: 9 });
  const number = message?.id ?? 0;
  assert.equal(number % SHARDS, home);
  const shares = String(await server.ask('HGET', key(other, 'shares'), id));
  await server.ask('HDEL', key(other, 'shares'), id);
  assert.deepEqual(await kinds(), ['outbox_differs']);
  await server.ask(
    'HSET',
    key(other, 'shares'),
    id,
    shares.replace('"quantity":1', '"quantity":2'),
  );
  assert.deepEqual(await kinds(), ['outbox_differs']);
  await server.ask('HSET', key(other, 'shares'), id, shares);
  const text = String(await server.ask('HGET', key(home, 'messages'), number));
  await server.ask('HSET', key(home, 'messages'), number, text.replace(B, 'nobody-sells-this'));
  assert.ok((await kinds()).includes('message_missing'));
  await server.ask('HSET', key(home, 'messages'), number, text);
  assert.deepEqual(await kinds(), []);
});

void it('a home that has lost its newest numbers is heard by the others all the same', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await open(t, server.url);
  await ok(store, ...[A, B, C].map((sku) => setStock(sku, 10)));
  const id = await sell(store, A, B, C);
  const other = [A, B, C][(placement.homeOf(id) + 1) % SHARDS] ?? '';
  const key = `{${tags[placement.shardOf(other)]}}:shares`;
  const shares = String(await server.ask('HGET', key, id));
  await server.ask('HSET', key, id, shares.replace(/"v":\d+/, '"v":5000'));
  await claim(store, 1);
  // It is under way, in that shard too.
  const fence = await store.balanceFence();
  assert.equal(
    outcome(await store.submit(reconcile(other, 9, fence))),
    `balance_outdated ${other}`,
  );
  assert.deepEqual((await store.audit()).problems, []);
});

void it('an audit finds a share that nobody has of a cart that was purged', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const store = await open(t, server.url, clock);
  await ok(store, ...[A, B, C].map((sku) => setStock(sku, 10)));
  const id = await sell(store, A, B, C);
  const [parcel] = await claim(store, 1);
  await ok(store, settleParcel(parcel?.id ?? 0, 'applied'), cancel(id));
  clock.advance(30 * 86_400_000);
  await ok(store, purge(clock.now() - 86_400_000));
  assert.equal(await store.reservation(id), null);
  assert.deepEqual((await store.audit()).problems, []);
  const other = (placement.homeOf(id) + 1) % SHARDS;
  const key = `{${tags[other]}}:shares`;
  const shares = String(await server.ask('HGET', key, id));
  await server.ask('HSET', key, id, shares.replace('"pending"', '"dead"'));
  const { problems } = await store.audit();
  assert.deepEqual(
    problems.map(({ kind }) => kind),
    ['outbox_differs'],
  );
});
