/** For stores that promise it: what was answered is still there after closing and opening again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  acknowledge,
  cancel,
  confirm,
  extend,
  purge,
  release,
  reserve,
  setStock,
  sweep,
  uuid,
} from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import { outcome } from '../support/outcome.ts';
import { WITH_ERP } from '../support/scenario.ts';
import { everything, Shop, type StoreSubject } from './subject.ts';

const HOUR = 3_600_000;

export function durability(subject: StoreSubject): void {
  describe('after closing and opening again', () => {
    it('everything is as it was, and goes on from there', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      const policy = { maxPerCustomer: 3, ttlSeconds: 7_000, closesAt: START + HOUR };
      await shop.walk([
        [0, setStock('A', 20, { safety: 2, policy }), 'created A 20 = 2 safety + 18 available'],
        [0, setStock('ação 🎟', 5), 'created ação 🎟 5 = 5 available'],
        [0, reserve(uuid(1), 'A:1', { customer: 'ana' }), 'active A:1 until 7000'],
        [1, extend(uuid(1), { order: 'o1' }), 'active A:1 until 7000 for o1'],
        [1, reserve(uuid(2), 'A:2', { customer: 'ana' }), 'active A:2 until 7001'],
        [2, confirm(uuid(2), { order: 'o2', lines: 'A:1' }), 'confirmed A:1 for o2'],
        [3, reserve(uuid(3), 'A:2', { customer: 'bia' }), 'active A:2 until 7003'],
        [3, confirm(uuid(3)), 'confirmed A:2'],
        [4, acknowledge(uuid(3)), 'acknowledged A:2'],
        [5, cancel(uuid(3), { lines: 'A:1', as: 'c1' }), 'acknowledged A:1'],
        [6, reserve(uuid(4), 'A:1', { customer: 'bia' }), 'active A:1 until 7006'],
        [7, release(uuid(4)), 'released A:1'],
        [8, reserve(uuid(5), 'A:1', { customer: 'cai', ttl: 1 }), 'active A:1 until 9'],
        [9, sweep(), `expired ${uuid(5)}`],
        [10, setStock('A', 0), 'A 0 = 1 reserved + 1 allocated + 2 safety + 0 available, short 2'],
        [11, confirm(uuid(5), { late: 'reacquire' }), 'reservation_expired at 9 to be refunded'],
      ]);
      const before = await everything(shop.store);
      await shop.reopen();
      assert.deepEqual(await everything(shop.store), before);
      await shop.assertSound();
      await shop.walk([
        [12, setStock('A', 20), 'A 20 = 1 reserved + 1 allocated + 2 safety + 16 available'],
        [12, cancel(uuid(3), { lines: 'A:1', as: 'c1' }), 'again acknowledged A:1'],
        [12, confirm(uuid(2), { order: 'o9' }), 'already_confirmed'],
        [12, confirm(uuid(1), { order: 'o9' }), 'order_mismatch'],
        [12, reserve(uuid(6), 'A:2', { customer: 'ana' }), 'max_per_customer A:2 limit 3 has 2'],
        [12, reserve(uuid(6), 'A:1', { customer: 'ana' }), 'active A:1 until 7012'],
        [12, acknowledge(uuid(2)), 'acknowledged A:1 for o2'],
      ]);
      assert.equal((await shop.store.stats()).headSeq, before.stats.headSeq + 3);
      await shop.assertSound();
    });

    it('what lapsed meanwhile is available at once', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, reserve(uuid(1), 'A:1', { ttl: 10 }), 'active A:1 until 10'],
        [0, reserve(uuid(2), 'A:1', { ttl: 20 }), 'active A:1 until 20'],
      ]);
      await shop.store.close();
      shop.clock.advance(10_000);
      await shop.reopen();
      assert.equal(await shop.level('A'), 'A 2 = 1 reserved + 1 available');
      await shop.walk([
        [10, confirm(uuid(1)), 'reservation_expired at 10'],
        [10, reserve(uuid(3), 'A:1'), 'active A:1 until 610'],
        [10, reserve(uuid(4), 'A:1'), 'all_reserved A:0/1 until 20'],
        [20, reserve(uuid(4), 'A:1'), 'active A:1 until 620'],
      ]);
      await shop.assertSound();
    });

    it('a clock that was stepped back an hour frees nothing twice and never runs back', async (t) => {
      const shop = await Shop.open(t, subject);
      const third = shop.store.placeId?.(uuid(3), ['A']) ?? uuid(3);
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, reserve(uuid(1), 'A:1', { ttl: 10 }), 'active A:1 until 10'],
        [0, reserve(uuid(2), 'A:1', { ttl: 7_200 }), 'active A:1 until 7200'],
        [4_000, reserve(third, 'A:1', { ttl: 7_200 }), 'active A:1 until 11200'],
      ]);
      const last = shop.store.clock.now();
      await shop.store.close();
      shop.clock.advance(-HOUR);
      await shop.reopen();
      assert.ok(shop.store.clock.now() >= last);
      const next = shop.store.placeId?.(uuid(4), ['A']) ?? uuid(4);
      assert.deepEqual(
        await Promise.all([
          shop.words(reserve(next, 'A:1')),
          shop.words(confirm(uuid(1))),
          shop.words(sweep()),
        ]),
        ['all_reserved A:0/1 until 7200', 'reservation_expired at 10', 'expired none'],
      );
      assert.ok(shop.store.clock.now() >= last);
      assert.equal(await shop.level('A'), 'A 2 = 2 reserved + 0 available');
      const { createdAt } = await newestReservation(shop);
      assert.ok(createdAt >= last);
      await shop.assertSound();
    });

    it('a clock that was stepped ahead an hour lapses what its deadline says, once', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, reserve(uuid(1), 'A:2'), 'active A:2 until 600'],
      ]);
      await shop.store.close();
      shop.clock.advance(HOUR);
      await shop.reopen();
      assert.equal(await shop.words(reserve(uuid(2), 'A:2')), 'active A:2 until 4200');
      assert.equal(await shop.words(confirm(uuid(1))), 'reservation_expired at 600');
      await shop.assertSound();
    });

    it('what was purged stays forgotten, and the audit knows why', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, reserve(uuid(1), 'A:1'), 'active A:1 until 600'],
        [1, release(uuid(1)), 'released A:1'],
        [2, purge(START + 2_000), 'purged 1'],
      ]);
      await shop.reopen();
      await shop.assertSound();
      assert.equal(await shop.store.reservation(uuid(1)), null);
    });

    it('other rules hold for what is asked from then on', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, reserve(uuid(1), 'A:1'), 'active A:1 until 600'],
      ]);
      await shop.reopen({ ...shop.rules, ttlSeconds: 60, acknowledgeOnConfirm: false });
      await shop.walk([
        [1, confirm(uuid(1)), 'confirmed A:1'],
        [1, reserve(uuid(2), 'A:1'), 'active A:1 until 61'],
      ]);
    });

    it('sold out is still sold out, and what comes back is sold', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 1), 'created A 1 = 1 available'],
        [0, reserve(uuid(1), 'A:1'), 'active A:1 until 600'],
        [0, confirm(uuid(1)), 'acknowledged A:1'],
        [0, reserve(uuid(2), 'A:1'), 'sold_out A:0/1'],
      ]);
      await shop.reopen();
      await shop.walk([
        [1, reserve(uuid(2), 'A:1'), 'sold_out A:0/1'],
        [1, reserve(uuid(2), 'A:1'), 'sold_out A:0/1'],
        [2, cancel(uuid(1)), 'cancelled A:0'],
        [3, reserve(uuid(2), 'A:1'), 'active A:1 until 603'],
      ]);
    });

    it('closing in the middle of a rush keeps exactly what was answered', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 1_000));
      for (let round = 0; round < 5; round += 1) {
        const asked = Array.from({ length: 100 }, (_, n) =>
          shop.ask(reserve(uuid(round * 100 + n), 'A:1')),
        );
        await shop.reopen();
        for (const answer of await Promise.all(asked)) {
          assert.equal(outcome(answer), 'active A:1 until 600');
        }
      }
      assert.equal(await shop.level('A'), 'A 1000 = 500 reserved + 500 available');
      assert.equal((await shop.store.stats()).headSeq, 501);
      await shop.assertSound();
    });

    it('an empty store is still empty', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.reopen();
      assert.deepEqual(await everything(shop.store), {
        levels: [],
        reservations: [],
        ledger: [],
        stats: { skus: 0, active: 0, headSeq: 0, oldestDueAt: null },
      });
    });
  });
}

async function newestReservation(shop: Shop): Promise<{ createdAt: number }> {
  await shop.ask(setStock('B', 1));
  await shop.ask(reserve(uuid(99), 'B:1'));
  const reservation = await shop.store.reservation(uuid(99));
  assert.ok(reservation);
  return reservation;
}
