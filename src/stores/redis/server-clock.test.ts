import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ServerClock } from './server-clock.ts';

void it('goes on from the last reading heard, and never back', () => {
  let elapsed = 500;
  const clock = new ServerClock(1_000_000, () => elapsed);
  assert.equal(clock.now(), 1_000_000);
  elapsed += 250.9;
  assert.equal(clock.now(), 1_000_250);
  // The server is behind what we thought: we wait until it has caught up.
  clock.hear(1_000_200);
  assert.equal(clock.now(), 1_000_250);
  elapsed += 49;
  assert.equal(clock.now(), 1_000_250);
  elapsed += 2;
  assert.equal(clock.now(), 1_000_251);
  clock.hear(1_005_000);
  assert.equal(clock.now(), 1_005_000);
});
