import assert from 'node:assert/strict';
import test from 'node:test';
import type { Cancellation, Cart } from './order-groups.ts';
import { PurchaseBook } from './purchase-book.ts';

function cart(order: string, customerId: string | null, units: Record<string, number>): Cart {
  const lines = Object.entries(units).map(([sku, quantity]) => ({ sku, quantity, lines: [1] }));
  return { order, customerId, at: null, lines, line: 1, amount: null };
}

function cancellation(
  customerId: string | null,
  units: Record<string, number>,
  cancels: string | null = null,
): Cancellation {
  return { ...cart('C1', customerId, units), cancels };
}

function taken(book: PurchaseBook, cancelled: Cancellation): [string, string, number][] {
  return book
    .take(cancelled)
    .taken.flatMap(({ purchase, lines }) =>
      lines.map(({ sku, quantity }): [string, string, number] => [purchase.order, sku, quantity]),
    );
}

test('the newest purchase of the same customer comes first, then the ones before it', () => {
  const book = new PurchaseBook();
  book.add(cart('1', 'ana', { HAT: 2 }), 'r1');
  book.add(cart('2', 'beto', { HAT: 9 }), 'r2');
  book.add(cart('3', 'ana', { HAT: 3, CAP: 1 }), 'r3');
  assert.deepEqual(taken(book, cancellation('ana', { HAT: 4, CAP: 1 })), [
    ['3', 'HAT', 3],
    ['3', 'CAP', 1],
    ['1', 'HAT', 1],
  ]);
});

test('a unit is taken back once; what is not found was bought before the file began', () => {
  const book = new PurchaseBook();
  book.add(cart('1', 'ana', { HAT: 2 }), 'r1');
  assert.deepEqual(book.take(cancellation('ana', { HAT: 3, CAP: 1 })).unmatched, [
    { sku: 'HAT', quantity: 1 },
    { sku: 'CAP', quantity: 1 },
  ]);
  assert.deepEqual(book.take(cancellation('ana', { HAT: 1 })).unmatched, [
    { sku: 'HAT', quantity: 1 },
  ]);
});

test('a cancellation that names its order takes from that one only', () => {
  const book = new PurchaseBook();
  book.add(cart('1', null, { HAT: 2 }), 'r1');
  book.add(cart('2', null, { HAT: 2 }), 'r2');
  assert.deepEqual(taken(book, cancellation(null, { HAT: 2 }, '1')), [['1', 'HAT', 2]]);
  assert.deepEqual(book.take(cancellation(null, { HAT: 2 }, '9')).unmatched, [
    { sku: 'HAT', quantity: 2 },
  ]);
});

test('without a customer and without an order nothing is guessed', () => {
  const book = new PurchaseBook();
  book.add(cart('1', null, { HAT: 2 }), 'r1');
  assert.deepEqual(book.take(cancellation(null, { HAT: 2 })).taken, []);
});
