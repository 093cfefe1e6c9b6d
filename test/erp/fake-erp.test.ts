import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutboxMessage, Parcel } from '../../src/core/outbox/message.ts';
import { ErpFault, type ErpConnector, type PushCall } from '../../src/engine/erp-port.ts';
import { FakeErp, type Mishap } from '../support/fake-erp.ts';

const memos: string[] = [];
const call: PushCall = {
  signal: new AbortController().signal,
  turn: () => Promise.resolve(),
  journal: (memo) => {
    memos.push(memo);
    return Promise.resolve();
  },
};

function parcel(key: string, quantity: number, memo: string | null = null): Parcel {
  const message: OutboxMessage = {
    id: 1,
    key,
    kind: 'sale',
    reservationId: 'r1',
    orderId: null,
    lines: [{ sku: 'A', quantity, restock: false }],
    createdAt: 0,
    state: 'in_flight',
    parcelId: 1,
    attempts: 1,
    nextAttemptAt: 0,
    unknownAt: null,
    looks: 0,
    memo,
    reference: null,
    lastError: null,
  };
  return { id: 1, key, messages: [message] };
}

/** What is told of a push that went wrong, and what a reading finds afterwards. */
async function pushAndRead(erp: FakeErp, mishap: Mishap): Promise<[string, string]> {
  erp.balances.set('A', 10);
  erp.mishap = () => mishap;
  const connector: ErpConnector = erp;
  const key = connector.grouping === 'sku' ? 'A' : 'r1';
  const pushed = await connector.push(parcel(key, 2), call).catch(() => ({ outcome: 'thrown' }));
  const settled = await connector.settle(parcel(key, 2, memos.at(-1) ?? null), call);
  return [pushed.outcome, settled.outcome];
}

for (const grouping of ['sale', 'sku'] as const) {
  describe(`the fake ERP, told per ${grouping}`, () => {
    for (const [mishap, outcome, found, left] of [
      ['none', 'applied', 'applied', 8],
      ['refused', 'rejected', 'not_applied', 10],
      ['busy', 'rejected', 'not_applied', 10],
      ['lost_request', 'unknown', 'not_applied', 10],
      ['lost_answer', 'unknown', 'applied', 8],
      ['late', 'unknown', 'unknown', 10],
      ['thrown_before', 'thrown', 'not_applied', 10],
      ['thrown_after', 'thrown', 'applied', 8],
    ] as const) {
      it(`${mishap}: the push says ${outcome}, a reading ${found}`, async () => {
        const erp = new FakeErp({ grouping });
        assert.deepEqual(await pushAndRead(erp, mishap), [outcome, found]);
        assert.equal(erp.balances.get('A'), left);
      });
    }
  });
}

describe('the fake ERP', () => {
  it('reads its levels in pages, and refuses while it is down', async () => {
    const erp = new FakeErp({ limits: { skusPerRead: 2 } });
    for (const [index, sku] of ['A', 'B', 'C'].entries()) erp.balances.set(sku, index);
    const first = await erp.readPage(null, call);
    assert.deepEqual(first.levels, [
      { sku: 'A', onHand: 0 },
      { sku: 'B', onHand: 1 },
    ]);
    assert.deepEqual(await erp.readPage(first.next, call), {
      levels: [{ sku: 'C', onHand: 2 }],
      problems: [],
      next: null,
    });
    const { problems } = await erp.readLevels(['X'], call);
    assert.deepEqual(problems, [{ sku: 'X', reason: 'the ERP has no such product' }]);
    erp.down = true;
    await assert.rejects(erp.readPage(null, call), ErpFault);
  });

  it('takes a webhook only with its signature', () => {
    const erp = new FakeErp();
    const body = new TextEncoder().encode('e1 A');
    const read = (signature: string) =>
      erp.readWebhook({ headers: { 'x-fake-signature': signature }, body, receivedAt: 0 });
    assert.deepEqual(read('secret'), {
      ok: true,
      event: { eventId: 'e1', topic: 'stock', hints: ['A'] },
    });
    assert.equal(read('guess').ok, false);
  });
});
