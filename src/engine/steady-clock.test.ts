import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SteadyClock } from './steady-clock.ts';

/** A wall clock that can be stepped, and a monotonic one that runs on from an odd origin. */
function clocks(wallStart: number): {
  wall: number;
  passed: number;
  wallNow: () => number;
  monotonic: () => number;
} {
  const hands = { wall: wallStart, passed: 0 };
  return Object.assign(hands, {
    wallNow: () => hands.wall + hands.passed,
    monotonic: () => 12_345.678 + hands.passed,
  });
}

describe('the steady clock', () => {
  it('starts at the wall clock and runs with the monotonic one, in whole milliseconds', () => {
    const hands = clocks(1_000.7);
    const clock = new SteadyClock(hands.wallNow, hands.monotonic);
    assert.equal(clock.now(), 1_000);
    hands.passed = 0.9;
    assert.equal(clock.now(), 1_000);
    hands.passed = 1.1;
    assert.equal(clock.now(), 1_001);
    hands.passed = 5_000;
    assert.equal(clock.now(), 6_000);
  });

  for (const [title, step] of [
    ['an hour ahead', 3_600_000],
    ['an hour back', -3_600_000],
  ] as const) {
    it(`does not follow the wall clock when it steps ${title}, and tells the drift`, () => {
      const hands = clocks(10_000_000);
      const clock = new SteadyClock(hands.wallNow, hands.monotonic);
      hands.wall += step;
      hands.passed = 10;
      assert.equal(clock.now(), 10_000_010);
      assert.equal(clock.drift(), step);
    });
  }

  it('never runs back, even if the monotonic clock did', () => {
    const hands = clocks(1_000);
    const clock = new SteadyClock(hands.wallNow, hands.monotonic);
    hands.passed = 100;
    assert.equal(clock.now(), 1_100);
    hands.passed = 40;
    assert.equal(clock.now(), 1_100);
    hands.passed = 101;
    assert.equal(clock.now(), 1_101);
  });

  it('starts no earlier than the latest time that was recorded, and runs on from there', () => {
    const hands = clocks(1_000);
    const clock = new SteadyClock(hands.wallNow, hands.monotonic, 50_000);
    assert.equal(clock.now(), 50_000);
    hands.passed = 5;
    assert.equal(clock.now(), 50_005);
    assert.equal(clock.drift(), -49_000);
  });

  it('takes no notice of a floor that has passed', () => {
    const hands = clocks(1_000);
    assert.equal(new SteadyClock(hands.wallNow, hands.monotonic, 999).now(), 1_000);
  });
});
