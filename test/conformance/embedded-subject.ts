import { SharedClock } from '../../src/stores/embedded/anchored-clock.ts';
import { EmbeddedStore } from '../../src/stores/embedded/embedded-store.ts';
import { tempDir } from '../support/temp-dir.ts';
import type { StoreSubject } from './subject.ts';

/** Longer than any test may take: what is slow here is the machine. */
const COMMAND_DEADLINE_MS = 120_000;

export const embeddedSubject: StoreSubject = {
  name: 'embedded',
  supports: { durable: true },
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
