import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { skuFromHandle, slug } from './shopify-rows.ts';
import { parseStockFile, type StockFile, type StockFileOptions } from './stock-file.ts';

/** Shopify's own sample export, from shopifypartners/product-csvs. */
const APPAREL = resolve(
  import.meta.dirname,
  '../../../../shared/data/shopify-products-apparel.csv',
);

function parse(lines: readonly string[], options?: StockFileOptions): Promise<StockFile> {
  return parseStockFile([lines.join('\n')], options);
}

function codes(file: StockFile): string[] {
  return file.problems.map((problem) => `${problem.line} ${problem.code}`);
}

const HEADER =
  'Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Inventory Qty,Variant Price,Image Src';

describe('a real product export', () => {
  it('reports each of its 22 variants, none of which has a SKU, with its line', async () => {
    const file = await parseStockFile(createReadStream(APPAREL));
    assert.equal(file.format, 'shopify');
    assert.deepEqual(file.rows, []);
    assert.deepEqual([file.records, file.errors, file.warnings, file.skipped], [22, 22, 0, 0]);
    assert.deepEqual(
      file.problems.map((problem) => problem.line),
      Array.from({ length: 22 }, (_, i) => i + 2),
    );
    assert.deepEqual(file.problems[2], {
      line: 4,
      severity: 'error',
      code: 'missing_sku',
      message:
        'classic-varsity-top (Medium) has no SKU: fill it in in Shopify, or name such variants by their handle (--sku-from handle).',
      column: 'Variant SKU',
    });
  });

  it('names them by handle and options where asked to', async () => {
    const file = await parseStockFile(createReadStream(APPAREL), { skuFrom: 'handle' });
    assert.deepEqual(file.problems, []);
    assert.deepEqual([file.rows.length, file.named], [22, 22]);
    assert.deepEqual(file.rows.slice(0, 5), [
      { line: 2, sku: 'ocean-blue-shirt', onHand: 1 },
      { line: 3, sku: 'classic-varsity-top-small', onHand: 1 },
      { line: 4, sku: 'classic-varsity-top-medium', onHand: 1 },
      { line: 5, sku: 'classic-varsity-top-large', onHand: 1 },
      { line: 6, sku: 'yellow-wool-jumper', onHand: 1 },
    ]);
    assert.equal(new Set(file.rows.map((row) => row.sku)).size, 22);
  });
});

describe('the product export', () => {
  it('skips rows that only carry an image, and counts them', async () => {
    const file = await parse([
      HEADER,
      'tee,Tee,Size,S,,,TEE-S,5,10.00,https://x/1.jpg',
      'tee,,,M,,,TEE-M,6,10.00,https://x/2.jpg',
      'tee,,,,,,,,,https://x/3.jpg',
    ]);
    assert.deepEqual(file.problems, []);
    assert.deepEqual([file.records, file.rows.length, file.skipped], [3, 2, 1]);
  });

  it('reports quantities that are negative, missing or no number', async () => {
    const file = await parse([
      HEADER,
      'tee,Tee,Size,S,Colour,Red,A,-3,1,',
      'tee,,,M,,Red,B,,1,',
      'tee,,,L,,Red,C,many,1,',
    ]);
    assert.deepEqual(codes(file), ['2 out_of_range', '3 missing_value', '4 bad_integer']);
    assert.match(file.problems[0]?.message ?? '', /^tee \(S \/ Red\): .*Shopify oversold it/);
    assert.equal(file.problems[0]?.value, '-3');
  });

  it('takes the SKUs there are and names only the others; two of one name are reported', async () => {
    const file = await parse(
      [
        HEADER,
        'tee,Tee,Size,S/M,Colour,Açaí,,1,1,',
        'tee,,,S-M,,Açai,,2,1,',
        'tee,,,L,,Red,OWN,3,1,',
        'tee-l,Other,Title,Default Title,,,,4,1,',
        ',,Size,S,,,,5,1,',
        'own,Own,Title,Default Title,,,OWN,6,1,',
      ],
      { skuFrom: 'handle' },
    );
    assert.deepEqual(codes(file), ['3 duplicate_sku', '6 missing_sku', '7 duplicate_sku']);
    assert.match(
      file.problems[0]?.message ?? '',
      /made from the handle of tee \(S-M \/ Açai\), is already on line 2/,
    );
    assert.deepEqual(
      file.rows.map((row) => row.sku),
      ['tee-s-m-acai', 'OWN', 'tee-l'],
    );
    assert.equal(file.named, 2);
  });

  it('is known in its newer column names', async () => {
    const file = await parse([
      'Title,URL handle,Status,SKU,Option1 name,Option1 value,Price,Inventory tracker,Inventory quantity,Product image URL',
      'Tee,tee,Active,TEE-S,Size,S,10,shopify,5,https://x/1.jpg',
      ',tee,,,,,,,,https://x/2.jpg',
    ]);
    assert.deepEqual([file.format, file.problems, file.skipped], ['shopify', [], 1]);
    assert.deepEqual(file.rows, [{ line: 2, sku: 'TEE-S', onHand: 5 }]);
  });

  it('says what to export where there are no quantities', async () => {
    const file = await parse(['Handle,Option1 Value,Variant SKU', 'tee,S,A']);
    assert.deepEqual([file.format, codes(file)], ['shopify', ['1 missing_column']]);
    assert.match(file.problems[0]?.message ?? '', /inventory export/);
  });
});

describe('the inventory export', () => {
  const header =
    'Handle,Title,Option1 Name,Option1 Value,SKU,HS Code,Location,Committed (not editable),Available (not editable),On hand (current),On hand (new)';

  it('takes what is still for sale, not what is on hand for orders sold elsewhere', async () => {
    const file = await parse([
      header,
      'tee,Tee,Size,S,A,,Main,4,6,10,',
      'tee,Tee,Size,S,A,,Shop,not stocked,not stocked,not stocked,',
    ]);
    assert.deepEqual(file.problems, []);
    assert.deepEqual(file.rows, [{ line: 2, sku: 'A', onHand: 6 }]);
    assert.equal(file.skipped, 1);
  });

  it('reports a SKU of two locations rather than choose', async () => {
    const file = await parse([header, 'tee,,Size,S,A,,Main,0,6,6,', 'tee,,Size,S,A,,Shop,0,1,1,']);
    assert.deepEqual(codes(file), ['3 duplicate_sku']);
    assert.match(file.problems[0]?.message ?? '', /of tee \(S\) at Shop is already on line 2/);
  });
});

it('a slug keeps letters and digits of any script, and nothing between them but dashes', () => {
  assert.equal(slug('  Extra Large / 42½ '), 'extra-large-421-2');
  assert.equal(slug('São João'), 'sao-joao');
  assert.equal(slug('赤 (大)'), '赤-大');
  assert.equal(slug('++'), '');
  assert.equal(skuFromHandle('top', ['Default Title']), 'top');
  assert.equal(skuFromHandle('top', ['Small', '+', 'Red']), 'top-small-red');
});
