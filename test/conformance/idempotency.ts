/** A request repeated with the same key. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Command } from '../../src/core/command.ts';
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
    const cases: readonly [title: string, command: Command][] = [
      ['reserve', reserve(uuid(9), 'A:1', { customer: 'ana' })],
      ['reserve, refused', reserve(uuid(9), 'A:999 X:1 B:5')],
      ['reserve, sold out', reserve(uuid(9), 'B:1')],
      ['confirm', confirm(uuid(1), { order: 'o1' })],
      ['confirm, refused', confirm(uuid(8))],
      ['release', release(uuid(1))],
      ['extend', extend(uuid(1), { order: 'o1', method: 'boleto' })],
      ['cancel', cancel(uuid(2), { lines: 'A:1' })],
      ['set_stock', setStock('A', 50, { policy: { maxPerOrder: 1 } })],
      ['adjust_stock', adjust('A', -3)],
      ['import_stock', importStock([setting('A', 7), setting('C', 1)])],
    ];
    for (const [title, command] of cases) {
      it(`${title}: has one effect, and the first answer`, async (t) => {
        const shop = await Shop.open(t, subject);
        await shop.ask(setStock('A', 10));
        await shop.ask(setStock('B', 0));
        await shop.ask(reserve(uuid(1), 'A:2'));
        await shop.ask(reserve(uuid(2), 'A:2'));
        await shop.ask(confirm(uuid(2)));
        const first = await shop.ask(command, KEY);
        const { headSeq } = await shop.store.stats();
        shop.clock.advance(1_000);
        assert.deepEqual(await shop.ask(command, KEY), first);
        assert.equal((await shop.store.stats()).headSeq, headSeq);
        assert.equal(
          await shop.words(command, { ...KEY, fingerprint: 'f2' }),
          'idempotency_key_reused',
        );
        assert.equal((await shop.store.stats()).headSeq, headSeq);
        await shop.assertSound();
        if (!subject.supports.durable) return;
        await shop.reopen();
        assert.deepEqual(await shop.ask(command, KEY), first);
        assert.equal(
          await shop.words(command, { ...KEY, fingerprint: 'f2' }),
          'idempotency_key_reused',
        );
        assert.equal((await shop.store.stats()).headSeq, headSeq);
      });
    }

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
