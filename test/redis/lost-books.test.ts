/** Books that lost what they had acknowledged agree with themselves; the instance remembers how far they went. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reserve, uuid } from '../support/commands.ts';
import { hasRedis, RedisServer, until } from '../support/redis-servers.ts';
import { openInstance, putOnSale } from './sale.ts';

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
  assert.equal(store.health().ready, true);
  const answer = await store.submit(reserve(uuid(2), 'A'));
  assert.equal(answer.ok, false);
});
