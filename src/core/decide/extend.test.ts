import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { extend, reserve, setStock, sweep } from '../../../test/support/commands.ts';
import { Scenario, type Row } from '../../../test/support/scenario.ts';

const GIVEN: readonly Row[] = [
  [0, setStock('A', 5), 'created A 5 = 5 available'],
  [0, setStock('B', 5), 'created B 5 = 5 available'],
  [0, reserve('r1', 'A:1 B:1'), 'active A:1 B:1 until 600'],
];

describe('extend', () => {
  it('gives the default time from now where nobody says', () => {
    const scenario = new Scenario()
      .walk(GIVEN)
      .walk([[100, extend('r1'), 'active A:1 B:1 until 700']]);
    for (const sku of ['A', 'B']) {
      assert.deepEqual(scenario.ledger(sku), [
        'set onHand+5',
        'reserve r1 reserved+1',
        'extend r1 expires_at=2027-01-15T08:11:40.000Z order_id=null',
      ]);
    }
  });

  it('never shortens', () => {
    const scenario = new Scenario().walk(GIVEN).walk([
      [100, extend('r1', { ttl: 10 }), 'again active A:1 B:1 until 600'],
      [100, extend('r1', { ttl: 500 }), 'again active A:1 B:1 until 600'],
    ]);
    assert.equal(scenario.ledger('A').length, 2);
  });

  it('ends at the cap from the creation, and says so when nothing is left to give', () => {
    new Scenario().walk(GIVEN).walk([
      [500, extend('r1', { ttl: 6_000 }), 'active A:1 B:1 until 6500'],
      [6_000, extend('r1', { ttl: 1_200 }), 'active A:1 B:1 until 7200'],
      [6_001, extend('r1', { ttl: 1_199 }), 'again active A:1 B:1 until 7200'],
      [6_001, extend('r1', { ttl: 1_200 }), 'extend_limit_reached until 7200'],
      [7_199.999, extend('r1', { ttl: 1 }), 'extend_limit_reached until 7200'],
      [7_200, extend('r1', { ttl: 1 }), 'reservation_expired at 7200'],
    ]);
  });

  it('adds no more at once than a SKU allows, and by default as much; an order has its time to pay', () => {
    new Scenario().walk([
      [0, setStock('A', 5, { policy: { ttlSeconds: 60 } }), 'created A 5 = 5 available'],
      [0, setStock('B', 5, { policy: { ttlSeconds: 90 } }), 'created B 5 = 5 available'],
      [0, reserve('r1', 'A:1 B:1'), 'active A:1 B:1 until 60'],
      [20, extend('r1', { ttl: 600 }), 'active A:1 B:1 until 80'],
      [20, extend('r1', { ttl: 600 }), 'again active A:1 B:1 until 80'],
      [30, extend('r1'), 'active A:1 B:1 until 90'],
      [50, setStock('A', null, { policy: { ttlSeconds: null } }), 'A 5 = 1 reserved + 4 available'],
      [50, extend('r1'), 'active A:1 B:1 until 140'],
      [60, extend('r1', { order: 'o1', method: 'pix' }), 'active A:1 B:1 until 1860 for o1'],
    ]);
  });

  it('refuses to be asked for more than the longest lifetime', () => {
    new Scenario()
      .walk(GIVEN)
      .walk([[1, extend('r1', { ttl: 86_401 }), 'ttl_out_of_range limit 86400']]);
  });

  it('never resurrects: at the deadline it has lapsed, swept or not', () => {
    new Scenario().walk(GIVEN).walk([
      [599.999, extend('r1', { ttl: 1 }), 'active A:1 B:1 until 600.999'],
      [600.999, extend('r1'), 'reservation_expired at 600.999'],
      [601, sweep(), 'expired none'],
      [601, extend('r1', { order: 'o1' }), 'reservation_expired at 600.999'],
    ]);
  });

  it('leaves a longer lifetime alone that was asked for at the start', () => {
    new Scenario().walk([
      [0, setStock('A', 5), 'created A 5 = 5 available'],
      [0, reserve('r1', 'A:1', { ttl: 86_400 }), 'active A:1 until 86400'],
      [1, extend('r1', { ttl: 86_400 }), 'extend_limit_reached until 86400'],
    ]);
  });
});

describe('extend with an order', () => {
  for (const [method, seconds] of [
    ['card', 900],
    ['pix', 1_800],
    ['boleto', 259_200],
  ] as const) {
    it(`latches with the payment deadline of ${method}, counted from the latching`, () => {
      new Scenario()
        .walk(GIVEN)
        .walk([
          [
            500,
            extend('r1', { order: 'o1', method }),
            `active A:1 B:1 until ${500 + seconds} for o1`,
          ],
        ]);
    });
  }

  it('takes card where no method is named', () => {
    new Scenario()
      .walk(GIVEN)
      .walk([[10, extend('r1', { order: 'o1' }), 'active A:1 B:1 until 910 for o1']]);
  });

  it('gives the whole payment deadline also to who comes just before the cap', () => {
    new Scenario().walk(GIVEN).walk([
      [500, extend('r1', { ttl: 86_400 }), 'active A:1 B:1 until 7200'],
      [
        7_199.999,
        extend('r1', { order: 'o1', method: 'boleto' }),
        'active A:1 B:1 until 266399.999 for o1',
      ],
    ]);
  });

  it('ends at the cap and the payment deadline, however often it is asked', () => {
    new Scenario().walk(GIVEN).walk([
      [500, extend('r1', { order: 'o1', ttl: 86_400 }), 'active A:1 B:1 until 8100 for o1'],
      [8_000, extend('r1', { order: 'o1' }), 'extend_limit_reached until 8100'],
    ]);
  });

  it('latches even where the deadline does not move', () => {
    const scenario = new Scenario().walk(GIVEN).walk([
      [0, extend('r1', { ttl: 7_200 }), 'active A:1 B:1 until 7200'],
      [1, extend('r1', { order: 'o1' }), 'active A:1 B:1 until 7200 for o1'],
      [2, extend('r1', { order: 'o1' }), 'again active A:1 B:1 until 7200 for o1'],
      [3, extend('r1', { order: 'o2' }), 'order_mismatch'],
    ]);
    assert.match(scenario.ledger('A').at(-1) ?? '', /^extend r1 .*order_id=o1$/);
  });

  it('stays latched when it is extended without naming the order', () => {
    new Scenario().walk(GIVEN).walk([
      [0, extend('r1', { order: 'o1' }), 'active A:1 B:1 until 900 for o1'],
      [100, extend('r1', { ttl: 1_000 }), 'active A:1 B:1 until 1100 for o1'],
    ]);
  });

  it('no method without an order: nothing is latched and no payment deadline given', () => {
    new Scenario()
      .walk(GIVEN)
      .walk([[100, extend('r1', { method: 'boleto' }), 'active A:1 B:1 until 700']]);
  });
});
