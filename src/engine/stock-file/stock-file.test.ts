import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_STOCK } from '../../core/quantities.ts';
import {
  parseStockFile,
  toStockSetting,
  type StockFile,
  type StockFileOptions,
} from './stock-file.ts';

function parse(text: string | Uint8Array, options?: StockFileOptions): Promise<StockFile> {
  return parseStockFile([text], options);
}

/** `line code` of each problem, for short comparisons. */
function codes(file: StockFile): string[] {
  return file.problems.map((problem) => `${problem.line} ${problem.code}`);
}

describe('our CSV', () => {
  it('reads every column, and leaves out what an empty cell leaves open', async () => {
    const file = await parse(
      'sku,on_hand,safety_stock,max_per_order,max_per_customer,ttl_seconds,opens_at,closes_at\n' +
        'A,120,5,2,4,300,2026-11-27T09:00:00-03:00,2026-11-28T00:00:00Z\n' +
        'B,0,,,,,,\n' +
        'C,7,,none,,NONE,,none\n',
    );
    assert.deepEqual(file.problems, []);
    assert.equal(file.format, 'csv');
    assert.deepEqual(file.rows, [
      {
        line: 2,
        sku: 'A',
        onHand: 120,
        safetyStock: 5,
        maxPerOrder: 2,
        maxPerCustomer: 4,
        ttlSeconds: 300,
        opensAt: Date.UTC(2026, 10, 27, 12),
        closesAt: Date.UTC(2026, 10, 28),
      },
      { line: 3, sku: 'B', onHand: 0 },
      { line: 4, sku: 'C', onHand: 7, maxPerOrder: null, ttlSeconds: null, closesAt: null },
    ]);
  });

  for (const [name, separator] of [
    ['comma', ','],
    ['semicolon', ';'],
    ['tab', '\t'],
    ['bar', '|'],
  ] as const) {
    it(`recognises the ${name} between cells`, async () => {
      const file = await parse(`quantity${separator}SKU\r\n5${separator}A\r\n6${separator}B`);
      assert.deepEqual(file.problems, []);
      assert.deepEqual(file.rows, [
        { line: 2, sku: 'A', onHand: 5 },
        { line: 3, sku: 'B', onHand: 6 },
      ]);
    });
  }

  it('takes a byte-order mark, quotes, any line end, blank rows and rows of bare separators', async () => {
    const file = await parse('\uFEFF"sku","on_hand"\r\n"A,1","5"\r\r\n,\n"B ""x""",6\r"Ção 🧦",7');
    assert.deepEqual(file.problems, []);
    assert.deepEqual(file.rows, [
      { line: 2, sku: 'A,1', onHand: 5 },
      { line: 5, sku: 'B "x"', onHand: 6 },
      { line: 6, sku: 'Ção 🧦', onHand: 7 },
    ]);
  });

  it('counts lines as an editor does, also past quoted cells of several lines', async () => {
    const file = await parse(
      'sku,on_hand,note\r\nA,1,"two\r\nlines"\r\nB,x,\r\nC,2,"a\nb\n"\r\nD,x,',
    );
    assert.deepEqual(codes(file), ['1 unknown_column', '4 bad_integer', '8 bad_integer']);
    assert.deepEqual(
      file.rows.map((row) => row.line),
      [2, 5],
    );
  });

  it('names what is wrong in each cell, and what was expected', async () => {
    const file = await parse(
      'sku,on_hand,safety_stock,max_per_order,ttl_seconds,opens_at,closes_at\n' +
        'A,1.5,,,,,\n' +
        `B,${MAX_STOCK + 1},-1,0,0,,\n` +
        'C,,none,,,27/11/2026,2026-02-30T00:00:00Z\n' +
        'D,1 000,,,,2026-11-27T09:00:00,2026-11-27T09:00:00+24:00\n' +
        'E,5,,,,2026-11-27T09:00:00Z,2026-11-27T09:00:00Z\n',
    );
    assert.deepEqual(codes(file), [
      '2 bad_integer',
      ...['3 out_of_range', '3 out_of_range', '3 out_of_range', '3 out_of_range'],
      ...['4 missing_value', '4 not_clearable', '4 bad_time', '4 bad_time'],
      ...['5 bad_integer', '5 bad_time', '5 bad_time'],
      '6 closes_before_opens',
    ]);
    assert.deepEqual(file.rows, []);
    assert.equal(file.errors, 13);
    assert.deepEqual(file.problems[1], {
      line: 3,
      severity: 'error',
      code: 'out_of_range',
      message: 'Expected a whole number from 0 to 2147483647, without separators.',
      column: 'on_hand',
      value: '2147483648',
    });
  });

  it('names both lines of a SKU that comes twice, also where the first is bad in another cell', async () => {
    const file = await parse('sku,on_hand\nA,x\nB,1\nA,2\nB,3\n');
    assert.deepEqual(codes(file), ['2 bad_integer', '4 duplicate_sku', '5 duplicate_sku']);
    assert.match(file.problems[1]?.message ?? '', /already on line 2/);
    assert.equal(file.problems[1]?.value, 'A');
  });

  it('refuses rows without a SKU or with an impossible one, and trims spaces with a warning', async () => {
    const file = await parse(`sku,on_hand\n,1\n"a\tb",2\n${'x'.repeat(129)},3\n A ,4\nA,5\n`);
    assert.deepEqual(codes(file), [
      '2 missing_sku',
      '3 invalid_sku',
      '4 invalid_sku',
      '5 sku_trimmed',
      '6 duplicate_sku',
    ]);
    assert.deepEqual(file.rows, [{ line: 5, sku: 'A', onHand: 4 }]);
    assert.deepEqual([file.errors, file.warnings], [4, 1]);
  });

  it('warns of columns it does not know, and stops at ones that are missing or doubled', async () => {
    const unknown = await parse('sku,on_hand,warehouse\nA,1,x\n');
    assert.deepEqual([codes(unknown), unknown.errors], [['1 unknown_column'], 0]);
    assert.equal(unknown.problems[0]?.column, 'warehouse');
    assert.equal(unknown.rows.length, 1);
    assert.deepEqual(codes(await parse('\nname,on_hand\nA,1\n')).at(-1), '2 missing_column');
    assert.deepEqual(codes(await parse('sku,name\nA,1\n')).at(-1), '1 missing_column');
    assert.deepEqual(codes(await parse('sku,on_hand,Quantity\nA,1,2\n')), ['1 duplicate_column']);
  });

  it('reports rows with too few or too many cells', async () => {
    const file = await parse('sku,on_hand,ttl_seconds\nA,1\nB,1,60,,\nC,1,60,x\n');
    assert.deepEqual(codes(file), ['2 wrong_cell_count', '4 wrong_cell_count']);
    assert.deepEqual(
      file.rows.map((row) => row.sku),
      ['B'],
    );
  });

  it('reports quotes that are not closed or not doubled with the line where their record begins', async () => {
    assert.deepEqual(codes(await parse('sku,on_hand\nA,1\n"B,2\nC,3\n')), ['3 unclosed_quote']);
    assert.deepEqual(codes(await parse('sku,on_hand\nA,1\n"B" x,2\nC,3\n')), ['3 misplaced_quote']);
    assert.deepEqual(codes(await parse('sku,on_hand\nA,1\nB 7" x,2\n')), ['3 misplaced_quote']);
    const swallowed = await parse('sku,note,on_hand\nA,"x,1\nB,y,2\nC,"z",3\n');
    assert.equal(swallowed.errors, 1);
    const hidden = await parse('note,sku,on_hand\n"x,A,1\ny,B,2\nz",C,3\n');
    assert.deepEqual(codes(hidden), ['1 unknown_column', '2 swallowed_lines']);
  });
});

describe('our NDJSON', () => {
  it('reads every name; null clears a policy', async () => {
    const file = await parse(
      '\uFEFF{"sku":"A","on_hand":1,"max_per_order":null,"opens_at":"2026-11-27T09:00:00.250-03:00"}\r\n' +
        '\r\n{"quantity":2,"sku":"B","safety_stock":0}',
    );
    assert.deepEqual(file.problems, []);
    assert.equal(file.format, 'ndjson');
    assert.deepEqual(file.rows, [
      {
        line: 1,
        sku: 'A',
        onHand: 1,
        maxPerOrder: null,
        opensAt: Date.UTC(2026, 10, 27, 12, 0, 0, 250),
      },
      { line: 3, sku: 'B', onHand: 2, safetyStock: 0 },
    ]);
  });

  it('names what is wrong on each line and reads on', async () => {
    const lines = [
      '{"sku":"A","on_hand":"5"}',
      '{"sku":"B","on_hand":1.5}',
      '{"sku":"C","on_hand":null}',
      '{"sku":"D","on_hand":-1}',
      '{"sku":"E"}',
      '{"sku":12,"on_hand":1}',
      '{"on_hand":1}',
      '[{"sku":"F","on_hand":1}]',
      '{"sku":"G",',
      '{"sku":"H","on_hand":1,"quantity":1}',
      '{"sku":"I","on_hand":1,"opens_at":1764244800000,"safety_stock":null}',
      '{"sku":"J","on_hand":1,"constructor":1,"__proto__":{"on_hand":9}}',
      '{"sku":"J","on_hand":2,"constructor":1}',
      '{"sku":"\\ud800","on_hand":2}',
    ];
    const file = await parse(lines.join('\n'));
    assert.deepEqual(codes(file), [
      '1 bad_integer',
      '2 bad_integer',
      '3 not_clearable',
      '4 out_of_range',
      '5 missing_value',
      '6 invalid_sku',
      '7 missing_sku',
      '8 not_an_object',
      '9 bad_json',
      '10 duplicate_column',
      ...['11 not_clearable', '11 bad_time'],
      ...['12 unknown_column', '12 unknown_column', '13 duplicate_sku'],
      '14 invalid_sku',
    ]);
    assert.deepEqual(file.rows, [{ line: 12, sku: 'J', onHand: 1 }]);
    assert.equal(file.records, 14);
  });
});

describe('which format it is', () => {
  const ndjson = '{"sku":"A","on_hand":1}\n';
  const csv = 'sku,on_hand\nA,1\n';

  it('is told by the first character where nobody says', async () => {
    assert.equal((await parse(`\n ${ndjson}`)).format, 'ndjson');
    assert.equal((await parse(csv)).format, 'csv');
    assert.equal(
      (await parse(ndjson, { contentType: 'application/octet-stream' })).format,
      'ndjson',
    );
  });

  it('is what the media type or the caller says otherwise', async () => {
    const json = await parse(csv, { contentType: 'application/x-ndjson; charset=utf-8' });
    assert.deepEqual([json.format, json.errors], ['ndjson', 2]);
    assert.equal((await parse(csv, { contentType: 'Text/CSV' })).format, 'csv');
    const shopify = await parse(csv, { format: 'shopify', contentType: 'text/csv' });
    assert.deepEqual([shopify.format, codes(shopify)], ['shopify', ['1 missing_column']]);
  });

  it('an empty file is a problem, and a header alone is not', async () => {
    for (const nothing of ['', '\uFEFF', '\r\n\r\n', '  ']) {
      assert.deepEqual(codes(await parse(nothing)), ['1 empty_file'], JSON.stringify(nothing));
    }
    assert.deepEqual(codes(await parse('sku,on_hand')), []);
  });
});

it('a row becomes a setting for the store with only what was given', () => {
  assert.deepEqual(toStockSetting({ sku: 'A', onHand: 1 }), { sku: 'A', onHand: 1 });
  const full = { sku: 'A', onHand: 1, safetyStock: 0, maxPerOrder: null, closesAt: 5 };
  assert.deepEqual(toStockSetting(full), {
    sku: 'A',
    onHand: 1,
    safetyStock: 0,
    policy: { maxPerOrder: null, closesAt: 5 },
  });
});
