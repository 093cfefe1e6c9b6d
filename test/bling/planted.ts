/** Builds with one fault each, made by wrapping a port: what T16 has to find. */
import type { Parcel } from '../../src/core/outbox/message.ts';
import type { ErpConnector, PushCall } from '../../src/engine/erp-port.ts';
import type { OutboxStore } from '../../src/engine/ports.ts';
import type { Wrapping } from './life.ts';
import type { VirtualTime } from './virtual-time.ts';

/** The same, but for some of its methods. */
export function changed<T extends object>(target: T, change: Partial<T>): T {
  return new Proxy(target, {
    get: (of, name) => {
      const value: unknown = Reflect.get(name in change ? change : of, name);
      return typeof value === 'function' ? (value.bind(of) as unknown) : value;
    },
  });
}

/** What is unknown is sent again, without a look. */
function sendsBlindly(erp: ErpConnector): ErpConnector {
  return changed(erp, {
    settle: () => Promise.resolve({ outcome: 'not_applied', reason: 'nobody looked' }),
  });
}

/** A balance is believed whatever was told to the ERP since it was asked for. */
export function believesAnyBalance(store: OutboxStore): OutboxStore {
  return changed(store, {
    balanceFence: () => Promise.resolve(Number.MAX_SAFE_INTEGER),
  });
}

/** A parcel is taken for delivered at once, and goes out behind the next one of its key. */
function forgetsTheOrder(erp: ErpConnector, time: VirtualTime): ErpConnector {
  const kept = new Map<string, { parcel: Parcel; call: PushCall }>();
  const HELD_FOR_MS = 60_000;
  const sendKept = async (key: string): Promise<void> => {
    const held = kept.get(key);
    kept.delete(key);
    if (held !== undefined) await erp.push(held.parcel, held.call);
  };
  return changed(erp, {
    push: async (parcel, call) => {
      const { key } = parcel;
      if (kept.has(key)) {
        const outcome = await erp.push(parcel, call);
        await sendKept(key);
        return outcome;
      }
      // Its messages are no longer in flight when it goes out: nothing can be noted with them.
      kept.set(key, { parcel, call: { ...call, journal: () => Promise.resolve() } });
      void time.sleep(HELD_FOR_MS).then(() => sendKept(key));
      return { outcome: 'applied', reference: null };
    },
  });
}

/** An answer that was lost is taken for done. */
function hopesForTheBest(erp: ErpConnector): ErpConnector {
  return changed(erp, {
    settle: () => Promise.resolve({ outcome: 'applied', reference: null }),
  });
}

export interface Planted {
  readonly name: string;
  readonly wrapping: Wrapping;
  /** What gives it away: one of these. */
  readonly found: RegExp;
  /** The first history in which it was found out: where the search begins. */
  readonly from: Readonly<Record<'order' | 'movement', number>>;
}

const FIRST = { order: 1, movement: 1 };

const TWICE = /told \d+ times|told twice|has lost what was sold|no drift|the books agree/;

export const PLANTED: readonly Planted[] = [
  {
    name: 'sends again what is unknown',
    wrapping: { erp: sendsBlindly },
    found: TWICE,
    from: FIRST,
  },
  {
    name: 'takes what is unknown for done',
    wrapping: { erp: hopesForTheBest },
    found: /is told|has lost what was sold|no drift|the books agree/,
    from: FIRST,
  },
  {
    name: 'drops the fence',
    wrapping: { store: believesAnyBalance },
    found: /no drift|the books agree/,
    from: { order: 9, movement: 22 },
  },
  {
    name: 'forgets the order of a key',
    wrapping: { erp: forgetsTheOrder },
    found: /out of order|is cancelled|given up on|no drift|not drained|is told/,
    from: FIRST,
  },
];
