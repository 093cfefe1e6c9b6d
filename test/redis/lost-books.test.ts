/** Books that lost what they had acknowledged agree with themselves; the instance remembers how far they went. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { openRedisStore, type RedisBooks } from '../../src/stores/redis/open-redis-store.ts';
import { purge, release, reserve, setStock, trim, uuid } from '../support/commands.ts';
import { hasRedis, RedisServer, until } from '../support/redis-servers.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { openInstance, putOnSale } from './sale.ts';
import { patient, PROMPT } from './store.ts';

/** A server that forgets everything when it is killed, and has sold the last unit before. */
async function soldOutAndKilled(
  t: Parameters<typeof openInstance>[0],
  policy: 'safety' | 'availability',
) {
  const server = await RedisServer.start(t);
  const instance = await openInstance(t, server.url, { afterFailover: policy });
  await putOnSale(instance, 'A', 1);
  assert.ok((await instance.store.submit(reserve(uuid(1), 'A'))).ok);
  await server.restart();
  await until('it was looked at', async () =>
    /changes were lost/.test(instance.reports.join('\n')),
  );
  return instance;
}

void test('safety: nothing is sold on books that lost something', async (t) => {
  if (!hasRedis(t)) return;
  const { store } = await soldOutAndKilled(t, 'safety');
  assert.match(store.health().reason ?? '', /ends at entry 0, and 2 had been acknowledged/);
  await assert.rejects(store.submit(reserve(uuid(2), 'A')), {
    code: 'STORE_UNAVAILABLE',
    outcomeUnknown: false,
  });
});

void test('availability: it sells on, and the loss is reported', async (t) => {
  if (!hasRedis(t)) return;
  const { store, reports } = await soldOutAndKilled(t, 'availability');
  assert.match(reports.join('\n'), /changes were lost; sales go on/);
  await until('it sells on', async () => store.health().ready);
  const answer = await store.submit(reserve(uuid(2), 'A'));
  assert.equal(answer.ok, false);
});

async function openBooks(t: Lifetime, url: string, shards: number): Promise<RedisBooks> {
  const store = await openRedisStore({
    connection: { ...patient(url), ...PROMPT },
    rules: DEFAULT_RULES,
    hashTag: 'shop',
    shards,
    report: () => undefined,
  });
  t.after(() => store.close());
  return store;
}

async function sellAll(store: RedisBooks, first: number): Promise<void> {
  for (const sku of ['A', 'B', 'C', 'D']) assert.ok((await store.submit(setStock(sku, 9))).ok);
  assert.ok((await store.submit(reserve(uuid(first), 'A B C D'))).ok);
}

void test('safety: what was lost is missed also where another instance has written as much since', async (t) => {
  if (!hasRedis(t)) return;
  for (const shards of [1, 2]) {
    const server = await RedisServer.start(t, { appendonly: 'yes', appendfsync: 'always' });
    const store = await openBooks(t, server.url, shards);
    await sellAll(store, 1);
    // Its newest changes are gone, as after a failover to a replica that was behind; nobody has noticed yet.
    await server.ask('FLUSHALL');
    const other = await openBooks(t, server.url, shards);
    await sellAll(other, 2);
    await server.restart();
    await until('it was missed', async () => /changes were lost/.test(store.health().reason ?? ''));
    assert.match(store.health().reason ?? '', /has another entry \d+, of 20.*Z, than had been/);
    await assert.rejects(store.submit(reserve(uuid(9), 'A')), { code: 'STORE_UNAVAILABLE' });
    await until('the other goes on', async () => other.health().ready);
  }
});

void test('a full memory refuses what sells, and lets what empties it go on', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const { store } = await openInstance(t, server.url);
  await store.submit(setStock('A', 9));
  assert.ok((await store.submit(reserve(uuid(1), 'A'))).ok);
  assert.ok((await store.submit(release(uuid(1)))).ok);
  await server.ask('CONFIG', 'SET', 'maxmemory', '1');
  await assert.rejects(store.submit(reserve(uuid(2), 'A')), { code: 'STORE_UNAVAILABLE' });
  const tenure = await store.leases.acquire('housekeeping', 'me', 60_000);
  assert.equal(tenure.holder, 'me');
  await until('entries are older than this moment', async () => {
    const answer = await store.submit(trim(3));
    return answer.ok && answer.cut.seq === 2;
  });
  const purged = await store.submit(purge(Number.MAX_SAFE_INTEGER));
  assert.ok(purged.ok && purged.purged === 1);
  assert.equal(await store.reservation(uuid(1)), null);
});
