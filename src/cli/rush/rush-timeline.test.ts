import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from './rush-random.ts';
import { type Claim, Timeline } from './rush-timeline.ts';

test('an empty timeline claims nothing', () => {
  const timeline = new Timeline([], 'endsFirst');
  assert.equal(timeline.peak(), 0);
  assert.equal(timeline.most(0, Number.POSITIVE_INFINITY), 0);
});

test('at the same moment, the tie rule decides whether claims overlap', () => {
  const claims: Claim[] = [
    { quantity: 2, from: 0, until: 5 },
    { quantity: 3, from: 5, until: Number.POSITIVE_INFINITY },
  ];
  assert.equal(new Timeline(claims, 'endsFirst').peak(), 3);
  assert.equal(new Timeline(claims, 'startsFirst').peak(), 5);
});

test('a window counts what was claimed when it opened', () => {
  const timeline = new Timeline([{ quantity: 4, from: 1, until: 9 }], 'startsFirst');
  assert.equal(timeline.most(3, 4), 4);
  assert.equal(timeline.most(9, 12), 4);
  assert.equal(timeline.most(9.5, 12), 0);
  assert.equal(timeline.most(0, 0.5), 0);
});

test('peaks and windows equal those counted moment by moment', () => {
  const random = seededRandom(42);
  const whole = (below: number): number => Math.floor(random() * below);
  for (let turn = 0; turn < 40; turn++) {
    const span = 50 + whole(2000);
    const claims = Array.from({ length: whole(400) }, () => {
      const from = whole(span);
      return { quantity: 1 + whole(4), from, until: from + 1 + whole(30) };
    });
    // All moments are whole, so just after each of them is a half.
    const at = (moment: number): number =>
      claims.reduce((sum, c) => (c.from <= moment && moment < c.until ? sum + c.quantity : sum), 0);
    const starts = new Timeline(claims, 'startsFirst');
    const ends = new Timeline(claims, 'endsFirst');
    let peak = 0;
    for (let moment = 0; moment < span + 31; moment++) peak = Math.max(peak, at(moment));
    assert.equal(ends.peak(), peak);
    for (let query = 0; query < 20; query++) {
      const from = whole(span) + 0.5;
      const until = from + whole(span);
      let most = at(from);
      for (let moment = Math.ceil(from); moment <= until; moment++)
        most = Math.max(most, at(moment));
      const found = starts.most(from, until);
      // Claims that end and begin at one moment may count together, never less than truly.
      assert.ok(found >= most, `seed 42, turn ${turn}: ${found} < ${most}`);
      assert.equal(ends.most(from, until), most);
    }
  }
});
