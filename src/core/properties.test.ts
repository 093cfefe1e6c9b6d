import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { histories } from '../../test/support/histories.ts';
import { Narrator, type Request } from '../../test/support/narrator.ts';
import { assertInvariants, assertWithinLimits, Watch } from '../../test/support/invariants.ts';
import { assertProperty } from '../../test/support/replay.ts';
import { auditOf } from '../../test/support/scenario.ts';
import { MemoryBook } from '../stores/memory/memory-book.ts';
import { levelView } from './execute-stock.ts';
import { execute } from './execute.ts';
import type { LedgerEntry } from './ledger.ts';
import { isQuantity, isSku, isStock } from './quantities.ts';
import { sumLines } from './reservation.ts';

describe('whatever is asked, in whatever order', () => {
  it('the books add up after every step, nothing is oversold, and each reservation is resolved once', async () => {
    await assertProperty(
      fc.property(histories(100), ({ rules, steps }) => {
        const clock = new FakeClock();
        const book = new MemoryBook();
        const narrator = new Narrator(clock);
        const watch = new Watch();
        const ledger: LedgerEntry[] = [];
        let purgedBefore = 0;
        const ask = ({ command, idempotency }: Request): void => {
          const now = clock.now();
          if (command.type === 'purge') purgedBefore = Math.max(purgedBefore, command.endedBefore);
          const headBefore = ledger.length;
          const answer = execute(book, command, now, rules, idempotency);
          narrator.heard(answer);
          // What is cut off was there before, so that nothing is missed.
          ledger.push(...book.trimming.entriesAfter(headBefore, Infinity));
          const books = {
            levels: [...book.levels.keys()].map((sku) => levelView(book, sku, now)),
            reservations: [...book.reservations.values()],
            ledger,
            now,
          };
          assertInvariants(books);
          watch.look(books);
          assertWithinLimits(answer, books, ledger.slice(headBefore));
          assert.deepEqual(auditOf(book, purgedBefore).problems, []);
        };
        narrator.opening.forEach(ask);
        for (const step of steps) {
          if (step.kind === 'submit') ask(narrator.request(step.asked));
          else if (step.kind === 'batch')
            step.asked.forEach((asked) => ask(narrator.request(asked)));
          else if (step.kind !== 'reopen') clock.set(narrator.timeOf(step));
        }
      }),
      { runs: 300, file: 'src/core/properties.test.ts' },
    );
  });
});

describe('quantities', () => {
  it('are integers from 1 to 1,000,000; stock from 0 to 2^31 - 1', () => {
    for (const [value, quantity, stock] of [
      [-1, false, false],
      [0, false, true],
      [1, true, true],
      [1.5, false, false],
      [1_000_000, true, true],
      [1_000_001, false, true],
      [2_147_483_647, false, true],
      [2_147_483_648, false, false],
      [NaN, false, false],
      [Infinity, false, false],
      ['1', false, false],
      [null, false, false],
      [undefined, false, false],
      [1n, false, false],
    ] as const) {
      assert.equal(isQuantity(value), quantity, `quantity ${value}`);
      assert.equal(isStock(value), stock, `stock ${value}`);
    }
  });

  it('lines of one SKU are summed, whatever the cart', () => {
    const lines = fc.array(
      fc.record(
        { sku: fc.constantFrom('A', 'B', '__proto__'), quantity: fc.nat({ max: 9 }) },
        { noNullPrototype: true },
      ),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(lines, (cart) => {
        const summed = sumLines(cart);
        const order = [...new Set(cart.map(({ sku }) => sku))];
        assert.deepEqual(
          summed,
          order.map((sku) => ({
            sku,
            quantity: cart.reduce((n, line) => n + (line.sku === sku ? line.quantity : 0), 0),
          })),
        );
      }),
    );
  });
});

describe('a SKU', () => {
  for (const [title, value, valid] of [
    ['a plain one', 'TSHIRT-42', true],
    ['one character', 'A', true],
    ['inner spaces', 'blue shirt / L', true],
    ['any script', 'camiseta-açaí-日本-🎟', true],
    ['128 characters', 'x'.repeat(128), true],
    ['129 characters', 'x'.repeat(129), false],
    ['nothing', '', false],
    ['a space before', ' A', false],
    ['a space behind', 'A ', false],
    ['only a space', ' ', false],
    ['a no-break space behind', 'A\u00A0', false],
    ['a byte order mark before', '\uFEFFA', false],
    ['a line break inside', 'A\nB', false],
    ['a line break behind', 'A\n', false],
    ['a NUL', 'A\u0000B', false],
    ['a delete', 'A\u007F', false],
    ['half a surrogate pair', 'A\uD83C', false],
    ['a number', 42, false],
    ['null', null, false],
  ] as const) {
    it(`${title}: ${valid ? 'yes' : 'no'}`, () => {
      assert.equal(isSku(value), valid);
    });
  }
});
