/** A relay that stops between its claim and its request, until another has taken over: it must not send any more. */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import type { MessageGrouping } from '../../src/core/outbox/message.ts';
import { Fault } from '../../src/engine/faults.ts';
import { fenced } from '../../src/engine/fenced-store.ts';
import { OutboxRelay, type RelayParts } from '../../src/engine/outbox-relay.ts';
import type { OutboxStore } from '../../src/engine/ports.ts';
import { openStore } from '../redis/store.ts';
import { confirm, reserve, setStock, uuid } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeErp } from '../support/fake-erp.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';

const LEASE_MS = 1_000;

interface Guards {
  /** Do its commands carry the token? */
  readonly fence: boolean;
  /** Does it look at its own clock before it sends? */
  readonly clock: boolean;
}

/** How often the ERP was told of one sale, and how the round of the one that had stopped ended. */
async function stopAndGoOn(t: TestContext, grouping: MessageGrouping, guards: Guards) {
  const server = await RedisServer.start(t);
  const clock = new FakeClock();
  const rules = { ...DEFAULT_RULES, acknowledgeOnConfirm: false, messageGrouping: grouping };
  const store = await openStore(t, server.url, {}, { clock, rules });
  const erp = new FakeErp({ grouping, limits: { callsPerSecond: 1_000 } });
  erp.balances.set('A', 9);
  for (const command of [setStock('A', 9), reserve(uuid(1), 'A:1'), confirm(uuid(1))]) {
    assert.ok((await store.submit(command)).ok);
  }
  const relay = (books: OutboxStore, parts: Partial<RelayParts> = {}): OutboxRelay =>
    new OutboxRelay({
      store: books,
      erp,
      sleep: () => Promise.resolve(),
      random: () => 0,
      ...parts,
    });

  const first = await store.leases.acquire('erp', 'first', LEASE_MS);
  const endsAt = clock.now() + LEASE_MS;
  const claimed = Promise.withResolvers<undefined>();
  const stopped = Promise.withResolvers<undefined>();
  const sleeper = new Proxy(erp, {
    get: (target, name) =>
      name === 'push'
        ? async (...args: Parameters<FakeErp['push']>) => {
            claimed.resolve(undefined);
            await stopped.promise;
            return target.push(...args);
          }
        : (Reflect.get(target, name) as unknown),
  });
  const books = guards.fence
    ? fenced(store, { lease: 'erp', token: first.token, holder: 'first' })
    : store;
  const assertHeld = (): void => {
    if (clock.now() >= endsAt) throw new Fault('LEASE_LOST', 'too late');
  };
  const round = relay(books, { erp: sleeper, ...(guards.clock ? { assertHeld } : {}) }).round();
  await claimed.promise;

  clock.advance(LEASE_MS);
  const second = await store.leases.acquire('erp', 'second', 600_000_000);
  assert.deepEqual(second, { token: 2, holder: 'second' });
  const other = relay(fenced(store, { lease: 'erp', token: 2, holder: 'second' }));
  await other.round();
  assert.equal((await store.message(1))?.state, 'unknown', 'in doubt, not sent again');
  assert.equal(erp.sent.length, 0);
  clock.advance(erp.limits.settleAfterMs);
  await other.round();
  clock.advance(60_000);
  await other.round();
  assert.equal((await store.message(1))?.state, 'delivered');

  stopped.resolve(undefined);
  const [end] = await Promise.allSettled([round]);
  assert.equal((await store.message(1))?.state, 'delivered');
  assert.deepEqual((await store.audit()).problems, []);
  return { told: erp.applied.length, end };
}

function assertLost({ end }: Awaited<ReturnType<typeof stopAndGoOn>>): void {
  assert.ok(end.status === 'rejected' && end.reason instanceof Fault);
  assert.equal(end.reason.code, 'LEASE_LOST');
}

void it('its clock tells it that the lease is over, before anything goes out', async (t) => {
  if (!hasRedis(t)) return;
  const gone = await stopAndGoOn(t, 'sale', { fence: true, clock: true });
  assert.equal(gone.told, 1);
  assertLost(gone);
});

void it('where its clock tells nothing, the books refuse the memo without which nothing goes out', async (t) => {
  if (!hasRedis(t)) return;
  const gone = await stopAndGoOn(t, 'sku', { fence: true, clock: false });
  assert.equal(gone.told, 1);
  assertLost(gone);
});

void it('with neither, the ERP hears of the sale twice', async (t) => {
  if (!hasRedis(t)) return;
  const gone = await stopAndGoOn(t, 'sale', { fence: false, clock: false });
  assert.equal(gone.told, 2);
});
