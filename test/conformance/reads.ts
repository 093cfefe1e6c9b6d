/** What a store tells of its books, page by page. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LevelsQuery } from '../../src/engine/ports.ts';
import {
  confirm,
  importStock,
  release,
  reserve,
  setStock,
  setting,
  sweep,
  uuid,
} from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { Shop, type StoreSubject } from './subject.ts';

/** In code point order. By UTF-16 units, or by any alphabet, some would stand elsewhere. */
const IN_ORDER = [
  '%',
  'A',
  'A%',
  'A-1',
  'A-10',
  'A-2',
  'AB',
  'A_',
  'Z',
  '_',
  'a',
  '\u00E9',
  'Ω',
  '日本',
  '\uFF21',
  '\u{1F39F}',
  '\u{1F39F}2',
];

export function reads(subject: StoreSubject): void {
  async function shopWithAll(t: Lifetime): Promise<Shop> {
    const shop = await Shop.open(t, subject);
    const mixed = IN_ORDER.toSorted((a, b) => (a.length - b.length) * 7 + (a < b ? 1 : -1));
    await shop.ask(importStock(mixed.map((sku) => setting(sku, 1))));
    return shop;
  }

  async function skusOf(shop: Shop, query: Partial<LevelsQuery>): Promise<string[]> {
    const levels = await shop.store.levels({ after: null, prefix: null, limit: 100, ...query });
    return levels.map(({ sku }) => sku);
  }

  describe('reading levels', () => {
    it('in code point order, page by page', async (t) => {
      const shop = await shopWithAll(t);
      assert.deepEqual(await skusOf(shop, {}), IN_ORDER);
      for (const limit of [1, 2, 5, IN_ORDER.length]) {
        const pages: string[] = [];
        for (let after: string | null = null; ; after = pages.at(-1) ?? null) {
          const page = await skusOf(shop, { after, limit });
          assert.ok(page.length <= limit);
          pages.push(...page);
          if (page.length < limit) break;
        }
        assert.deepEqual(pages, IN_ORDER, `pages of ${limit}`);
      }
    });

    it('after a SKU that there is not', async (t) => {
      const shop = await shopWithAll(t);
      assert.deepEqual(await skusOf(shop, { after: 'A-11', limit: 2 }), ['A-2', 'AB']);
      assert.deepEqual(await skusOf(shop, { after: '\u{1F39F}2' }), []);
      assert.deepEqual(await skusOf(shop, { after: '\uFF22', limit: 1 }), ['\u{1F39F}']);
    });

    it('by prefix, whatever characters it has', async (t) => {
      const shop = await shopWithAll(t);
      for (const prefix of [
        'A',
        'A-',
        'A-1',
        'a',
        '%',
        '_',
        'A%',
        'A_',
        '\u{1F39F}',
        'Ω',
        'X',
        '',
      ]) {
        assert.deepEqual(
          await skusOf(shop, { prefix }),
          IN_ORDER.filter((sku) => sku.startsWith(prefix)),
          `prefix ${prefix}`,
        );
      }
      assert.deepEqual(await skusOf(shop, { prefix: 'A', after: 'A-1', limit: 2 }), [
        'A-10',
        'A-2',
      ]);
      assert.deepEqual(await skusOf(shop, { prefix: 'A-', after: 'AB' }), []);
      assert.deepEqual(await skusOf(shop, { prefix: 'Z', after: 'A' }), ['Z']);
    });

    it('one by one the same as in pages, and as answers tell them', async (t) => {
      const shop = await Shop.open(t, subject);
      const policy = { maxPerOrder: 3, closesAt: START + 1_000 };
      const answer = await shop.ask(setStock('A', 5, { safety: 1, policy }));
      const expected = {
        sku: 'A',
        onHand: 5,
        reserved: 0,
        allocated: 0,
        safetyStock: 1,
        policy: {
          maxPerOrder: 3,
          maxPerCustomer: null,
          ttlSeconds: null,
          opensAt: null,
          closesAt: START + 1_000,
        },
        available: 4,
        shortfall: 0,
        nextExpiryAt: null,
      };
      assert.ok(answer.ok && answer.type === 'set_stock');
      assert.deepEqual(answer.level, expected);
      assert.deepEqual(await shop.store.level('A'), expected);
      const [paged] = await shop.store.levels({ after: null, prefix: null, limit: 1 });
      assert.deepEqual(paged, expected);
      assert.equal(await shop.store.level('B'), null);
      assert.equal(await shop.store.level('a'), null);
    });

    it('what has lapsed counts as available, and the next deadline is the next to come', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 6), 'created A 6 = 6 available'],
        [0, reserve(uuid(1), 'A:1', { ttl: 10 }), 'active A:1 until 10'],
        [0, reserve(uuid(2), 'A:2', { ttl: 20 }), 'active A:2 until 20'],
        [0, reserve(uuid(3), 'A:3', { ttl: 30 }), 'active A:3 until 30'],
      ]);
      for (const [seconds, reserved, next] of [
        [9.999, 6, 10],
        [10, 5, 20],
        [19.999, 5, 20],
        [20, 3, 30],
        [30, 0, null],
      ] as const) {
        shop.clock.set(START + seconds * 1000);
        const expected = [reserved, next === null ? null : START + next * 1000];
        const level = await shop.store.level('A');
        assert.deepEqual([level?.reserved, level?.nextExpiryAt], expected, `at ${seconds}`);
        const [paged] = await shop.store.levels({ after: null, prefix: null, limit: 1 });
        assert.deepEqual(paged, level);
      }
      assert.equal((await shop.store.stats()).active, 3);
    });
  });

  describe('reading reservations', () => {
    it('one past its deadline reads as expired, and pages tell what is recorded', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 5));
      await shop.ask(reserve(uuid(1), 'A:1', { ttl: 10 }));
      const read = async (): Promise<unknown[]> => {
        const reservation = await shop.store.reservation(uuid(1));
        const [recorded] = await shop.store.reservations(null, 1);
        return [reservation?.status, reservation?.endedAt, recorded?.status];
      };
      shop.clock.advance(9_999);
      assert.deepEqual(await read(), ['active', null, 'active']);
      shop.clock.advance(1);
      assert.deepEqual(await read(), ['expired', null, 'active']);
      shop.clock.advance(5_000);
      await shop.ask(sweep());
      assert.deepEqual(await read(), ['expired', START + 15_000, 'expired']);
      assert.equal(await shop.store.reservation(uuid(2)), null);
    });

    it('in order of id, page by page', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 50));
      const ids = Array.from({ length: 20 }, (_, index) => uuid((index * 7) % 20));
      for (const id of ids) await shop.ask(reserve(id, 'A:1'));
      await shop.ask(confirm(uuid(3)));
      await shop.ask(release(uuid(4)));
      const pages: string[] = [];
      for (let after: string | null = null; ; after = pages.at(-1) ?? null) {
        const page = await shop.store.reservations(after, 6);
        pages.push(...page.map(({ id }) => id));
        for (const reservation of page) {
          assert.deepEqual(await shop.store.reservation(reservation.id), reservation);
        }
        if (page.length < 6) break;
      }
      assert.deepEqual(pages, ids.toSorted());
      assert.deepEqual(await shop.store.reservations(uuid(19), 6), []);
    });
  });

  describe('reading the ledger', () => {
    it('in order of seq, of all SKUs or of one, page by page', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(importStock(['A', 'B', 'C'].map((sku) => setting(sku, 500))));
      for (let n = 1; n <= 200; n += 1) {
        await shop.ask(reserve(uuid(n), n % 10 === 0 ? 'A:1 B:1' : 'A:1'));
      }
      const all = await shop.store.ledger({ sku: null, after: 0, limit: 1_000 });
      assert.deepEqual(
        all.map(({ seq }) => seq),
        Array.from({ length: 223 }, (_, index) => index + 1),
      );
      for (const [sku, limit] of [
        [null, 50],
        ['A', 7],
        ['B', 1],
        ['B', 3],
        ['C', 5],
      ] as const) {
        const pages: typeof all = [];
        for (let after = 0; ; after = pages.at(-1)?.seq ?? after) {
          const page = await shop.store.ledger({ sku, after, limit });
          assert.ok(page.length <= limit);
          pages.push(...page);
          if (page.length < limit) break;
        }
        assert.deepEqual(
          pages,
          all.filter((entry) => sku === null || entry.sku === sku),
        );
      }
    });

    it('nothing after the end, nothing of an unknown SKU', async (t) => {
      const shop = await Shop.open(t, subject);
      assert.deepEqual(await shop.store.ledger({ sku: null, after: 0, limit: 10 }), []);
      await shop.ask(setStock('A', 1));
      assert.deepEqual(await shop.store.ledger({ sku: null, after: 1, limit: 10 }), []);
      assert.deepEqual(await shop.store.ledger({ sku: null, after: 99, limit: 10 }), []);
      assert.deepEqual(await shop.store.ledger({ sku: 'A', after: 1, limit: 10 }), []);
      assert.deepEqual(await shop.store.ledger({ sku: 'B', after: 0, limit: 10 }), []);
    });
  });

  describe('stats and audit', () => {
    it('tell of an empty store', async (t) => {
      const shop = await Shop.open(t, subject);
      assert.deepEqual(await shop.store.stats(), {
        skus: 0,
        active: 0,
        headSeq: 0,
        oldestDueAt: null,
      });
      assert.deepEqual(await shop.store.audit(), {
        ok: true,
        skus: 0,
        reservations: 0,
        entries: 0,
        problemCount: 0,
        problems: [],
      });
    });

    it('count what there is', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 5), 'created A 5 = 5 available'],
        [0, setStock('B', 5), 'created B 5 = 5 available'],
        [0, reserve(uuid(1), 'A:1 B:1', { ttl: 20 }), 'active A:1 B:1 until 20'],
        [0, reserve(uuid(2), 'A:1', { ttl: 10 }), 'active A:1 until 10'],
        [0, reserve(uuid(3), 'A:1'), 'active A:1 until 600'],
        [0, release(uuid(3)), 'released A:1'],
      ]);
      const stats = { skus: 2, active: 2, headSeq: 7, oldestDueAt: null };
      assert.deepEqual(await shop.store.stats(), stats);
      shop.clock.advance(20_000);
      const late = { ...stats, oldestDueAt: START + 10_000 };
      assert.deepEqual(await shop.store.stats(), late);
      await shop.ask(sweep(1));
      const swept = { ...stats, active: 1, headSeq: 8, oldestDueAt: START + 20_000 };
      assert.deepEqual(await shop.store.stats(), swept);
      const { skus, reservations, entries } = await shop.store.audit();
      assert.deepEqual([skus, reservations, entries], [2, 3, 8]);
    });
  });
}
