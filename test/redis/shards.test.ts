/** Books over several shards, as several instances see them. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import {
  openRedisStore,
  type RedisBooks,
  type RedisBooksOptions,
} from '../../src/stores/redis/open-redis-store.ts';
import { confirm, importStock, reserve, setStock, setting, uuid } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hasRedis, RedisServer, until } from '../support/redis-servers.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { patient } from './store.ts';

async function open(
  t: Lifetime,
  url: string,
  shards: number,
  hashTag = 'shop',
  options: Partial<RedisBooksOptions> = {},
): Promise<RedisBooks> {
  const store = await openRedisStore({
    connection: patient(url),
    rules: DEFAULT_RULES,
    hashTag,
    shards,
    report: () => undefined,
    ...options,
  });
  t.after(() => store.close());
  return store;
}

void it('the number of shards is decided by who starts first', async (t) => {
  if (!hasRedis(t)) return;
  const { url } = await RedisServer.start(t);
  await open(t, url, 3);
  await open(t, url, 3);
  for (const wrong of [1, 2, 4]) {
    await assert.rejects(open(t, url, wrong), {
      code: 'STORE_VERSION',
      message: new RegExp(`under \\{shop\\} have 3 shards, and HOLDFAST_REDIS_SHARDS is ${wrong}:`),
    });
  }
  await open(t, url, 1, 'other');
  await assert.rejects(open(t, url, 3, 'other'), { message: /have 1 shard, and/ });
});

void it('a server is started again: books with carts are audited, and sold from again', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes', appendfsync: 'always' });
  const reports: string[] = [];
  const report = (message: string): void => void reports.push(message);
  const store = await open(t, server.url, 3, 'shop', { report });
  for (const sku of ['A', 'B', 'C', 'D']) assert.ok((await store.submit(setStock(sku, 9))).ok);
  assert.ok((await store.submit(reserve(uuid(1), 'A B C D'))).ok);
  await server.restart();
  await until('it was audited', async () =>
    reports.some((text) => text.includes('of the primary has passed')),
  );
  await until('it sells again', async () => store.health().ready);
  assert.ok((await store.submit(confirm(uuid(1)))).ok);
});

void it('books that are older than the setting have one shard', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await open(t, server.url, 1);
  await store.submit(setStock('A', 1));
  await server.ask('HDEL', '{shop}:meta', 'shards');
  await open(t, server.url, 1);
  await assert.rejects(open(t, server.url, 2), { message: /have 1 shard, and/ });
});

void it('entries have one numbering without gaps, the same for every instance, however many number them', async (t) => {
  if (!hasRedis(t)) return;
  const { url } = await RedisServer.start(t);
  const stores = await Promise.all([0, 1, 2].map(() => open(t, url, 5)));
  const [first] = stores;
  assert.ok(first !== undefined);
  const skus = Array.from({ length: 12 }, (_, n) => `SKU-${n}`);
  await first.submit(importStock(skus.map((sku) => setting(sku, 1_000))));
  const seen: number[][] = stores.map(() => []);
  const texts = new Map<number, string>();
  await Promise.all(
    stores.map(async (store, at) => {
      let after = 0;
      for (let n = 0; n < 60; n += 1) {
        const lines = skus.filter((_, index) => (index + n) % 5 === at).join(' ');
        const id = store.placeId?.(uuid(at * 1_000 + n), lines.split(' ')) ?? '';
        assert.ok((await store.submit(reserve(id, lines))).ok);
        if (n % 3 === 0) assert.ok((await store.submit(confirm(id))).ok);
        if (n % 5 !== 0) continue;
        for (const entry of await store.ledger({ sku: null, after, limit: 97 })) {
          seen[at]?.push(entry.seq);
          after = entry.seq;
          const text = JSON.stringify(entry);
          assert.equal(texts.get(entry.seq) ?? text, text, 'a number is given once');
          texts.set(entry.seq, text);
        }
      }
    }),
  );
  for (const numbers of seen) {
    assert.deepEqual(
      numbers,
      Array.from(numbers, (_, index) => index + 1),
    );
  }
  const { headSeq } = await first.stats();
  const all = await first.ledger({ sku: null, after: 0, limit: 100_000 });
  assert.equal(all.length, headSeq);
  for (const [seq, text] of texts) assert.equal(JSON.stringify(all[seq - 1]), text);
  for (const sku of skus) {
    const own = all.filter((entry) => entry.sku === sku);
    const middle = own[Math.floor(own.length / 2)]?.seq ?? 0;
    const rest = own.filter(({ seq }) => seq > middle);
    assert.deepEqual(await first.ledger({ sku, after: middle, limit: 10 }), rest.slice(0, 10));
    // Also from a number that is another SKU's.
    assert.deepEqual(
      await first.ledger({ sku, after: middle + 1, limit: 5 }),
      own.filter(({ seq }) => seq > middle + 1).slice(0, 5),
    );
  }
  assert.deepEqual((await first.audit()).problems, []);
});

void it('of a lapsed cart only what was confirmed late is taken again, and the audit agrees', async (t) => {
  if (!hasRedis(t)) return;
  const clock = new FakeClock();
  const store = await open(t, (await RedisServer.start(t)).url, 4, 'shop', { clock });
  const skus = ['A', 'B', 'C', 'D', 'E'];
  await store.submit(importStock(skus.map((sku) => setting(sku, 9))));
  const id = store.placeId?.(uuid(1), skus) ?? '';
  await store.submit(reserve(id, skus.join(' '), { ttl: 10 }));
  clock.advance(10_000);
  for (const sku of skus) await store.submit(setStock(sku, 8));
  const answer = await store.submit(confirm(id, { lines: 'A:1 B:1', late: 'reacquire' }));
  assert.ok(answer.ok && answer.type === 'confirm' && answer.reservation.reacquired);
  const left = await Promise.all(skus.map(async (sku) => (await store.level(sku))?.available));
  assert.deepEqual(left, [7, 7, 8, 8, 8]);
  assert.deepEqual((await store.audit()).problems, []);
});

void it('books of another format are left alone by every shard', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await open(t, server.url, 2);
  const skus = ['A', 'B', 'C', 'D'];
  await store.submit(importStock(skus.map((sku) => setting(sku, 9))));
  for (const key of (await server.ask('KEYS', '*:meta')) as string[]) {
    if ((await server.ask('HEXISTS', key, 'seq')) === 1)
      await server.ask('HSET', key, 'format', '9');
  }
  const refused = { code: 'STORE_UNAVAILABLE', outcomeUnknown: false, message: /format 9/ };
  for (const sku of skus) await assert.rejects(store.submit(reserve(uuid(1), `${sku}:1`)), refused);
  await assert.rejects(open(t, server.url, 2), { code: 'STORE_VERSION', message: /format 9/ });
});

void it('an audit finds a cart whose parts are not what it says', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await open(t, server.url, 4);
  const skus = ['A', 'B', 'C', 'D', 'E'];
  await store.submit(importStock(skus.map((sku) => setting(sku, 9))));
  const id = store.placeId?.(uuid(1), skus) ?? '';
  await store.submit(reserve(id, skus.join(' ')));
  assert.deepEqual((await store.audit()).problems, []);
  const keys = (await server.ask('KEYS', '*:carts')) as string[];
  const home = keys[0] ?? '';
  const before = String(await server.ask('HGET', home, id));
  await server.ask('HSET', home, id, before.replace('"active"', '"expired"'));
  const kinds = async (): Promise<string[]> =>
    (await store.audit()).problems.map(({ kind }) => kind);
  assert.deepEqual(await kinds(), ['reservation_differs']);
  await server.ask('HSET', home, id, before.replace('"quantity":1', '"quantity":2'));
  assert.deepEqual(await kinds(), ['reservation_differs']);
  await server.ask('HSET', home, id, before);
  assert.deepEqual(await kinds(), []);
});

void it('a lapsed cart of nobody in particular is confirmed late, also where a limit for customers came meanwhile', async (t) => {
  if (!hasRedis(t)) return;
  const clock = new FakeClock();
  const store = await open(t, (await RedisServer.start(t)).url, 4, 'shop', { clock });
  const skus = ['A', 'B', 'C', 'D', 'E'];
  await store.submit(importStock(skus.map((sku) => setting(sku, 9))));
  const id = store.placeId?.(uuid(1), skus) ?? '';
  await store.submit(reserve(id, skus.join(' '), { ttl: 10 }));
  const limited = { policy: { maxPerCustomer: 1 } };
  for (const sku of skus) await store.submit(setStock(sku, 9, limited));
  clock.advance(10_000);
  const answer = await store.submit(confirm(id, { late: 'reacquire' }));
  assert.ok(answer.ok && answer.reservation.reacquired);
  // Nobody in particular makes no new cart of what is limited.
  const refused = await store.submit(reserve(uuid(2), skus.join(' ')));
  assert.ok(!refused.ok);
  assert.equal(refused.rejection.code, 'customer_required');
  const left = await Promise.all(skus.map(async (sku) => (await store.level(sku))?.available));
  assert.deepEqual(left, [8, 8, 8, 8, 8]);
  assert.deepEqual((await store.audit()).problems, []);
});

/** Books with two carts over all of their shards, and a SKU in each of them. */
async function openWithCarts(t: Lifetime): Promise<RedisBooks> {
  const rules = { ...DEFAULT_RULES, onShortfall: 'release_newest' } as const;
  const store = await open(t, (await RedisServer.start(t)).url, 4, 'shop', { rules });
  await store.submit(importStock(SKUS.map((sku) => setting(sku, 2))));
  for (const n of [1, 2]) assert.ok((await store.submit(reserve(uuid(n), SKUS.join(' ')))).ok);
  return store;
}

const SKUS = ['A', 'B', 'C', 'D', 'E'];

void it('a shortfall that releases carts is answered under its key as it was at first', async (t) => {
  if (!hasRedis(t)) return;
  for (const sku of SKUS) {
    const store = await openWithCarts(t);
    // The key's shard is that of the SKU, or another.
    for (const [n, command] of [setStock(sku, 1), setStock(sku, 0)].entries()) {
      const idempotency = { key: `key ${sku} ${n}`, fingerprint: JSON.stringify(command) };
      const first = await store.submit(command, { idempotency });
      assert.ok(first.ok);
      assert.deepEqual(first.released, [uuid(2 - n)]);
      assert.equal(first.level.onHand, 1 - n);
      await store.submit(setStock(sku, n === 0 ? 1 : 7));
      assert.deepEqual(await store.submit(command, { idempotency }), first);
      assert.deepEqual(await store.submitAll([{ command, idempotency }]), [first]);
    }
  }
});

void it('of commands in one go, those after a shortfall see the carts released', async (t) => {
  if (!hasRedis(t)) return;
  const store = await openWithCarts(t);
  const commands = [
    setStock('A', 1),
    setStock('A', 9),
    ...SKUS.map((sku, n) => reserve(uuid(n + 10), sku)),
  ];
  const answers = await store.submitAll(
    commands.map((command) => ({ command, idempotency: null })),
  );
  const [lowered, raised, ...reserved] = answers;
  assert.ok(lowered?.ok && lowered.type === 'set_stock');
  assert.deepEqual([lowered.level.onHand, lowered.released], [1, [uuid(2)]]);
  assert.ok(raised?.ok && raised.type === 'set_stock');
  assert.deepEqual([raised.level.available, raised.released], [8, []]);
  assert.deepEqual(
    reserved.map(({ ok }) => ok),
    [true, true, true, true, true],
  );
  assert.deepEqual((await store.audit()).problems, []);
});
