import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  acknowledge,
  adjust,
  cancel,
  confirm,
  extend,
  release,
  reserve,
  setStock,
} from '../../test/support/commands.ts';
import { START } from '../../test/support/fake-clock.ts';
import { Scenario, WITH_ERP, type Row } from '../../test/support/scenario.ts';
import { MAX_STOCK } from './quantities.ts';
import { REJECTION_CODES, type RejectionCode } from './rejection.ts';

/** For each code one way to it, with its neighbour that is still accepted where there is one. The compiler misses none. */
const WAYS: Record<Exclude<RejectionCode, 'idempotency_key_reused'>, readonly Row[]> = {
  unknown_sku: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [0, reserve('r2', 'A:1 B:1 C:1'), 'unknown_sku B C'],
  ],
  not_on_sale: [
    [0, setStock('A', 5, { policy: { opensAt: START + 9_000 } }), 'created A 5 = 5 available'],
    [8.999, reserve('r1', 'A:1'), 'not_on_sale A from 9'],
  ],
  customer_required: [
    [0, setStock('A', 5, { policy: { maxPerCustomer: 2 } }), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1', { customer: 'ana' }), 'active A:1 until 600'],
    [0, reserve('r2', 'A:1'), 'customer_required A'],
  ],
  max_per_order: [
    [0, setStock('A', 5, { policy: { maxPerOrder: 2 } }), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
    [0, reserve('r2', 'A:3'), 'max_per_order A:3 limit 2'],
  ],
  max_per_customer: [
    [0, setStock('A', 5, { policy: { maxPerCustomer: 2 } }), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1', { customer: 'ana' }), 'active A:1 until 600'],
    [0, reserve('r2', 'A:2', { customer: 'ana' }), 'max_per_customer A:2 limit 2 has 1'],
  ],
  sold_out: [
    [0, setStock('A', 1), 'created A 1 = 1 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [0, confirm('r1'), 'acknowledged A:1'],
    [0, reserve('r2', 'A:1'), 'sold_out A:0/1'],
  ],
  all_reserved: [
    [0, setStock('A', 1), 'created A 1 = 1 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [0, reserve('r2', 'A:1'), 'all_reserved A:0/1 until 600'],
  ],
  insufficient_stock: [
    [0, setStock('A', 2), 'created A 2 = 2 available'],
    [0, reserve('r1', 'A:3'), 'insufficient_stock A:2/3'],
  ],
  ttl_out_of_range: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1', { ttl: 86_400 }), 'active A:1 until 86400'],
    [0, reserve('r2', 'A:1', { ttl: 86_401 }), 'ttl_out_of_range limit 86400'],
  ],
  reservation_not_found: [[0, confirm('r1'), 'reservation_not_found']],
  reservation_expired: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [600, confirm('r1'), 'reservation_expired at 600'],
  ],
  reservation_released: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [1, release('r1'), 'released A:1'],
    [2, confirm('r1'), 'reservation_released'],
  ],
  reservation_cancelled: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [1, confirm('r1'), 'acknowledged A:1'],
    [2, cancel('r1'), 'cancelled A:0'],
    [3, confirm('r1'), 'reservation_cancelled'],
  ],
  already_confirmed: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [1, confirm('r1', { order: 'o1' }), 'acknowledged A:1 for o1'],
    [2, confirm('r1', { order: 'o1' }), 'again acknowledged A:1 for o1'],
    [3, confirm('r1', { order: 'o2' }), 'already_confirmed'],
  ],
  order_mismatch: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [0, extend('r1', { order: 'o1' }), 'active A:1 until 900 for o1'],
    [1, confirm('r1', { order: 'o2' }), 'order_mismatch'],
  ],
  not_confirmed: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [1, acknowledge('r1'), 'not_confirmed but active'],
  ],
  extend_limit_reached: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [1, extend('r1', { ttl: 86_400 }), 'active A:1 until 7200'],
    [2, extend('r1', { ttl: 86_400 }), 'extend_limit_reached until 7200'],
  ],
  line_not_reserved: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, setStock('B', 5), 'created B 5 = 5 available'],
    [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
    [1, confirm('r1', { lines: 'A:1 B:1' }), 'line_not_reserved B'],
  ],
  quantity_exceeds_reserved: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
    [1, confirm('r1', { lines: 'A:3' }), 'quantity_exceeds_reserved A:3 of 2'],
  ],
  quantity_exceeds_confirmed: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve('r1', 'A:3'), 'active A:3 until 600'],
    [1, confirm('r1', { lines: 'A:2' }), 'acknowledged A:2'],
    [2, cancel('r1', { lines: 'A:1' }), 'acknowledged A:1'],
    [3, cancel('r1', { lines: 'A:2' }), 'quantity_exceeds_confirmed A:2 of 2 less 1'],
  ],
  stock_out_of_range: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [1, adjust('A', -5), 'A 0 = 0 available'],
    [2, adjust('A', -1), 'stock_out_of_range A -1'],
    [3, adjust('A', MAX_STOCK), 'A 2147483647 = 2147483647 available'],
    [4, adjust('A', 1), 'stock_out_of_range A 2147483648'],
  ],
};

describe('every rejection can be reached', () => {
  for (const [code, rows] of Object.entries(WAYS)) {
    it(code, () => {
      new Scenario().walk(rows);
      assert.equal(rows.at(-1)?.[2].split(' ')[0], code);
    });
  }

  it('idempotency_key_reused', () => {
    const scenario = new Scenario();
    scenario.do(setStock('A', 5), { key: 'k1', fingerprint: 'set A to 5' });
    assert.deepEqual(scenario.do(setStock('A', 6), { key: 'k1', fingerprint: 'set A to 6' }), {
      ok: false,
      type: 'set_stock',
      rejection: { code: 'idempotency_key_reused' },
    });
    assert.equal(scenario.level('A'), 'A 5 = 5 available');
  });

  it('and the list of codes names them all', () => {
    assert.deepEqual(
      REJECTION_CODES.toSorted(),
      [...Object.keys(WAYS), 'idempotency_key_reused'].toSorted(),
    );
  });
});

/** The same question in every state: who may still do what. `-`: the verb succeeds. */
const STATES = {
  active: [[0, reserve('r1', 'A:2'), 'active A:2 until 600']],
  latched: [
    [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
    [0, extend('r1', { order: 'o1' }), 'active A:2 until 900 for o1'],
  ],
  confirmed: [
    [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
    [0, confirm('r1', { order: 'o1' }), 'confirmed A:2 for o1'],
  ],
  acknowledged: [
    [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
    [0, confirm('r1', { order: 'o1' }), 'confirmed A:2 for o1'],
    [0, acknowledge('r1'), 'acknowledged A:2 for o1'],
  ],
  released: [
    [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
    [0, release('r1'), 'released A:2'],
  ],
  expired: [
    [0, reserve('r1', 'A:2', { ttl: 1 }), 'active A:2 until 1'],
    [1, setStock('B', 1), 'created B 1 = 1 available'],
  ],
  'lapsed, unrecorded': [[0, reserve('r1', 'A:2', { ttl: 0.001 }), 'active A:2 until 0.001']],
  cancelled: [
    [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
    [0, confirm('r1', { order: 'o1' }), 'confirmed A:2 for o1'],
    [0, cancel('r1', { as: 'c1' }), 'cancelled A:0 for o1'],
  ],
} as const satisfies Record<string, readonly Row[]>;

type State = keyof typeof STATES;

/** Verb by verb, what each state answers at second 1. */
const ANSWERS: readonly [title: string, command: Row[1], answers: Record<State, string>][] = [
  [
    'confirm for o1',
    confirm('r1', { order: 'o1' }),
    {
      active: 'confirmed A:2 for o1',
      latched: 'confirmed A:2 for o1',
      confirmed: 'again confirmed A:2 for o1',
      acknowledged: 'again acknowledged A:2 for o1',
      released: 'reservation_released',
      expired: 'reservation_expired at 1',
      'lapsed, unrecorded': 'reservation_expired at 0.001',
      cancelled: 'reservation_cancelled',
    },
  ],
  [
    'confirm for o2',
    confirm('r1', { order: 'o2' }),
    {
      active: 'confirmed A:2 for o2',
      latched: 'order_mismatch',
      confirmed: 'already_confirmed',
      acknowledged: 'already_confirmed',
      released: 'reservation_released',
      expired: 'reservation_expired at 1',
      'lapsed, unrecorded': 'reservation_expired at 0.001',
      cancelled: 'reservation_cancelled',
    },
  ],
  [
    'confirm, whoever asks',
    confirm('r1'),
    {
      active: 'confirmed A:2',
      latched: 'confirmed A:2 for o1',
      confirmed: 'again confirmed A:2 for o1',
      acknowledged: 'again acknowledged A:2 for o1',
      released: 'reservation_released',
      expired: 'reservation_expired at 1',
      'lapsed, unrecorded': 'reservation_expired at 0.001',
      cancelled: 'reservation_cancelled',
    },
  ],
  [
    'release',
    release('r1'),
    {
      active: 'released A:2',
      latched: 'released A:2 for o1',
      confirmed: 'already_confirmed',
      acknowledged: 'already_confirmed',
      released: 'again released A:2',
      expired: 'reservation_expired at 1',
      'lapsed, unrecorded': 'reservation_expired at 0.001',
      cancelled: 'reservation_cancelled',
    },
  ],
  [
    'extend for o2',
    extend('r1', { order: 'o2' }),
    {
      active: 'active A:2 until 901 for o2',
      latched: 'order_mismatch',
      confirmed: 'already_confirmed',
      acknowledged: 'already_confirmed',
      released: 'reservation_released',
      expired: 'reservation_expired at 1',
      'lapsed, unrecorded': 'reservation_expired at 0.001',
      cancelled: 'reservation_cancelled',
    },
  ],
  [
    'cancel',
    cancel('r1'),
    {
      active: 'not_confirmed but active',
      latched: 'not_confirmed but active',
      confirmed: 'cancelled A:0 for o1',
      acknowledged: 'cancelled A:0 for o1',
      released: 'not_confirmed but released',
      expired: 'not_confirmed but expired',
      'lapsed, unrecorded': 'not_confirmed but expired',
      cancelled: 'again cancelled A:0 for o1',
    },
  ],
  [
    'cancel of a line',
    cancel('r1', { lines: 'A:1' }),
    {
      active: 'not_confirmed but active',
      latched: 'not_confirmed but active',
      confirmed: 'confirmed A:1 for o1',
      acknowledged: 'acknowledged A:1 for o1',
      released: 'not_confirmed but released',
      expired: 'not_confirmed but expired',
      'lapsed, unrecorded': 'not_confirmed but expired',
      cancelled: 'reservation_cancelled',
    },
  ],
  [
    'acknowledge',
    acknowledge('r1'),
    {
      active: 'not_confirmed but active',
      latched: 'not_confirmed but active',
      confirmed: 'acknowledged A:2 for o1',
      acknowledged: 'again acknowledged A:2 for o1',
      released: 'not_confirmed but released',
      expired: 'not_confirmed but expired',
      'lapsed, unrecorded': 'not_confirmed but expired',
      cancelled: 'not_confirmed but cancelled',
    },
  ],
];

describe('every verb in every state', () => {
  for (const [title, command, answers] of ANSWERS) {
    for (const [state, rows] of Object.entries(STATES) as [State, readonly Row[]][]) {
      it(`${title}: ${state}`, () => {
        new Scenario(WITH_ERP)
          .walk([[0, setStock('A', 5), 'created A 5 = 5 available'], ...rows])
          .walk([[1, command, answers[state]]]);
      });
    }
  }

  it('finds nothing where there is nothing', () => {
    for (const [, command] of ANSWERS) {
      new Scenario().walk([[0, command, 'reservation_not_found']]);
    }
  });
});
