/** A store for what runs under a lease. */
import type { Fence } from './lease.ts';
import type { ReservationStore } from './ports.ts';

type FencedStore = Pick<ReservationStore, 'submit' | 'submitAll'>;

/** The same store, whose commands carry the fence: to be used by what runs under the lease. */
export function fenced<S extends FencedStore>(store: S, fence: Fence): S {
  const submit: FencedStore['submit'] = (command, options) =>
    store.submit(command, { ...options, fence });
  const submitAll: FencedStore['submitAll'] = (submissions) =>
    store.submitAll(submissions.map((each) => ({ ...each, fence })));
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'submit') return submit;
      if (name === 'submitAll') return submitAll;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
