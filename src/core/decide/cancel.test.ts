import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { acknowledge, cancel, confirm, reserve, setStock } from '../../../test/support/commands.ts';
import { Scenario, WITH_ERP, type Row } from '../../../test/support/scenario.ts';
import { MAX_STOCK } from '../quantities.ts';
import type { CancelCommand } from '../command.ts';

const CONFIRMED: readonly Row[] = [
  [0, setStock('A', 5), 'created A 5 = 5 available'],
  [0, setStock('B', 5), 'created B 5 = 5 available'],
  [0, reserve('r1', 'A:3 B:2'), 'active A:3 B:2 until 600'],
  [1, confirm('r1'), 'confirmed A:3 B:2'],
];
const ACKNOWLEDGED: readonly Row[] = [...CONFIRMED, [2, acknowledge('r1'), 'acknowledged A:3 B:2']];

const PART = { lines: 'A:2' };
/** Where the units go, by whether the ERP has deducted them and whether they go back on sale. */
const PLACES: readonly [
  title: string,
  given: readonly Row[],
  command: CancelCommand,
  level: string,
  entry: string,
][] = [
  [
    'before the ERP has deducted, restocked: only the promise is freed',
    CONFIRMED,
    cancel('r1', PART),
    'A 5 = 1 allocated + 4 available',
    'cancel r1 allocated-2 quantity=2 restock=true',
  ],
  [
    'before the ERP has deducted, not restocked: the units go with the promise',
    CONFIRMED,
    cancel('r1', { ...PART, restock: false }),
    'A 3 = 1 allocated + 2 available',
    'cancel r1 onHand-2 allocated-2 quantity=2 restock=false',
  ],
  [
    'after the ERP has deducted, restocked: the units come back',
    ACKNOWLEDGED,
    cancel('r1', PART),
    'A 4 = 4 available',
    'cancel r1 onHand+2 quantity=2 restock=true',
  ],
  [
    'after the ERP has deducted, not restocked: nothing moves',
    ACKNOWLEDGED,
    cancel('r1', { ...PART, restock: false }),
    'A 2 = 2 available',
    'cancel r1 quantity=2 restock=false',
  ],
];

describe('cancel, where the units go', () => {
  for (const [title, given, command, level, entry] of PLACES) {
    it(title, () => {
      const scenario = new Scenario(WITH_ERP).walk(given);
      scenario.do(command);
      assert.equal(scenario.level('A'), level);
      assert.equal(scenario.ledger('A').at(-1), entry);
      assert.deepEqual(scenario.audit().problems, []);
    });
  }

  it('line by line, some restocked and some not', () => {
    const scenario = new Scenario(WITH_ERP).walk(CONFIRMED).walk([
      [
        2,
        {
          ...cancel('r1'),
          lines: [
            { sku: 'A', quantity: 1, restock: true },
            { sku: 'A', quantity: 2, restock: false },
            { sku: 'B', quantity: 1, restock: false },
          ],
        },
        'confirmed A:0 B:1',
      ],
    ]);
    assert.equal(scenario.level('A'), 'A 3 = 3 available');
    assert.equal(scenario.level('B'), 'B 4 = 1 allocated + 3 available');
  });

  it('what is left is acknowledged later, and no more', () => {
    const scenario = new Scenario(WITH_ERP).walk(CONFIRMED).walk([
      [2, cancel('r1', { lines: 'A:2 B:2' }), 'confirmed A:1 B:0'],
      [3, acknowledge('r1'), 'acknowledged A:1 B:0'],
    ]);
    assert.equal(scenario.level('A'), 'A 4 = 4 available');
    assert.equal(scenario.level('B'), 'B 5 = 5 available');
  });

  it('lost units leave the shelf only as far as they are on it', () => {
    const scenario = new Scenario(WITH_ERP).walk(CONFIRMED).walk([
      [2, setStock('A', 1), 'A 1 = 3 allocated + 0 available, short 2'],
      [
        3,
        {
          ...cancel('r1'),
          lines: [
            { sku: 'A', quantity: 1, restock: false },
            { sku: 'A', quantity: 2, restock: false },
          ],
        },
        'confirmed A:0 B:2',
      ],
    ]);
    assert.equal(scenario.level('A'), 'A 0 = 0 available');
    assert.deepEqual(scenario.ledger('A').slice(-2), [
      'cancel r1 onHand-1 allocated-1 quantity=1 restock=false',
      'cancel r1 allocated-2 quantity=2 restock=false lacking=2',
    ]);
  });

  it('does not take the shelf beyond what can be counted', () => {
    const full = `A ${MAX_STOCK} = ${MAX_STOCK} available`;
    const given = [...ACKNOWLEDGED, [3, setStock('A', MAX_STOCK), full]] as const;
    const over = `stock_out_of_range A ${MAX_STOCK + 2}`;
    const scenario = new Scenario(WITH_ERP).walk(given).walk([
      [4, cancel('r1', { lines: 'A:1 A:1' }), over],
      [5, cancel('r1', { lines: 'A:2', restock: false }), 'acknowledged A:1 B:2'],
    ]);
    assert.equal(scenario.level('A'), full);
  });
});

describe('cancel, how much', () => {
  it('all that remains where no lines are named', () => {
    new Scenario().walk([
      [0, setStock('A', 5), 'created A 5 = 5 available'],
      [0, setStock('B', 5), 'created B 5 = 5 available'],
      [0, reserve('r1', 'A:3 B:2'), 'active A:3 B:2 until 600'],
      [1, confirm('r1', { lines: 'A:2 B:2' }), 'acknowledged A:2 B:2'],
      [2, cancel('r1', { lines: 'B:1' }), 'acknowledged A:2 B:1'],
      [3, cancel('r1'), 'cancelled A:0 B:0'],
    ]);
  });

  it('never more than was confirmed, whatever was cancelled before', () => {
    const scenario = new Scenario().walk([
      [0, setStock('A', 5), 'created A 5 = 5 available'],
      [0, reserve('r1', 'A:3'), 'active A:3 until 600'],
      [1, confirm('r1', { lines: 'A:2' }), 'acknowledged A:2'],
      [2, cancel('r1', { lines: 'A:3' }), 'quantity_exceeds_confirmed A:3 of 2 less 0'],
      [2, cancel('r1', { lines: 'A:1 A:2' }), 'quantity_exceeds_confirmed A:3 of 2 less 0'],
      [3, cancel('r1', { lines: 'A:1' }), 'acknowledged A:1'],
      [4, cancel('r1', { lines: 'A:2' }), 'quantity_exceeds_confirmed A:2 of 2 less 1'],
      [5, cancel('r1', { lines: 'A:1' }), 'cancelled A:0'],
      [6, cancel('r1', { lines: 'A:1' }), 'reservation_cancelled'],
    ]);
    assert.equal(scenario.level('A'), 'A 5 = 5 available');
  });

  it('nothing of what was not reserved, or reserved and not confirmed', () => {
    new Scenario(WITH_ERP).walk([
      [0, setStock('A', 5), 'created A 5 = 5 available'],
      [0, setStock('B', 5), 'created B 5 = 5 available'],
      [0, reserve('r1', 'A:1 B:1'), 'active A:1 B:1 until 600'],
      [1, confirm('r1', { lines: 'A:1' }), 'confirmed A:1 B:0'],
      [2, cancel('r1', { lines: 'C:1' }), 'line_not_reserved C'],
      [2, cancel('r1', { lines: 'B:1' }), 'quantity_exceeds_confirmed B:1 of 0 less 0'],
    ]);
  });
});

describe('cancel, repeated', () => {
  it('the same cancellation applies once, also after others', () => {
    const scenario = new Scenario(WITH_ERP).walk(CONFIRMED).walk([
      [2, cancel('r1', { lines: 'A:1', as: 'c1' }), 'confirmed A:2 B:2'],
      [3, cancel('r1', { lines: 'A:1', as: 'c1' }), 'again confirmed A:2 B:2'],
      [4, cancel('r1', { lines: 'A:1', as: 'c2' }), 'confirmed A:1 B:2'],
      [5, cancel('r1', { lines: 'A:1', as: 'c1' }), 'again confirmed A:1 B:2'],
      [6, cancel('r1'), 'cancelled A:0 B:0'],
      [7, cancel('r1', { lines: 'A:1', as: 'c2' }), 'again cancelled A:0 B:0'],
      [8, cancel('r1', { as: 'c3' }), 'again cancelled A:0 B:0'],
      [9, cancel('r1', { lines: 'A:1', as: 'c3' }), 'reservation_cancelled'],
    ]);
    assert.deepEqual(scenario.reservation('r1').cancellations, ['c1', 'c2']);
    assert.equal(scenario.ledger('A').length, 6);
  });
});
