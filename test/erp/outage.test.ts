/** An ERP that is away lets no message die, and one that waits for somebody else holds up nothing but itself. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { ErpFault } from '../../src/engine/erp-port.ts';
import { Fault } from '../../src/engine/faults.ts';
import { OutboxRelay } from '../../src/engine/outbox-relay.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { confirm, reserve, setStock, uuid } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeErp } from '../support/fake-erp.ts';

const HOUR_MS = 3_600_000;

async function open(sales: number) {
  const clock = new FakeClock();
  const erp = new FakeErp({ limits: { callsPerDay: null, callsPerSecond: 100 } });
  const store = new MemoryStore(clock, { ...DEFAULT_RULES, acknowledgeOnConfirm: false });
  const relay = new OutboxRelay({
    store,
    erp,
    sleep: async (ms) => {
      clock.advance(ms);
      await turn();
    },
    random: () => 0.5,
  });
  await store.submit(setStock('A', 100));
  erp.balances.set('A', 100);
  for (let n = 1; n <= sales; n += 1) {
    await store.submit(reserve(uuid(n), 'A:1'));
    await store.submit(confirm(uuid(n)));
  }
  const roundsFor = async (ms: number): Promise<void> => {
    const end = clock.now() + ms;
    while (clock.now() < end) {
      await relay.round();
      clock.advance(5_000);
    }
  };
  return { clock, erp, store, relay, roundsFor };
}

function relayOver(store: MemoryStore, erp: FakeErp, clock: FakeClock): OutboxRelay {
  return new OutboxRelay({
    store,
    erp,
    sleep: async (ms) => {
      clock.advance(ms);
      await turn();
    },
    random: () => 0.5,
  });
}

/** As a proxy gives it: methods keep their own store. */
function bound(store: MemoryStore, name: string | symbol): unknown {
  const value: unknown = Reflect.get(store, name, store);
  return typeof value === 'function' ? (value.bind(store) as unknown) : value;
}

it('hours without a connection cost few calls and no message', async () => {
  const { erp, store, relay, roundsFor } = await open(3);
  let calls = 0;
  const push = erp.push.bind(erp);
  erp.push = () => {
    calls += 1;
    return Promise.resolve({
      outcome: 'rejected',
      reason: 'connection refused',
      retry: true,
      waitMs: null,
    });
  };
  await roundsFor(30 * HOUR_MS);
  assert.notEqual((await relay.status()).pausedUntil, null);
  assert.ok(calls < 30 * 120, `the breaker lets few through: ${calls}`);
  const { pending, dead } = await store.outboxStats();
  assert.deepEqual([pending, dead], [3, 0]);
  erp.push = push;
  await roundsFor(HOUR_MS);
  assert.deepEqual(
    [await store.outbox({ state: null, after: 0, limit: 9 }), erp.applied.length],
    [[], 3],
  );
});

it('hours in which nothing can be looked for leave it unknown, and not given up on', async () => {
  const { erp, store, roundsFor } = await open(1);
  erp.mishap = () => 'lost_answer';
  await roundsFor(1_000);
  assert.equal((await store.outboxStats()).unknown, 1);
  const settle = erp.settle.bind(erp);
  erp.settle = () => Promise.reject(new ErpFault('ERP_UNAVAILABLE', 'the ERP does not answer'));
  await roundsFor(6 * HOUR_MS);
  const [message] = await store.outbox({ state: 'unknown', after: 0, limit: 1 });
  assert.deepEqual([message?.looks, message?.attempts], [0, 1]);
  erp.settle = settle;
  await roundsFor(HOUR_MS);
  assert.equal((await store.reservation(uuid(1)))?.status, 'acknowledged');
  assert.equal(erp.applied.length, 1);
});

it('what waits for somebody else is asked for again by itself, for a day', async () => {
  const { erp, store, relay, roundsFor } = await open(2);
  const push = erp.push.bind(erp);
  erp.push = async (parcel, call) =>
    parcel.key === uuid(1)
      ? { outcome: 'rejected', reason: 'not yet', retry: true, waitMs: 30_000, onlyThis: true }
      : push(parcel, call);
  await roundsFor(2_000);
  assert.equal((await store.reservation(uuid(2)))?.status, 'acknowledged', 'the other one is told');
  assert.equal((await relay.status()).pausedUntil, null);
  await roundsFor(23 * HOUR_MS);
  assert.equal((await store.outboxStats()).pending, 1);
  await roundsFor(2 * HOUR_MS);
  const [dead] = await store.outbox({ state: 'dead', after: 0, limit: 1 });
  assert.equal(dead?.lastError, 'not yet');
});

it('an answer that is long in coming holds up no other sale', async () => {
  const { erp, store, relay } = await open(12);
  const push = erp.push.bind(erp);
  const slow = Promise.withResolvers<undefined>();
  erp.push = async (parcel, call) => {
    if (parcel.key === uuid(1)) await slow.promise;
    return push(parcel, call);
  };
  relay.start(1_000);
  const inFlight = async (): Promise<number> => (await store.outboxStats()).inFlight;
  for (let turns = 0; erp.applied.length < 11 && turns < 1_000; turns += 1) await turn();
  assert.deepEqual([erp.applied.length, await inFlight()], [11, 1]);
  slow.resolve(undefined);
  for (let turns = 0; erp.applied.length < 12 && turns < 1_000; turns += 1) await turn();
  await relay.stop();
  assert.deepEqual([erp.applied.length, await inFlight()], [12, 0]);
});

/** The store as over a bad line: what `lose` names is carried out, and its answer does not arrive. */
function forgetful(store: MemoryStore, lose: (type: string) => Fault | null): MemoryStore {
  return new Proxy(store, {
    get: (target, name) =>
      name === 'submit'
        ? async (command: Parameters<MemoryStore['submit']>[0]) => {
            const lost = lose(command.type);
            if (lost?.outcomeUnknown === false) throw lost;
            const answer = await target.submit(command);
            if (lost !== null) throw lost;
            return answer;
          }
        : bound(target, name),
  });
}

it('what was claimed by a claim whose answer was lost is delivered, once, without a restart', async () => {
  const { clock, erp, store } = await open(6);
  let claims = 0;
  const lost = new Fault('STORE_TIMEOUT', 'no answer', { outcomeUnknown: true });
  const bad = forgetful(store, (type) => {
    if (type === 'claim_messages') claims += 1;
    return type === 'claim_messages' && claims === 1 ? lost : null;
  });
  const relay = relayOver(bad, erp, clock);
  relay.start(1_000);
  for (let turns = 0; erp.applied.length < 6 && turns < 1_000; turns += 1) await turn();
  await relay.stop();
  const { inFlight, unknown, pending } = await store.outboxStats();
  assert.deepEqual([erp.applied.length, inFlight, unknown, pending], [6, 0, 0, 0]);
});

it('what was applied is told to a store that was away for a moment', async () => {
  const { clock, erp, store } = await open(2);
  let refusals = 8;
  const away = new Fault('STORE_UNAVAILABLE', 'the connection was lost', { retryable: true });
  const bad = forgetful(store, (type) => {
    if (type !== 'settle_parcel' || refusals === 0) return null;
    refusals -= 1;
    return away;
  });
  const relay = relayOver(bad, erp, clock);
  relay.start(1_000);
  const left = async () => (await store.outboxStats()).inFlight;
  for (let turns = 0; (refusals > 0 || (await left()) > 0) && turns < 1_000; turns += 1) {
    await turn();
  }
  await relay.stop();
  assert.equal((await store.reservation(uuid(1)))?.status, 'acknowledged');
  assert.equal((await store.reservation(uuid(2)))?.status, 'acknowledged');
  assert.equal(erp.applied.length, 2);
});

it('a store that fails is told of once, and what it did not take is told to it again', async () => {
  const { clock, erp, store } = await open(3);
  const failures: unknown[] = [];
  let isFull = true;
  const refusing = new Proxy(store, {
    get: (target, name) =>
      name === 'submit'
        ? async (command: Parameters<MemoryStore['submit']>[0]) => {
            if (isFull && command.type === 'claim_messages')
              throw new Fault('STORE_OVERLOADED', 'full');
            return target.submit(command);
          }
        : bound(target, name),
  });
  const relay = new OutboxRelay({
    store: refusing,
    erp,
    sleep: async (ms) => {
      clock.advance(ms);
      await turn();
    },
    random: () => 0.5,
    onError: (error) => failures.push(error),
  });
  relay.start(1_000);
  for (let turns = 0; turns < 50; turns += 1) await turn();
  assert.deepEqual([failures.length, erp.applied.length], [1, 0]);
  isFull = false;
  for (let turns = 0; erp.applied.length < 3 && turns < 1_000; turns += 1) await turn();
  await relay.stop();
  assert.equal(erp.applied.length, 3);
});
