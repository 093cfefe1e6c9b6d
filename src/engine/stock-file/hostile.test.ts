/** Files that nobody would write, and input that arrives in any pieces. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseStockFile, type StockFile } from './stock-file.ts';
import { readText } from './text-input.ts';

function codes(file: StockFile): string[] {
  return file.problems.map((problem) => `${problem.line} ${problem.code}`);
}

/** Bytes that nearly are a file: more telling than random ones. */
const fragments = fc.array(
  fc.constantFrom(
    ...[
      'sku',
      ',',
      ';',
      '\t',
      'on_hand',
      '\n',
      '\r\n',
      '\r',
      '"',
      '""',
      '5',
      '-1',
      'A',
      ' ',
      'é',
      '🧦',
    ],
    ...['{', '}', '{"sku":"A","on_hand":1}', '[', ':', '\\', '\uFEFF', 'Handle', 'Variant SKU'],
  ),
  { maxLength: 60 },
);

describe('random input', () => {
  const formats = fc.constantFrom(
    'auto' as const,
    'csv' as const,
    'ndjson' as const,
    'shopify' as const,
  );

  it('never throws, whatever the bytes', async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(bytes, formats, async (parts, format) => {
        const file = await parseStockFile(parts, { format });
        assert.equal(file.errors > 0 || file.rows.length + file.skipped === file.records, true);
      }),
      { numRuns: 500 },
    );
  });

  it('reads the same in whatever parts it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(fragments, formats, fc.nat(7), async (parts, format, size) => {
        const bytes = Buffer.from(parts.join(''));
        const cut: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size + 1)
          cut.push(bytes.subarray(at, at + size + 1));
        const whole = await parseStockFile([bytes], { format });
        assert.deepEqual(await parseStockFile(cut, { format }), whole);
        assert.deepEqual(await parseStockFile(parts, { format }), whole);
      }),
      { numRuns: 500 },
    );
  });
});

describe('text in pieces', () => {
  it('is the same bytes whatever the size of the pieces, each of whole characters', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 3, max: 9 }),
        async (text, pieceSize) => {
          fc.pre(!text.includes('\0') && !text.startsWith('\uFEFF'));
          const halves = text.split('');
          const pieces: string[] = [];
          for await (const piece of readText(halves, { pieceSize }))
            pieces.push(piece.toString('utf8'));
          assert.equal(pieces.join(''), text);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a file far larger than a piece has its seams everywhere and nowhere', async () => {
    for (let shift = 0; shift < 12; shift += 1) {
      const lines = [`sku,on_hand,${'n'.repeat(shift)}x`];
      const expected: unknown[] = [];
      for (let i = 0; lines.length < 12_000; i += 1) {
        lines.push(`"é""${i}",${i},"x\r\ny"`);
        expected.push({ line: 2 + 2 * i, sku: `é"${i}`, onHand: i });
      }
      const file = await parseStockFile([lines.join('\r\n')]);
      assert.deepEqual(codes(file), ['1 unknown_column']);
      assert.deepEqual(file.rows, expected);
    }
  });
});

describe('what is refused as a whole, with its line', () => {
  it('bytes that are not UTF-8', async () => {
    const latin = Buffer.from('sku,on_hand\r\nA,1\r\nCaf\xe9,2\r\n', 'latin1');
    assert.deepEqual(codes(await parseStockFile([latin])), ['3 invalid_utf8']);
    const cut = Buffer.from('sku,on_hand\nA,1\né').subarray(0, -1);
    assert.deepEqual(codes(await parseStockFile([cut])).at(-1), '3 invalid_utf8');
    const late = Buffer.concat([
      Buffer.from('sku,on_hand\n'),
      Buffer.from('A,1\n'.repeat(50_000)),
      Buffer.from([0xff]),
    ]);
    assert.deepEqual(
      codes(await parseStockFile([late], { maxProblems: 1e6 })).at(-1),
      '50002 invalid_utf8',
    );
    assert.deepEqual(codes(await parseStockFile(['sku,on_hand\n\ud83e', 'A,1'])), [
      '2 invalid_utf8',
    ]);
    const utf16 = Buffer.from('\uFEFFsku,on_hand\n', 'utf16le');
    assert.match((await parseStockFile([utf16])).problems[0]?.message ?? '', /UTF-16/);
  });

  it('NUL', async () => {
    assert.deepEqual(codes(await parseStockFile(['sku,on_hand\nA,1\nB\0,2\n'])), ['3 nul_byte']);
  });

  it('a line of a megabyte is read, one byte more is not', async () => {
    const header = 'sku,on_hand,note\n';
    const fits = `A,1,${'x'.repeat(1_048_572)}`;
    assert.equal((await parseStockFile([header + fits])).rows.length, 1);
    assert.deepEqual(codes(await parseStockFile([`${header}${fits}y`])).at(-1), '2 line_too_long');
    for (const filler of ['x', ',', '"', '{', '[', ' ', '-', 'é']) {
      for (const format of ['csv', 'ndjson', 'shopify'] as const) {
        const file = await parseStockFile([filler.repeat(500_000)], { format });
        assert.equal(file.rows.length, 0);
        assert.ok(file.errors > 0, `${filler} as ${format}`);
      }
    }
  });

  it('an open quote does not swallow a large file', async () => {
    const rows = 'B,2,\n'.repeat(1_000_000);
    const file = await parseStockFile([`sku,on_hand,note\nA,1,"\n${rows}`]);
    assert.deepEqual(codes(file), ['1 unknown_column', '2 record_too_long']);
    const bare = await parseStockFile([`sku,on_hand,note\nA,1,"x"${',""'.repeat(10)}\n`, '"'], {
      maxLineLength: 100,
    });
    assert.deepEqual(codes(bare), ['1 unknown_column', '3 unclosed_quote']);
  });

  it('more rows or problems than wanted', async () => {
    const rows = Array.from({ length: 10 }, (_, i) => `A${i},x\n`).join('');
    const file = await parseStockFile([`sku,on_hand\n${rows}`], { maxProblems: 3 });
    assert.deepEqual([file.problems.length, file.errors], [3, 10]);
    const long = await parseStockFile([`sku,on_hand\n${rows}`], { maxRows: 5 });
    assert.equal(codes(long).at(-1), '7 too_many_rows');
  });
});

describe('the input', () => {
  async function* failing(): AsyncGenerator<string> {
    yield 'sku,on_hand\nA,1\n';
    throw new Error('connection lost');
  }

  it('passes its own error on: half a file is not a file', async () => {
    await assert.rejects(parseStockFile(failing()), /connection lost/);
  });

  it('is closed when the file is given up', async () => {
    let closed = false;
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) yield 'no such column\n'.repeat(10_000);
      } finally {
        closed = true;
      }
    }
    assert.deepEqual(codes(await parseStockFile(endless())).at(-1), '1 missing_column');
    assert.equal(closed, true);
  });
});
