/** The outbox through the port: written with what made it necessary, claimed once, still there after a restart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClaimAnswer } from '../../src/core/command.ts';
import type { OutboxStore } from '../../src/engine/ports.ts';
import {
  adjust,
  cancel,
  claimMessages,
  confirm,
  discardMessage,
  reconcile,
  reserve,
  setStock,
  settleParcel,
  uuid,
} from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import { messageText } from '../support/outcome.ts';
import { WITH_ERP } from '../support/scenario.ts';
import { WAYS_TO_ERP_REJECTIONS } from '../support/ways-to-rejections.ts';
import { ALL, Shop, type StoreSubject } from './subject.ts';

const [R1, R2] = [uuid(1), uuid(2)];

async function waiting(shop: Shop): Promise<string[]> {
  const store = shop.store as OutboxStore;
  return (await store.outbox({ state: null, after: 0, limit: ALL })).map(messageText);
}

async function sold(shop: Shop): Promise<void> {
  await shop.walk([
    [0, setStock('A', 9), 'created A 9 = 9 available'],
    [0, reserve(R1, 'A:3'), 'active A:3 until 600'],
    [0, reserve(R2, 'A:1'), 'active A:1 until 600'],
    [1, confirm(R1, { order: 'o1' }), 'confirmed A:3 for o1'],
    [2, confirm(R2), 'confirmed A:1'],
  ]);
}

export function outbox(subject: StoreSubject): void {
  describe('the outbox', () => {
    it('has a message for each confirmed sale, and lists it whole', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await sold(shop);
      const store = shop.store as OutboxStore;
      assert.deepEqual(await store.message(1), {
        id: 1,
        key: R1,
        kind: 'sale',
        reservationId: R1,
        orderId: 'o1',
        lines: [{ sku: 'A', quantity: 3, restock: false }],
        createdAt: START + 1_000,
        state: 'pending',
        parcelId: null,
        attempts: 0,
        nextAttemptAt: START + 1_000,
        unknownAt: null,
        looks: 0,
        memo: null,
        reference: null,
        lastError: null,
      });
      const ids = async (after: number, limit: number): Promise<number[]> =>
        (await store.outbox({ state: 'pending', after, limit })).map(({ id }) => id);
      assert.deepEqual(await ids(0, 9), [1, 2]);
      assert.deepEqual(await ids(0, 1), [1]);
      assert.deepEqual(await ids(1, 9), [2]);
      assert.deepEqual(await store.outbox({ state: 'dead', after: 0, limit: 9 }), []);
      assert.equal(await store.message(99), null);
      assert.deepEqual(await store.outboxStats(), {
        pending: 2,
        inFlight: 0,
        unknown: 0,
        dead: 0,
        keys: 2,
        oldestAt: START + 1_000,
        head: 2,
      });
    });

    it('gives a message to one claim only, however many ask at once', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await sold(shop);
      const answers = await Promise.all([1, 2, 3, 4].map(() => shop.ask(claimMessages(1))));
      const claimed = answers.flatMap((answer) =>
        (answer as ClaimAnswer).parcels.flatMap(({ messages }) => messages.map(({ id }) => id)),
      );
      assert.deepEqual(claimed.toSorted(), [1, 2]);
    });

    it('acknowledges in the step that settles, and tells of it', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await sold(shop);
      const levels: number[] = [];
      shop.store.onCommit(({ levels: [level] }) => levels.push(level?.onHand ?? -1));
      await shop.walk([
        [3, claimMessages(1), 'in_flight sale 1 A:3'],
        [4, settleParcel(3, 'applied'), `delivered sale 1 A:3, acknowledged ${R1}`],
      ]);
      assert.deepEqual(levels.at(-1), 6);
      assert.equal(await shop.level('A'), 'A 6 = 1 allocated + 5 available');
      await shop.assertSound();
    });

    it('a discarded sale is on sale again at once, also where it was sold out', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await shop.walk([
        [0, setStock('A', 1), 'created A 1 = 1 available'],
        [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
        [1, confirm(R1), 'confirmed A:1'],
        [2, reserve(R2, 'A:1'), 'sold_out A:0/1'],
        [2, reserve(R2, 'A:1'), 'sold_out A:0/1'],
        [3, claimMessages(1), 'in_flight sale 1 A:1'],
        [4, settleParcel(2, 'given_up'), 'dead sale 1 A:1'],
        [4, reserve(R2, 'A:1'), 'sold_out A:0/1'],
        [5, discardMessage(1, 'restock'), 'delivered sale 1 A:1'],
        [5, reserve(R2, 'A:1'), 'active A:1 until 605'],
      ]);
      await shop.assertSound();
    });

    it('a corrected balance is on sale at once, also where it was sold out', async (t) => {
      const shop = await Shop.open(t, subject, WITH_ERP);
      await shop.walk([
        [0, setStock('A', 0), 'created A 0 = 0 available'],
        [0, reserve(R1, 'A:1'), 'sold_out A:0/1'],
        [0, reserve(R1, 'A:1'), 'sold_out A:0/1'],
        [1, reconcile('A', 2, 0, true), 'A 0/2 corrected'],
        [1, reserve(R1, 'A:1'), 'active A:1 until 601'],
        [2, adjust('A', -1), 'A 1 = 1 reserved + 0 available'],
      ]);
      await shop.assertSound();
    });

    for (const [code, rows] of Object.entries(WAYS_TO_ERP_REJECTIONS)) {
      it(`refuses with ${code}`, async (t) => {
        const shop = await Shop.open(t, subject, WITH_ERP);
        await shop.walk(rows);
        await shop.assertSound();
      });
    }

    it('survives a restart, and what was in flight becomes unknown when told so', async (t) => {
      if (!subject.supports.durable) return;
      const shop = await Shop.open(t, subject, WITH_ERP);
      await sold(shop);
      await shop.walk([
        [3, claimMessages(1), 'in_flight sale 1 A:3'],
        [3, { type: 'note_parcel', parcelId: 3, memo: 'had 9' }, 'in_flight sale 1 A:3'],
        [4, cancel(R1), 'cancelled A:0 for o1'],
      ]);
      const before = await waiting(shop);
      const stats = await (shop.store as OutboxStore).outboxStats();
      await shop.reopen();
      assert.deepEqual(await waiting(shop), before);
      assert.deepEqual(await (shop.store as OutboxStore).outboxStats(), stats);
      await shop.walk([
        [5, reconcile('A', 9, 99), 'balance_outdated A'],
        [5, { type: 'recover_messages', nextAttemptAt: START + 9_000 }, 'recovered 1'],
      ]);
      const message = await (shop.store as OutboxStore).message(1);
      assert.deepEqual([message?.state, message?.memo], ['unknown', 'had 9']);
      await shop.walk([
        [6, settleParcel(3, 'applied', { reference: 'erp-1' }), 'delivered sale 1 A:3'],
        [7, claimMessages(9), 'in_flight sale 2 A:1, in_flight cancellation 4 A:3'],
      ]);
      await shop.reopen();
      const cancellation = await (shop.store as OutboxStore).message(4);
      assert.equal(cancellation?.reference, 'erp-1');
      await shop.assertSound();
    });
  });
}
