/** Many at once: exact winners and exact balances. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Answer, Command } from '../../src/core/command.ts';
import {
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
import { outcome } from '../support/outcome.ts';
import { Shop, type StoreSubject } from './subject.ts';

function codes(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const code = answer.ok ? 'ok' : answer.rejection.code;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

export function concurrency(subject: StoreSubject): void {
  describe('many at once', () => {
    const crowd = subject.supports.oneBook ? 2_000 : 500;
    it(`of ${crowd} who want one of 100 units exactly 100 get one`, async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 100));
      const answers = await Promise.all(
        Array.from({ length: crowd }, (_, n) => shop.ask(reserve(uuid(n), 'A:1'))),
      );
      assert.deepEqual(codes(answers), { ok: 100, all_reserved: crowd - 100 });
      assert.equal(await shop.level('A'), 'A 100 = 100 reserved + 0 available');
      assert.equal((await shop.store.reservations(null, 3_000)).length, 100);
      await shop.assertSound();
    });

    it('who came first is served first', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 10));
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => shop.ask(reserve(uuid(n), 'A:1'))),
      );
      assert.deepEqual(
        answers.map(({ ok }) => ok),
        answers.map((_, n) => n < 10),
      );
    });

    it('each sees what those before it did, also those not answered yet', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 1));
      const answers = await Promise.all(
        [
          reserve(uuid(1), 'A:1'),
          reserve(uuid(2), 'A:1'),
          release(uuid(1)),
          reserve(uuid(3), 'A:1'),
          reserve(uuid(4), 'A:1'),
          confirm(uuid(3)),
          reserve(uuid(5), 'A:1'),
          cancel(uuid(3)),
          reserve(uuid(6), 'A:1'),
          setStock('A', 2),
          reserve(uuid(7), 'A:1'),
        ].map((command) => shop.ask(command)),
      );
      assert.deepEqual(answers.map(outcome), [
        'active A:1 until 600',
        'all_reserved A:0/1 until 600',
        'released A:1',
        'active A:1 until 600',
        'all_reserved A:0/1 until 600',
        'acknowledged A:1',
        'sold_out A:0/1',
        'cancelled A:0',
        'active A:1 until 600',
        'A 2 = 1 reserved + 1 available',
        'active A:1 until 600',
      ]);
    });

    it('a refusal tells of what those before it are about to do', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 2));
      await shop.ask(reserve(uuid(1), 'A:1', { ttl: 60 }));
      await shop.ask(reserve(uuid(2), 'A:1', { ttl: 90 }));
      assert.equal(await shop.words(reserve(uuid(3), 'A:1')), 'all_reserved A:0/1 until 60');
      const answers = await Promise.all(
        [
          extend(uuid(1), { ttl: 120 }),
          reserve(uuid(4), 'A:1'),
          confirm(uuid(2)),
          reserve(uuid(5), 'A:1'),
          confirm(uuid(1)),
          reserve(uuid(6), 'A:1'),
        ].map((command) => shop.ask(command)),
      );
      assert.deepEqual(answers.map(outcome), [
        'active A:1 until 120',
        'all_reserved A:0/1 until 90',
        'acknowledged A:1',
        'all_reserved A:0/1 until 120',
        'acknowledged A:1',
        'sold_out A:0/1',
      ]);
    });

    it('after it was sold out, a unit given back goes to the first who asks', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 1));
      await shop.ask(reserve(uuid(1), 'A:1'));
      for (let round = 0; round < 20; round += 1) {
        const id = (n: number): string => uuid(round * 10 + n);
        const answers = await Promise.all([
          shop.ask(reserve(id(2), 'A:1')),
          shop.ask(release(id(1))),
          shop.ask(reserve(id(3), 'A:1')),
          shop.ask(reserve(id(11), 'A:1')),
          shop.ask(release(id(3))),
          shop.ask(reserve(id(11), 'A:1')),
        ]);
        assert.deepEqual(
          answers.map(({ ok }) => ok),
          [false, true, true, false, true, true],
          `round ${round}`,
        );
      }
    });

    it('whatever gives a unit back: who asks next gets it, before either is answered', async (t) => {
      const shop = await Shop.open(t, subject);
      const freeing: readonly ((sku: string, active: string, confirmed: string) => Command)[] = [
        (_sku, active) => release(active),
        (_sku, _active, confirmed) => cancel(confirmed),
        (sku, active) => confirm(active, { lines: `${sku}:1` }),
        (sku) => setStock(sku, 3),
        (sku) => adjust(sku, 1),
        (sku) => importStock([setting(sku, 3)]),
      ];
      for (const [round, free] of freeing.entries()) {
        const sku = `SKU-${round}`;
        const [active, confirmed, next] = [
          uuid(round * 3),
          uuid(round * 3 + 1),
          uuid(round * 3 + 2),
        ];
        await shop.ask(setStock(sku, 3));
        await shop.ask(reserve(confirmed, `${sku}:1`));
        await shop.ask(confirm(confirmed));
        await shop.ask(reserve(active, `${sku}:2`));
        const ask = reserve(next, `${sku}:1`);
        // Twice, for a store that answers by itself what it has been told once.
        for (let times = 0; times < 2; times += 1) {
          assert.equal(await shop.words(ask), `all_reserved ${sku}:0/1 until 600`);
        }
        const command = free(sku, active, confirmed);
        const [freed, taken] = await Promise.all([shop.ask(command), shop.ask(ask)]);
        assert.ok(freed.ok);
        assert.equal(outcome(taken), `active ${sku}:1 until 600`, command.type);
      }
      await shop.assertSound();
    });

    it('carts that name two SKUs in opposite orders are had whole or not at all', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 60));
      await shop.ask(setStock('B', 40));
      const answers = await Promise.all(
        Array.from({ length: 400 }, (_, n) =>
          shop.ask(reserve(uuid(n), n % 2 === 0 ? 'A:1 B:1' : 'B:1 A:1')),
        ),
      );
      assert.deepEqual(codes(answers), { ok: 40, all_reserved: 360 });
      assert.equal(await shop.level('A'), 'A 60 = 40 reserved + 20 available');
      assert.equal(await shop.level('B'), 'B 40 = 40 reserved + 0 available');
      for (const { lines } of await shop.store.reservations(null, 500)) {
        assert.deepEqual(lines.map(({ sku }) => sku).toSorted(), ['A', 'B']);
      }
      await shop.assertSound();
    });

    it('one reservation is resolved once, whoever else tries at the same moment', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 1_000));
      const before = await Promise.all(
        Array.from({ length: 100 }, (_, n) => shop.ask(reserve(uuid(n), 'A:1', { ttl: 10 }))),
      );
      assert.deepEqual(codes(before), { ok: 100 });
      shop.clock.advance(9_999);
      const rivals = Array.from({ length: 100 }, (_, n) => [
        shop.ask(confirm(uuid(n), { order: `x-${n}` })),
        shop.ask(release(uuid(n))),
        shop.ask(confirm(uuid(n), { order: `y-${n}` })),
        shop.ask(extend(uuid(n))),
      ]);
      for (const answers of rivals) {
        assert.deepEqual(
          (await Promise.all(answers)).map((answer) => codes([answer])),
          [{ ok: 1 }, { already_confirmed: 1 }, { already_confirmed: 1 }, { already_confirmed: 1 }],
        );
      }
      assert.equal(await shop.level('A'), 'A 900 = 900 available');
      await shop.assertSound();
    });

    it('at the deadline only the late ones lose, and each unit is sold once', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 100));
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => shop.ask(reserve(uuid(n), 'A:1', { ttl: 10 }))),
      );
      shop.clock.advance(9_999);
      const early = await Promise.all(
        Array.from({ length: 50 }, (_, n) => shop.ask(confirm(uuid(n)))),
      );
      shop.clock.advance(1);
      const late = await Promise.all([
        ...Array.from({ length: 50 }, (_, n) => shop.ask(confirm(uuid(50 + n)))),
        ...Array.from({ length: 60 }, (_, n) => shop.ask(reserve(uuid(100 + n), 'A:1'))),
        shop.ask(sweep()),
      ]);
      assert.deepEqual(codes(early), { ok: 50 });
      assert.deepEqual(codes(late), { reservation_expired: 50, ok: 51, all_reserved: 10 });
      assert.equal(await shop.level('A'), 'A 50 = 50 reserved + 0 available');
      await shop.assertSound();
    });

    it('one key, many times at once: one effect, one answer', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 100));
      const key = { key: 'k1', fingerprint: 'f1' };
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => shop.ask(reserve(uuid(n), 'A:1'), key)),
      );
      for (const answer of answers) assert.deepEqual(answer, answers[0]);
      assert.equal(await shop.level('A'), 'A 100 = 1 reserved + 99 available');
      await shop.assertSound();
    });
  });

  describe('several commands in one go', () => {
    it('are decided in order, each on its own, and answered one by one', async (t) => {
      const shop = await Shop.open(t, subject);
      const key = { key: 'k1', fingerprint: 'f1' };
      const answers = await shop.store.submitAll(
        (
          [
            [reserve(uuid(1), 'A:1'), null],
            [setStock('A', 2), null],
            [reserve(uuid(2), 'A:1'), key],
            [reserve(uuid(3), 'A:1'), key],
            [reserve(uuid(4), 'A:2'), null],
            [release(uuid(2)), { ...key, fingerprint: 'f2' }],
            [confirm(uuid(2)), null],
            [reserve(uuid(5), 'A:1'), null],
            [reserve(uuid(6), 'A:1'), null],
          ] as const
        ).map(([command, idempotency]) => ({ command, idempotency })),
      );
      assert.deepEqual(answers.map(outcome), [
        'unknown_sku A',
        'created A 2 = 2 available',
        'active A:1 until 600',
        'active A:1 until 600',
        'insufficient_stock A:1/2 until 600',
        'idempotency_key_reused',
        'acknowledged A:1',
        'active A:1 until 600',
        'all_reserved A:0/1 until 600',
      ]);
      assert.deepEqual(answers[3], answers[2]);
      await shop.assertSound();
    });

    it('none are answered with none', async (t) => {
      const shop = await Shop.open(t, subject);
      assert.deepEqual(await shop.store.submitAll([]), []);
    });

    // Where there are several books, most of these are carts, which are made one after the other.
    const many = subject.supports.oneBook ? 1_000 : 200;
    it(`${3 * many} fit, in their order among the others`, async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 2.5 * many));
      const batch = (from: number): Promise<Answer[]> =>
        shop.store.submitAll(
          Array.from({ length: many }, (_, n) => ({
            command: reserve(uuid(from + n), 'A:1'),
            idempotency: null,
          })),
        );
      const all = await Promise.all([
        batch(0),
        batch(many),
        shop.ask(reserve(uuid(9_999), 'A:1')),
        batch(2 * many),
      ]);
      const [first, second, single, third] = all;
      assert.deepEqual(codes([...first, ...second, single]), { ok: 2 * many + 1 });
      assert.deepEqual(codes(third), { ok: many / 2 - 1, all_reserved: many / 2 + 1 });
      assert.equal(
        third.findIndex(({ ok }) => !ok),
        many / 2 - 1,
      );
      await shop.assertSound();
    });
  });
}
