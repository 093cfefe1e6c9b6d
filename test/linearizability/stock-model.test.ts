/** Hand-written histories of one SKU: each rule of the model, from both sides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, INFO, type OperationRecord } from './checker.ts';
import { stockModel, type StockModelOptions } from './stock-model.ts';
import type { StockInput, StockOutput } from './stock-operations.ts';

type Call = OperationRecord<StockInput, StockOutput>;
/** What is asked, what is answered, from when, to when. */
type Row = readonly [Question, StockOutput | StockOutput['type'] | typeof INFO, number, number];
type Question = StockInput extends infer One
  ? One extends StockInput
    ? Omit<One, 'sku'>
    : never
  : never;

function history(rows: readonly Row[]): Call[] {
  return rows.map(([asked, told, invoke, end], client) => {
    const output = typeof told === 'string' && told !== INFO ? { type: told } : told;
    const input = { sku: 'a', ...asked } as StockInput;
    return { client, input, output: output as StockOutput, invoke, return: end };
  });
}

function reserve(quantity = 1, ttl?: number): Question {
  return { type: 'reserve', quantity, ...(ttl === undefined ? {} : { ttl }) };
}

function granted(id: string, expiresAt = 1_000): StockOutput {
  return { type: 'granted', id, expiresAt };
}

function level(available: number): StockOutput {
  return { type: 'level', available };
}

const confirm = (id: string): Question => ({ type: 'confirm', id });
const release = (id: string): Question => ({ type: 'release', id });
const read: Question = { type: 'read' };
const allReserved: StockOutput = { type: 'refused', reason: 'all_reserved', available: 0 };
const soldOut: StockOutput = { type: 'refused', reason: 'sold_out', available: 0 };
const short: StockOutput = { type: 'refused', reason: 'insufficient_stock', available: 1 };

/** `right` and `wrong` end differently after the same beginning. One unit on hand unless said otherwise. */
interface Case {
  readonly options?: Partial<StockModelOptions>;
  readonly begin?: readonly Row[];
  readonly right?: readonly (readonly Row[])[];
  readonly wrong?: readonly (readonly Row[])[];
}

const CASES: Record<string, Case> = {
  'the last unit is granted once': {
    begin: [[reserve(), granted('r1'), 0, 9]],
    right: [[[reserve(), allReserved, 0, 9]], [[reserve(), allReserved, 10, 11]]],
    wrong: [[[reserve(), granted('r2'), 0, 9]], [[reserve(), soldOut, 10, 11]]],
  },
  'a refusal needs a reason that is true': {
    options: { initialOnHand: 2 },
    begin: [[reserve(), granted('r1'), 0, 1]],
    right: [[[reserve(2), short, 2, 3]], [[reserve(1), granted('r2'), 2, 3]]],
    wrong: [[[reserve(1), allReserved, 2, 3]], [[reserve(2), allReserved, 2, 3]]],
  },
  'sold out is said when the rest is confirmed': {
    begin: [
      [reserve(), granted('r1'), 0, 1],
      [confirm('r1'), 'ok', 2, 3],
    ],
    right: [[[reserve(), soldOut, 4, 5]], [[confirm('r1'), 'ok', 4, 5]], [[read, level(0), 4, 5]]],
    wrong: [
      [[reserve(), allReserved, 4, 5]],
      [[release('r1'), 'ok', 4, 5]],
      [[read, level(1), 4, 5]],
    ],
  },
  'a release gives back once, however often it is asked': {
    begin: [
      [reserve(), granted('r1'), 0, 1],
      [release('r1'), 'ok', 2, 3],
      [release('r1'), 'ok', 4, 5],
    ],
    right: [[[read, level(1), 6, 7]], [[confirm('r1'), 'released', 6, 7]]],
    wrong: [
      [[read, level(2), 6, 7]],
      [[confirm('r1'), 'ok', 6, 7]],
      [[release('r1'), 'expired', 6, 7]],
    ],
  },
  'a confirmed one is not released': {
    begin: [
      [reserve(), granted('r1'), 0, 1],
      [confirm('r1'), 'ok', 2, 9],
    ],
    right: [
      [[release('r1'), 'already_confirmed', 3, 4]],
      [[release('r1'), 'already_confirmed', 10, 11]],
    ],
    wrong: [[[release('r1'), 'ok', 3, 4]], [[release('r1'), 'released', 10, 11]]],
  },
  'nobody knows an id that was never granted': {
    right: [[[confirm('x'), 'not_found', 0, 1]], [[release('x'), 'not_found', 0, 1]]],
    wrong: [[[confirm('x'), 'ok', 0, 1]], [[release('x'), 'expired', 0, 1]]],
  },
  'an id is granted once': {
    options: { initialOnHand: 5 },
    begin: [[reserve(), granted('r1'), 0, 1]],
    wrong: [[[reserve(), granted('r1'), 2, 3]]],
  },
  'the deadline decides, and it has come at the deadline itself': {
    begin: [[reserve(), granted('r1', 10), 0, 1]],
    right: [
      [[confirm('r1'), 'ok', 2, 9]],
      [[confirm('r1'), 'ok', 9, 99]],
      [[confirm('r1'), 'expired', 2, 10]],
      [[release('r1'), 'expired', 10, 10]],
      [[reserve(), allReserved, 9, 20]],
      [[reserve(), granted('r2'), 9, 10]],
    ],
    wrong: [
      [[confirm('r1'), 'expired', 2, 9]],
      [[confirm('r1'), 'ok', 10, 11]],
      [[reserve(), allReserved, 10, 20]],
      [[reserve(), granted('r2'), 2, 9]],
    ],
  },
  'time does not run back: what one saw lapsed, the next sees lapsed': {
    begin: [[reserve(), granted('r1', 10), 0, 1]],
    right: [
      [
        [read, level(1), 2, 12],
        [reserve(), allReserved, 3, 20],
      ],
    ],
    wrong: [
      [
        [read, level(1), 2, 12],
        [reserve(), allReserved, 13, 20],
      ],
    ],
  },
  'a later answer shows that the lapse was not yet seen': {
    options: { initialOnHand: 2 },
    begin: [
      [reserve(), granted('r1', 10), 0, 1],
      [reserve(), granted('r2', 10), 0, 1],
    ],
    right: [
      [
        [confirm('r1'), 'expired', 5, 30],
        [release('r2'), 'ok', 6, 31],
      ],
    ],
    wrong: [
      [
        [confirm('r1'), 'expired', 5, 12],
        [release('r2'), 'ok', 12.5, 31],
      ],
    ],
  },
  'the clocks may differ by the slack, and by no more': {
    options: { slack: 2 },
    begin: [[reserve(1, 10), granted('r1', 12), 0, 1]],
    right: [[[confirm('r1'), 'ok', 13, 14]], [[confirm('r1'), 'expired', 4, 10]]],
    wrong: [[[confirm('r1'), 'ok', 14, 15]], [[confirm('r1'), 'expired', 4, 9]]],
  },
  'a lifetime is as long as was asked for': {
    right: [[[reserve(1, 10), granted('r1', 15), 4, 6]]],
    wrong: [
      [[reserve(1, 10), granted('r1', 13), 4, 6]],
      [[reserve(1, 10), granted('r1', 17), 4, 6]],
    ],
  },
  'the moment that a deadline tells binds the others': {
    options: { initialOnHand: 2 },
    begin: [[reserve(1, 10), granted('r1', 18), 0, 20]],
    right: [[[read, level(2), 0, 7]], [[read, level(1), 7, 9]]],
    wrong: [[[read, level(1), 0, 7]], [[read, level(2), 9, 11]]],
  },
  'a told next expiry is the next one': {
    begin: [[reserve(), granted('r1', 10), 0, 1]],
    right: [[[reserve(), { ...allReserved, nextExpiryAt: 10 }, 2, 3]]],
    wrong: [[[reserve(), { ...allReserved, nextExpiryAt: 11 }, 2, 3]]],
  },
  'on_hand can be set and adjusted, within its range': {
    right: [
      [
        [{ type: 'set_on_hand', onHand: 5 }, { type: 'ok', onHand: 5, available: 5 }, 0, 1],
        [{ type: 'adjust', delta: -2 }, { type: 'ok', onHand: 3 }, 2, 3],
        [{ type: 'adjust', delta: -4 }, 'out_of_range', 4, 5],
        [read, { type: 'level', available: 3, onHand: 3, reserved: 0 }, 6, 7],
      ],
    ],
    wrong: [
      [[{ type: 'adjust', delta: -1 }, 'out_of_range', 0, 1]],
      [[{ type: 'adjust', delta: -2 }, 'ok', 0, 1]],
      [
        [{ type: 'adjust', delta: 4 }, 'ok', 0, 1],
        [read, level(1), 2, 3],
      ],
    ],
  },
  'a shortfall shows as nothing available, and a sale below it leaves nothing on the shelf': {
    options: { initialOnHand: 3 },
    begin: [
      [reserve(3), granted('r1'), 0, 1],
      [{ type: 'set_on_hand', onHand: 1 }, 'ok', 2, 3],
    ],
    right: [
      [[read, level(0), 4, 5]],
      [
        [confirm('r1'), 'ok', 4, 5],
        [{ type: 'adjust', delta: 3 }, { type: 'ok', onHand: 3, available: 3 }, 6, 7],
      ],
    ],
    wrong: [
      [[read, level(1), 4, 5]],
      [
        [confirm('r1'), 'ok', 4, 5],
        [{ type: 'adjust', delta: 3 }, { type: 'ok', onHand: 1 }, 6, 7],
      ],
    ],
  },
  'what is reserved beyond the stock promises nobody a next chance': {
    options: { initialOnHand: 3, safetyStock: 1 },
    begin: [
      [reserve(2), granted('r1', 100), 0, 1],
      [{ type: 'set_on_hand', onHand: 1 }, 'ok', 2, 3],
    ],
    right: [[[reserve(), { ...soldOut, nextExpiryAt: null }, 4, 5]]],
    wrong: [
      [[reserve(), allReserved, 4, 5]],
      [[reserve(), { ...soldOut, nextExpiryAt: 100 }, 4, 5]],
    ],
  },
  'safety stock is never offered': {
    options: { initialOnHand: 3, safetyStock: 2 },
    right: [[[read, level(1), 0, 1]], [[reserve(2), short, 0, 1]]],
    wrong: [[[reserve(2), granted('r1'), 0, 1]]],
  },
  'an unanswered reserve may hold units, for as long as its lifetime allows': {
    begin: [[reserve(1, 10), INFO, 0, 5]],
    right: [
      [[reserve(), granted('r1'), 1, 2]],
      [[reserve(), allReserved, 1, 2]],
      [[reserve(), allReserved, 11, 14]],
      [
        [reserve(), allReserved, 6, 7],
        [reserve(), granted('r1'), 12, 13],
      ],
    ],
    wrong: [
      [[reserve(), allReserved, 15, 16]],
      [
        [read, level(1), 6, 7],
        [read, level(0), 8, 9],
      ],
      [
        [reserve(), allReserved, 6, 7],
        [reserve(), granted('r1'), 8, 9],
      ],
    ],
  },
  'an unanswered reserve lapses no sooner than a lifetime after it was asked': {
    begin: [
      [reserve(1, 10), INFO, 0, 5],
      [reserve(), allReserved, 1, 2],
    ],
    right: [[[reserve(), granted('r1'), 10, 10]]],
    wrong: [[[reserve(), granted('r1'), 9, 9]]],
  },
  'which of several unanswered reserves has lapsed is left open until something tells': {
    options: { initialOnHand: 6 },
    begin: [
      [reserve(1, 10), INFO, 0, 1],
      [reserve(2, 10), INFO, 0, 1.1],
      [reserve(3, 10), INFO, 0, 1.2],
      [read, level(0), 2, 2],
      [read, level(3), 10, 10.1],
    ],
    right: [
      [[read, level(4), 10.2, 10.3]],
      [[read, level(5), 10.2, 10.3]],
      [[read, level(6), 13, 14]],
    ],
    wrong: [[[read, level(2), 10.2, 10.3]], [[read, level(5), 13, 14]]],
  },
  'the same, the largest first': {
    options: { initialOnHand: 6 },
    begin: [
      [reserve(3, 10), INFO, 0, 1],
      [reserve(2, 10), INFO, 0, 1.1],
      [reserve(1, 10), INFO, 0, 1.2],
      [read, level(0), 2, 2],
      [read, level(3), 10, 10.1],
    ],
    right: [[[read, level(4), 10.2, 10.3]], [[read, level(5), 10.2, 10.3]]],
    wrong: [[[read, level(2), 10.2, 10.3]]],
  },
  // Once taken for interchangeable with the earlier one, which cannot have found a unit in its time.
  'an unanswered reserve whose time ends later than another one of its kind': {
    begin: [
      [reserve(1, 5), granted('r1', 7), 1, 3],
      [reserve(1, 5), INFO, 4, 6],
      [reserve(1, 5), INFO, 6, 10],
    ],
    right: [[[reserve(1, 5), allReserved, 10.5, 11]]],
    wrong: [[[reserve(1, 5), allReserved, 15, 16]]],
  },
  'a deadline is not over before it is granted': {
    right: [[[reserve(), granted('r1', 8), 6, 7]]],
    wrong: [[[reserve(), granted('r1', 6), 6, 7]]],
  },
  'an unanswered confirm or release took effect or did not, and then that is so': {
    begin: [
      [reserve(), granted('r1'), 0, 1],
      [release('r1'), INFO, 2, Infinity],
      [confirm('r1'), INFO, 2, Infinity],
    ],
    right: [
      [[reserve(), granted('r2'), 3, 4]],
      [[reserve(), soldOut, 3, 4]],
      [[reserve(), allReserved, 3, 4]],
      [
        [reserve(), allReserved, 3, 4],
        [confirm('r1'), 'released', 5, 6],
      ],
    ],
    wrong: [
      [
        [reserve(), soldOut, 3, 4],
        [confirm('r1'), 'released', 5, 6],
      ],
      [
        [reserve(), granted('r2'), 3, 4],
        [confirm('r1'), 'ok', 5, 6],
      ],
    ],
  },
  'quantity, if told, is what was asked': {
    options: { initialOnHand: 3 },
    right: [[[reserve(2), { ...granted('r1'), quantity: 2 } as StockOutput, 0, 1]]],
    wrong: [[[reserve(2), { ...granted('r1'), quantity: 1 } as StockOutput, 0, 1]]],
  },
};

for (const [name, { options, begin = [], right = [], wrong = [] }] of Object.entries(CASES)) {
  test(name, () => {
    const model = stockModel({ initialOnHand: 1, ...options });
    for (const end of right) {
      const result = check(history([...begin, ...end]), model);
      assert.ok(result.ok, result.ok ? '' : result.message);
    }
    for (const end of wrong) {
      const result = check(history([...begin, ...end]), model);
      assert.ok(!result.ok, `accepted: ${JSON.stringify(end)}`);
    }
  });
}

test('several SKUs, each with its own stock', () => {
  const [call] = history([[reserve(2), granted('r1'), 0, 1]]);
  assert.ok(call !== undefined);
  const other: Call = { ...call, input: { ...call.input, sku: 'b' } };
  const model = stockModel({ initialOnHand: (sku) => (sku === 'a' ? 2 : 1) });
  const result = check([call, other], model);
  assert.ok(!result.ok);
  assert.equal(result.partition, 'b');
  assert.match(result.message, /reserve sku=b quantity=2 -> granted id=r1 expiresAt=1000/);
  assert.match(result.message, /on_hand 1, reserved 0, available 1/);
});
