import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  acknowledge,
  adjust,
  cancel,
  claimMessages,
  confirm,
  discardMessage,
  purge,
  reconcile,
  reserve,
  retryMessage,
  setStock,
  settleParcel,
} from '../../../test/support/commands.ts';
import { START } from '../../../test/support/fake-clock.ts';
import { messageText } from '../../../test/support/outcome.ts';
import { Scenario, WITH_ERP, type Row } from '../../../test/support/scenario.ts';

const PER_SKU = { ...WITH_ERP, messageGrouping: 'sku' } as const;

/** A sale of `r1`, confirmed and not sent. */
const SOLD: readonly Row[] = [
  [0, setStock('A', 9), 'created A 9 = 9 available'],
  [0, setStock('B', 9), 'created B 9 = 9 available'],
  [1, reserve('r1', 'A:3 B:2'), 'active A:3 B:2 until 601'],
  [2, confirm('r1'), 'confirmed A:3 B:2'],
];

function waiting({ book }: Scenario): string[] {
  return book.outbox
    .messages()
    .filter(({ state }) => state !== 'delivered')
    .map(messageText);
}

describe('a confirmed sale', () => {
  it('is a message to the ERP, and acknowledged when that has been applied', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [3, claimMessages(), 'nothing due'],
      [4, settleParcel(2, 'applied'), 'delivered sale 1 A:3 B:2, acknowledged r1'],
    ]);
    assert.equal(scenario.reservation('r1').status, 'acknowledged');
    assert.equal(scenario.level('A'), 'A 6 = 6 available');
    assert.deepEqual(waiting(scenario), []);
  });

  it('goes under the order that names itself while nothing has been sent', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, confirm('r1', { order: 'o1' }), 'again confirmed A:3 B:2 for o1'],
    ]);
    assert.equal(scenario.book.outbox.message(1)?.orderId, 'o1');
  });

  it('keeps the name under which it was sent', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [3, settleParcel(2, 'not_applied'), 'pending sale 1 A:3 B:2'],
      [4, confirm('r1', { order: 'o1' }), 'again confirmed A:3 B:2 for o1'],
    ]);
    assert.equal(scenario.book.outbox.message(1)?.orderId, null);
  });

  it('writes no message where there is no ERP', () => {
    const scenario = new Scenario().walk([
      [0, setStock('A', 9), 'created A 9 = 9 available'],
      [1, reserve('r1', 'A:3'), 'active A:3 until 601'],
      [2, confirm('r1'), 'acknowledged A:3'],
      [3, cancel('r1'), 'cancelled A:0'],
    ]);
    assert.deepEqual(scenario.book.outbox.messages(), []);
  });

  it('that somebody else has told the ERP of is not told again', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, acknowledge('r1'), 'acknowledged A:3 B:2'],
    ]);
    assert.deepEqual(waiting(scenario), []);
  });

  it('per SKU is a message a line, and acknowledged with the last of them', () => {
    const scenario = new Scenario(PER_SKU).walk([
      ...SOLD,
      [3, claimMessages(5), 'in_flight sale 1 A:3, in_flight sale 2 B:2'],
      [4, settleParcel(4, 'applied'), 'delivered sale 2 B:2'],
    ]);
    assert.equal(scenario.reservation('r1').status, 'confirmed');
    scenario.walk([[5, settleParcel(3, 'applied'), 'delivered sale 1 A:3, acknowledged r1']]);
    assert.equal(scenario.reservation('r1').status, 'acknowledged');
  });
});

describe('claiming', () => {
  it('merges the units of a SKU from several sales, in the order in which they came', () => {
    new Scenario(PER_SKU).walk([
      [0, setStock('A', 9), 'created A 9 = 9 available'],
      [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
      [0, reserve('r2', 'A:2'), 'active A:2 until 600'],
      [0, reserve('r3', 'A:3'), 'active A:3 until 600'],
      [1, confirm('r2'), 'confirmed A:2'],
      [2, confirm('r1'), 'confirmed A:1'],
      [3, confirm('r3'), 'confirmed A:3'],
      [4, claimMessages(9, 2), 'in_flight sale 1 A:2 + in_flight sale 2 A:1'],
      [4, claimMessages(9, 2), 'nothing due'],
      [
        5,
        settleParcel(4, 'not_applied', { at: START + 8_000 }),
        'pending sale 1 A:2 + pending sale 2 A:1',
      ],
      [7, claimMessages(9, 2), 'nothing due'],
      [
        8,
        claimMessages(9, 9),
        'in_flight sale 1 A:2 + in_flight sale 2 A:1 + in_flight sale 3 A:3',
      ],
    ]);
  });

  it('passes over a key whose outcome is unknown, until that is settled', () => {
    new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [4, settleParcel(2, 'unknown', { reason: 'timeout' }), 'unknown sale 1 A:3 B:2'],
      [900, claimMessages(), 'nothing due'],
      [900, settleParcel(2, 'not_applied'), 'pending sale 1 A:3 B:2'],
      [900, claimMessages(), 'in_flight sale 1 A:3 B:2'],
    ]);
  });
});

describe('a cancellation', () => {
  it('of a sale not yet sent annihilates with it', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, cancel('r1', { lines: 'A:1' }), 'confirmed A:2 B:2'],
    ]);
    assert.deepEqual(waiting(scenario), ['pending sale 1 A:2 B:2']);
    scenario.walk([[4, cancel('r1'), 'cancelled A:0 B:0']]);
    assert.deepEqual(waiting(scenario), []);
    assert.deepEqual(scenario.book.outbox.level('A').owed, 0);
  });

  it('of units that do not come back is told: the ERP still has them', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, cancel('r1', { lines: 'A:1', restock: false }), 'confirmed A:2 B:2'],
    ]);
    assert.deepEqual(waiting(scenario), ['pending sale 1 A:3 B:2', 'pending cancellation 2 (A:1)']);
    scenario.walk([
      [4, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [4, settleParcel(3, 'applied'), 'delivered sale 1 A:3 B:2, acknowledged r1'],
    ]);
    assert.equal(scenario.level('A'), 'A 6 = 6 available');
  });

  it('waits behind a sale on its way, and carries the name that the ERP gave it', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [4, cancel('r1'), 'cancelled A:0 B:0'],
      [4, claimMessages(), 'nothing due'],
      [5, settleParcel(2, 'applied', { reference: 'erp-9' }), 'delivered sale 1 A:3 B:2'],
      [6, claimMessages(), 'in_flight cancellation 3 A:3 B:2'],
    ]);
    assert.equal(scenario.book.outbox.message(3)?.reference, 'erp-9');
    scenario.walk([[7, settleParcel(5, 'applied'), 'delivered cancellation 3 A:3 B:2']]);
    assert.equal(scenario.level('A'), 'A 9 = 9 available');
    assert.equal(scenario.book.outbox.message(3)?.reference, 'erp-9');
  });

  it('annihilates with a sale that turns out not to have arrived', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [3, settleParcel(2, 'unknown'), 'unknown sale 1 A:3 B:2'],
      [4, cancel('r1', { lines: 'A:3' }), 'confirmed A:0 B:2'],
      [5, settleParcel(2, 'not_applied'), 'pending sale 1 A:3 B:2'],
    ]);
    assert.deepEqual(waiting(scenario), ['pending sale 1 B:2']);
  });

  it('after the acknowledgement is told', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [3, settleParcel(2, 'applied'), 'delivered sale 1 A:3 B:2, acknowledged r1'],
      [4, cancel('r1', { lines: 'B:1' }), 'acknowledged A:3 B:1'],
    ]);
    assert.deepEqual(waiting(scenario), ['pending cancellation 4 B:1']);
  });

  it('per SKU acknowledges the rest, if the rest has been told', () => {
    const scenario = new Scenario(PER_SKU).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3'],
      [3, settleParcel(3, 'applied'), 'delivered sale 1 A:3'],
      [4, cancel('r1', { lines: 'B:2' }), 'acknowledged A:3 B:0'],
    ]);
    assert.deepEqual(waiting(scenario), []);
  });

  it('outlives its reservation, which may be purged', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [3, settleParcel(2, 'applied'), 'delivered sale 1 A:3 B:2, acknowledged r1'],
      [4, cancel('r1'), 'cancelled A:0 B:0'],
      [9, purge(START + 5_000), 'purged 1'],
      [9, claimMessages(), 'in_flight cancellation 4 A:3 B:2'],
      [9, settleParcel(5, 'applied'), 'delivered cancellation 4 A:3 B:2'],
    ]);
    assert.deepEqual(scenario.book.outbox.messages(), []);
  });
});

/** The same sale, given up on; `unsure`: it may have been applied. */
const dead = (unsure: boolean): readonly Row[] => [
  ...SOLD,
  [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
  ...(unsure ? [[3, settleParcel(2, 'unknown'), 'unknown sale 1 A:3 B:2'] as Row] : []),
  [4, settleParcel(2, 'given_up', { reason: 'no such product' }), 'dead sale 1 A:3 B:2'],
];

describe('a dead letter', () => {
  it('holds its units, stands in the ledger and is not claimed', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...dead(false),
      [900, claimMessages(), 'nothing due'],
    ]);
    assert.equal(scenario.level('A'), 'A 9 = 3 allocated + 6 available');
    assert.equal(
      scenario.ledger('A').at(-1),
      'dead_letter message=1 reservation_id=r1 reason=no such product',
    );
  });

  it('is sent again when a person says so', () => {
    new Scenario(WITH_ERP).walk([
      ...dead(false),
      [5, retryMessage(1, 'product made'), 'pending sale 1 A:3 B:2'],
      [6, claimMessages(), 'in_flight sale 1 A:3 B:2'],
    ]);
  });

  it('discarded as deducted: the sale stands and its units leave the shelf', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...dead(true),
      [5, discardMessage(1, 'deduct', 'typed in by hand'), 'delivered sale 1 A:3 B:2'],
    ]);
    assert.equal(scenario.reservation('r1').status, 'acknowledged');
    assert.equal(scenario.level('A'), 'A 6 = 6 available');
  });

  it('discarded and restocked: the sale is cancelled and its units are on sale again', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...dead(true),
      [5, discardMessage(1, 'restock', 'customer refunded'), 'delivered sale 1 A:3 B:2'],
    ]);
    assert.equal(scenario.reservation('r1').status, 'cancelled');
    assert.equal(scenario.level('A'), 'A 9 = 9 available');
    assert.deepEqual(waiting(scenario), []);
  });

  it('per SKU restocks only its own line', () => {
    const scenario = new Scenario(PER_SKU).walk([
      ...SOLD,
      [3, claimMessages(2), 'in_flight sale 1 A:3, in_flight sale 2 B:2'],
      [4, settleParcel(3, 'given_up'), 'dead sale 1 A:3'],
      [5, settleParcel(4, 'applied'), 'delivered sale 2 B:2'],
      [6, discardMessage(1, 'restock'), 'delivered sale 1 A:3'],
    ]);
    assert.equal(scenario.reservation('r1').status, 'acknowledged');
    assert.equal(scenario.level('A'), 'A 9 = 9 available');
    assert.equal(scenario.level('B'), 'B 7 = 7 available');
  });

  it('that certainly did not arrive is taken back by a cancellation; one that may have, is not', () => {
    const sure = new Scenario(WITH_ERP).walk([
      ...dead(false),
      [5, cancel('r1'), 'cancelled A:0 B:0'],
    ]);
    assert.deepEqual(waiting(sure), []);
    const unsure = new Scenario(WITH_ERP).walk([
      ...dead(true),
      [5, cancel('r1'), 'cancelled A:0 B:0'],
      [6, claimMessages(), 'nothing due'],
      [7, discardMessage(1, 'deduct'), 'delivered sale 1 A:3 B:2'],
      [8, claimMessages(), 'in_flight cancellation 5 A:3 B:2'],
    ]);
    assert.equal(unsure.level('A'), 'A 9 = 9 available');
  });

  it('that is a cancellation is dropped without touching the books', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [3, settleParcel(2, 'applied'), 'delivered sale 1 A:3 B:2, acknowledged r1'],
      [4, cancel('r1'), 'cancelled A:0 B:0'],
      [5, claimMessages(), 'in_flight cancellation 4 A:3 B:2'],
      [6, settleParcel(5, 'given_up'), 'dead cancellation 4 A:3 B:2'],
      [7, discardMessage(4, 'restock'), 'discard_units of a cancellation'],
      [8, discardMessage(4, null), 'delivered cancellation 4 A:3 B:2'],
    ]);
    assert.equal(scenario.level('A'), 'A 9 = 9 available');
    assert.deepEqual(waiting(scenario), []);
  });
});

describe('a balance of the ERP', () => {
  it('is on hand where the ERP is still to hear of all that is allocated', () => {
    new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, reconcile('A', 9, 1), 'A 9/9 agrees'],
      [3, reconcile('A', 7, 1), 'A 9/7 drifts'],
      [3, reconcile('A', 7, 1, true), 'A 9/7 corrected'],
      [3, reconcile('A', 7, 1), 'A 7/7 agrees'],
    ]);
  });

  it('frees nothing that is reserved, and records what is missing', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, reserve('r2', 'A:5'), 'active A:5 until 603'],
      [4, reconcile('A', 6, 1, true), 'A 9/6 corrected'],
    ]);
    assert.equal(scenario.level('A'), 'A 6 = 5 reserved + 3 allocated + 0 available, short 2');
    assert.deepEqual(scenario.ledger('A').slice(-2), [
      'reconcile onHand-3 erp_on_hand=6 owed=3 cause=schedule',
      'shortfall units=2',
    ]);
    assert.equal(scenario.reservation('r2').status, 'active');
  });

  it('that had not seen what has moved since is refused', () => {
    new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [3, reconcile('A', 9, 2), 'balance_outdated A'],
      [4, settleParcel(2, 'unknown'), 'unknown sale 1 A:3 B:2'],
      [4, reconcile('A', 9, 3), 'balance_outdated A'],
      [5, settleParcel(2, 'applied'), 'delivered sale 1 A:3 B:2, acknowledged r1'],
      [5, reconcile('A', 9, 3), 'balance_outdated A'],
      [6, reconcile('A', 6, 4), 'A 6/6 agrees'],
    ]);
  });

  it('has been lowered by what we have not acknowledged yet, and counts it once', () => {
    new Scenario(PER_SKU).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3'],
      [4, settleParcel(3, 'applied'), 'delivered sale 1 A:3'],
      [5, reconcile('A', 6, 4), 'A 9/9 agrees'],
    ]);
  });

  it('is still to be raised by what was cancelled', () => {
    new Scenario(WITH_ERP).walk([
      ...SOLD,
      [3, claimMessages(), 'in_flight sale 1 A:3 B:2'],
      [4, settleParcel(2, 'applied'), 'delivered sale 1 A:3 B:2, acknowledged r1'],
      [5, cancel('r1'), 'cancelled A:0 B:0'],
      [6, reconcile('A', 6, 9), 'A 9/9 agrees'],
    ]);
  });

  it('below 0 is nothing on hand; of a SKU that is not there yet it makes one', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      [0, reconcile('N', -2, 0), 'N 0/0 agrees'],
      [0, adjust('N', 1), 'unknown_sku N'],
      [0, reconcile('N', 4, 0, true), 'N 0/4 corrected'],
      [1, reconcile('N', -2, 0, true), 'N 4/0 corrected'],
      [1, reconcile('N', -2, 0, true), 'N 0/0 agrees'],
    ]);
    assert.equal(scenario.level('N'), 'N 0 = 0 available');
  });
});
