/** An embedded store on a clock that the test moves; closed, and its files removed, with the test. */
import './compiled.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { DEFAULT_RULES, type Rules } from '../../src/core/rules.ts';
import { SharedClock } from '../../src/stores/embedded/anchored-clock.ts';
import { EmbeddedStore } from '../../src/stores/embedded/embedded-store.ts';
import { START } from '../support/fake-clock.ts';

/** A loaded machine is not what these tests are about. */
const COMMAND_DEADLINE_MS = 60_000;

export function startClock(at = START): SharedClock {
  const clock = new SharedClock();
  clock.set(at);
  return clock;
}

export function openStore(
  dataDir: string,
  clock: SharedClock,
  rules: Rules = DEFAULT_RULES,
): Promise<EmbeddedStore> {
  return EmbeddedStore.open({ dataDir, rules, commandDeadlineMs: COMMAND_DEADLINE_MS, clock });
}

export async function newStore(t: TestContext, clock: SharedClock): Promise<EmbeddedStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  const store = await openStore(dataDir, clock);
  t.after(async () => {
    await store.close();
    await rm(dataDir, { recursive: true });
  });
  return store;
}
