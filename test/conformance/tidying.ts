/** Sweep and purge: tidying, which no decision waits for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { purge, release, reserve, setStock, sweep, uuid } from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import { Shop, type StoreSubject } from './subject.ts';

const [R1, R2, R3, R4] = [uuid(1), uuid(2), uuid(3), uuid(4)];

export function tidying(subject: StoreSubject): void {
  describe('sweep and purge', () => {
    it('sweeps thousands in the order of their deadlines, step by step', async (t) => {
      const shop = await Shop.open(t, subject);
      const count = 6_000;
      await shop.ask(setStock('A', count));
      const expected: { id: string; at: number }[] = [];
      const commands = Array.from({ length: count }, (_, index) => {
        // Neither ids nor deadlines in the order of making.
        const made = uuid((index * 40_503) % 65_536);
        const id = shop.store.placeId?.(made, ['A']) ?? made;
        const ttl = 1 + ((index * 7_919) % 500);
        expected.push({ id, at: START + ttl * 1000 });
        return { command: reserve(id, 'A:1', { ttl }), idempotency: null };
      });
      await shop.store.submitAll(commands);
      expected.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
      shop.clock.advance(400_000);
      const due = expected.filter(({ at }) => at <= shop.clock.now());
      assert.equal((await shop.store.stats()).oldestDueAt, expected[0]?.at);
      const swept: string[] = [];
      for (let more = true; more;) {
        const answer = await shop.ask(sweep(997));
        assert.ok(answer.ok && answer.type === 'sweep');
        swept.push(...answer.expired.map(({ id }) => id));
        more = answer.more;
      }
      assert.deepEqual(
        swept,
        due.map(({ id }) => id),
      );
      const stats = await shop.store.stats();
      assert.deepEqual([stats.active, stats.oldestDueAt], [count - due.length, null]);
      const level = await shop.store.level('A');
      assert.equal(level?.available, due.length);
      assert.equal(level.nextExpiryAt, expected[due.length]?.at);
      await shop.assertSound();
    });

    it('thousands of lapsed units are available at once, unswept', async (t) => {
      const shop = await Shop.open(t, subject);
      const count = 3_000;
      await shop.ask(setStock('A', count));
      await shop.store.submitAll(
        Array.from({ length: count }, (_, index) => ({
          command: reserve(shop.store.placeId?.(uuid(index), ['A']) ?? uuid(index), 'A:1', {
            ttl: 10 + (index % 7),
          }),
          idempotency: null,
        })),
      );
      shop.clock.advance(9_999);
      assert.equal(await shop.words(reserve(uuid(9_001), 'A:1')), 'all_reserved A:0/1 until 10');
      shop.clock.advance(1);
      assert.equal((await shop.store.level('A'))?.available, 429);
      shop.clock.advance(6_000);
      assert.equal(await shop.level('A'), 'A 3000 = 3000 available');
      assert.equal(await shop.words(reserve(uuid(9_002), `A:${count}`)), 'active A:3000 until 616');
      assert.equal((await shop.store.stats()).active, 1);
      await shop.assertSound();
    });

    it('purges what has ended, oldest first, and late calls get 404 only then', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 9), 'created A 9 = 9 available'],
        [0, reserve(R2, 'A:1'), 'active A:1 until 600'],
        [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
        [0, reserve(R3, 'A:1', { ttl: 9_999 }), 'active A:1 until 9999'],
        [1, release(R2), 'released A:1'],
        [2, release(R1), 'released A:1'],
        [900, purge(START + 2_001, 1), 'purged 1, more'],
        [900, release(R2), 'reservation_not_found'],
        [900, release(R1), 'again released A:1'],
        [900, purge(START + 900_000), 'purged 1'],
        [900, release(R1), 'reservation_not_found'],
        // Of those that ended at one moment the lower id goes first.
        [900, reserve(uuid(5), 'A:1'), 'active A:1 until 1500'],
        [900, reserve(R4, 'A:1'), 'active A:1 until 1500'],
        [900, release(uuid(5)), 'released A:1'],
        [900, release(R4), 'released A:1'],
        [901, purge(START + 901_000, 1), 'purged 1, more'],
        [901, release(R4), 'reservation_not_found'],
        [901, release(uuid(5)), 'again released A:1'],
        [901, release(R3), 'released A:1'],
      ]);
      assert.equal(await shop.store.reservation(R1), null);
      await shop.assertSound();
    });
  });
}
