import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INTENT, type RushBuyers } from './rush-buyers.ts';
import { gatherEvidence } from './rush-evidence.ts';
import { FOLLOW, OUTCOME, RushLog } from './rush-log.ts';
import type { RoundEvidence } from './rush-evidence.ts';

/** One buyer who asked at 10 and had the answer at 20; the service's clock is ours plus 1000 to 1100. */
const SERVER_CLOCK = { least: 1000, most: 1100 };
/** So a deadline of 6000 comes between 4900 and 5000 of our clock. */
const DEADLINE = 6000;

interface Story {
  readonly intent?: keyof typeof INTENT;
  readonly outcome: keyof typeof OUTCOME;
  readonly follow?: keyof typeof FOLLOW;
  /** When the confirm or release was asked for, and answered. */
  readonly asked?: number;
  readonly answered?: number;
  readonly doubtful?: boolean;
  readonly followDoubtful?: boolean;
}

function tell(story: Story): RoundEvidence {
  const log = new RushLog(1);
  log.outcome[0] = OUTCOME[story.outcome];
  log.askedAt[0] = 10;
  log.answeredAt[0] = 20;
  log.expiresAt[0] = DEADLINE;
  log.doubtful[0] = Number(story.doubtful ?? false);
  log.follow[0] = FOLLOW[story.follow ?? 'none'];
  log.followDoubtful[0] = Number(story.followDoubtful ?? false);
  log.followAskedAt[0] = story.asked ?? 0;
  log.followAnsweredAt[0] = story.answered ?? 0;
  const buyers: RushBuyers = {
    count: 1,
    lines: 2,
    wanted: Uint32Array.of(2, 0),
    intent: Uint8Array.of(INTENT[story.intent ?? 'confirm']),
    dueAt: null,
    think: null,
  };
  const level = { available: 9, onHand: 9, reserved: 0, allocated: 0, safetyStock: 0 };
  const reading = { level, askedAt: 0, answeredAt: 1 };
  const before = [reading, reading, reading];
  const skus = ['A', 'B', 'C'];
  return gatherEvidence({
    skus,
    quantity: 3,
    buyers,
    log,
    before,
    after: null,
    serverClock: SERVER_CLOCK,
  });
}

const NEVER = Number.POSITIVE_INFINITY;
const RELEASE = { intent: 'release', outcome: 'granted', asked: 30, answered: 40 } as const;
const CONFIRM = { intent: 'confirm', outcome: 'granted', asked: 30, answered: 40 } as const;

/** kind, possibleFrom, certainFrom, certainUntil, possibleUntil, broken promises */
const STORIES: [string, Story, [string, number, number, number, number, number]][] = [
  [
    'abandoned: until the deadline',
    { intent: 'abandon', outcome: 'granted' },
    ['held', 10, 20, 4900, 5000, 0],
  ],
  [
    'confirmed: for good',
    { ...CONFIRM, follow: 'confirmed' },
    ['confirmed', 10, 20, NEVER, NEVER, 0],
  ],
  ['not confirmed', { ...CONFIRM, follow: 'failed' }, ['held', 10, 20, 4900, 5000, 0]],
  [
    'confirm unanswered: perhaps for good',
    { ...CONFIRM, follow: 'unknown', followDoubtful: true },
    ['maybe_confirmed', 10, 20, 4900, NEVER, 0],
  ],
  [
    'confirm denied early: the promise still counts against the service',
    { ...CONFIRM, follow: 'gone' },
    ['ended', 10, 20, 4900, 40, 1],
  ],
  [
    'confirm denied about when it lapsed',
    { ...CONFIRM, follow: 'gone', asked: 4940, answered: 4950 },
    ['ended', 10, 20, 4900, 4950, 0],
  ],
  [
    'released: from when that was asked for, or answered',
    { ...RELEASE, follow: 'released' },
    ['ended', 10, 20, 30, 40, 0],
  ],
  [
    'release unanswered: perhaps at once, perhaps at the deadline',
    { ...RELEASE, follow: 'unknown', followDoubtful: true },
    ['held', 10, 20, 30, 5000, 0],
  ],
  ['release denied early', { ...RELEASE, follow: 'gone' }, ['ended', 10, 20, 30, 40, 1]],
  [
    'release denied because an unanswered one had done it',
    { ...RELEASE, follow: 'gone', followDoubtful: true },
    ['ended', 10, 20, 30, 40, 0],
  ],
  [
    'reserve unanswered: perhaps for good, never for certain',
    { outcome: 'unknown', doubtful: true },
    ['maybe_granted', 10, 20, 20, NEVER, 0],
  ],
  [
    'refused after an unanswered request',
    { outcome: 'refused', doubtful: true },
    ['passing', 10, 20, 20, 20, 0],
  ],
];

for (const [what, story, expected] of STORIES) {
  test(`the units of one who was ${what}`, () => {
    const { skus, brokenPromises } = tell(story);
    const holds = skus.map((sku) => sku.holds);
    assert.deepEqual(
      holds.map(({ length }) => length),
      [1, 0, 1],
    );
    const hold = holds[0]?.[0] ?? assert.fail();
    const { kind, possibleFrom, certainFrom, certainUntil, possibleUntil, quantity } = hold;
    assert.deepEqual(
      [kind, possibleFrom, certainFrom, certainUntil, possibleUntil, brokenPromises],
      expected,
    );
    assert.equal(quantity, 3);
  });
}

test('who was refused, turned away or never came holds nothing', () => {
  for (const outcome of ['refused', 'declined', 'turnedAway', 'failed', 'unsent'] as const) {
    assert.ok(tell({ outcome }).skus.every(({ holds }) => holds.length === 0));
  }
});

test('only refusals for want of stock are judged, within the time they took', () => {
  assert.deepEqual([...tell({ outcome: 'declined' }).refusals], []);
  const [refusal] = [...tell({ outcome: 'refused' }).refusals];
  const { skus, ...rest } = refusal ?? assert.fail();
  assert.deepEqual(Array.from(skus), [2, 0]);
  assert.deepEqual(rest, { quantity: 3, from: 10, until: 20 });
});
