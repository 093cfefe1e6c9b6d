import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  parseOrderFile,
  replaySteps,
  type OrderFile,
  type OrderFileOptions,
} from './order-file.ts';

function parse(lines: readonly string[], options?: OrderFileOptions): Promise<OrderFile> {
  return parseOrderFile([lines.join('\n')], options);
}

function codes(file: OrderFile): string[] {
  return file.problems.map((problem) => `${problem.line} ${problem.code}`);
}

const HEADER = 'order_id,sku,quantity,date,price,customer_id';

describe('rows become', () => {
  it('carts: lines of one SKU summed, in the order of first appearance', async () => {
    const file = await parse([
      HEADER,
      '2,A1,1,2026-11-27,1.50,',
      '1,A1,1,,,ana',
      '2,B2,2,,0.25,bia',
      '2,A1,3,,1.50,bia',
    ]);
    assert.deepEqual(file.problems, []);
    assert.deepEqual(file.carts, [
      {
        order: '2',
        customerId: 'bia',
        at: Date.UTC(2026, 10, 27),
        lines: [
          { sku: 'A1', quantity: 4, lines: [2, 5] },
          { sku: 'B2', quantity: 2, lines: [4] },
        ],
        line: 2,
        amount: 6.5,
      },
      {
        order: '1',
        customerId: 'ana',
        at: null,
        lines: [{ sku: 'A1', quantity: 1, lines: [3] }],
        line: 3,
        amount: null,
      },
    ]);
    assert.equal(file.summary.amount, 6.5);
  });

  it('cancellations, write-offs and non-products, by number, sign and code', async () => {
    const file = await parse([
      HEADER,
      '1,A1,5,,,ana',
      'C2,A1,-2,,,ana',
      'c2,A1,-1,,,ana',
      'CUST-3,A1,-4,,,',
      'C2,POST,-1,,,ana',
      'C4,A1,6,,,bia',
      'C4,B1,1,,,bia',
    ]);
    assert.deepEqual(codes(file), ['7 positive_cancellation']);
    assert.deepEqual(
      file.cancellations.map(({ order, cancels, lines }) => [order, cancels, lines[0]?.quantity]),
      [
        ['C2', null, 2],
        ['c2', null, 1],
      ],
    );
    assert.deepEqual(file.writeOffs, [
      { line: 5, order: 'CUST-3', sku: 'A1', quantity: 4, at: null },
    ]);
    assert.deepEqual(file.nonProducts, [{ line: 6, code: 'POST', order: 'C2' }]);
    assert.deepEqual(
      file.carts.map((cart) => cart.order),
      ['1', 'C4'],
    );
    const own = await parse([HEADER, 'C2,A1,-2,,,', 'RET-7,A1,-2,,,'], { cancelPrefix: 'RET-' });
    assert.deepEqual([own.cancellations.length, own.writeOffs.length], [1, 1]);
    const none = await parse([HEADER, 'C2,A1,-2,,,'], { cancelPrefix: null });
    assert.deepEqual([none.cancellations.length, none.writeOffs.length], [0, 1]);
  });

  it('problems, each with its line, and the rest is read', async () => {
    const file = await parse([
      HEADER,
      ',A1,1,,,',
      '1,,1,,,',
      '1,A1,0,,,',
      '1,A1,1.5,,,',
      '1,A1,,,,',
      '1,A1,1000001,,,',
      '1,A1,1000000,,,ana',
      '1,A1,1,,,',
      '1,A1',
      `1,${'9'.repeat(129)},1,,,`,
      '1,B1,1,tomorrow,cheap,bia',
    ]);
    assert.deepEqual(codes(file), [
      '2 missing_order',
      '3 missing_sku',
      '4 zero_quantity',
      '5 bad_quantity',
      '6 bad_quantity',
      '7 quantity_out_of_range',
      '9 quantity_out_of_range',
      '10 wrong_cell_count',
      '11 invalid_sku',
      ...['12 bad_date', '12 mixed_customers', '12 bad_price'],
    ]);
    assert.deepEqual([file.errors, file.warnings], [9, 3]);
    assert.equal(file.summary.rows.refused, 9);
    assert.deepEqual(
      file.carts[0]?.lines.map((line) => line.quantity),
      [1_000_000, 1],
    );
  });
});

describe('columns', () => {
  it('of Shopify, whose order export marks cancelled orders and fills only the first row', async () => {
    const file = await parse([
      'Name,Email,Financial Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Id',
      '#1002,b@x.example,paid,2026-11-27 09:01:00 -0300,2,"Tee, red",10.00,TEE1,,2',
      '#1002,b@x.example,,2026-11-27 09:01:00 -0300,1,Cap,5.00,CAP1,,',
      '#1001,a@x.example,refunded,2026-11-27 09:00:00 -0300,3,Cap,5.00,CAP1,2026-11-28 10:00:00 -0300,1',
      '#1001,a@x.example,,2026-11-27 09:00:00 -0300,1,Gift,0.00,,,',
    ]);
    assert.deepEqual(codes(file), ['5 missing_sku']);
    assert.deepEqual(file.reading.columns, {
      order: 'Name',
      sku: 'Lineitem sku',
      quantity: 'Lineitem quantity',
      date: 'Created at',
      price: 'Lineitem price',
      customer: 'Email',
      cancelledAt: 'Cancelled at',
    });
    assert.equal(file.reading.dateOrder.value, 'ymd');
    assert.deepEqual(
      file.carts.map(({ order, at, amount }) => [order, at, amount]),
      [
        ['#1002', Date.UTC(2026, 10, 27, 12, 1), 25],
        ['#1001', Date.UTC(2026, 10, 27, 12), 15],
      ],
    );
    assert.deepEqual(file.cancellations, [
      { ...file.carts[1], at: Date.UTC(2026, 10, 28, 13), cancels: '#1001' },
    ]);
    const order = (by: 'file' | 'time') =>
      replaySteps(file, by).map(({ kind, cart }) => `${kind} ${cart.order}`);
    assert.deepEqual(order('file'), ['cart #1002', 'cart #1001', 'cancellation #1001']);
    assert.deepEqual(order('time'), ['cart #1001', 'cart #1002', 'cancellation #1001']);
  });

  it('a cancellation dated before its order still comes after it', async () => {
    const file = await parse([
      'Name,Created at,Lineitem quantity,Lineitem sku,Cancelled at',
      '#2,2026-11-27 09:00:00 Z,1,A1,2026-11-20 09:00:00 Z',
      '#1,2026-11-26 09:00:00 Z,1,A1,',
    ]);
    assert.deepEqual(
      replaySteps(file, 'time').map(({ kind, cart }) => `${kind} ${cart.order}`),
      ['cart #1', 'cart #2', 'cancellation #2'],
    );
  });

  it('in Portuguese, with a decimal comma in a file of commas', async () => {
    const file = await parse([
      'Número do pedido\tCódigo do produto\tQtd\tData do pedido\tPreço unitário\tID cliente',
      '77\tA1\t2,0\t31/12/2025\tR$ 1.234,50\tana',
    ]);
    assert.deepEqual(file.problems, []);
    assert.equal(file.reading.separator, '\t');
    assert.equal(file.carts[0]?.amount, 2469);
    assert.equal(file.carts[0].at, Date.UTC(2025, 11, 31));
  });

  it('are taken as named, and no column is guessed where the caller says there is none', async () => {
    const lines = ['order;sku;ref;QUANTITY;date', '1;A1;B2;3;1/12/2010'];
    const file = await parse(lines, { columns: { sku: 'Ref', date: null }, dateOrder: 'mdy' });
    assert.deepEqual(file.problems, []);
    assert.deepEqual(file.carts[0]?.lines, [{ sku: 'B2', quantity: 3, lines: [2] }]);
    assert.equal(file.carts[0].at, null);
    const mdy = await parse(lines, { dateOrder: 'mdy' });
    assert.equal(mdy.carts[0]?.at, Date.UTC(2010, 0, 12));
  });

  it('that are missing are named beside those there are', async () => {
    const file = await parse(['order;sku;n', '1;A1;3']);
    assert.deepEqual([codes(file), file.complete], [['1 missing_column'], false]);
    assert.match(file.problems[0]?.message ?? '', /the quantity: .*order, sku, n/);
    const named = await parse([HEADER], { columns: { customer: 'buyer' } });
    assert.match(named.problems[0]?.message ?? '', /no column "buyer" for the customer/);
  });
});

describe('what the whole file settles', () => {
  it('is reported where it is in doubt, and taken as told', async () => {
    const lines = [
      'order;sku;quantity;date;price',
      '1;A1;1;1/2/2010;1.234',
      '2;A1;1;2/1/2010;2.345',
    ];
    const file = await parse(lines);
    assert.deepEqual(codes(file), ['1 ambiguous_decimals', '1 ambiguous_dates']);
    assert.deepEqual(file.reading.decimal, { value: ',', doubt: 'ambiguous' });
    assert.deepEqual(file.reading.dateOrder, { value: 'dmy', doubt: 'ambiguous' });
    assert.equal(file.carts[0]?.amount, 1234);
    const told = await parse(lines, { decimal: '.', dateOrder: 'mdy', separator: ';' });
    assert.deepEqual(told.problems, []);
    assert.equal(told.carts[0]?.amount, 1.23);
    const mixed = await parse([...lines, '3;A1;1;13/1/2010;1,5', '4;A1;1;1/13/2010;1.5']);
    assert.deepEqual(codes(mixed), [
      '1 mixed_decimals',
      '1 mixed_dates',
      '5 bad_date',
      '5 bad_price',
    ]);
  });
});

describe('quotes', () => {
  it('inside an unquoted cell are ordinary characters', async () => {
    const file = await parse([
      'order;sku;name;quantity',
      '1;A1;FRAME 7" SIZE ;2',
      '1;A2;LETTER "D" RING;3',
      '1;A3;"BIG" SIGN;4',
      '1;A4;"a; ""b""";5',
    ]);
    assert.deepEqual(file.problems, []);
    assert.equal(file.summary.units, 14);
  });

  it('that are never closed do not swallow rows in silence', async () => {
    const lost = await parse(['order;sku;name;quantity', '1;A1;"x;2', '2;A2;y;3', '3;A3;7" z;4']);
    assert.deepEqual(codes(lost), ['2 swallowed_lines']);
    const open = await parse(['order;sku;name;quantity', '1;A1;"x;2', '2;A2;y;3']);
    assert.deepEqual([codes(open), open.complete], [['2 unclosed_quote'], false]);
  });
});

describe('whatever is in the file', () => {
  const cell = fc.oneof(
    fc.constantFrom(
      ...['1', 'C1', 'A1', 'POST', '-2', '0', '1,5', '1.000', '3/4/2010', '2010-13-01'],
    ),
    fc.constantFrom(...['"', '""', ';', '\n', '\r\n', ' ', '', '\uFEFF', '99999999999999999999']),
    fc.string({ maxLength: 5 }),
  );
  const text = fc
    .array(fc.array(cell, { maxLength: 6 }), { maxLength: 20 })
    .map((rows) => rows.map((row) => row.join(';')).join('\n'));

  it('every record is counted once, and every unit of a cart comes from its lines', async () => {
    await fc.assert(
      fc.asyncProperty(text, async (body) => {
        const file = await parse([`order;sku;quantity;date;price;customer\n${body}`]);
        const { rows, records } = file.summary;
        const { cart, cancellation, writeOff, nonProduct, refused } = rows;
        assert.equal(cart + cancellation + writeOff + nonProduct + refused, records);
        assert.ok(refused <= file.errors);
        const lines = [...file.carts, ...file.cancellations].flatMap((each) =>
          each.lines.flatMap((line) => line.lines),
        );
        assert.equal(lines.length, cart + cancellation);
        assert.equal(new Set(lines).size, lines.length);
        for (const each of [...file.carts, ...file.cancellations]) {
          for (const line of each.lines)
            assert.ok(line.quantity >= 1 && line.quantity <= 1_000_000);
        }
        assert.equal(
          replaySteps(file, 'time').length,
          file.carts.length + file.cancellations.length,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('nothing throws, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 })), async (parts) => {
        const file = await parseOrderFile(parts);
        assert.ok(file.errors > 0 || file.complete);
      }),
      { numRuns: 300 },
    );
    for (const filler of ['x', ';', '"', ' ', '1', '-', '/', '.', ',', "'", '1 ']) {
      const long = filler.repeat(400_000 / filler.length);
      assert.ok((await parse([long])).errors > 0, filler);
      const cells = await parse([
        'order;sku;quantity;date;price',
        [1, 'A1', 1, long, long].join(';'),
      ]);
      assert.ok(cells.errors + cells.warnings > 0 || ' ;'.includes(filler), filler);
      const more = await parse(['order;sku;quantity', [long, long, long].join(';')]);
      assert.equal(more.carts.length, 0, filler);
    }
  });

  it('more rows than wanted end the reading', async () => {
    const file = await parse([HEADER, '1,A1,1,,,', '2,A1,1,,,'], { maxRows: 1 });
    assert.deepEqual([codes(file), file.complete], [['3 too_many_rows'], false]);
  });
});
