/** A request repeated with the same key. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Answer, Command } from '../../src/core/command.ts';
import {
  adjust,
  cancel,
  confirm,
  extend,
  importStock,
  purge,
  release,
  reserve,
  setStock,
  setting,
  uuid,
} from '../support/commands.ts';
import { Shop, type StoreSubject } from './subject.ts';

const KEY = { key: 'k1', fingerprint: 'f1' };

export function idempotency(subject: StoreSubject): void {
  describe('a request repeated with its idempotency key', () => {
    const requests: readonly Command[] = [
      reserve(uuid(9), 'A:1', { customer: 'ana' }),
      reserve(uuid(10), 'A:999 X:1 B:5'),
      reserve(uuid(11), 'B:1'),
      reserve(uuid(12), 'A:1 B:1', { partial: true }),
      confirm(uuid(1), { order: 'o1' }),
      confirm(uuid(8)),
      release(uuid(3)),
      extend(uuid(4), { order: 'o1', method: 'boleto' }),
      cancel(uuid(2), { lines: 'A:1' }),
      setStock('A', 50, { policy: { maxPerOrder: 1 } }),
      adjust('A', -3),
      importStock([setting('A', 7), setting('C', 1)]),
    ];

    it('has one effect and one answer, whatever it asked and whatever was asked since', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 20));
      await shop.ask(setStock('B', 0));
      for (const n of [1, 2, 3, 4]) await shop.ask(reserve(uuid(n), 'A:2'));
      await shop.ask(confirm(uuid(2)));
      const keyed = requests.map(
        (command, n) => [command, { key: `k${n}`, fingerprint: 'f1' }] as const,
      );
      const first: Answer[] = [];
      for (const [command, key] of keyed) first.push(await shop.ask(command, key));
      const { headSeq } = await shop.store.stats();
      const assertReplayed = async (): Promise<void> => {
        for (const [n, [command, key]] of keyed.entries()) {
          assert.deepEqual(await shop.ask(command, key), first[n], command.type);
          const other = await shop.words(command, { ...key, fingerprint: 'f2' });
          assert.equal(other, 'idempotency_key_reused');
        }
        assert.equal((await shop.store.stats()).headSeq, headSeq);
      };
      await assertReplayed();
      shop.clock.advance(1_000);
      await assertReplayed();
      await shop.assertSound();
      if (!subject.supports.durable) return;
      await shop.reopen();
      await assertReplayed();
    });

    it('a refusal stays the answer, though stock has come since; without the key it is served', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 0));
      await shop.ask(reserve(uuid(1), 'A:1'));
      const first = await shop.ask(reserve(uuid(1), 'A:1'), KEY);
      await shop.ask(setStock('A', 5));
      assert.deepEqual(await shop.ask(reserve(uuid(2), 'A:1'), KEY), first);
      assert.equal(await shop.words(reserve(uuid(3), 'A:1')), 'active A:1 until 600');
    });

    it('keys are told apart to the last character', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 10));
      const keys = ['k', 'K', 'k ', 'k\u0301', '', 'k'.repeat(255), '__proto__', '🎟'];
      for (const [n, key] of keys.entries()) {
        await shop.ask(reserve(uuid(n), 'A:1'), { key, fingerprint: '' });
      }
      assert.equal(await shop.level('A'), 'A 10 = 8 reserved + 2 available');
    });

    it('is a new request once its key has been forgotten', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 10));
      await shop.ask(reserve(uuid(1), 'A:1'), KEY);
      shop.clock.advance(1);
      await shop.ask(reserve(uuid(2), 'A:1'), { ...KEY, key: 'k2' });
      await shop.ask(purge(shop.clock.now()));
      await shop.ask(reserve(uuid(3), 'A:1'), KEY);
      await shop.ask(reserve(uuid(4), 'A:1'), { ...KEY, key: 'k2' });
      assert.equal(await shop.level('A'), 'A 10 = 3 reserved + 7 available');
      await shop.assertSound();
    });
  });
}
