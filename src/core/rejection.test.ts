import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  acknowledge,
  cancel,
  confirm,
  extend,
  release,
  reserve,
  setStock,
} from '../../test/support/commands.ts';
import { Scenario, WITH_ERP, type Row } from '../../test/support/scenario.ts';
import {
  WAYS_TO_ERP_REJECTIONS,
  WAYS_TO_REJECTIONS,
} from '../../test/support/ways-to-rejections.ts';
import { REJECTION_CODES } from './rejection.ts';

describe('every rejection can be reached', () => {
  for (const [code, rows] of Object.entries(WAYS_TO_REJECTIONS)) {
    it(code, () => {
      new Scenario().walk(rows);
      assert.equal(rows.at(-1)?.[2].split(' ')[0], code);
    });
  }

  for (const [code, rows] of Object.entries(WAYS_TO_ERP_REJECTIONS)) {
    it(code, () => {
      new Scenario(WITH_ERP).walk(rows);
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
      [
        ...Object.keys(WAYS_TO_REJECTIONS),
        ...Object.keys(WAYS_TO_ERP_REJECTIONS),
        'idempotency_key_reused',
      ].toSorted(),
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
