import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  acknowledge,
  confirm,
  extend,
  release,
  reserve,
  setStock,
  sweep,
} from '../../../test/support/commands.ts';
import { Scenario, WITH_ERP, type Row } from '../../../test/support/scenario.ts';

const GIVEN: readonly Row[] = [
  [0, setStock('A', 5), 'created A 5 = 5 available'],
  [0, setStock('B', 5), 'created B 5 = 5 available'],
  [0, reserve('r1', 'A:3 B:2'), 'active A:3 B:2 until 600'],
];

describe('confirm', () => {
  it('turns reserved units into allocated ones, which the ERP has to acknowledge', () => {
    const scenario = new Scenario(WITH_ERP)
      .walk(GIVEN)
      .walk([[1, confirm('r1', { order: 'o1' }), 'confirmed A:3 B:2 for o1']]);
    assert.equal(scenario.level('A'), 'A 5 = 3 allocated + 2 available');
    scenario.walk([[2, acknowledge('r1'), 'acknowledged A:3 B:2 for o1']]);
    assert.equal(scenario.level('A'), 'A 2 = 2 available');
    assert.deepEqual(scenario.ledger('A'), [
      'set onHand+5',
      'reserve r1 reserved+3',
      'confirm r1 reserved-3 allocated+3 order_id=o1',
      'acknowledge r1 onHand-3 allocated-3',
    ]);
  });

  it('is acknowledged at once where there is no ERP to wait for', () => {
    const scenario = new Scenario().walk(GIVEN).walk([[1, confirm('r1'), 'acknowledged A:3 B:2']]);
    assert.equal(scenario.level('A'), 'A 2 = 2 available');
    assert.deepEqual(scenario.ledger('B'), [
      'set onHand+5',
      'reserve r1 reserved+2',
      'confirm r1 reserved-2 allocated+2',
      'acknowledge r1 onHand-2 allocated-2',
    ]);
  });

  it('goes through up to the last millisecond, and not at the deadline', () => {
    new Scenario().walk(GIVEN).walk([[599.999, confirm('r1'), 'acknowledged A:3 B:2']]);
    const late = new Scenario()
      .walk(GIVEN)
      .walk([[600, confirm('r1'), 'reservation_expired at 600']]);
    assert.equal(late.level('A'), 'A 5 = 5 available');
    assert.deepEqual(late.ledger('A'), [
      'set onHand+5',
      'reserve r1 reserved+3',
      'expire r1 reserved-3',
    ]);
  });

  it('for the order it is latched to, or for none named', () => {
    const latched: readonly Row[] = [
      ...GIVEN,
      [1, extend('r1', { order: 'o1' }), 'active A:3 B:2 until 901 for o1'],
    ];
    new Scenario()
      .walk(latched)
      .walk([[2, confirm('r1', { order: 'o1' }), 'acknowledged A:3 B:2 for o1']]);
    new Scenario().walk(latched).walk([[2, confirm('r1'), 'acknowledged A:3 B:2 for o1']]);
    new Scenario().walk(latched).walk([[2, confirm('r1', { order: 'o2' }), 'order_mismatch']]);
  });
});

describe('confirm twice', () => {
  it('gives the first answer again to the same order, or to none', () => {
    const scenario = new Scenario(WITH_ERP).walk(GIVEN).walk([
      [1, confirm('r1', { order: 'o1' }), 'confirmed A:3 B:2 for o1'],
      [2, confirm('r1', { order: 'o1' }), 'again confirmed A:3 B:2 for o1'],
      [3, confirm('r1'), 'again confirmed A:3 B:2 for o1'],
      [4, confirm('r1', { order: 'o2' }), 'already_confirmed'],
      [9_999, confirm('r1', { order: 'o1' }), 'again confirmed A:3 B:2 for o1'],
    ]);
    assert.equal(scenario.ledger('A').length, 3);
    assert.equal(scenario.level('A'), 'A 5 = 3 allocated + 2 available');
  });

  it('the first order that names itself adopts a confirm made without one', () => {
    const scenario = new Scenario().walk(GIVEN).walk([
      [1, confirm('r1'), 'acknowledged A:3 B:2'],
      [2, confirm('r1', { order: 'o1' }), 'again acknowledged A:3 B:2 for o1'],
      [3, confirm('r1', { order: 'o2' }), 'already_confirmed'],
      [4, confirm('r1'), 'again acknowledged A:3 B:2 for o1'],
    ]);
    assert.equal(scenario.reservation('r1').endedAt, scenario.now - 2_000);
    assert.equal(scenario.ledger('A').length, 5);
    assert.equal(scenario.ledger('A').at(-1), 'adopt r1 order_id=o1');
    assert.equal(scenario.ledger('B').at(-1), 'adopt r1 order_id=o1');
  });
});

describe('confirm of less than was reserved', () => {
  it('confirms those units and gives the rest back, in one step', () => {
    const scenario = new Scenario(WITH_ERP)
      .walk(GIVEN)
      .walk([[1, confirm('r1', { lines: 'A:1' }), 'confirmed A:1 B:0']]);
    assert.equal(scenario.level('A'), 'A 5 = 1 allocated + 4 available');
    assert.equal(scenario.level('B'), 'B 5 = 5 available');
    assert.deepEqual(scenario.ledger('A').slice(2), [
      'confirm r1 reserved-1 allocated+1',
      'release r1 reserved-2',
    ]);
    assert.deepEqual(scenario.ledger('B').slice(2), ['release r1 reserved-2']);
    scenario.walk([
      [2, acknowledge('r1'), 'acknowledged A:1 B:0'],
      [3, confirm('r1', { lines: 'A:3 B:2' }), 'again acknowledged A:1 B:0'],
    ]);
    assert.equal(scenario.level('A'), 'A 4 = 4 available');
  });

  it('sums the lines of one SKU', () => {
    new Scenario().walk(GIVEN).walk([
      [1, confirm('r1', { lines: 'A:2 A:2' }), 'quantity_exceeds_reserved A:4 of 3'],
      [1, confirm('r1', { lines: 'A:1 A:2' }), 'acknowledged A:3 B:0'],
    ]);
  });

  it('never more, and nothing of what was not reserved', () => {
    const scenario = new Scenario().walk(GIVEN).walk([
      [1, confirm('r1', { lines: 'A:3 B:3' }), 'quantity_exceeds_reserved B:3 of 2'],
      [1, confirm('r1', { lines: 'A:1 C:1' }), 'line_not_reserved C'],
    ]);
    assert.equal(scenario.level('A'), 'A 5 = 3 reserved + 2 available');
    assert.equal(scenario.reservation('r1').status, 'active');
  });
});

describe('confirm after the deadline with on_expired: reacquire', () => {
  it('is served where the stock is still there', () => {
    const scenario = new Scenario(WITH_ERP).walk(GIVEN).walk([
      [
        601,
        confirm('r1', { order: 'o1', late: 'reacquire' }),
        'confirmed A:3 B:2 for o1 reacquired',
      ],
      [602, confirm('r1', { order: 'o1' }), 'again confirmed A:3 B:2 for o1 reacquired'],
    ]);
    assert.equal(scenario.level('A'), 'A 5 = 3 allocated + 2 available');
    assert.deepEqual(scenario.ledger('A').slice(2), [
      'expire r1 reserved-3',
      'confirm r1 allocated+3 order_id=o1 reacquired=true',
    ]);
  });

  it('makes no difference before the deadline', () => {
    new Scenario()
      .walk(GIVEN)
      .walk([[599.999, confirm('r1', { late: 'reacquire' }), 'acknowledged A:3 B:2']]);
  });

  it('takes part of it where only part was ordered', () => {
    const scenario = new Scenario(WITH_ERP).walk(GIVEN).walk([
      [600, reserve('r2', 'A:4'), 'active A:4 until 1200'],
      [601, confirm('r1', { lines: 'A:1 B:2', late: 'reacquire' }), 'confirmed A:1 B:2 reacquired'],
    ]);
    assert.equal(scenario.level('A'), 'A 5 = 4 reserved + 1 allocated + 0 available');
  });

  it('finds units that others let lapse', () => {
    new Scenario().walk(GIVEN).walk([
      [600, reserve('r2', 'A:5', { ttl: 10 }), 'active A:5 until 610'],
      [610, confirm('r1', { late: 'reacquire' }), 'acknowledged A:3 B:2 reacquired'],
    ]);
  });

  it('is refused where one line is gone, takes nothing, and the refund is recorded once', () => {
    const scenario = new Scenario().walk(GIVEN).walk([
      [600, reserve('r2', 'A:3'), 'active A:3 until 1200'],
      [
        601,
        confirm('r1', { order: 'o1', late: 'reacquire' }),
        'reservation_expired at 600 to be refunded',
      ],
      [602, confirm('r1', { late: 'reacquire' }), 'reservation_expired at 600 to be refunded'],
      [603, confirm('r1'), 'reservation_expired at 600 to be refunded'],
      [604, extend('r1'), 'reservation_expired at 600 to be refunded'],
      [605, release('r1'), 'reservation_expired at 600 to be refunded'],
      [606, confirm('r1', { order: 'o2', late: 'reacquire' }), 'order_mismatch'],
    ]);
    assert.deepEqual(
      [...scenario.ledger('A'), ...scenario.ledger('B')].filter((line) => line.includes('refund')),
      ['refund_required r1 quantity=3 order_id=o1', 'refund_required r1 quantity=2 order_id=o1'],
    );
    assert.equal(scenario.level('B'), 'B 5 = 5 available');
    assert.equal(scenario.reservation('r1').orderId, 'o1');
  });

  it('asks a refund of what was ordered only', () => {
    const scenario = new Scenario().walk(GIVEN).walk([
      [600, setStock('A', 0), 'A 0 = 0 available'],
      [
        601,
        confirm('r1', { lines: 'A:2', late: 'reacquire' }),
        'reservation_expired at 600 to be refunded',
      ],
    ]);
    assert.equal(scenario.ledger('A').at(-1), 'refund_required r1 quantity=2 order_id=null');
    assert.equal(scenario.ledger('B').at(-1), 'expire r1 reserved-2');
  });

  it('stays refused once the refund was asked for, even if the stock comes back', () => {
    const scenario = new Scenario().walk(GIVEN).walk([
      [600, setStock('A', 0), 'A 0 = 0 available'],
      [601, confirm('r1', { late: 'reacquire' }), 'reservation_expired at 600 to be refunded'],
      [602, setStock('A', 9), 'A 9 = 9 available'],
      [603, confirm('r1', { late: 'reacquire' }), 'reservation_expired at 600 to be refunded'],
    ]);
    assert.equal(scenario.level('A'), 'A 9 = 9 available');
  });

  it('does not resurrect what was released', () => {
    new Scenario().walk(GIVEN).walk([
      [1, release('r1'), 'released A:3 B:2'],
      [2, confirm('r1', { late: 'reacquire' }), 'reservation_released'],
    ]);
  });

  it('checks the lines before it takes anything', () => {
    new Scenario().walk(GIVEN).walk([
      [600, sweep(), 'expired r1'],
      [
        601,
        confirm('r1', { lines: 'A:4', late: 'reacquire' }),
        'quantity_exceeds_reserved A:4 of 3',
      ],
      [601, confirm('r1', { lines: 'C:1', late: 'reacquire' }), 'line_not_reserved C'],
      [602, confirm('r1', { late: 'reacquire' }), 'acknowledged A:3 B:2 reacquired'],
    ]);
  });

  it('does not take a customer past the limit that the SKU has', () => {
    new Scenario().walk([
      [0, setStock('A', 9, { policy: { maxPerCustomer: 2 } }), 'created A 9 = 9 available'],
      [0, reserve('r1', 'A:2', { customer: 'ana' }), 'active A:2 until 600'],
      [600, reserve('r2', 'A:1', { customer: 'ana' }), 'active A:1 until 1200'],
      [601, confirm('r1', { lines: 'A:1', late: 'reacquire' }), 'acknowledged A:1 reacquired'],
    ]);
    new Scenario().walk([
      [0, setStock('A', 9, { policy: { maxPerCustomer: 2 } }), 'created A 9 = 9 available'],
      [0, reserve('r1', 'A:2', { customer: 'ana' }), 'active A:2 until 600'],
      [600, reserve('r2', 'A:1', { customer: 'ana' }), 'active A:1 until 1200'],
      [601, confirm('r1', { late: 'reacquire' }), 'reservation_expired at 600 to be refunded'],
    ]);
  });
});

describe('acknowledge', () => {
  it('takes from the shelf what is confirmed and not cancelled, once', () => {
    const scenario = new Scenario(WITH_ERP).walk(GIVEN).walk([
      [1, confirm('r1', { lines: 'A:2 B:2' }), 'confirmed A:2 B:2'],
      [2, acknowledge('r1'), 'acknowledged A:2 B:2'],
      [3, acknowledge('r1'), 'again acknowledged A:2 B:2'],
    ]);
    assert.equal(scenario.level('A'), 'A 3 = 3 available');
    assert.equal(scenario.reservation('r1').endedAt, scenario.now - 1_000);
  });

  it('never takes more than is there: below a shortfall the entry says how many lacked', () => {
    const scenario = new Scenario(WITH_ERP).walk(GIVEN).walk([
      [1, confirm('r1'), 'confirmed A:3 B:2'],
      [2, setStock('A', 1), 'A 1 = 3 allocated + 0 available, short 2'],
      [3, acknowledge('r1'), 'acknowledged A:3 B:2'],
    ]);
    assert.equal(scenario.level('A'), 'A 0 = 0 available');
    assert.equal(scenario.ledger('A').at(-1), 'acknowledge r1 onHand-1 allocated-3 lacking=2');
  });

  it('also where the confirm is acknowledged at once', () => {
    const scenario = new Scenario().walk(GIVEN).walk([
      [2, setStock('A', 0), 'A 0 = 3 reserved + 0 available, short 3'],
      [3, confirm('r1'), 'acknowledged A:3 B:2'],
    ]);
    assert.equal(scenario.level('A'), 'A 0 = 0 available');
    assert.deepEqual(scenario.ledger('A').slice(-2), [
      'confirm r1 reserved-3 allocated+3',
      'acknowledge r1 allocated-3 lacking=3',
    ]);
  });
});
