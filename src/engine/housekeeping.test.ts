import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reserve, setStock, trim } from '../../test/support/commands.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeTimers } from '../../test/support/fake-timers.ts';
import { DEFAULT_RULES } from '../core/rules.ts';
import { MemoryStore } from '../stores/memory/memory-store.ts';
import { Fault } from './faults.ts';
import { startHousekeeping, type HousekeepingOptions } from './housekeeping.ts';

const EVERY_SECOND: Omit<HousekeepingOptions, 'onError' | 'onRecovery'> = {
  sweepEveryMs: 1_000,
  purgeEveryMs: 60_000,
  retentionMs: 3_600_000,
  ledgerKeep: null,
  stepLimit: 10,
};

async function shop(options: Partial<HousekeepingOptions> = {}): Promise<{
  clock: FakeClock;
  timers: FakeTimers;
  store: MemoryStore;
  errors: unknown[];
  recovered: string[];
  stop: () => Promise<void>;
}> {
  const clock = new FakeClock();
  const timers = new FakeTimers(clock);
  const store = new MemoryStore(clock, DEFAULT_RULES);
  const errors: unknown[] = [];
  await store.submit(setStock('A', 100));
  const onError = (error: unknown): void => void errors.push(error);
  const recovered: string[] = [];
  const onRecovery = (job: string): void => void recovered.push(job);
  const told = { onError, onRecovery };
  const stop = startHousekeeping(store, timers, { ...EVERY_SECOND, ...told, ...options });
  return { clock, timers, store, errors, recovered, stop };
}

async function reserveSome(store: MemoryStore, count: number, ttl: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await store.submit(reserve(`r${n}`, 'A:1', { ttl }));
}

describe('housekeeping', () => {
  it('trims what was exported and is older than the policy keeps, step after step', async () => {
    const ledgerKeep = { ms: 100_000, entries: 5 };
    const { store, timers, stop } = await shop({ ledgerKeep });
    await reserveSome(store, 40, 600);
    await timers.advance(120_000);
    assert.equal((await store.ledgerBeginning(null)).cut.seq, 0);
    await store.submit(trim(30, { before: null }));
    await timers.advance(60_000);
    assert.equal((await store.ledgerBeginning(null)).cut.seq, 30);
    await store.submit(trim(41, { before: null }));
    await timers.advance(60_000);
    assert.equal((await store.ledgerBeginning(null)).cut.seq, 36);
    assert.deepEqual((await store.audit()).problems, []);
    await stop();
  });

  it('leaves the ledger whole where no policy says otherwise', async () => {
    const { store, timers, stop } = await shop();
    await reserveSome(store, 5, 600);
    await store.submit(trim(6, { before: null }));
    await timers.advance(500_000);
    assert.equal((await store.ledgerBeginning(null)).cut.seq, 0);
    await stop();
  });

  it('records what has lapsed at the next look, step after step until nothing is left', async () => {
    const { store, timers, stop } = await shop();
    await reserveSome(store, 35, 10);
    await timers.advance(9_999);
    assert.equal((await store.stats()).active, 35);
    await timers.advance(1);
    assert.equal((await store.stats()).active, 0);
    await stop();
  });

  it('forgets what has ended once its retention is over', async () => {
    const { store, timers, stop } = await shop();
    await reserveSome(store, 25, 10);
    await timers.advance(3_600_000);
    assert.equal((await store.reservations(null, 100)).length, 25);
    await timers.advance(120_000);
    assert.equal((await store.reservations(null, 100)).length, 0);
    assert.equal((await store.audit()).ok, true);
    await stop();
  });

  it('does nothing after it was stopped, and leaves no timer behind', async () => {
    const { store, timers, stop } = await shop();
    await reserveSome(store, 1, 10);
    await stop();
    assert.equal(timers.pending, 0);
    await timers.advance(20_000);
    assert.equal((await store.stats()).active, 1);
  });

  it('waits, when stopped, for the step in hand, and takes no other', async () => {
    const { store, timers, stop } = await shop();
    await reserveSome(store, 35, 10);
    const gate = Promise.withResolvers<undefined>();
    const submit = store.submit.bind(store);
    let steps = 0;
    store.submit = (async (...asked: Parameters<typeof submit>) => {
      steps += 1;
      await gate.promise;
      return submit(...asked);
    }) as typeof submit;
    await timers.advance(10_000);
    let stopped = false;
    const stopping = stop().then(() => (stopped = true));
    await timers.settle();
    assert.equal(stopped, false);
    gate.resolve(undefined);
    await stopping;
    assert.equal(steps, 1);
    assert.equal((await store.stats()).active, 25);
  });

  it('tells of each kind of failure once, looks again every time, and tells when it is over', async () => {
    const { store, timers, errors, recovered, stop } = await shop();
    await reserveSome(store, 1, 10);
    const submit = store.submit.bind(store);
    const [late, gone] = [
      new Fault('STORE_TIMEOUT', 'late'),
      new Fault('STORE_UNAVAILABLE', 'gone'),
    ];
    let looks = 0;
    store.submit = () => Promise.reject((looks += 1) % 2 === 1 ? late : gone);
    await timers.advance(10_000);
    assert.equal(looks, 10);
    assert.deepEqual([errors, recovered], [[late, gone], []]);
    store.submit = submit;
    await timers.advance(2_000);
    assert.equal((await store.stats()).active, 0);
    assert.deepEqual(recovered, ['sweep']);
    store.submit = () => Promise.reject(gone);
    await timers.advance(2_000);
    assert.deepEqual(errors, [late, gone, gone]);
    await stop();
  });

  it('says nothing of an overloaded store: tidying can wait', async () => {
    const { store, timers, errors, recovered, stop } = await shop();
    const submit = store.submit.bind(store);
    store.submit = () => Promise.reject(new Fault('STORE_OVERLOADED', 'full'));
    await timers.advance(100_000);
    store.submit = submit;
    await timers.advance(1_000);
    assert.deepEqual([errors, recovered], [[], []]);
    await stop();
  });
});
