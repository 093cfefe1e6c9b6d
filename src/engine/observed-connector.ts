/** A connector whose calls are told to whoever measures. */
import type { ErpConnector } from './erp-port.ts';

export type ErpOperation =
  'check' | 'read_page' | 'read_levels' | 'push' | 'settle' | 'resolve_hint';

/** `outcome`: that of a push or a settling, else `done`; `failed` where it threw. Must not throw. */
export type OnErpCall = (operation: ErpOperation, outcome: string, seconds: number) => void;

/** `monotonic`: ms from any origin. Waiting for a free call is a part of a call. */
export function observed(
  erp: ErpConnector,
  onCall: OnErpCall,
  monotonic: () => number,
): ErpConnector {
  const watch = async <T>(
    operation: ErpOperation,
    work: Promise<T>,
    outcomeOf: (result: T) => string = () => 'done',
  ): Promise<T> => {
    const since = monotonic();
    let outcome = 'failed';
    try {
      const result = await work;
      outcome = outcomeOf(result);
      return result;
    } finally {
      onCall(operation, outcome, (monotonic() - since) / 1_000);
    }
  };
  return {
    name: erp.name,
    grouping: erp.grouping,
    toldByOthers: erp.toldByOthers,
    limits: erp.limits,
    check: (call) => watch('check', erp.check(call)),
    readPage: (cursor, call) => watch('read_page', erp.readPage(cursor, call)),
    readLevels: (skus, call) => watch('read_levels', erp.readLevels(skus, call)),
    push: (parcel, call) => watch('push', erp.push(parcel, call), ({ outcome }) => outcome),
    settle: (parcel, call) => watch('settle', erp.settle(parcel, call), ({ outcome }) => outcome),
    readWebhook: (request) => erp.readWebhook(request),
    resolveHint: (hint, call) => watch('resolve_hint', erp.resolveHint(hint, call)),
    usedToday: () => erp.usedToday(),
    close: () => erp.close(),
  };
}
