/** The webhook inbox: each event once, durable as the store is, and beside the books, which it never touches. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { OutboxStore, ReservationStore } from '../../src/engine/ports.ts';
import type { IncomingWebhook, WebhookInbox } from '../../src/engine/webhook-inbox.ts';
import { MemoryInbox } from '../../src/stores/memory/memory-inbox.ts';
import { reserve, setStock, uuid } from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import { assertProperty } from '../support/replay.ts';
import { everything, Shop, type StoreSubject } from './subject.ts';

const ALL = 10_000;

function inboxOf(store: ReservationStore): WebhookInbox {
  return (store as OutboxStore).inbox;
}

function webhook(eventId: string, more: Partial<IncomingWebhook> = {}): IncomingWebhook {
  return {
    eventId,
    topic: 'stock.updated',
    hints: [`stock:${eventId}`],
    receivedAt: START,
    ...more,
  };
}

async function idsOf(inbox: WebhookInbox): Promise<string[]> {
  return (await inbox.pending(0, ALL)).map(({ eventId }) => eventId);
}

export function inbox(subject: StoreSubject): void {
  describe('the webhook inbox', () => {
    it('stores an event once and gives it back as it came', async (t) => {
      const { store } = await Shop.open(t, subject);
      const box = inboxOf(store);
      assert.deepEqual(await box.stats(), { pending: 0, oldestAt: null, lastReceivedAt: null });
      const first = webhook('a', { hints: ['stock:1', 'product:2'], receivedAt: START + 5 });
      assert.equal(await box.put(first), 'stored');
      const second = webhook('b', { receivedAt: START + 9 });
      assert.equal(await box.put(second), 'stored');
      const other = webhook('a', { topic: 'other', hints: ['x'], receivedAt: START + 99 });
      assert.equal(await box.put(other), 'seen');
      const pending = await box.pending(0, ALL);
      const [one = 0, two = 0] = pending.map(({ number }) => number);
      assert.deepEqual(pending, [
        { ...first, number: one },
        { ...second, number: two },
      ]);
      assert.ok(two > one);
      const stats = { pending: 2, oldestAt: START + 5, lastReceivedAt: START + 9 };
      assert.deepEqual(await box.stats(), stats);
    });

    it('takes any text, and a thousand hints', async (t) => {
      const { store } = await Shop.open(t, subject);
      const box = inboxOf(store);
      const texts = ['', ' ', "';--", '"\\', 'ação 🎟', 'a\nb\u0000c', '(1', '-inf', '\u2028'];
      for (const text of texts) {
        const strange = webhook(text, {
          topic: text,
          hints: [text, ...Array<string>(999).fill('sku:A')],
        });
        assert.equal(await box.put(strange), 'stored', JSON.stringify(text));
        assert.equal(await box.put(strange), 'seen', JSON.stringify(text));
        const last = (await box.pending(0, ALL)).at(-1);
        assert.deepEqual(last, { ...strange, number: last?.number });
      }
      assert.deepEqual(await idsOf(box), texts);
    });

    it('only remembers one without hints', async (t) => {
      const { store } = await Shop.open(t, subject);
      const box = inboxOf(store);
      assert.equal(await box.put(webhook('a', { hints: [] })), 'stored');
      assert.equal(await box.put(webhook('a', { hints: [] })), 'seen');
      assert.deepEqual(await idsOf(box), []);
      assert.deepEqual(await box.stats(), { pending: 0, oldestAt: null, lastReceivedAt: START });
    });

    it('is settled by number, once and for good', async (t) => {
      const { store } = await Shop.open(t, subject);
      const box = inboxOf(store);
      for (const id of ['a', 'b', 'c', 'd']) await box.put(webhook(id));
      const numbers = (await box.pending(0, ALL)).map(({ number }) => number);
      const [a = 0, , c = 0] = numbers;
      await box.settle([]);
      await box.settle([c, a, c, 999_999]);
      await box.settle([a]);
      assert.deepEqual(await idsOf(box), ['b', 'd']);
      assert.equal((await box.stats()).pending, 2);
      assert.equal(await box.put(webhook('a')), 'seen');
      assert.deepEqual(await idsOf(box), ['b', 'd']);
    });

    it('is read in pages', async (t) => {
      const { store } = await Shop.open(t, subject);
      const box = inboxOf(store);
      const ids = Array.from({ length: 25 }, (_, index) => `e${index}`);
      for (const id of ids) await box.put(webhook(id));
      const read: string[] = [];
      for (let after = 0; ;) {
        const page = await box.pending(after, 10);
        read.push(...page.map(({ eventId }) => eventId));
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.number;
      }
      assert.deepEqual(read, ids);
      assert.deepEqual(await box.pending(0, 0), []);
    });

    it('stores one of many deliveries that come at the same time', async (t) => {
      const { store } = await Shop.open(t, subject);
      const box = inboxOf(store);
      const ids = Array.from({ length: 200 }, (_, index) => `e${index % 20}`);
      const outcomes = await Promise.all(ids.map((id) => box.put(webhook(id))));
      assert.equal(outcomes.filter((outcome) => outcome === 'stored').length, 20);
      assert.equal(new Set(await idsOf(box)).size, 20);
      assert.equal((await box.stats()).pending, 20);
    });

    it('forgets what is settled and old, oldest first, and nothing that waits', async (t) => {
      const { store } = await Shop.open(t, subject);
      const box = inboxOf(store);
      const received = { a: 5, b: 3, c: 4, d: 1, e: 9 };
      for (const [id, at] of Object.entries(received)) {
        await box.put(webhook(id, { receivedAt: START + at }));
      }
      const pending = await box.pending(0, ALL);
      await box.settle(
        pending.filter(({ eventId }) => eventId !== 'd').map(({ number }) => number),
      );
      // Being delivered again makes none younger.
      assert.equal(await box.put(webhook('b', { receivedAt: START + ALL })), 'seen');
      assert.equal(await box.prune(START + 3, ALL), 0);
      assert.equal(await box.prune(START + 6, 2), 2);
      assert.deepEqual(
        await Promise.all(['b', 'c', 'd', 'e', 'a'].map((id) => box.put(webhook(id)))),
        ['stored', 'stored', 'seen', 'seen', 'seen'],
      );
      assert.deepEqual(await idsOf(box), ['d', 'b', 'c']);
      assert.equal(await box.prune(START + ALL, ALL), 2);
      assert.equal((await box.stats()).lastReceivedAt, START + 9);
    });

    it('leaves the books alone', async (t) => {
      const shop = await Shop.open(t, subject);
      await shop.walk([
        [0, setStock('A', 2), 'created A 2 = 2 available'],
        [0, reserve(uuid(1), 'A:1'), 'active A:1 until 600'],
      ]);
      const box = inboxOf(shop.store);
      const before = await everything(shop.store);
      await box.put(webhook('a'));
      await box.settle((await box.pending(0, ALL)).map(({ number }) => number));
      await box.prune(START + 1, ALL);
      assert.deepEqual(await everything(shop.store), before);
      await shop.assertSound();
    });

    it('answers nothing once the store is closed', async (t) => {
      const { store } = await Shop.open(t, subject);
      const box = inboxOf(store);
      await store.close();
      for (const ask of [() => box.put(webhook('a')), () => box.pending(0, 1), () => box.stats()]) {
        await assert.rejects(async () => ask(), { code: 'STORE_UNAVAILABLE' });
      }
    });

    it('does what the one in memory does', async (t) => {
      const shop = await Shop.open(t, subject);
      let histories = 0;
      const property = fc.asyncProperty(
        fc.array(step, { maxLength: MOST_STEPS }),
        async (steps) => {
          histories += 1;
          await follow(shop, `${histories}`, steps, subject.supports.durable);
        },
      );
      await assertProperty(property, { runs: RUNS, file: `test/conformance/${fileOf(subject)}` });
    });

    if (subject.supports.durable) afterReopening(subject);
  });
}

function afterReopening(subject: StoreSubject): void {
  it('is as it was after closing and opening again, and goes on from there', async (t) => {
    const shop = await Shop.open(t, subject);
    const before = inboxOf(shop.store);
    for (const [index, id] of ['a', 'b', 'c'].entries()) {
      await before.put(webhook(id, { receivedAt: START + index }));
    }
    const [first] = await before.pending(0, 1);
    await before.settle([first?.number ?? 0]);
    const [pending, stats] = [await before.pending(0, ALL), await before.stats()];
    await shop.reopen();
    const after = inboxOf(shop.store);
    assert.deepEqual(await after.pending(0, ALL), pending);
    assert.deepEqual(await after.stats(), stats);
    assert.equal(await after.put(webhook('a')), 'seen');
    assert.equal(await after.put(webhook('c')), 'seen');
    assert.equal(await after.put(webhook('d')), 'stored');
    assert.deepEqual(await idsOf(after), ['b', 'c', 'd']);
  });

  it('numbers rise even where all before have been forgotten', async (t) => {
    const shop = await Shop.open(t, subject);
    const before = inboxOf(shop.store);
    await before.put(webhook('a'));
    const [first] = await before.pending(0, 1);
    await before.settle([first?.number ?? 0]);
    assert.equal(await before.prune(START + 1, ALL), 1);
    await shop.reopen();
    const after = inboxOf(shop.store);
    assert.equal((await after.stats()).lastReceivedAt, START);
    await after.put(webhook('a'));
    const [second] = await after.pending(0, 1);
    assert.ok((second?.number ?? 0) > (first?.number ?? 0));
  });
}

const RUNS = 8;
/** No two webhooks of a history are received in the same millisecond: which is forgotten first is then told. */
const MOST_STEPS = 40;

function fileOf({ name }: StoreSubject): string {
  return `${name.split(' ')[0] ?? name}.test.ts`;
}

type Step =
  | { readonly verb: 'put'; readonly id: number; readonly hints: number; readonly at: number }
  | { readonly verb: 'settle'; readonly which: readonly number[] }
  | { readonly verb: 'prune'; readonly before: number; readonly limit: number }
  | { readonly verb: 'reopen' };

const small = fc.nat({ max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 18,
    arbitrary: fc.record({
      verb: fc.constant('put'),
      id: small,
      hints: fc.nat({ max: 2 }),
      at: small,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ verb: fc.constant('settle'), which: fc.array(small, { maxLength: 4 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ verb: fc.constant('prune'), before: small, limit: fc.nat({ max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ verb: 'reopen' }) },
);

/** Both are asked the same, and must answer the same. */
async function follow(shop: Shop, name: string, steps: readonly Step[], durable: boolean) {
  const model = new MemoryInbox(() => undefined);
  // One store serves all histories: each has names and a time of its own, and leaves nothing behind.
  const base = START + Number(name) * ALL;
  const firstNumber = (await lastNumber(inboxOf(shop.store), `${name} begins`, base - 1)) + 1;
  const numberOf = (ours: number): number => ours - firstNumber + 1;
  for (const [index, each] of steps.entries()) {
    const box = inboxOf(shop.store);
    switch (each.verb) {
      case 'put': {
        const id = `${name}:${each.id}`;
        const hints = Array.from({ length: each.hints }, (_, index) => `h${index}`);
        const incoming = webhook(id, { hints, receivedAt: base + each.at * MOST_STEPS + index });
        assert.equal(await box.put(incoming), await model.put(incoming));
        break;
      }
      case 'settle':
        await box.settle(each.which.map((which) => which + firstNumber));
        await model.settle(each.which.map((which) => which + 1));
        break;
      case 'prune': {
        const before = base + each.before * MOST_STEPS;
        assert.equal(await box.prune(before, each.limit), await model.prune(before, each.limit));
        break;
      }
      case 'reopen':
        if (durable) await shop.reopen();
    }
    const ours = inboxOf(shop.store);
    const pending = await ours.pending(firstNumber - 1, ALL);
    assert.deepEqual(
      pending.map((one) => ({ ...one, number: numberOf(one.number) })),
      await model.pending(0, ALL),
    );
    const [stats, expected] = [await ours.stats(), await model.stats()];
    assert.deepEqual([stats.pending, stats.oldestAt], [expected.pending, expected.oldestAt]);
  }
  const box = inboxOf(shop.store);
  await box.settle((await box.pending(0, ALL)).map(({ number }) => number));
  await box.prune(base + ALL, ALL);
}

/** The number of one that was stored for that purpose, settled and forgotten since. */
async function lastNumber(box: WebhookInbox, eventId: string, receivedAt: number): Promise<number> {
  await box.put(webhook(eventId, { receivedAt }));
  const number = (await box.pending(0, ALL)).at(-1)?.number ?? 0;
  await box.settle([number]);
  await box.prune(receivedAt + 1, ALL);
  return number;
}
