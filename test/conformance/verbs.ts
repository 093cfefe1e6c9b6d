/** The verbs, one by one, through the port: what the core decides is what the store does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_LINES, MAX_STOCK } from '../../src/core/quantities.ts';
import {
  acknowledge,
  adjust,
  cancel,
  confirm,
  extend,
  importStock,
  release,
  reserve,
  setStock,
  setting,
  sweep,
  uuid,
} from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import { WITH_ERP } from '../support/scenario.ts';
import { WAYS_TO_REJECTIONS } from '../support/ways-to-rejections.ts';
import { everything, Shop, type StoreSubject } from './subject.ts';

const [R1, R2, R3, R4] = [uuid(1), uuid(2), uuid(3), uuid(4)];

export function verbs(subject: StoreSubject): void {
  describe('the verbs', () => {
    it('reserve, extend, confirm, acknowledge, cancel', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await shop.walk([
        [0, setStock('A', 9, { safety: 1 }), 'created A 9 = 1 safety + 8 available'],
        [0, setStock('B', 5), 'created B 5 = 5 available'],
        [1, reserve(R1, 'A:3 B:2', { customer: 'ana', ttl: 60 }), 'active A:3 B:2 until 61'],
        [2, extend(R1, { order: 'o1', method: 'pix' }), 'active A:3 B:2 until 1802 for o1'],
        [3, confirm(R1, { order: 'o1', lines: 'A:3 B:1' }), 'confirmed A:3 B:1 for o1'],
        [4, cancel(R1, { lines: 'A:1', restock: false, as: 'c1' }), 'confirmed A:2 B:1 for o1'],
        [5, acknowledge(R1), 'acknowledged A:2 B:1 for o1'],
        [6, cancel(R1, { lines: 'A:1', as: 'c2' }), 'acknowledged A:1 B:1 for o1'],
        [6, cancel(R1, { lines: 'A:1', as: 'c1' }), 'again acknowledged A:1 B:1 for o1'],
      ]);
      assert.equal(await shop.level('A'), 'A 7 = 1 safety + 6 available');
      assert.equal(await shop.level('B'), 'B 4 = 4 available');
      assert.deepEqual(await shop.store.reservation(R1), {
        id: R1,
        status: 'acknowledged',
        lines: [
          { sku: 'A', quantity: 3, confirmed: 3, cancelled: 2 },
          { sku: 'B', quantity: 2, confirmed: 1, cancelled: 0 },
        ],
        customerId: 'ana',
        orderId: 'o1',
        createdAt: START + 1_000,
        expiresAt: START + 1_802_000,
        endedAt: START + 6_000,
        reacquired: false,
        refundRequired: false,
        cancellations: ['c1', 'c2'],
      });
      await shop.assertSound();
    });

    it('release, expire, reacquire, refund', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
        [1, release(R1), 'released A:1'],
        [2, release(R1), 'again released A:1'],
        [3, reserve(R2, 'A:1', { ttl: 10 }), 'active A:1 until 13'],
        [3, reserve(R3, 'A:1', { ttl: 10 }), 'active A:1 until 13'],
        [13, sweep(), `expired ${R2} ${R3}`],
        [14, confirm(R2, { order: 'o2', late: 'reacquire' }), 'acknowledged A:1 for o2 reacquired'],
        [15, adjust('A', -1, 'broken'), 'A 0 = 0 available'],
        [
          16,
          confirm(R3, { order: 'o3', late: 'reacquire' }),
          'reservation_expired at 13 to be refunded',
        ],
      ]);
      const ledger = await shop.store.ledger({ sku: 'A', after: 0, limit: 100 });
      assert.deepEqual(ledger.at(-1), {
        seq: ledger.length,
        at: START + 16_000,
        kind: 'refund_required',
        sku: 'A',
        reservationId: R3,
        onHand: 0,
        reserved: 0,
        allocated: 0,
        safetyStock: 0,
        detail: { quantity: 1, order_id: 'o3' },
      });
      await shop.assertSound();
    });

    it('a shortfall, kept or settled by releasing the newest', async (t) => {
      for (const [onShortfall, level] of [
        ['keep', 'A 1 = 3 reserved + 0 available, short 2'],
        ['release_newest', `A 1 = 1 reserved + 0 available, released ${R3}, released ${R1}`],
      ] as const) {
        const shop = await Shop.open(t, subject, { onShortfall });
        await shop.walk([
          [0, setStock('A', 3), 'created A 3 = 3 available'],
          [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
          [0, reserve(R2, 'A:1'), 'active A:1 until 600'],
          [0, extend(R2, { order: 'o2' }), 'active A:1 until 900 for o2'],
          [0, reserve(R3, 'A:1'), 'active A:1 until 600'],
          [1, setStock('A', 1), level],
          [
            2,
            reserve(R4, 'A:1'),
            onShortfall === 'keep'
              ? 'all_reserved A:0/1 until 600'
              : 'all_reserved A:0/1 until 900',
          ],
        ]);
        await shop.assertSound();
      }
    });

    it('a cancellation that names a SKU twice takes from the shelf what is on it, once', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, reserve(R1, 'A:2'), 'active A:2 until 600'],
        [0, confirm(R1), 'confirmed A:2'],
        [1, setStock('A', 1), 'A 1 = 2 allocated + 0 available, short 1'],
        [2, cancel(R1, { lines: 'A:1 A:1', restock: false }), 'cancelled A:0'],
      ]);
      assert.equal(await shop.level('A'), 'A 0 = 0 available');
      await shop.assertSound();
    });

    it('a reserve sent again with its id gets its reservation, whatever has become of the stock', async (t) => {
      const shop = await Shop.open(t, subject);
      const mine = reserve(R2, 'A:1 B:2 A:1', { customer: 'ana', ttl: 60 });
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, setStock('B', 9), 'created B 9 = 9 available'],
        [0, mine, 'active A:2 B:2 until 60'],
        [1, mine, 'active A:2 B:2 until 60'],
        // Its last unit is refused at once, but not to who has it.
        [1, reserve(R3, 'A:1'), 'all_reserved A:0/1 until 60'],
        [1, reserve(R2, 'A:2'), 'reservation_exists'],
        [1, reserve(R2, 'A:1 B:2', { customer: 'ana' }), 'reservation_exists'],
        [1, reserve(R2, 'B:2 A:2', { customer: 'ana' }), 'reservation_exists'],
        [2, reserve(R4, 'A:1'), 'all_reserved A:0/1 until 60'],
        [2, reserve(R1, 'B:1'), 'active B:1 until 602'],
        [3, extend(R2, { order: 'o1' }), 'active A:2 B:2 until 903 for o1'],
        [3, mine, 'active A:2 B:2 until 903 for o1'],
        [4, confirm(R2), 'acknowledged A:2 B:2 for o1'],
        [5, mine, 'acknowledged A:2 B:2 for o1'],
        [602, reserve(R1, 'B:1'), 'expired B:1'],
        [602, reserve(R1, 'B:2'), 'reservation_exists'],
      ]);
      assert.equal(await shop.level('A'), 'A 0 = 0 available');
      assert.equal(await shop.level('B'), 'B 7 = 7 available');
      await shop.assertSound();
    });

    it('a single line sent again when sold out is not refused', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 1), 'created A 1 = 1 available'],
        [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
        [0, reserve(R2, 'A:1'), 'all_reserved A:0/1 until 600'],
        [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
        [0, confirm(R1), 'acknowledged A:1'],
        [0, reserve(R2, 'A:1'), 'sold_out A:0/1'],
        [1, reserve(R1, 'A:1'), 'acknowledged A:1'],
      ]);
      await shop.assertSound();
    });

    it('the order that a purchase gets later is in the ledger', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await shop.walk([
        [0, setStock('A', 3), 'created A 3 = 3 available'],
        [0, reserve(R1, 'A:2'), 'active A:2 until 600'],
        [1, confirm(R1, { lines: 'A:1' }), 'confirmed A:1'],
        [2, confirm(R1, { order: 'o1' }), 'again confirmed A:1 for o1'],
        [3, confirm(R1, { order: 'o1' }), 'again confirmed A:1 for o1'],
        [3, confirm(R1, { order: 'o2' }), 'already_confirmed'],
      ]);
      const ledger = await shop.store.ledger({ sku: 'A', after: 0, limit: 100 });
      const { kind, reservationId, detail, at } = ledger.at(-1) ?? {};
      assert.deepEqual(
        [kind, reservationId, detail, at],
        ['adopt', R1, { order_id: 'o1' }, START + 2_000],
      );
      await shop.assertSound();
    });

    it('extends no longer at once than the SKU allows', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 3, { policy: { ttlSeconds: 60 } }), 'created A 3 = 3 available'],
        [0, setStock('B', 3), 'created B 3 = 3 available'],
        [0, reserve(R1, 'B:1 A:1'), 'active B:1 A:1 until 60'],
        [20, extend(R1, { ttl: 600 }), 'active B:1 A:1 until 80'],
        [30, extend(R1), 'active B:1 A:1 until 90'],
        [30, extend(R1, { order: 'o1', method: 'card' }), 'active B:1 A:1 until 930 for o1'],
      ]);
      await shop.assertSound();
    });

    it('safety stock that is missing on the shelf is no shortfall', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 0, { safety: 5 }), 'created A 0 = 5 safety + 0 available'],
        [1, reserve(R1, 'A:1'), 'sold_out A:0/1'],
        [1, setStock('A', 8), 'A 8 = 5 safety + 3 available'],
        [2, reserve(R1, 'A:3', { ttl: 10 }), 'active A:3 until 12'],
        [3, setStock('A', 2), 'A 2 = 3 reserved + 5 safety + 0 available, short 3'],
        [12, setStock('A', 1), 'A 1 = 5 safety + 0 available'],
      ]);
      await shop.assertSound();
    });

    it('the limit of a customer, to the millisecond of the deadline', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      const ana = { customer: 'ana' };
      const full = 'max_per_customer A:1 limit 2 has 2';
      await shop.walk([
        [0, setStock('A', 9, { policy: { maxPerCustomer: 2 } }), 'created A 9 = 9 available'],
        [0, reserve(R1, 'A:2', { ...ana, ttl: 10 }), 'active A:2 until 10'],
        [0, reserve(R2, 'A:2', { customer: 'bia' }), 'active A:2 until 600'],
        [9.999, reserve(R3, 'A:1', ana), full],
        [10, reserve(R3, 'A:2', ana), 'active A:2 until 610'],
        [10, confirm(R3, { lines: 'A:1' }), 'confirmed A:1'],
        [10, reserve(R4, 'A:1', ana), 'active A:1 until 610'],
        [10, acknowledge(R3), 'acknowledged A:1'],
        [10, reserve(uuid(5), 'A:1', ana), full],
        [11, extend(R4, { ttl: 1_000 }), 'active A:1 until 1011'],
        [610, reserve(uuid(5), 'A:1', ana), full],
        [611, release(R4), 'released A:1'],
        [611, reserve(uuid(5), 'A:1', ana), 'active A:1 until 1211'],
        [612, cancel(R3), 'cancelled A:0'],
        [612, reserve(uuid(6), 'A:1', ana), 'active A:1 until 1212'],
        [613, confirm(R1, { late: 'reacquire' }), 'reservation_expired at 10 to be refunded'],
      ]);
      await shop.assertSound();
    });

    it('import: all rows at once, a rehearsal changes nothing', async (t) => {
      const shop = await Shop.open(t, subject);
      const rows = [
        setting('A', 1, { policy: { maxPerOrder: 2, opensAt: START } }),
        setting('B', 2, { safety: 1 }),
        setting('A', 3),
      ];
      await shop.walk([
        [0, importStock(rows, true), 'created 2, updated 1, unchanged 0'],
        [0, reserve(R1, 'A:1'), 'unknown_sku A'],
        [0, importStock(rows), 'created 2, updated 1, unchanged 0'],
        [0, importStock(rows.slice(1)), 'created 0, updated 0, unchanged 2'],
        [0, reserve(R1, 'A:3'), 'max_per_order A:3 limit 2'],
      ]);
      assert.equal(await shop.level('A'), 'A 3 = 3 available');
      assert.equal(await shop.level('B'), 'B 2 = 1 safety + 1 available');
      await shop.assertSound();
    });

    const many = subject.again ? 10_000 : 100_000;
    it(`import: ${many} rows`, async (t) => {
      const shop = await Shop.open(t, subject);
      const rows = Array.from({ length: many }, (_, index) => setting(`SKU-${index}`, index));
      const answer = await shop.ask(importStock(rows));
      assert.ok(answer.ok && answer.type === 'import_stock');
      assert.equal(answer.created, many);
      assert.equal(answer.changes.length, 1_000);
      assert.equal((await shop.store.stats()).skus, many);
      const last = many - 1;
      assert.equal(await shop.level(`SKU-${last}`), `SKU-${last} ${last} = ${last} available`);
    });

    it('a cart of as many lines as there may be, and all of them back', async (t) => {
      const shop = await Shop.open(t, subject);
      const skus = Array.from({ length: MAX_LINES }, (_, index) => `SKU-${index}`);
      await shop.ask(importStock(skus.map((sku) => setting(sku, 2))));
      const lines = skus.map((sku) => ({ sku, quantity: 2 }));
      const answer = await shop.ask(reserve(R1, lines));
      assert.ok(answer.ok && answer.type === 'reserve');
      assert.deepEqual(
        answer.reservation.lines.map(({ sku }) => sku),
        skus,
      );
      assert.equal(await shop.level('SKU-500'), 'SKU-500 2 = 2 reserved + 0 available');
      await shop.ask(release(R1));
      assert.equal(await shop.level('SKU-999'), 'SKU-999 2 = 2 available');
      const short = await shop.ask(reserve(R2, [...lines, { sku: 'SKU-0', quantity: 1 }]));
      assert.ok(!short.ok && short.rejection.code === 'insufficient_stock');
      assert.equal((await shop.store.ledger({ sku: null, after: 0, limit: 9_999 })).length, 3_000);
      await shop.assertSound();
    });

    it('the largest numbers and the longest names come back as they went in', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      const sku = '🎟'.repeat(64);
      const names = ["Robert'); DROP TABLE", '__proto__', 'ação "quoted"\\', '日本'] as const;
      const policy = {
        maxPerOrder: MAX_STOCK,
        maxPerCustomer: MAX_STOCK,
        ttlSeconds: 86_400,
        opensAt: 0,
        closesAt: 8_640_000_000_000_000,
      };
      await shop.ask(setStock(sku, MAX_STOCK, { safety: 0, policy }));
      const cart = Array.from({ length: 1_000 }, () => ({ sku, quantity: 1_000 }));
      await shop.ask(reserve(R1, cart, { customer: names[0] }));
      await shop.ask(reserve(R2, cart, { customer: names[1] }));
      await shop.ask(confirm(R1, { order: names[2] }));
      await shop.ask(cancel(R1, { lines: [{ sku, quantity: 1 }], as: names[3] }));
      await shop.ask(adjust(sku, -1, names[2]));
      const level = await shop.store.level(sku);
      assert.deepEqual(level?.policy, policy);
      assert.equal(level.onHand, MAX_STOCK - 1);
      assert.equal(level.reserved, 1_000_000);
      assert.equal(level.allocated, 999_999);
      const first = await shop.store.reservation(R1);
      assert.deepEqual([first?.customerId, first?.orderId], [names[0], names[2]]);
      assert.deepEqual(first?.cancellations, [names[3]]);
      assert.equal((await shop.store.reservation(R2))?.customerId, names[1]);
      const ledger = await shop.store.ledger({ sku, after: 0, limit: 99 });
      assert.deepEqual(ledger.at(-1)?.detail, { reason: names[2] });
      await shop.assertSound();
    });

    it('SKUs that differ in case, accents or trailing marks are different', async (t) => {
      const shop = await Shop.open(t, subject);
      const skus = ['sku', 'SKU', 'sk\u00FA', 'sku\u0301', 'sku%', 'sku_', 'Ⓢku', 'sku\u200D'];
      for (const [index, sku] of skus.entries()) await shop.ask(setStock(sku, index + 1));
      for (const [index, sku] of skus.entries()) {
        assert.equal((await shop.store.level(sku))?.onHand, index + 1, sku);
      }
      assert.equal((await shop.store.stats()).skus, skus.length);
    });
  });

  describe('every rejection', () => {
    for (const [code, rows] of Object.entries(WAYS_TO_REJECTIONS)) {
      it(code, async (t) => {
        const shop = await Shop.open(t, subject);
        await shop.walk(rows.slice(0, -1));
        const before = await everything(shop.store);
        await shop.walk(rows.slice(-1));
        const after = await everything(shop.store);
        // What has lapsed may be recorded in passing; nothing else changes.
        if (code !== 'reservation_expired') assert.deepEqual(after, before);
        await shop.assertSound();
      });
    }
  });
}
