import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { drainedAt, endOfDay, Pace, type PaceLimits } from './pace.ts';
import { backoffMs } from './retry-policy.ts';

const LIMITS: PaceLimits = { callsPerSecond: 3, callsPerDay: null, dayStartsMs: 0, readShare: 0.2 };
const DAY_MS = 86_400_000;
const ALONE = { callsToday: 0, readsPerPush: 0 };

describe('the pace', () => {
  it('is never over the limit in any second, whatever is asked when', () => {
    const asks = fc.array(
      fc.record({ push: fc.boolean(), waitMs: fc.constantFrom(0, 0, 0, 1, 100, 333, 2_000) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(asks, (list) => {
        const pace = new Pace(LIMITS);
        let now = 1_800_000_000_000;
        const times = list.map(({ push, waitMs }) => {
          now += waitMs;
          const at = pace.take(push ? 'push' : 'read', now);
          assert.ok(at !== null && at >= now);
          return at;
        });
        times.sort((a, b) => a - b);
        // Times are whole milliseconds: a second may look one shorter than it is.
        times.forEach((at, n) => {
          const fourth = times[n + 3];
          assert.ok(
            fourth === undefined || fourth - at >= 1_049,
            `4 calls in ${fourth ?? 0 - at} ms`,
          );
        });
      }),
    );
  });

  it('lets a read pass a queue of pushes', () => {
    const pace = new Pace(LIMITS);
    const pushes = Array.from({ length: 100 }, () => pace.take('push', 0));
    assert.ok((pushes.at(-1) ?? 0) > 40_000);
    assert.ok((pace.take('read', 1) ?? Infinity) < 2_000);
  });

  it('keeps the day’s limit, and of it a share for reads; the day is that of who counts', () => {
    const dayStartsMs = 3 * 3_600_000;
    const pace = new Pace({ callsPerSecond: 100, callsPerDay: 10, dayStartsMs, readShare: 0.2 });
    const granted = (kind: 'push' | 'read', calls: number, now: number): number =>
      Array.from({ length: calls }, () => pace.take(kind, now)).filter((at) => at !== null).length;
    assert.equal(granted('push', 9, 5_000), 8);
    assert.equal(granted('read', 3, 5_000), 2);
    assert.equal(pace.callsToday(5_000), 10);
    assert.equal(granted('read', 1, dayStartsMs - 1_000), 0, 'a day in UTC is nobody’s');
    assert.equal(granted('push', 9, dayStartsMs), 8);
    assert.equal(endOfDay(5_000, { dayStartsMs }), dayStartsMs);
    assert.equal(endOfDay(dayStartsMs, { dayStartsMs }), dayStartsMs + DAY_MS);
  });
});

describe('when the backlog will be drained', () => {
  it('is as long as its calls take', () => {
    assert.equal(drainedAt(0, 1_000, ALONE, LIMITS), 1_000);
    assert.equal(drainedAt(24, 1_000, ALONE, LIMITS), 11_500);
  });

  it('goes on the next day where the day’s calls do not suffice', () => {
    const limits = { callsPerSecond: 10, callsPerDay: 1_000, dayStartsMs: 0, readShare: 0.2 };
    assert.equal(drainedAt(801, 0, ALONE, limits), DAY_MS + 132);
    assert.equal(drainedAt(1_601, 0, ALONE, limits), 2 * DAY_MS + 132);
    assert.equal(drainedAt(1, 0, { callsToday: 900, readsPerPush: 0 }, limits), DAY_MS + 132);
  });

  it('takes the longer the more is read beside, also of the day’s calls', () => {
    const beside = { callsToday: 0, readsPerPush: 1 };
    assert.equal(drainedAt(30, 0, { ...ALONE, readsPerPush: 0.25 }, LIMITS), 13_125);
    assert.equal(drainedAt(30, 0, beside, LIMITS), 21_000);
    const limits = { callsPerSecond: 10, callsPerDay: 1_000, dayStartsMs: 0, readShare: 0.2 };
    assert.equal(drainedAt(401, 0, beside, limits), DAY_MS + 210);
  });

  it('knows how much is read beside by the latest calls', () => {
    const pace = new Pace(LIMITS);
    const judged = (): number => pace.readsPerPush;
    assert.equal(judged(), 0.25, 'before there are any, what is kept for reading');
    for (let n = 0; n < 2_000; n += 1) pace.take('read', n * 400);
    assert.ok(judged() > 10);
    for (let n = 0; n < 2_000; n += 1) pace.take(n % 4 === 0 ? 'read' : 'push', 1e6 + n * 400);
    assert.ok(Math.abs(judged() - 1 / 3) < 0.02, String(judged()));
  });

  it('is what the pace comes to', () => {
    for (const calls of [1, 7, 100, 1_000, 5_000]) {
      const limits = { callsPerSecond: 3, callsPerDay: 2_000, dayStartsMs: 0, readShare: 0.2 };
      const pace = new Pace(limits);
      let last = 0;
      for (let n = 0; n < calls; n += 1) {
        // Who is refused comes again when the next day begins.
        const at = pace.take('push', last) ?? pace.take('push', endOfDay(last, limits));
        assert.ok(at !== null);
        last = at;
      }
      const predicted = drainedAt(calls, 0, ALONE, limits);
      assert.ok(Math.abs(predicted - last) < 1_000, `${calls}: ${predicted} and ${last}`);
    }
  });
});

describe('the wait before another attempt', () => {
  it('doubles its bound up to the longest, with full jitter', () => {
    const policy = { baseMs: 100, maxMs: 1_000 };
    const bounds = [1, 2, 3, 4, 5, 99].map((attempt) => backoffMs(attempt, 0.999_999, policy));
    assert.deepEqual(bounds, [100, 200, 400, 800, 1_000, 1_000]);
    assert.equal(backoffMs(9, 0, policy), 1);
  });
});
