/** Opening, closing, health, and what the store tells of its own accord. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fault } from '../../src/engine/faults.ts';
import type { CommitNotice } from '../../src/engine/ports.ts';
import { release, reserve, setStock, sweep, uuid } from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { Shop, type StoreSubject } from './subject.ts';

export function lifecycle(subject: StoreSubject): void {
  describe('closing', () => {
    it('twice is the same as once', async (t) => {
      const shop = await Shop.open(t, subject);
      await Promise.all([shop.store.close(), shop.store.close()]);
      await shop.store.close();
    });

    it('answers what was asked before it', async (t) => {
      const shop = await Shop.open(t, subject);
      const asked = [
        shop.ask(setStock('A', 50)),
        ...Array.from({ length: 50 }, (_, n) => shop.ask(reserve(uuid(n), 'A:1'))),
      ];
      const closing = shop.store.close();
      for (const answer of await Promise.all(asked)) assert.ok(answer.ok);
      await closing;
    });

    it('nothing is carried out afterwards, and the health says so', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.ask(setStock('A', 1));
      assert.deepEqual(shop.store.health(), { ready: true, reason: null, queued: 0 });
      await shop.store.close();
      const unavailable = (error: unknown): boolean =>
        error instanceof Fault && error.code === 'STORE_UNAVAILABLE' && !error.outcomeUnknown;
      await assert.rejects(shop.ask(reserve(uuid(1), 'A:1')), unavailable);
      const command = setStock('A', 2);
      await assert.rejects(shop.store.submitAll([{ command, idempotency: null }]), unavailable);
      const { ready, reason } = shop.store.health();
      assert.equal(ready, false);
      assert.notEqual(reason, null);
    });
  });

  describe('the clock', () => {
    it('is what decisions are made by', async (t) => {
      const shop = await Shop.open(t, subject);
      assert.equal(shop.store.clock.now(), START);
      await shop.ask(setStock('A', 1));
      shop.clock.advance(1_234);
      assert.equal(shop.store.clock.now(), START + 1_234);
      await shop.ask(reserve(uuid(1), 'A:1'));
      const reservation = await shop.store.reservation(uuid(1));
      assert.equal(reservation?.createdAt, START + 1_234);
    });
  });

  describe('notices of commits', () => {
    async function listening(
      t: Lifetime,
    ): Promise<{ shop: Shop; notices: CommitNotice[]; stop: () => void }> {
      const shop = await Shop.open(t, subject);
      const notices: CommitNotice[] = [];
      const stop = shop.store.onCommit((notice) => notices.push(notice));
      return { shop, notices, stop };
    }

    it('come before the answer, and tell the levels as they stand', async (t) => {
      const { shop, notices } = await listening(t);
      await shop.ask(setStock('A', 5));
      shop.clock.advance(1_000);
      await shop.ask(reserve(uuid(1), 'A:2'));
      assert.equal(notices.length, 2);
      const [first, second] = notices;
      assert.ok(first !== undefined && second !== undefined);
      assert.deepEqual([first.headSeq, first.commands, first.at], [1, 1, START]);
      assert.deepEqual([second.headSeq, second.commands, second.at], [2, 1, START + 1_000]);
      const view = await shop.store.level('A');
      const [told] = second.levels;
      assert.equal(second.levels.length, 1);
      // When its units may lapse need not be told.
      assert.deepEqual({ ...told, nextExpiryAt: null }, { ...view, nextExpiryAt: null });
      assert.deepEqual(second.expired, []);
      assert.ok(notices.every(({ seconds }) => seconds >= 0));
    });

    it('tell of a batch once, with all the levels that it changed', async (t) => {
      const { shop, notices } = await listening(t);
      await shop.store.submitAll(
        [setStock('A', 5), setStock('B', 5), reserve(uuid(1), 'A:1'), reserve(uuid(2), 'X:1')].map(
          (command) => ({ command, idempotency: null }),
        ),
      );
      assert.equal(notices.length, 1);
      assert.equal(notices[0]?.commands, 4);
      assert.deepEqual(notices[0].levels.map(({ sku }) => sku).toSorted(), ['A', 'B']);
      assert.equal(notices[0].levels.find(({ sku }) => sku === 'A')?.available, 4);
    });

    it('tell of expiries, in passing and by a sweep', async (t) => {
      const { shop, notices } = await listening(t);
      const [first, second] = [uuid(1), uuid(2)].map(
        (id) => shop.store.placeId?.(id, ['A']) ?? id,
      ) as [string, string];
      await shop.ask(setStock('A', 5));
      await shop.ask(reserve(first, 'A:1', { ttl: 10 }));
      await shop.ask(reserve(second, 'A:1', { ttl: 20 }));
      shop.clock.advance(10_000);
      await shop.ask(setStock(subject.supports.oneBook ? 'B' : 'A', 1));
      assert.deepEqual(notices.at(-1)?.expired, [
        { reservationId: first, expiresAt: START + 10_000 },
      ]);
      shop.clock.advance(10_000);
      await shop.ask(sweep());
      assert.deepEqual(notices.at(-1)?.expired, [
        { reservationId: second, expiresAt: START + 20_000 },
      ]);
      assert.equal(notices.length, 5);
    });

    it('do not come where nothing changed', async (t) => {
      const { shop, notices } = await listening(t);
      await shop.ask(setStock('A', 0));
      await shop.ask(reserve(uuid(1), 'A:1'));
      await shop.ask(reserve(uuid(1), 'X:1'));
      await shop.ask(setStock('A', 0));
      await shop.ask(sweep());
      await shop.ask(release(uuid(1)));
      assert.equal(notices.length, 1);
    });

    it('do not come any more to who has stopped listening; others go on hearing', async (t) => {
      const { shop, notices, stop } = await listening(t);
      const heard: number[] = [];
      shop.store.onCommit(({ headSeq }) => heard.push(headSeq));
      await shop.ask(setStock('A', 1));
      stop();
      stop();
      await shop.ask(setStock('A', 2));
      assert.equal(notices.length, 1);
      assert.deepEqual(heard, [1, 2]);
    });
  });
}
