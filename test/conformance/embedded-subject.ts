import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SharedClock } from '../../src/stores/embedded/anchored-clock.ts';
import { EmbeddedStore } from '../../src/stores/embedded/embedded-store.ts';
import { tempDir } from '../support/temp-dir.ts';
import type { StoreSubject } from './subject.ts';

/** Longer than any test may take: what is slow here is the machine. */
const COMMAND_DEADLINE_MS = 120_000;

// Each store starts a thread, which would compile the same modules anew each time.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'holdfast-test-compile-cache');

export const embeddedSubject: StoreSubject = {
  name: 'embedded',
  supports: { durable: true, outbox: true, oneBook: true },
  home: async (t) => {
    const dataDir = await tempDir(t);
    return {
      open: ({ clock, rules }) =>
        EmbeddedStore.open({
          dataDir,
          rules,
          clock: new SharedClock(clock.shared),
          commandDeadlineMs: COMMAND_DEADLINE_MS,
        }),
    };
  },
};
