/** Leases in Redis: one holder at a time, a token that rises, and commands that are refused to who has lost it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { Fault } from '../../src/engine/faults.ts';
import { fenced } from '../../src/engine/fenced-store.ts';
import { claimMessages, confirm, reserve, setStock, sweep, uuid } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { outcome } from '../support/outcome.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import { openStore, TAG } from './store.ts';

const RULES = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };

void it('one holder at a time; who takes it anew gets a higher token', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const { leases } = await openStore(t, server.url, {}, { clock });
  const acquire = async (holder: string, lease: 'erp' | 'housekeeping' = 'erp') => {
    const state = await leases.acquire(lease, holder, 1_000);
    return `${state.token} ${state.holder}`;
  };
  assert.equal(await acquire('a'), '1 a');
  assert.equal(await acquire('b'), '1 a');
  assert.equal(await acquire('b', 'housekeeping'), '1 b', 'another lease');
  clock.advance(999);
  assert.equal(await acquire('a'), '1 a', 'kept');
  clock.advance(999);
  assert.equal(await acquire('b'), '1 a');
  clock.advance(1);
  assert.equal(await acquire('b'), '2 b', 'it had run out');
  assert.equal(await acquire('a'), '2 b');
  await leases.release({ lease: 'erp', token: 1, holder: 'a' });
  await leases.release({ lease: 'erp', token: 2, holder: 'a' });
  assert.equal(await acquire('a'), '2 b', 'only who has it gives it up');
  await leases.release({ lease: 'erp', token: 2, holder: 'b' });
  assert.equal(await acquire('a'), '3 a', 'given up, free at once');
  clock.advance(5_000);
  assert.equal(await acquire('a'), '4 a', 'its own, but after a gap');
  clock.set(clock.now() - 3_600_000);
  assert.equal(await acquire('b'), '4 a', 'a clock set back frees nothing');
  clock.set(clock.now() + 3_600_000 + 1_000);
  assert.equal(await acquire('a name with spaces'), '5 a name with spaces');
});

void it('of forty that ask at once one gets it', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(t, server.url)));
  const states = await Promise.all(
    stores.flatMap(({ leases }, store) =>
      Array.from({ length: 10 }, (_, n) => leases.acquire('erp', `${store}/${n}`, 60_000)),
    ),
  );
  assert.equal(new Set(states.map(({ holder }) => holder)).size, 1);
});

void it('whoever has lost it changes nothing more, in a batch among others neither', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const store = await openStore(t, server.url, {}, { clock, rules: RULES });
  await store.submit(setStock('A', 9));
  for (const n of [1, 2]) {
    await store.submit(reserve(uuid(n), 'A:1'));
    await store.submit(confirm(uuid(n)));
  }
  await store.submit(reserve(uuid(3), 'A:1', { ttl: 5 }));
  const fence = (token: number, holder: string) => ({ lease: 'erp', token, holder }) as const;
  const lost = { code: 'LEASE_LOST', retryable: false, outcomeUnknown: false };
  await assert.rejects(fenced(store, fence(1, 'a')).submit(claimMessages()), lost, 'never had it');
  await store.leases.acquire('erp', 'a', 1_000);
  const mine = fenced(store, fence(1, 'a'));
  assert.match(outcome(await mine.submit(claimMessages())), /^in_flight sale 1/);
  clock.advance(60_000);
  const late = await mine.submit(sweep());
  assert.ok(late.ok, 'nobody else has it: no harm done');
  await store.leases.acquire('erp', 'b', 1_000);
  const ledger = await store.stats();
  const waiting = await store.outboxStats();
  await assert.rejects(mine.submit(claimMessages()), lost);
  const [sold, refused] = await Promise.allSettled([
    store.submit(reserve(uuid(4), 'A:1')),
    mine.submitAll([
      { command: claimMessages(), idempotency: null },
      { command: setStock('A', 1), idempotency: { key: 'k', fingerprint: 'f' } },
    ]),
  ]);
  assert.equal(sold.status, 'fulfilled');
  assert.ok(refused.status === 'rejected' && refused.reason instanceof Fault);
  assert.equal(refused.reason.code, 'LEASE_LOST');
  assert.deepEqual(await store.outboxStats(), waiting);
  assert.equal((await store.stats()).headSeq, ledger.headSeq + 1, 'the sale beside it, alone');
  // As after a failover that lost the newest changes: the token was given before, to another.
  await assert.rejects(fenced(store, fence(2, 'a')).submit(claimMessages()), lost);
  assert.ok((await fenced(store, fence(2, 'b')).submit(claimMessages())).ok);
  // What was refused is not remembered as answered.
  const again = { key: 'k', fingerprint: 'f' };
  assert.ok((await store.submit(setStock('A', 5), { idempotency: again })).ok);
  assert.equal((await store.level('A'))?.onHand, 5);
  assert.deepEqual((await store.audit()).problems, []);
});

void it('stands in the books, where an operator finds it', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  await store.leases.acquire('erp', 'host/1/abc', 60_000);
  const text = await server.ask('HGET', `{${TAG}}:meta`, 'lease:erp');
  assert.match(String(text), /^1 \d{13} host\/1\/abc$/);
});
