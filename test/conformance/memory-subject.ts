import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import type { StoreSubject } from './subject.ts';

export const memorySubject: StoreSubject = {
  name: 'memory',
  supports: { durable: false, outbox: true, oneBook: true },
  home: () =>
    Promise.resolve({
      open: ({ clock, rules }) => Promise.resolve(new MemoryStore(clock, rules)),
    }),
};
