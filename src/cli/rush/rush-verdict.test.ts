import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hold, Refusal, RoundEvidence } from './rush-evidence.ts';
import { seededRandom } from './rush-random.ts';
import type { Level } from './rush-stock.ts';
import { type RoundFindings, type SkuFinding, judgeRound } from './rush-verdict.ts';

const NEVER = Number.POSITIVE_INFINITY;

function hold(from: number, answered: number, more: Partial<Hold> = {}): Hold {
  return {
    kind: 'confirmed',
    quantity: 1,
    possibleFrom: from,
    certainFrom: answered,
    certainUntil: NEVER,
    possibleUntil: NEVER,
    lapsedBy: NEVER,
    ...more,
  };
}

function released(from: number, answered: number, asked: number, done: number): Hold {
  return hold(from, answered, { kind: 'ended', certainUntil: asked, possibleUntil: done });
}

function level(onHand: number, reserved = 0, allocated = 0): Level {
  const available = Math.max(0, onHand - reserved - allocated);
  return { available, onHand, reserved, allocated, safetyStock: 0 };
}

function refusal(from: number, until: number, skus = [0], quantity = 1): Refusal {
  return { skus, quantity, from, until };
}

interface SkuCase {
  readonly before: Level;
  readonly holds: readonly Hold[];
  readonly after?: Level | null;
}

function judge(skus: readonly SkuCase[], refusals: readonly Refusal[] = []): RoundFindings {
  const evidence: RoundEvidence = {
    brokenPromises: 0,
    refusals,
    skus: skus.map(({ before, holds, after }, index) => ({
      sku: `SKU-${index}`,
      holds,
      before: { level: before, askedAt: -2, answeredAt: -1 },
      after:
        after === null || after === undefined
          ? null
          : { level: after, askedAt: 1000, answeredAt: 1001 },
    })),
  };
  return judgeRound(evidence);
}

function judgeOne(sku: SkuCase, refusals: readonly Refusal[] = []): SkuFinding {
  return judge([sku], refusals).skus[0] ?? assert.fail();
}

const NONE = { least: 0, most: 0 };

test('all sold and the rest refused is as it should be', () => {
  const holds = [hold(0, 1), hold(0, 2)];
  const found = judgeOne({ before: level(2), holds, after: level(0) }, [refusal(1, 3)]);
  assert.deepEqual(found.oversold, NONE);
  assert.deepEqual(found.undersold, NONE);
  assert.deepEqual(found.differences, []);
  assert.equal(found.granted, 2);
});

test('one grant too many is one oversold unit', () => {
  const found = judgeOne({ before: level(1), holds: [hold(0, 1), hold(0, 2)], after: level(-1) });
  assert.deepEqual(found.oversold, { least: 1, most: 1 });
});

test('a unit may be granted again once its release was sent, and not before', () => {
  const again = judgeOne({ before: level(1), holds: [released(0, 1, 5, 7), hold(4, 6)] });
  assert.deepEqual(again.oversold, NONE);
  const tooEarly = judgeOne({ before: level(1), holds: [released(0, 1, 5, 7), hold(2, 4)] });
  assert.deepEqual(tooEarly.oversold, { least: 1, most: 1 });
});

test('what others had reserved before may come back and be sold', () => {
  const found = judgeOne({ before: level(3, 2), holds: [hold(0, 1), hold(0, 2), hold(0, 3)] });
  assert.equal(found.offered, 1);
  assert.deepEqual(found.oversold, NONE);
});

test('books that promise more than they hold are oversold, unless stock was taken away', () => {
  const held = [hold(0, 1, { kind: 'held' })];
  const doubled = judgeOne({ before: level(1), holds: held, after: level(1, 2) });
  assert.deepEqual(doubled.oversold, { least: 1, most: 1 });
  const takenAway = judgeOne({ before: level(1), holds: held, after: level(0, 1) });
  assert.deepEqual(takenAway.oversold, NONE);
  assert.deepEqual(
    takenAway.differences.map(({ figure }) => figure),
    ['sold'],
  );
});

test('a refusal is wrong only if a unit was free the whole time', () => {
  const sku = { before: level(1), holds: [released(0, 1, 5, 7)] };
  assert.deepEqual(judgeOne(sku, [refusal(6, 8)]).undersold, NONE); // asked before the release was done
  assert.deepEqual(judgeOne(sku, [refusal(7, 8)]).undersold, NONE); // at its very moment
  const wrong = judgeOne(sku, [refusal(7.1, 8), refusal(9, 10)]);
  assert.deepEqual(wrong.undersold, { least: 1, most: 1 });
  assert.equal(wrong.wrongRefusals, 2);
});

test('undersold units are no more than were wrongly refused, nor than were free', () => {
  const many = judgeOne({ before: level(50), holds: [] }, [refusal(1, 2), refusal(1, 2)]);
  assert.equal(many.undersold.least, 2);
  const few = judgeOne({ before: level(5), holds: [] }, [
    refusal(1, 2, [0], 3),
    refusal(1, 2, [0], 4),
  ]);
  assert.equal(few.undersold.least, 5);
  const enough = judgeOne({ before: level(5), holds: [] }, [refusal(1, 2, [0], 6)]);
  assert.equal(enough.undersold.least, 0);
});

test('a cart is rightly refused if one of its lines may have been short', () => {
  const skus = [
    { before: level(9), holds: [] },
    { before: level(1), holds: [hold(0, 5)] },
  ];
  const both = [refusal(1, 2, [0, 1])];
  assert.deepEqual(
    judge(skus, both).skus.map((sku) => sku.undersold.least),
    [0, 0],
  );
  const first = judge(
    skus.map((sku) => ({ ...sku, holds: [] })),
    both,
  );
  assert.deepEqual(
    first.skus.map((sku) => sku.undersold.least),
    [0, 1],
  );
});

test('an unanswered reserve widens both figures, where it can matter', () => {
  const maybe = hold(0, 9, { kind: 'maybe_granted', certainUntil: 9 });
  const full = judgeOne({ before: level(1), holds: [hold(0, 1), maybe] });
  assert.deepEqual(full.oversold, { least: 0, most: 1 });
  const last = judgeOne({ before: level(1), holds: [maybe] }, [refusal(10, 11)]);
  assert.deepEqual(last.undersold, { least: 0, most: 1 });
  assert.deepEqual(last.oversold, NONE);
  const plenty = judgeOne({ before: level(5), holds: [hold(0, 1), maybe] });
  assert.deepEqual(plenty.oversold, NONE);
});

test('books may say anything that unanswered requests allow, and nothing else', () => {
  const holds = [hold(0, 1), hold(0, 2, { kind: 'maybe_confirmed', certainUntil: 500 })];
  const differences = (after: Level): number =>
    judgeOne({ before: level(5), holds, after }).differences.length;
  assert.equal(differences(level(4, 1)), 0);
  assert.equal(differences(level(3, 0)), 0);
  assert.equal(differences(level(5, 1)), 1);
  assert.equal(differences(level(5, 1, 1)), 0); // sold, and not acknowledged yet
  assert.equal(differences({ ...level(4, 1), available: 4 }), 1);
});

test('a service that shows only what is available is held to that', () => {
  const only = (available: number): Level => ({
    available,
    onHand: null,
    reserved: null,
    allocated: null,
    safetyStock: null,
  });
  const holds = [hold(0, 1), hold(0, 1, { kind: 'held' })];
  assert.deepEqual(judgeOne({ before: only(9), holds, after: only(7) }).differences, []);
  const wrong = judgeOne({ before: only(9), holds, after: only(8) }).differences;
  assert.deepEqual(wrong, [{ figure: 'available', implied: { least: 7, most: 7 }, found: 8 }]);
});

/** One SKU under random requests; each is decided at some moment between its asking and its answer. */
function simulate(
  seed: number,
  stock: number,
  error: number,
): { finding: SkuFinding; worst: number } {
  const random = seededRandom(seed);
  const asks = Array.from({ length: 300 }, () => {
    const asked = random() * 1000;
    const decided = asked + random() * 20;
    return { asked, decided, answered: decided + random() * 20, returns: random() < 0.5 };
  }).sort((a, b) => a.decided - b.decided);
  const returns: number[] = [];
  const holds: Hold[] = [];
  const refusals: Refusal[] = [];
  let held = 0;
  let worst = 0;
  for (const { asked, decided, answered, returns: willReturn } of asks) {
    for (const at of returns.splice(0)) {
      if (at <= decided) held--;
      else returns.push(at);
    }
    if (held >= stock + error) {
      refusals.push(refusal(asked, answered));
      continue;
    }
    held++;
    worst = Math.max(worst, held);
    if (!willReturn) {
      holds.push(hold(asked, answered));
      continue;
    }
    const releaseAsked = answered + random() * 50;
    const releaseDecided = releaseAsked + random() * 20;
    returns.push(releaseDecided);
    holds.push(released(asked, answered, releaseAsked, releaseDecided + random() * 20));
  }
  return { worst, finding: judgeOne({ before: level(stock), holds }, refusals) };
}

test('a correct service is never accused, however its answers overlap', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { finding } = simulate(seed, seed % 40, 0);
    assert.deepEqual([finding.oversold, finding.undersold], [NONE, NONE], `seed ${seed}`);
  }
});

test('a wrong service is caught, and never accused of more than it did', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const stock = 1 + (seed % 40);
    const over = simulate(seed, stock, 1);
    assert.equal(over.finding.oversold.least, Math.max(0, over.worst - stock), `seed ${seed}`);
    assert.equal(over.finding.oversold.least, 1, `seed ${seed}`);
    assert.equal(simulate(seed, stock, -1).finding.undersold.least, 1, `seed ${seed}`);
  }
});
