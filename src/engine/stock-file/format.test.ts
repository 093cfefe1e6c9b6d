import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isSku, MAX_STOCK } from '../../core/quantities.ts';
import { formatStockCsv, formatStockNdjson, STOCK_CSV_HEADER, stockCsvLine } from './format.ts';
import { parseStockFile, type StockValues } from './stock-file.ts';

const sku = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom('"', ',', ';', '\t', '|', ' ', '=', '+', '-', '@', 'A', '\u00a0'),
    }),
  )
  .map((text) => text.trim())
  .filter(isSku);

const limit = fc.option(fc.integer({ min: 1, max: MAX_STOCK }), { nil: null });
const instant = fc.integer({ min: -8.64e15, max: 8.64e15 - 1 });

const values: fc.Arbitrary<StockValues> = fc
  .record(
    {
      sku,
      onHand: fc.nat(MAX_STOCK),
      safetyStock: fc.nat(MAX_STOCK),
      maxPerOrder: limit,
      maxPerCustomer: limit,
      ttlSeconds: limit,
      opensAt: fc.option(instant, { nil: null }),
      closesAt: fc.option(instant, { nil: null }),
    },
    { requiredKeys: ['sku', 'onHand'], noNullPrototype: true },
  )
  .filter(
    ({ opensAt, closesAt }) =>
      typeof opensAt !== 'number' || typeof closesAt !== 'number' || opensAt < closesAt,
  );

const files = fc.uniqueArray(values, { selector: (row) => row.sku, maxLength: 20 });

describe('what is written reads back the same', () => {
  it('as CSV, whatever is in the SKUs', async () => {
    await fc.assert(
      fc.asyncProperty(files, async (rows) => {
        const file = await parseStockFile(formatStockCsv(rows));
        assert.deepEqual(file.problems, []);
        assert.deepEqual(
          file.rows,
          rows.map((row, i) => ({ line: i + 2, ...row })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('as NDJSON', async () => {
    await fc.assert(
      fc.asyncProperty(files, async (rows) => {
        const file = await parseStockFile(formatStockNdjson(rows), { format: 'ndjson' });
        assert.deepEqual(
          file.problems.filter((problem) => problem.code !== 'empty_file'),
          [],
        );
        assert.deepEqual(
          file.rows,
          rows.map((row, i) => ({ line: i + 1, ...row })),
        );
      }),
      { numRuns: 300 },
    );
  });
});

it('a SKU that a spreadsheet would take for a formula is written as it is', () => {
  assert.equal(stockCsvLine({ sku: '=1+1', onHand: 1 }), '=1+1,1,,,,,,\r\n');
  assert.equal(
    STOCK_CSV_HEADER,
    'sku,on_hand,safety_stock,max_per_order,max_per_customer,ttl_seconds,opens_at,closes_at\r\n',
  );
});
