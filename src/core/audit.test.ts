import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { honestBooks, problemsOf, type Books } from '../../test/support/books.ts';
import { uuid } from '../../test/support/commands.ts';
import { DAMAGE_TO_LEDGER } from '../../test/support/damage-to-ledger.ts';
import { DAMAGE_TO_LEVELS, DAMAGE_TO_RESERVATIONS } from '../../test/support/damage-to-state.ts';
import { DAMAGE_TO_OUTBOX } from '../../test/support/damage-to-outbox.ts';
import { DAMAGE_TO_CUT } from '../../test/support/damage-to-cut.ts';
import type { Choose, Damage } from '../../test/support/damage.ts';
import { histories } from '../../test/support/histories.ts';
import { assertProperty, isReplay } from '../../test/support/replay.ts';
import { Audit, MAX_PROBLEMS, type ProblemKind } from './audit.ts';
import { entry } from './ledger.ts';
import { NO_POLICY, type StockLevel } from './stock-level.ts';

/** Of as many histories each, where the first left something out. */
const MOST_REPETITIONS = 8;

describe('the audit', () => {
  const damages = [
    ...DAMAGE_TO_LEDGER,
    ...DAMAGE_TO_RESERVATIONS,
    ...DAMAGE_TO_LEVELS,
    ...DAMAGE_TO_OUTBOX,
  ];
  const planted = new Map([...damages, ...DAMAGE_TO_CUT].map((damage) => [damage, 0]));

  function assertFound(among: readonly Damage[], honest: Books, luck: number): void {
    for (const damage of among) {
      const books = structuredClone(honest);
      const choose: Choose = (candidates) => candidates[luck % Math.max(1, candidates.length)];
      if (!damage.plant(books, choose)) continue;
      planted.set(damage, (planted.get(damage) ?? 0) + 1);
      const found = problemsOf(books);
      for (const kind of damage.found) {
        assert.ok(found.has(kind), `${damage.title}: ${kind} not in ${[...found].join(', ')}`);
      }
    }
  }

  const look = (among: readonly Damage[], trimmed: boolean): Promise<void> =>
    assertProperty(
      fc.property(histories(80), fc.nat(), (history, luck) => {
        const honest = honestBooks(history, { trimmed });
        assert.deepEqual([...problemsOf(honest)], []);
        assertFound(among, honest, luck);
      }),
      { runs: 250, file: 'src/core/audit.test.ts' },
    );

  it('finds nothing in honest books, and in damaged ones finds and names the damage', () =>
    look(damages, false));

  it('finds nothing in honest books that were trimmed, and finds damage to what stands for the rest', () =>
    look(DAMAGE_TO_CUT, true));

  for (const damage of [...damages, ...DAMAGE_TO_CUT]) {
    it(`finds ${damage.title}`, async () => {
      if (isReplay()) return;
      // Few histories have what some damage needs: whether any has is no matter of luck in many.
      for (let again = 0; again < MOST_REPETITIONS && planted.get(damage) === 0; again += 1) {
        await look([damage], DAMAGE_TO_CUT.includes(damage));
      }
      assert.notEqual(planted.get(damage), 0, 'no history had anything of the sort to damage');
    });
  }

  it('forgives what was purged, and only that', () => {
    const audit = (purgedBefore: number): ProblemKind[] => {
      const told = new Audit(purgedBefore);
      told.entry({ ...entry('set', 'A', null, { onHand: 1 }), seq: 1, at: 10 });
      told.entry({ ...entry('reserve', 'A', uuid(1), { reserved: 1 }), seq: 2, at: 20 });
      told.entry({ ...entry('release', 'A', uuid(1), { reserved: -1 }), seq: 3, at: 30 });
      told.level({ ...LEVEL, onHand: 1 });
      return told.finish().problems.map(({ kind }) => kind);
    };
    assert.deepEqual(audit(31), []);
    assert.deepEqual(audit(30), ['reservation_lost']);
    assert.deepEqual(audit(0), ['reservation_lost']);
  });

  it('says where, counts all and keeps the first thousand', () => {
    const told = new Audit(0);
    for (let n = 1; n <= MAX_PROBLEMS + 5; n += 1) {
      told.report('record_damaged', `row ${n}`, { sku: 'A', reservationId: uuid(n), seq: n });
    }
    const report = told.finish();
    assert.equal(report.ok, false);
    assert.equal(report.problemCount, MAX_PROBLEMS + 5);
    assert.equal(report.problems.length, MAX_PROBLEMS);
    assert.deepEqual(report.problems[0], {
      kind: 'record_damaged',
      message: 'row 1',
      sku: 'A',
      reservationId: uuid(1),
      seq: 1,
    });
  });

  it('counts what it has seen', () => {
    const told = new Audit(0);
    told.entry({ ...entry('set', 'A', null, { onHand: 1 }), seq: 1, at: 10 });
    told.level({ ...LEVEL, onHand: 1 });
    const { skus, reservations, entries, ok } = told.finish();
    assert.deepEqual(
      { skus, reservations, entries, ok },
      { skus: 1, reservations: 0, entries: 1, ok: true },
    );
  });
});

const LEVEL: StockLevel = {
  sku: 'A',
  onHand: 0,
  reserved: 0,
  allocated: 0,
  safetyStock: 0,
  policy: NO_POLICY,
};
