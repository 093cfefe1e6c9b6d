/** The outbox in Redis beyond what every store does: several instances at once, order in a backlog, damage by hand. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ClaimAnswer, Command } from '../../src/core/command.ts';
import { DEFAULT_RULES, type Rules } from '../../src/core/rules.ts';
import type { RedisStore } from '../../src/stores/redis/redis-store.ts';
import {
  cancel,
  claimMessages,
  confirm,
  purge,
  reserve,
  setStock,
  settleParcel,
  uuid,
} from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import { openStore, TAG } from './store.ts';

const RULES: Rules = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };
const PER_SKU: Rules = { ...RULES, messageGrouping: 'sku' };

async function ok(store: RedisStore, ...commands: Command[]): Promise<void> {
  for (const command of commands) {
    const answer = await store.submit(command);
    assert.ok(answer.ok, JSON.stringify(answer));
  }
}

async function sell(store: RedisStore, n: number, lines: string): Promise<void> {
  await ok(store, reserve(uuid(n), lines), confirm(uuid(n)));
}

async function claim(store: RedisStore, limit: number, perParcel?: number) {
  const answer = await store.submit(claimMessages(limit, perParcel));
  return (answer as ClaimAnswer).parcels;
}

void it('of two instances that claim at once, each message goes to one, in order', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const stores = [await openStore(t, server.url, {}, { rules: RULES })];
  stores.push(await openStore(t, server.url, {}, { rules: RULES }));
  const [first] = stores as [RedisStore];
  await ok(first, setStock('A', 1_000));
  for (let n = 0; n < 300; n += 1) await sell(first, n, 'A:1');
  const lanes = stores.map(async (store) => {
    const taken: number[] = [];
    for (;;) {
      const parcels = await claim(store, 4);
      if (parcels.length === 0) return taken;
      taken.push(...parcels.flatMap(({ messages }) => messages.map(({ id }) => id)));
    }
  });
  const taken = await Promise.all(lanes);
  for (const ids of taken)
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
  assert.deepEqual(
    taken.flat().toSorted((a, b) => a - b),
    Array.from({ length: 300 }, (_, n) => n + 1),
  );
  assert.deepEqual((await first.audit()).problems, []);
});

void it('the oldest that is due goes first, also after it had to wait', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const store = await openStore(t, server.url, {}, { clock, rules: PER_SKU });
  await ok(store, setStock('A', 100), setStock('B', 100));
  for (let n = 0; n < 20; n += 1) await sell(store, n, n % 2 === 0 ? 'A:1' : 'B:1');
  const ids = (parcels: Awaited<ReturnType<typeof claim>>): string[] =>
    parcels.map(({ key, messages }) => `${key} ${messages.map(({ id }) => id).join(' ')}`);
  const [parcel] = await claim(store, 1, 3);
  assert.deepEqual(ids([parcel].flatMap((each) => each ?? [])), ['A 1 3 5']);
  const nextAttemptAt = clock.now() + 60;
  await ok(store, settleParcel(parcel?.id ?? 0, 'not_applied', { at: nextAttemptAt }));
  // A waits, and what is behind it in its key too; B is free.
  assert.deepEqual(ids(await claim(store, 9, 2)), ['B 2 4']);
  assert.deepEqual(ids(await claim(store, 9, 2)), []);
  clock.advance(60);
  assert.deepEqual(ids(await claim(store, 1, 100)), ['A 1 3 5 7 9 11 13 15 17 19']);
  assert.deepEqual((await store.audit()).problems, []);
});

void it('without an ERP nobody pays for the outbox', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  await ok(store, setStock('A', 9));
  for (let n = 0; n < 3; n += 1)
    await ok(store, reserve(uuid(n), 'A:1'), confirm(uuid(n), { order: 'o' }));
  await ok(store, cancel(uuid(0)), purge(store.clock.now() + 1));
  const keys = (await server.ask('KEYS', '*')) as string[];
  const expected = /:(meta|levels|skus|reservations|deadlines|ended|ledger|ledger-of:A|held)$/;
  assert.deepEqual(
    keys.filter((key) => !expected.test(key)),
    [],
  );
});

void it('an audit in the middle of a delivery finds nothing wrong', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const rules = PER_SKU;
  const [seller, relay] = [
    await openStore(t, server.url, {}, { rules }),
    await openStore(t, server.url, {}, { rules }),
  ];
  await ok(seller, ...['A', 'B', 'C'].map((sku) => setStock(sku, 50_000)));
  let selling = true;
  t.after(() => (selling = false));
  let sold = 0;
  const lane = async (): Promise<void> => {
    while (selling) {
      const n = (sold += 1);
      await sell(seller, n, n % 3 === 0 ? 'A:1 B:1' : 'C:1');
      if (n % 4 === 0) await ok(seller, cancel(uuid(n), { restock: n % 8 === 0 }));
      if (n % 50 === 0) await seller.submit(purge(seller.clock.now(), 20));
    }
  };
  const outcomes = ['applied', 'not_applied', 'unknown', 'applied', 'given_up'] as const;
  const deliver = async (): Promise<void> => {
    for (let n = 0; selling; n += 1) {
      for (const { id } of await claim(relay, 4, 3)) {
        await relay.submit(settleParcel(id, outcomes[n % 5] ?? 'applied', { at: 0 }));
      }
      for (const { parcelId } of await relay.outbox({ state: 'unknown', after: 0, limit: 5 })) {
        await relay.submit(settleParcel(parcelId ?? 0, 'applied'));
      }
    }
  };
  const lanes = Promise.all([deliver(), ...Array.from({ length: 10 }, lane)]);
  let entries = 0;
  for (let round = 0; round < 12; round += 1) {
    const report = await relay.audit();
    assert.deepEqual(report.problems, []);
    assert.ok(report.entries > entries, 'it sells on meanwhile');
    ({ entries } = report);
  }
  selling = false;
  await lanes;
  const { pending, dead } = await relay.outboxStats();
  assert.ok(pending > 0 && dead > 0);
});

void it('an audit finds what was changed in the outbox by hand', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url, {}, { rules: RULES });
  await ok(store, setStock('A', 10));
  await sell(store, 1, 'A:3');
  await sell(store, 2, 'A:1');
  await claim(store, 1);
  const key = (name: string): string => `{${TAG}}:${name}`;
  const kinds = async (): Promise<string[]> => {
    const { problems } = await store.audit();
    return [...new Set(problems.map(({ kind }) => kind))];
  };
  assert.deepEqual(await kinds(), []);
  const text = String(await server.ask('HGET', key('messages'), 2));
  await server.ask('HDEL', key('messages'), 2);
  assert.deepEqual(await kinds(), ['message_missing', 'outbox_differs', 'index_differs']);
  await server.ask('HSET', key('messages'), 2, text.replace('"quantity":1', '"quantity":2'));
  assert.deepEqual(await kinds(), ['message_differs', 'outbox_differs']);
  await server.ask('HSET', key('messages'), 2, text);
  await server.ask('HSET', key('outbox-levels'), 'A', '4 0 3');
  assert.deepEqual(await kinds(), ['outbox_differs']);
  await server.ask('HSET', key('outbox-levels'), 'A', '4 1 3');
  await server.ask('ZREM', key('messages-in:in_flight'), 1);
  assert.deepEqual(await kinds(), ['index_differs']);
  await server.ask('ZADD', key('messages-in:in_flight'), 1, 1);
  await server.ask('ZREM', key('due-heads'), uuid(2));
  assert.deepEqual(await kinds(), ['index_differs']);
  await server.ask('ZADD', key('due-heads'), 2, uuid(2));
  assert.deepEqual(await kinds(), []);
});

void it('an audit that the outbox has outrun begins again, and says so at last', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url, {}, { rules: RULES });
  await ok(store, setStock('A', 10));
  for (let n = 0; n < 5; n += 1) await sell(store, n, 'A:1');
  const key = (name: string): string => `{${TAG}}:${name}`;
  const revision = Number(await server.ask('HGET', key('meta'), 'outboxRevision'));
  // As if two had been written since each look, and the first of them were gone from the log already.
  await server.ask('XDEL', key('outbox-log'), `${revision - 1}-0`);
  await server.ask('HSET', key('meta'), 'outboxRevision', revision - 2);
  await assert.rejects(store.audit(), { code: 'STORE_OVERLOADED', retryable: true });
  await server.ask('HSET', key('meta'), 'outboxRevision', revision);
  assert.deepEqual((await store.audit()).problems, []);
});
