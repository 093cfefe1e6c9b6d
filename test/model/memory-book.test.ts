import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Book } from '../../src/core/book.ts';
import { execute } from '../../src/core/execute.ts';
import { MemoryBook } from '../../src/stores/memory/memory-book.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { CUSTOMERS, histories, SKUS } from '../support/histories.ts';
import { Narrator, type Request } from '../support/narrator.ts';
import { assertProperty } from '../support/replay.ts';
import { NaiveBook } from './naive-book.ts';

/** All that a decision may ask, asked. */
function readings(book: Book, now: number): unknown {
  const limits = [1, 3, 1_000];
  return {
    skus: SKUS.map((sku) => ({
      level: book.level(sku),
      held: CUSTOMERS.map((customer) => book.customerHeld(sku, customer, now)),
      nextExpiry: book.nextExpiry(sku, now),
      lapsed: book.lapsedUnits(sku, now),
      oldestDue: book.oldestDue(sku, now),
      newestUnlatched: book.newestUnlatched(sku),
    })),
    due: limits.map((limit) => book.due(now, limit)),
    ended: limits.map((limit) => book.endedBefore(now - 5_000, limit)),
    cut: book.trimming.cut,
    openings: SKUS.map((sku) => book.trimming.opening(sku)),
    remembered: [0, 1, 2, 3, 4, 5].map((key) => book.remembered(`key-${key}`)?.answer),
  };
}

/** What the cut ledger holds for a reservation. Of one that was purged only the units are still of interest. */
function unitsOf(book: Book, id: string): unknown {
  const kept = book.reservation(id) !== undefined;
  return book.trimming
    .story(id)
    ?.map((line) => (kept ? line : [line.sku, line.reserved, line.allocated]));
}

describe('the memory book', () => {
  it('answers whatever a decision may ask as a search of plain lists does', async () => {
    await assertProperty(
      fc.property(histories(60), ({ rules, steps }) => {
        const clock = new FakeClock();
        const narrator = new Narrator(clock);
        const book = new MemoryBook();
        const naive = new NaiveBook();
        const ask = ({ command, idempotency }: Request): void => {
          const answer = execute(book, command, clock.now(), rules, idempotency);
          const expected = execute(naive, command, clock.now(), rules, idempotency);
          assert.deepEqual(answer, expected);
          narrator.heard(answer);
        };
        narrator.opening.forEach(ask);
        for (const step of steps) {
          if (step.kind === 'submit') ask(narrator.request(step.asked));
          if (step.kind === 'batch') step.asked.forEach((each) => ask(narrator.request(each)));
          if (step.kind === 'wait' || step.kind === 'deadline') clock.set(narrator.timeOf(step));
          const now = clock.now();
          assert.deepEqual(readings(book, now), readings(naive, now));
        }
        const { seq } = naive.trimming.cut;
        assert.deepEqual(book.entries, naive.trimming.entriesAfter(seq, Infinity));
        for (const id of new Set(
          naive.entries.flatMap(({ reservationId }) => reservationId ?? []),
        )) {
          assert.deepEqual(unitsOf(book, id), unitsOf(naive, id));
        }
        const active = naive.reservations.filter(({ status }) => status === 'active');
        assert.equal(book.activeCount, active.length);
      }),
      { runs: 150, file: 'test/model/memory-book.test.ts' },
    );
  });
});
