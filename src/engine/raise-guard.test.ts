import assert from 'node:assert/strict';
import test from 'node:test';
import { DEFAULT_RULES } from '../core/rules.ts';
import { MemoryStore } from '../stores/memory/memory-store.ts';
import { trim } from '../../test/support/commands.ts';
import { noteAway, RaiseGuard, type RaiseRecord } from './raise-guard.ts';

function setUp() {
  let now = 1_000;
  let record: RaiseRecord | null = null;
  const memory = {
    load: () => Promise.resolve(record),
    save: (next: RaiseRecord) => {
      record = next;
      return Promise.resolve();
    },
  };
  const newStore = () => new MemoryStore({ now: () => now }, DEFAULT_RULES);
  let store = newStore();
  let ids = 0;
  return {
    sell: async (): Promise<void> => {
      const reservationId = `r-${(ids += 1)}`;
      const lines = [{ sku: 'HAT', quantity: 1 }];
      await store.submit({ type: 'set_stock', sku: 'HAT', onHand: 9 });
      const whose = { customerId: null, ttlSeconds: null, allowPartial: false };
      await store.submit({ type: 'reserve', reservationId, lines, ...whose });
      const how = { orderId: null, lines: null, onExpired: 'reject' } as const;
      assert.ok((await store.submit({ type: 'confirm', reservationId, ...how })).ok);
    },
    stock: (onHand = 5) => store.submit({ type: 'set_stock', sku: 'HAT', onHand }),
    start: (everTold = false) => RaiseGuard.open({ store, memory }, everTold),
    startWithout: (everTold = false) => noteAway({ store, memory }, everTold),
    cutAll: async () => {
      const { headSeq } = await store.stats();
      now += 1;
      assert.ok((await store.submit(trim(headSeq))).ok);
      assert.ok((await store.ledgerBeginning(null)).cut.seq > 0);
    },
    pass: () => (now += 500),
    forget: () => (record = null),
    otherBooks: () => (store = newStore()),
  };
}

test('sales that no ERP was told of hold raises back, over restarts, until they are accepted', async () => {
  const { sell, start, pass } = setUp();
  await sell();
  const first = await start();
  assert.equal(first.heldSince, 1_000);
  pass();
  const again = await start(true);
  assert.equal(again.heldSince, 1_000, 'since the first start');
  assert.equal(await again.accept(), true);
  assert.equal(again.heldSince, null);
  assert.equal(await again.accept(), false, 'there is nothing left to accept');
  await sell();
  assert.equal((await start(true)).heldSince, null, 'what is sold with the ERP is told to it');
});

test('stock alone, or no books at all, hold nothing back', async () => {
  const { stock, start, forget } = setUp();
  assert.equal((await start()).heldSince, null);
  forget();
  await stock();
  assert.equal((await start()).heldSince, null);
});

test('an ERP that was away while something was sold is held back, one that was not is not', async () => {
  const { sell, start, startWithout } = setUp();
  await start();
  await sell();
  await startWithout(true);
  assert.equal((await start(true)).heldSince, null, 'nothing was sold meanwhile');
  await startWithout(true);
  await sell();
  // Another start without one does not forget it.
  await startWithout(true);
  const back = await start(true);
  assert.notEqual(back.heldSince, null);
  await startWithout(true);
  assert.notEqual((await start(true)).heldSince, null, 'nobody has accepted it');
});

test('books that were told before there was a record: held back only for what is sold from then on', async () => {
  const { sell, start, startWithout, forget } = setUp();
  await sell();
  assert.equal((await start(true)).heldSince, null);
  forget();
  await startWithout(true);
  await sell();
  assert.notEqual((await start(true)).heldSince, null);
});

test('a ledger that was cut meanwhile may have held sales', async () => {
  const { stock, start, startWithout, cutAll } = setUp();
  await start();
  await startWithout(true);
  for (const units of [5, 6, 7]) await stock(units);
  await cutAll();
  assert.notEqual((await start(true)).heldSince, null);
});

test('without an ERP so far there is nothing to note; a record of other books is none', async () => {
  const { sell, start, startWithout, otherBooks } = setUp();
  await startWithout();
  await sell();
  assert.notEqual((await start()).heldSince, null);
  otherBooks();
  assert.equal((await start()).heldSince, null);
});
