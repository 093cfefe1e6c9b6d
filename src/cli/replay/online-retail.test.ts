/**
 * A real file: the first 300 invoices of "Online Retail" (D. Chen, 2015, UCI Machine Learning Repository,
 * doi:10.24432/C5BW33, CC BY 4.0). The figures were counted apart from this code, with awk and Python.
 */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { before, describe, it } from 'node:test';
import { parseOrderFile, replaySteps, type OrderFile } from './order-file.ts';

const FILE = resolve(import.meta.dirname, '../../../../shared/data/online-retail-part1.csv');

describe('300 invoices of a wholesaler', () => {
  let file: OrderFile;

  before(async () => {
    file = await parseOrderFile(createReadStream(FILE));
  });

  it('are read with what was recognised', () => {
    assert.deepEqual(file.reading.columns, {
      order: 'InvoiceNo',
      sku: 'StockCode',
      quantity: 'Quantity',
      date: 'InvoiceDate',
      price: 'UnitPrice',
      customer: 'CustomerID',
      cancelledAt: null,
    });
    assert.equal(file.reading.separator, ';');
    assert.deepEqual(file.reading.decimal, { value: ',', doubt: 'none' });
    assert.equal(file.reading.nonProductRule.withoutDigit, true);
  });

  it('leave the date order open: every day is the 1st or 2nd of the 12th month', () => {
    assert.deepEqual(file.reading.dateOrder, { value: 'dmy', doubt: 'ambiguous' });
    assert.deepEqual(
      file.problems.map(({ line, severity, code }) => [line, severity, code]),
      [[1, 'warning', 'ambiguous_dates']],
    );
  });

  it('add up', () => {
    assert.deepEqual(file.summary, {
      records: 5017,
      rows: { cart: 4936, cancellation: 69, writeOff: 2, nonProduct: 10, refused: 0 },
      orders: 300,
      carts: 268,
      cartLines: 4786,
      units: 56_512,
      cancellations: 28,
      cancelledUnits: 10_469,
      writtenOffUnits: 48,
      skus: 1585,
      customers: 178,
      firstAt: Date.UTC(2010, 11, 1, 8, 26),
      lastAt: Date.UTC(2010, 11, 2, 18, 8),
      amount: 102_812.86,
    });
  });

  it('hold carts, cancellations, write-offs and codes that are no products', () => {
    const largest = file.carts.find((cart) => cart.order === '536592');
    assert.equal(largest?.lines.length, 589);
    assert.equal(file.carts.filter((cart) => cart.customerId === null).length, 21);
    const summed = file.carts.find((cart) => cart.order === '536412');
    assert.equal(summed?.lines.find((line) => line.sku === '21448')?.lines.length, 5);
    assert.deepEqual(file.cancellations[0], {
      order: 'C536383',
      customerId: '15311',
      at: Date.UTC(2010, 11, 1, 9, 49),
      lines: [{ sku: '35004C', quantity: 1, lines: [156] }],
      line: 156,
      amount: 4.65,
      cancels: null,
    });
    assert.deepEqual(
      file.writeOffs.map(({ line, order, sku, quantity }) => [line, order, sku, quantity]),
      [
        [2408, '536589', '21777', 10],
        [4349, '536764', '84952C', 38],
      ],
    );
    assert.deepEqual(
      file.nonProducts.map(({ code }) => code),
      ['POST', 'D', 'POST', 'POST', 'C2', 'DOT', 'M', 'M', 'DOT', 'BANK CHARGES'],
    );
  });

  it('come in the order of their time already', () => {
    assert.equal(replaySteps(file).length, 296);
    assert.deepEqual(replaySteps(file, 'time'), replaySteps(file, 'file'));
  });
});
