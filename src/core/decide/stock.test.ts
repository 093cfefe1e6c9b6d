import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  adjust,
  confirm,
  extend,
  importStock,
  release,
  reserve,
  setStock,
  setting,
} from '../../../test/support/commands.ts';
import { START } from '../../../test/support/fake-clock.ts';
import { Scenario, WITH_ERP, type Row } from '../../../test/support/scenario.ts';

describe('set_stock', () => {
  it('introduces a SKU, and changes what it says and no more', () => {
    const scenario = new Scenario().walk([
      [0, setStock('A', 5), 'created A 5 = 5 available'],
      [1, setStock('A', 5), 'A 5 = 5 available'],
      [2, setStock('A', null, { safety: 2 }), 'A 5 = 2 safety + 3 available'],
      [3, setStock('A', 7), 'A 7 = 2 safety + 5 available'],
      [4, setStock('A', 7, { safety: 0 }), 'A 7 = 7 available'],
    ]);
    assert.deepEqual(scenario.ledger('A'), [
      'set onHand+5',
      'policy safetyStock+2',
      'set onHand+2',
      'policy safetyStock-2',
    ]);
  });

  it('introduces a SKU that has nothing yet', () => {
    const scenario = new Scenario().walk([
      [0, setStock('A', 0), 'created A 0 = 0 available'],
      [0, setStock('B', null, { policy: { maxPerOrder: 1 } }), 'created B 0 = 0 available'],
    ]);
    assert.deepEqual(scenario.ledger('A'), ['set']);
    assert.deepEqual(scenario.ledger('B'), ['set', 'policy max_per_order=1']);
  });

  it('tells in the ledger what of the policy changed', () => {
    const scenario = new Scenario().walk([
      [0, setStock('A', 5), 'created A 5 = 5 available'],
      [
        1,
        setStock('A', null, { policy: { maxPerOrder: 2, ttlSeconds: 60, closesAt: START } }),
        'A 5 = 5 available',
      ],
      [
        2,
        setStock('A', null, { policy: { maxPerOrder: 2, ttlSeconds: null, opensAt: null } }),
        'A 5 = 5 available',
      ],
    ]);
    assert.deepEqual(scenario.ledger('A').slice(1), [
      `policy max_per_order=2 ttl_seconds=60 closes_at=${START}`,
      'policy ttl_seconds=null',
    ]);
  });
});

describe('adjust_stock', () => {
  it('adds and takes away, and says why', () => {
    const scenario = new Scenario().walk([
      [0, adjust('A', 1), 'unknown_sku A'],
      [0, setStock('A', 5), 'created A 5 = 5 available'],
      [1, adjust('A', 2, 'found'), 'A 7 = 7 available'],
      [2, adjust('A', -7, 'stolen'), 'A 0 = 0 available'],
      [3, adjust('A', -1), 'stock_out_of_range A -1'],
    ]);
    assert.deepEqual(scenario.ledger('A').slice(1), [
      'adjust onHand+2 reason=found',
      'adjust onHand-7 reason=stolen',
    ]);
  });
});

/** Five units: three active ones of which r2 is latched, one confirmed. */
const PROMISED: readonly Row[] = [
  [0, setStock('A', 5), 'created A 5 = 5 available'],
  [1, reserve('r1', 'A:1'), 'active A:1 until 601'],
  [2, reserve('r2', 'A:1'), 'active A:1 until 602'],
  [2, extend('r2', { order: 'o2' }), 'active A:1 until 902 for o2'],
  [3, reserve('r3', 'A:1'), 'active A:1 until 603'],
  [4, reserve('r4', 'A:1'), 'active A:1 until 604'],
  [4, confirm('r4'), 'confirmed A:1'],
];
const RELEASING = { ...WITH_ERP, onShortfall: 'release_newest' } as const;

describe('stock below the promises', () => {
  it('is accepted, recorded as a shortfall each time it deepens, and stops new reservations', () => {
    const scenario = new Scenario(WITH_ERP).walk(PROMISED).walk([
      [5, setStock('A', 3), 'A 3 = 3 reserved + 1 allocated + 0 available, short 1'],
      [6, reserve('r5', 'A:1'), 'all_reserved A:0/1 until 601'],
      [7, adjust('A', -2), 'A 1 = 3 reserved + 1 allocated + 0 available, short 3'],
      [8, adjust('A', 1), 'A 2 = 3 reserved + 1 allocated + 0 available, short 2'],
      [
        9,
        setStock('A', 2, { safety: 1 }),
        'A 2 = 3 reserved + 1 allocated + 1 safety + 0 available, short 3',
      ],
      [10, confirm('r1'), 'confirmed A:1'],
      [11, release('r3'), 'released A:1'],
    ]);
    assert.equal(
      scenario.level('A'),
      'A 2 = 1 reserved + 2 allocated + 1 safety + 0 available, short 2',
    );
    assert.deepEqual(
      scenario.ledger('A').filter((line) => line.startsWith('shortfall')),
      ['shortfall units=1', 'shortfall units=3', 'shortfall units=3'],
    );
  });

  it('releases unlatched reservations, newest first, only as many as it must, if the rules say so', () => {
    const scenario = new Scenario(RELEASING).walk(PROMISED).walk([
      [5, setStock('A', 3), 'A 3 = 2 reserved + 1 allocated + 0 available, released r3'],
      [6, confirm('r3'), 'reservation_released'],
    ]);
    assert.deepEqual(scenario.ledger('A').slice(-3), [
      'set onHand-2',
      'shortfall units=1',
      'release r3 reserved-1',
    ]);
  });

  it('never releases what is latched or confirmed', () => {
    new Scenario(RELEASING).walk(PROMISED).walk([
      [
        5,
        setStock('A', 0),
        'A 0 = 1 reserved + 1 allocated + 0 available, short 2, released r3, released r1',
      ],
      [6, confirm('r2'), 'confirmed A:1 for o2'],
    ]);
  });

  it('releases a reservation whole: its other lines come back, too', () => {
    const scenario = new Scenario(RELEASING).walk([
      [0, setStock('A', 2), 'created A 2 = 2 available'],
      [0, setStock('B', 2), 'created B 2 = 2 available'],
      [0, reserve('r1', 'A:2 B:2'), 'active A:2 B:2 until 600'],
      [1, setStock('A', 1), 'A 1 = 1 available, released r1'],
    ]);
    assert.equal(scenario.level('B'), 'B 2 = 2 available');
  });

  it('of those made in one millisecond the higher id is the newer', () => {
    new Scenario(RELEASING).walk([
      [0, setStock('A', 2), 'created A 2 = 2 available'],
      [0, reserve('r2', 'A:1'), 'active A:1 until 600'],
      [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
      [1, setStock('A', 1), 'A 1 = 1 reserved + 0 available, released r2'],
    ]);
  });

  it('what has lapsed is no promise: no shortfall, nobody released', () => {
    for (const rules of [WITH_ERP, RELEASING]) {
      const scenario = new Scenario(rules);
      scenario.do(setStock('A', 101));
      // More than are swept in passing, so that some are still unrecorded when the stock falls.
      for (let n = 0; n < 100; n += 1) {
        scenario.do(reserve(`lapsing-${String(n).padStart(3, '0')}`, 'A:1', { ttl: 10 }));
      }
      scenario.walk([
        [0, reserve('r1', 'A:1', { ttl: 11 }), 'active A:1 until 11'],
        [10, setStock('A', 1), 'A 1 = 1 reserved + 0 available'],
      ]);
      assert.ok(!scenario.ledger('A').some((line) => line.startsWith('shortfall')));
      assert.equal(scenario.reservation('r1').status, 'active');
    }
  });

  it('safety stock raised above the stock is a shortfall like any other', () => {
    const scenario = new Scenario(WITH_ERP)
      .walk(PROMISED)
      .walk([
        [
          5,
          setStock('A', null, { safety: 3 }),
          'A 5 = 3 reserved + 1 allocated + 3 safety + 0 available, short 2',
        ],
      ]);
    assert.deepEqual(scenario.ledger('A').slice(-2), ['policy safetyStock+3', 'shortfall units=2']);
  });

  it('is of promised units only: safety stock that is missing on the shelf lacks nobody', () => {
    const scenario = new Scenario(RELEASING).walk([
      [0, setStock('A', 0, { safety: 5 }), 'created A 0 = 5 safety + 0 available'],
      [1, setStock('A', 9), 'A 9 = 5 safety + 4 available'],
      [2, reserve('r1', 'A:3'), 'active A:3 until 602'],
      [2, extend('r1', { order: 'o1' }), 'active A:3 until 902 for o1'],
      [3, setStock('A', 7), 'A 7 = 3 reserved + 5 safety + 0 available, short 1'],
      [4, setStock('A', 2), 'A 2 = 3 reserved + 5 safety + 0 available, short 3'],
      [5, setStock('A', 1), 'A 1 = 3 reserved + 5 safety + 0 available, short 3'],
      [902, setStock('A', 2), 'A 2 = 5 safety + 0 available'],
    ]);
    const shortfalls = scenario.ledger('A').filter((line) => line.startsWith('shortfall'));
    assert.deepEqual(shortfalls, ['shortfall units=1', 'shortfall units=3']);
  });
});

describe('import_stock', () => {
  const ROWS = [
    setting('A', 9),
    setting('B', 1, { policy: { maxPerOrder: 1 } }),
    setting('C', 3),
    setting('B', 2),
    setting('B', 2),
  ];
  const EXPECTED = 'created 1, updated 2, unchanged 2';
  const GIVEN: readonly Row[] = [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, setStock('C', 3), 'created C 3 = 3 available'],
  ];

  it('sets row after row and tells what it did', () => {
    const scenario = new Scenario().walk(GIVEN).walk([[1, importStock(ROWS), EXPECTED]]);
    assert.equal(scenario.level('A'), 'A 9 = 9 available');
    assert.equal(scenario.level('B'), 'B 2 = 2 available');
  });

  it('tells beforehand exactly what it would do, and does nothing', () => {
    const scenario = new Scenario().walk(GIVEN);
    const before = scenario.book.entries.length;
    const rehearsal = scenario.do(importStock(ROWS, true));
    assert.equal(scenario.book.entries.length, before);
    assert.equal(scenario.book.level('B'), undefined);
    assert.deepEqual(rehearsal, scenario.do(importStock(ROWS)));
    assert.ok(rehearsal.ok);
    assert.deepEqual(rehearsal.changes, [
      { sku: 'A', effect: 'updated', onHandBefore: 5, onHandAfter: 9 },
      { sku: 'B', effect: 'created', onHandBefore: 0, onHandAfter: 1 },
      { sku: 'B', effect: 'updated', onHandBefore: 1, onHandAfter: 2 },
    ]);
  });

  it('settles shortfalls as a single setting would', () => {
    const scenario = new Scenario(RELEASING).walk(PROMISED).walk([
      [5, importStock([setting('A', 4)]), 'created 0, updated 1, unchanged 0'],
      [6, importStock([setting('A', 3)]), 'created 0, updated 1, unchanged 0'],
    ]);
    assert.equal(scenario.reservation('r3').status, 'released');
    assert.equal(scenario.reservation('r1').status, 'active');
  });

  it('names at most the first thousand changes', () => {
    const rows = Array.from({ length: 1_001 }, (_, index) => setting(`S${index}`, 1));
    const answer = new Scenario().do(importStock(rows, true));
    assert.ok(answer.ok);
    assert.equal(answer.created, 1_001);
    assert.equal(answer.changes.length, 1_000);
  });
});
