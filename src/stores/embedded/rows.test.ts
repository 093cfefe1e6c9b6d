import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rejected } from '../../core/command.ts';
import { entry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import { emptyLevel } from '../../core/stock-level.ts';
import {
  answerRow,
  entryRow,
  metaRow,
  readAnswer,
  readEntryRecord,
  readMeta,
  readReservation,
  readSku,
  reservationRow,
  RowDamage,
  skuRow,
} from './rows.ts';
import type { Row } from './statement.ts';

const RESERVATION: Reservation = {
  id: '0199f3b2-7a5e-7c11-9d2f-000000000001',
  status: 'acknowledged',
  lines: [
    { sku: 'TÊNIS "42", azul', quantity: 3, confirmed: 2, cancelled: 1 },
    { sku: 'B', quantity: 1, confirmed: 0, cancelled: 0 },
  ],
  customerId: '',
  orderId: null,
  createdAt: 1_800_000_000_000,
  expiresAt: 1_800_000_600_000,
  endedAt: 1_800_000_060_000,
  reacquired: true,
  refundRequired: false,
  cancellations: ['c-1'],
};

const RECORD = {
  id: 7,
  level: {
    ...emptyLevel('SKU 1'),
    onHand: 10,
    reserved: 3,
    policy: { maxPerOrder: null, maxPerCustomer: 2, ttlSeconds: null, opensAt: 5, closesAt: null },
  },
  seq: 12,
  entries: 4,
};

const ENTRY = entry(
  'cancel',
  'SKU 1',
  RESERVATION.id,
  { onHand: 2 },
  { quantity: 2, restock: true },
);
const META = { clock: 5, levelsSeq: 4, active: 3, activeSum: -2, purgedBefore: 1 };
const ANSWER = {
  fingerprint: 'f',
  answer: rejected('reserve', { code: 'unknown_sku', skus: ['B'] }),
};

/** As it comes from the table joined with that of the SKUs. */
function joined(row: Row): Row {
  return [...row, 'SKU 1'];
}

test('what is written is read back', () => {
  assert.deepEqual(readReservation(reservationRow(RESERVATION)), RESERVATION);
  const plain: Reservation = { ...RESERVATION, cancellations: [], status: 'active', endedAt: null };
  assert.deepEqual(readReservation(reservationRow(plain)), plain);
  assert.deepEqual(readSku(skuRow(RECORD)), RECORD);
  assert.deepEqual(readEntryRecord(joined(entryRow(ENTRY, 9, 1_800, 7, 8))), {
    entry: { ...ENTRY, seq: 9, at: 1_800 },
    skuId: 7,
    previous: 8,
  });
  assert.deepEqual(readAnswer(answerRow('key', ANSWER, 1_800)), ANSWER);
  assert.deepEqual(readMeta(metaRow(META)), META);
});

/** The row with one of its fields changed a little. */
function tampered(row: Row, column: number): Row {
  const value = row[column];
  const other = value === null ? '' : typeof value === 'number' ? value + 1 : `${value as string} `;
  return row.with(column, other);
}

test('a change of any field is found, also from absent to empty', () => {
  const reservation = reservationRow(RESERVATION);
  reservation.forEach((_, column) => {
    assert.throws(() => readReservation(tampered(reservation, column)), RowDamage);
  });
  const sku = skuRow(RECORD);
  sku.forEach((_, column) => {
    assert.throws(() => readSku(tampered(sku, column)), RowDamage);
  });
  const ledger = entryRow(ENTRY, 9, 1_800, 7, 8);
  ledger.forEach((_, column) => {
    assert.throws(() => readEntryRecord(joined(tampered(ledger, column))), RowDamage);
  });
  const answer = answerRow('key', ANSWER, 1_800);
  answer.forEach((_, column) => {
    assert.throws(() => readAnswer(tampered(answer, column)), RowDamage);
  });
  const meta = metaRow(META);
  meta.forEach((_, column) => {
    assert.throws(() => readMeta(tampered(meta, column)), RowDamage);
  });
  assert.throws(() => readMeta(undefined), RowDamage);
});

test('the message names the row, and what to do', () => {
  const row = tampered(reservationRow(RESERVATION), 9);
  assert.throws(() => readReservation(row), {
    code: 'STORE_DAMAGED',
    message: /reservation 0199f3b2-7a5e-7c11-9d2f-000000000001 .*Restore a backup/,
  });
});
