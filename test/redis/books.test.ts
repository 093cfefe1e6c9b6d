/** What the Redis store does beyond what every store does: several instances, the server's clock, damage by hand. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import type { CommitNotice } from '../../src/engine/ports.ts';
import type { RedisStore } from '../../src/stores/redis/redis-store.ts';
import {
  confirm,
  extend,
  purge,
  release,
  reserve,
  setStock,
  sweep,
  trim,
  uuid,
} from '../support/commands.ts';
import { outcome } from '../support/outcome.ts';
import { hasRedis, RedisServer, until } from '../support/redis-servers.ts';
import { openStore, TAG } from './store.ts';

async function words(store: RedisStore, ...[command]: Parameters<RedisStore['submit']>) {
  return outcome(await store.submit(command));
}

void it('two instances sell from the same books, and each hears of the other', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const [one, other] = [await openStore(t, server.url), await openStore(t, server.url)];
  const heard: CommitNotice[] = [];
  other.onCommit((notice) => heard.push(notice));
  await one.submit(setStock('A', 10));
  await until('the other has heard of it', () => Promise.resolve(heard.length === 1));
  assert.deepEqual([heard[0]?.headSeq, heard[0]?.commands], [1, 0]);
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      (n % 2 === 0 ? one : other).submit(reserve(uuid(n), 'A:1')),
    ),
  );
  assert.equal(answers.filter(({ ok }) => ok).length, 10);
  const mine = answers.findIndex(({ ok }) => ok);
  const theirs = mine % 2 === 0 ? other : one;
  assert.equal((await theirs.submit(confirm(uuid(mine)))).ok, true);
  assert.equal((await one.reservation(uuid(mine)))?.status, 'acknowledged');
  await until(
    'the head is known',
    async () => heard.at(-1)?.headSeq === (await one.stats()).headSeq,
  );
  assert.deepEqual(await one.audit(), await other.audit());
});

void it('time is the server’s, and what it was once it stays', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  await store.submit(setStock('A', 2));
  await store.submit(reserve(uuid(1), 'A:1', { ttl: 60 }));
  const before = await store.reservation(uuid(1));
  assert.ok(before !== null && Math.abs(before.createdAt - Date.now()) < 60_000);
  // As if the server's clock had been an hour ahead, and was set right.
  const ahead = Date.now() + 3_600_000;
  await server.ask('HSET', `{${TAG}}:meta`, 'clock', ahead);
  assert.equal((await store.reservation(uuid(1)))?.status, 'expired');
  await store.submit(reserve(uuid(2), 'A:2', { ttl: 60 }));
  const after = await store.reservation(uuid(2));
  assert.equal(after?.createdAt, ahead);
  assert.ok(store.clock.now() >= ahead);
  assert.deepEqual((await store.audit()).problems, []);
});

void it('reads and refusals write nothing', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  store.onCommit(() => undefined);
  await store.submit(setStock('A', 1));
  await store.submit(reserve(uuid(1), 'A:1', { ttl: 60 }));
  const writes = async (): Promise<unknown> =>
    (await server.info('persistence')).get('rdb_changes_since_last_save');
  const before = await writes();
  await store.level('A');
  await store.levels({ after: null, prefix: null, limit: 10 });
  await store.reservation(uuid(1));
  await store.reservations(null, 10);
  await store.ledger({ sku: 'A', after: 0, limit: 10 });
  await store.stats();
  await store.audit();
  assert.match(await words(store, reserve(uuid(2), 'A:1')), /^all_reserved/);
  assert.match(await words(store, reserve(uuid(2), 'X:1')), /^unknown_sku/);
  assert.match(await words(store, confirm(uuid(3))), /^reservation_not_found/);
  assert.match(await words(store, sweep()), /^expired none/);
  assert.equal(await writes(), before);
});

void it('text that is not well-formed is stored as UTF-8 can hold it', async (t) => {
  if (!hasRedis(t)) return;
  const store = await openStore(t, (await RedisServer.start(t)).url);
  await store.submit(setStock('A', 3));
  for (const [n, customer] of ['half \uD83C', '"\\/\b\u0000\u007F', '🎟'].entries()) {
    await store.submit(reserve(uuid(n), 'A:1', { customer }));
    assert.equal((await store.reservation(uuid(n)))?.customerId, customer.toWellFormed());
  }
});

void it('moments are written as ISO 8601, leap days included', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const library = ['values', 'iso-time'].map((name) =>
    readFileSync(
      new URL(`../../src/stores/redis/commands/lib/${name}.lua`, import.meta.url),
      'utf8',
    ),
  );
  const script = `${library.join('\n')}
    local texts = {}
    for index, at in ipairs(ARGV) do texts[index] = values.isoTime(tonumber(at)) end
    return texts`;
  const days = Array.from({ length: 3_000 }, (_, n) => n * 86_400_000 * 31 + n * 997);
  const edges = ['2000-02-29', '2024-02-29', '2100-02-28', '2100-03-01', '9999-12-31'];
  const moments = [...days, ...edges.map((day) => Date.parse(`${day}T23:59:59.999Z`))];
  assert.deepEqual(
    await server.ask('EVAL', script, 0, ...moments),
    moments.map((at) => new Date(at).toISOString()),
  );
});

void it('an audit in the middle of a sale finds nothing wrong', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const [seller, auditor] = [await openStore(t, server.url), await openStore(t, server.url)];
  await Promise.all(['A', 'B', 'C'].map((sku) => seller.submit(setStock(sku, 5_000))));
  let selling = true;
  let sold = 0;
  const sell = async (): Promise<void> => {
    while (selling) {
      const id = (sold += 1);
      await seller.submit(reserve(uuid(id), id % 3 === 0 ? 'A:1 B:1' : 'C:1'));
      if (id % 2 === 0) await seller.submit(confirm(uuid(id)));
      if (id % 5 === 0) await seller.submit(release(uuid(id)));
      if (id % 7 === 0) await seller.submit(extend(uuid(id), { order: 'o' }));
      if (id % 50 === 0) await seller.submit(purge(seller.clock.now(), 20));
    }
  };
  const lanes = Promise.all(Array.from({ length: 20 }, sell));
  let entries = 0;
  for (let round = 0; round < 15; round += 1) {
    const report = await auditor.audit();
    assert.deepEqual(report.problems, []);
    assert.ok(report.entries > entries, 'it sells on meanwhile');
    ({ entries } = report);
  }
  selling = false;
  await lanes;
  assert.equal((await auditor.audit()).entries, (await seller.stats()).headSeq);
});

void it('an audit finds what was changed by hand', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  await store.submit(setStock('A', 10));
  await store.submit(reserve(uuid(1), 'A:3'));
  await store.submit(reserve(uuid(2), 'A:1'));
  const levels = `{${TAG}}:levels`;
  const kinds = async (): Promise<string[]> => {
    const { problems } = await store.audit();
    return [...new Set(problems.map(({ kind }) => kind))];
  };
  assert.deepEqual(await kinds(), []);
  await server.ask('HSET', levels, 'A', '11 4 0 0');
  assert.deepEqual(await kinds(), ['level_differs']);
  await server.ask('HSET', levels, 'A', '10 4 0 0');
  assert.deepEqual(await kinds(), []);
  const deadlines = `{${TAG}}:deadlines`;
  const deadline = String(await server.ask('ZSCORE', deadlines, uuid(2)));
  await server.ask('ZREM', deadlines, uuid(2));
  assert.deepEqual(await kinds(), ['index_differs']);
  await server.ask('ZADD', deadlines, deadline, uuid(2));
  assert.deepEqual(await kinds(), []);
  await server.ask('HDEL', `{${TAG}}:reservations`, uuid(2));
  assert.deepEqual(await kinds(), ['reserved_differs', 'index_differs', 'entry_stray']);
  const [part] = (await server.ask('XREVRANGE', `{${TAG}}:ledger`, '+', '-', 'COUNT', 1)) as [
    string,
  ][];
  await server.ask('XDEL', `{${TAG}}:ledger`, part?.[0] ?? '');
  assert.ok((await kinds()).includes('ledger_gap'));
});

void it('books of another format are left alone', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  await store.submit(setStock('A', 1));
  assert.equal(await server.ask('HGET', `{${TAG}}:meta`, 'format'), '4');
  await (await openStore(t, server.url)).close();
  await server.ask('HSET', `{${TAG}}:meta`, 'format', '9');
  await assert.rejects(openStore(t, server.url), { code: 'STORE_VERSION', message: /format 9/ });
  const refused = { code: 'STORE_UNAVAILABLE', outcomeUnknown: false, message: /format 9/ };
  await assert.rejects(store.submit(setStock('A', 2)), refused);
});

void it('an audit goes on while the ledger is trimmed', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  await store.submit(setStock('A', 100_000));
  for (let n = 0; n < 3_000; n += 300) {
    const ids = Array.from({ length: 300 }, (_, m) => uuid(n + m));
    await Promise.all(ids.map((id) => store.submit(reserve(id, 'A:1'))));
    await Promise.all(ids.slice(0, 200).map((id) => store.submit(confirm(id))));
  }
  const auditing = store.audit();
  for (let n = 0; n < 3; n += 1) await store.submit(trim(100_000, { limit: 700 }));
  assert.deepEqual((await auditing).problems, []);
  assert.equal((await store.ledgerBeginning(null)).cut.seq, 2_100);
  assert.deepEqual((await store.audit()).problems, []);
});
