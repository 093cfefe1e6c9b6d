/** Books are moved only while no instance of the service serves them, be it idle or not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { exportBooksOfShards, openRedisStore } from '../../src/stores/redis/open-redis-store.ts';
import { openShard } from '../../src/stores/redis/open-shard.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import { openStore, patient, TAG } from './store.ts';

void test('an idle instance keeps its books from being moved, until it has stopped', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  const options = {
    connection: patient(server.url),
    rules: DEFAULT_RULES,
    hashTag: TAG,
    report: () => undefined,
  };
  const { token } = await store.leases.acquire('housekeeping', 'shop-1/42/x', 60_000);
  const opened = async (): Promise<void> => (await openShard(options, 'here')).close();
  await assert.rejects(opened(), {
    code: 'STORE_LOCKED',
    message: /in use by an instance of the service, shop-1\/42\/x .*: stop every instance first/,
  });
  await store.leases.release({ lease: 'housekeeping', token, holder: 'shop-1/42/x' });
  await opened();
});

void test('nor are books of several shards', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const options = {
    connection: patient(server.url),
    rules: DEFAULT_RULES,
    hashTag: TAG,
    shards: 3,
    report: () => undefined,
  };
  const store = await openRedisStore(options);
  t.after(() => store.close());
  const { token } = await store.leases.acquire('housekeeping', 'shop-1/42/x', 60_000);
  const exported = async (): Promise<void> => (await exportBooksOfShards(options)).close();
  await assert.rejects(exported(), {
    code: 'STORE_LOCKED',
    message: /in use by an instance of the service, shop-1\/42\/x .*: stop every instance first/,
  });
  await store.leases.release({ lease: 'housekeeping', token, holder: 'shop-1/42/x' });
  await exported();
});
