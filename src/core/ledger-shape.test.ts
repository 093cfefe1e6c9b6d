import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shapeFault } from './ledger-shape.ts';
import { ENTRY_KINDS, entry, type Detail, type EntryKind } from './ledger.ts';

type Deltas = Parameters<typeof entry>[3];
type Case = readonly [deltas: Deltas, detail?: Detail];

/** Per kind: does it belong to a reservation, what may it change, and what may it not. */
const SHAPES: Record<
  EntryKind,
  { readonly ofReservation: boolean; readonly fits: readonly Case[]; readonly not: readonly Case[] }
> = {
  set: {
    ofReservation: false,
    fits: [[{}], [{ onHand: 5 }], [{ onHand: -5 }]],
    not: [[{ reserved: 1 }], [{ allocated: 1 }], [{ onHand: 1, safetyStock: 1 }]],
  },
  adjust: {
    ofReservation: false,
    fits: [
      [{ onHand: 5 }, { reason: 'found' }],
      [{ onHand: -5 }, { reason: '' }],
    ],
    not: [[{ onHand: 5 }], [{ safetyStock: 1 }, { reason: 'found' }]],
  },
  policy: {
    ofReservation: false,
    fits: [[{ safetyStock: 2 }], [{ safetyStock: -2 }], [{}, { max_per_order: 1 }]],
    not: [[{ onHand: 1 }], [{ reserved: 1 }]],
  },
  shortfall: {
    ofReservation: false,
    fits: [[{}, { units: 1 }]],
    not: [[{}], [{}, { units: 0 }], [{ onHand: -1 }, { units: 1 }]],
  },
  reserve: {
    ofReservation: true,
    fits: [[{ reserved: 1 }]],
    not: [[{}], [{ reserved: -1 }], [{ reserved: 1, onHand: -1 }]],
  },
  extend: {
    ofReservation: true,
    fits: [[{}], [{}, { order_id: 'o1' }]],
    not: [[{ reserved: 1 }]],
  },
  confirm: {
    ofReservation: true,
    fits: [[{ reserved: -2, allocated: 2 }], [{ allocated: 2 }, { reacquired: true }]],
    not: [
      [{ reserved: -2, allocated: 1 }],
      [{ allocated: 2 }],
      [{ reserved: -2 }],
      [{ reserved: -1, allocated: 2 }, { reacquired: true }],
      [{ reserved: 2, allocated: -2 }],
    ],
  },
  acknowledge: {
    ofReservation: true,
    fits: [
      [{ allocated: -2, onHand: -2 }],
      [{ allocated: -2, onHand: -1 }, { lacking: 1 }],
      [{ allocated: -2 }, { lacking: 2 }],
    ],
    not: [
      [{ onHand: -2 }],
      [{ allocated: -2, onHand: -3 }],
      [{ allocated: -2, onHand: 1 }],
      [{ allocated: 2, onHand: 2 }],
    ],
  },
  release: {
    ofReservation: true,
    fits: [[{ reserved: -1 }]],
    not: [[{}], [{ reserved: 1 }], [{ reserved: -1, allocated: -1 }]],
  },
  expire: {
    ofReservation: true,
    fits: [[{ reserved: -1 }]],
    not: [[{}], [{ reserved: 1 }], [{ reserved: -1, onHand: 1 }]],
  },
  cancel: {
    ofReservation: true,
    fits: [
      [{ allocated: -2 }, { quantity: 2, restock: true }],
      [
        { allocated: -2, onHand: -2 },
        { quantity: 2, restock: false },
      ],
      [
        { allocated: -2, onHand: -1 },
        { quantity: 2, restock: false, lacking: 1 },
      ],
      [{ onHand: 2 }, { quantity: 2, restock: true }],
      [{}, { quantity: 2, restock: false }],
    ],
    not: [
      [{ allocated: -2 }],
      [{ allocated: -2 }, { quantity: 1, restock: true }],
      [
        { allocated: -2, onHand: 2 },
        { quantity: 2, restock: true },
      ],
      [{ onHand: 1 }, { quantity: 2, restock: true }],
      [{ onHand: -2 }, { quantity: 2, restock: false }],
      [{ reserved: -2 }, { quantity: 2, restock: true }],
      [{}, { quantity: 0, restock: true }],
    ],
  },
  reconcile: {
    ofReservation: false,
    fits: [
      [{ onHand: 3 }, { erp_on_hand: 5 }],
      [{ onHand: -3 }, { erp_on_hand: -1 }],
    ],
    not: [[{ onHand: 3 }], [{ onHand: 3, allocated: 1 }, { erp_on_hand: 5 }]],
  },
  dead_letter: {
    ofReservation: false,
    fits: [[{}, { message: 1 }]],
    not: [[{}], [{ allocated: -1 }, { message: 1 }]],
  },
  outbox_retry: {
    ofReservation: false,
    fits: [[{}, { message: 1 }]],
    not: [[{}], [{ onHand: -1 }, { message: 1 }]],
  },
  outbox_discard: {
    ofReservation: false,
    fits: [[{}, { message: 1 }]],
    not: [[{}], [{ onHand: -1 }, { message: 1 }]],
  },
  adopt: {
    ofReservation: true,
    fits: [[{}, { order_id: 'o1' }]],
    not: [[{}], [{ allocated: 1 }, { order_id: 'o1' }], [{}, { order_id: null }]],
  },
  refund_required: {
    ofReservation: true,
    fits: [[{}, { quantity: 1 }]],
    not: [[{ allocated: -1 }, { quantity: 1 }]],
  },
};

describe('a ledger entry', () => {
  for (const kind of ENTRY_KINDS) {
    const { ofReservation, fits, not } = SHAPES[kind];
    const fault = (named: boolean, [deltas, detail]: Case): string | null =>
      shapeFault(entry(kind, 'A', named ? 'r1' : null, deltas, detail ?? null));

    it(`${kind} changes what it may, and is found out where it changes anything else`, () => {
      for (const each of fits) assert.equal(fault(ofReservation, each), null, JSON.stringify(each));
      for (const each of not) assert.match(fault(ofReservation, each) ?? '', new RegExp(kind));
    });

    it(`${kind} ${ofReservation ? 'names a reservation' : 'names no reservation'}`, () => {
      for (const each of fits) assert.notEqual(fault(!ofReservation, each), null);
    });
  }
});
