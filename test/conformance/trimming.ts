/** A ledger whose oldest entries are cut off once they were exported: everything else goes on as if they were there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LedgerEntry } from '../../src/core/ledger.ts';
import {
  acknowledge,
  adjust,
  cancel,
  confirm,
  purge,
  release,
  reserve,
  setStock,
  sweep,
  trim,
  uuid,
} from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { ALL, Shop, type StoreSubject } from './subject.ts';

const WITH_ERP = { acknowledgeOnConfirm: false };

export function trimming(subject: StoreSubject): void {
  /** Of one SKU, with ten entries: 1 a second. */
  async function tenEntries(t: Lifetime): Promise<Shop> {
    const shop = await Shop.open(t, subject);
    await shop.ask(setStock('A', 100));
    for (let n = 2; n <= 10; n += 1) {
      shop.clock.set(START + n * 1000);
      await shop.ask(adjust('A', 1));
    }
    shop.clock.set(START + 60_000);
    // Where there are several books, entries of others must not come in between.
    assert.equal((await ledger(shop)).length, 10);
    return shop;
  }

  const ledger = (shop: Shop, sku: string | null = null): Promise<LedgerEntry[]> =>
    shop.store.ledger({ sku, after: 0, limit: ALL });
  const seqs = async (shop: Shop, sku: string | null = null): Promise<number[]> =>
    (await ledger(shop, sku)).map(({ seq }) => seq);

  describe('trimming the ledger', () => {
    it('cuts off what was exported, and never the newest entry', async (t) => {
      const shop = await tenEntries(t);
      await shop.walk([
        [60, trim(null), 'trimmed 0 to 0 of 0'],
        [60, trim(4), 'trimmed 4 to 4 of 4'],
        [60, trim(3), 'trimmed 0 to 4 of 4'],
        [60, trim(6, { before: null }), 'trimmed 0 to 4 of 6'],
        [60, trim(99), 'trimmed 5 to 9 of 10'],
        [60, trim(null), 'trimmed 0 to 9 of 10'],
      ]);
      assert.deepEqual(await seqs(shop), [10]);
      assert.equal((await shop.store.stats()).headSeq, 10);
      await shop.assertSound();
    });

    it('keeps what the policy keeps: so many entries, and those of a time', async (t) => {
      const shop = await tenEntries(t);
      await shop.walk([
        [60, trim(99, { keepEntries: 8 }), 'trimmed 2 to 2 of 10'],
        [60, trim(null, { before: START + 5_000 }), 'trimmed 2 to 4 of 10'],
        [60, trim(null, { before: START + 5_001, keepEntries: 6 }), 'trimmed 0 to 4 of 10'],
        [60, trim(null, { before: START + 5_001 }), 'trimmed 1 to 5 of 10'],
        [60, trim(null, { limit: 2 }), 'trimmed 2 to 7 of 10, more'],
        [60, trim(null, { keepEntries: 0 }), 'trimmed 2 to 9 of 10'],
      ]);
      await shop.assertSound();
    });

    it('never cuts off what was written at this moment', async (t) => {
      const shop = await tenEntries(t);
      await shop.ask(adjust('A', 1));
      await shop.ask(adjust('A', 1));
      assert.equal(await shop.words(trim(99)), 'trimmed 10 to 10 of 12');
      shop.clock.set(shop.clock.now() + 1);
      assert.equal(await shop.words(trim(null)), 'trimmed 1 to 11 of 12');
      await shop.assertSound();
    });

    it('leaves pages that begin after the cut, of all and of one SKU', async (t) => {
      const shop = await tenEntries(t);
      await shop.ask(setStock('B', 5));
      await shop.ask(adjust('A', 1));
      const [all, own] = [await ledger(shop), await ledger(shop, 'A')];
      await shop.ask(trim(7));
      assert.deepEqual(await ledger(shop), all.slice(7));
      assert.deepEqual(await ledger(shop, 'A'), own.slice(7));
      for (const after of [3, 7]) {
        const page = await shop.store.ledger({ sku: 'A', after, limit: 2 });
        assert.deepEqual(page, own.slice(7, 9));
        assert.deepEqual(await shop.store.ledger({ sku: null, after, limit: 2 }), all.slice(7, 9));
      }
      assert.deepEqual(await shop.store.ledger({ sku: null, after: 10, limit: 9 }), all.slice(10));
      await shop.assertSound();
    });

    it('tells where it begins, and what stands for the rest', async (t) => {
      const shop = await tenEntries(t);
      await shop.ask(setStock('B', 5, { policy: { maxPerOrder: 2 } }));
      const begin = { cut: { seq: 0, at: 0, exportedThrough: 0 }, opening: null };
      assert.deepEqual(await shop.store.ledgerBeginning('A'), begin);
      await shop.ask(trim(9));
      const { cut, opening } = await shop.store.ledgerBeginning('A');
      assert.deepEqual(cut, { seq: 9, at: START + 9_000, exportedThrough: 9 });
      assert.ok(opening !== null);
      const { onHand, reserved, allocated, safetyStock, entries } = opening;
      const sums = { onHand, reserved, allocated, safetyStock, entries };
      const expected = { onHand: 108, reserved: 0, allocated: 0, safetyStock: 0, entries: 9 };
      assert.deepEqual(sums, expected);
      assert.equal((await shop.store.ledgerBeginning('B')).opening, null);
      assert.deepEqual((await shop.store.ledgerBeginning(null)).cut, cut);
      shop.clock.set(shop.clock.now() + 1_000);
      await shop.ask(adjust('A', 1));
      await shop.ask(trim(99));
      const policy = (await shop.store.ledgerBeginning('B')).opening?.policy;
      assert.equal(policy?.maxPerOrder, 2);
    });

    it('goes on proving reservations of which it has cut off the beginning', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await shop.ask(setStock('A', 20));
      await shop.ask(setStock('B', 20));
      for (let n = 1; n <= 6; n += 1) await shop.ask(reserve(uuid(n), 'A:2 B:1', { ttl: 600 }));
      await shop.ask(confirm(uuid(2)));
      await shop.ask(confirm(uuid(3), { order: 'o-3' }));
      await shop.ask(acknowledge(uuid(3)));
      await shop.ask(release(uuid(4)));
      const words = [await shop.level('A'), await shop.level('B')];
      shop.clock.set(START + 1_000);
      await shop.ask(trim(ALL));
      assert.equal((await seqs(shop)).length, 1);
      assert.deepEqual([await shop.level('A'), await shop.level('B')], words);
      await shop.assertSound();

      await shop.ask(confirm(uuid(1)));
      await shop.ask(acknowledge(uuid(2)));
      await shop.ask(cancel(uuid(3), { lines: 'A:1', restock: true }));
      await shop.ask(release(uuid(5)));
      await shop.assertSound();
      shop.clock.set(START + 700_000);
      await shop.ask(sweep());
      await shop.assertSound();
      await shop.ask(trim(ALL));
      await shop.assertSound();
      assert.equal(await shop.words(purge(START + 600_000)), 'purged 4');
      await shop.assertSound();
      await shop.ask(adjust('A', 1));
      shop.clock.set(START + 800_000);
      await shop.ask(trim(ALL));
      await shop.assertSound();
      assert.equal((await shop.store.reservation(uuid(6)))?.status, 'expired');
    });

    it('forgets what it knew of reservations that are purged, before the cut and after it', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 20));
      for (const n of [1, 2]) await shop.ask(reserve(uuid(n), 'A:1'));
      await shop.ask(release(uuid(1)));
      const { headSeq } = await shop.store.stats();
      shop.clock.set(START + 1_000);
      await shop.ask(adjust('A', 1));
      await shop.ask(trim(headSeq));
      await shop.ask(release(uuid(2)));
      shop.clock.set(START + 10_000);
      assert.equal(await shop.words(purge(START + 9_000)), 'purged 2');
      await shop.assertSound();
      await shop.ask(adjust('A', 1));
      shop.clock.set(START + 11_000);
      await shop.ask(trim(ALL));
      await shop.assertSound();
    });

    it('survives that the store is closed', async (t) => {
      if (!subject.supports.durable) return;
      const shop = await tenEntries(t);
      await shop.ask(reserve(uuid(1), 'A:3', { ttl: 600 }));
      shop.clock.set(shop.clock.now() + 1_000);
      await shop.ask(trim(99, { keepEntries: 2 }));
      const before = await shop.store.ledgerBeginning('A');
      const left = await ledger(shop);
      await shop.reopen();
      assert.deepEqual(await shop.store.ledgerBeginning('A'), before);
      assert.deepEqual(await ledger(shop), left);
      assert.equal(await shop.level('A'), 'A 109 = 3 reserved + 106 available');
      await shop.ask(confirm(uuid(1)));
      assert.deepEqual((await seqs(shop)).slice(0, 2), [10, 11]);
      await shop.assertSound();
    });

    it('repeated with its key, cuts nothing more off', async (t) => {
      const shop = await tenEntries(t);
      const key = { key: 'k', fingerprint: 'f' };
      assert.equal(await shop.words(trim(9, { limit: 2 }), key), 'trimmed 2 to 2 of 9, more');
      assert.equal(await shop.words(trim(9, { limit: 2 }), key), 'trimmed 2 to 2 of 9, more');
      assert.equal((await shop.store.ledgerBeginning(null)).cut.seq, 2);
    });
  });
}
