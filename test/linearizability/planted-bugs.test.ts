/** The control: every planted bug must be found, and found soon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from './checker.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { replayHint, seedsToRun } from './seeds.ts';
import { randomWorkload, simulate } from './simulator.ts';
import { stockModel } from './stock-model.ts';

/** Each bug must show within so many random histories. */
const PATIENCE = 40;

for (const [name, Service] of Object.entries(PLANTED_BUGS)) {
  test(`planted bug is found: ${name}`, (t) => {
    const [first = 1] = seedsToRun(1);
    for (let seed = first; seed < first + PATIENCE; seed += 1) {
      const workload = randomWorkload(seed);
      const history = simulate((world) => new Service(world), seed, workload);
      const result = check(history, stockModel(workload));
      if (result.ok) continue;
      assert.ok(history.includes(result.offender));
      const [headline, offender = ''] = result.message.split('\n');
      assert.match(headline ?? '', /not linearizable: sku-1/);
      t.diagnostic(`history ${String(seed - first + 1)}: ${offender.trim()}`);
      return;
    }
    assert.fail(
      `not found in ${String(PATIENCE)} histories; ${replayHint('planted-bugs.test.ts', first)}`,
    );
  });
}
