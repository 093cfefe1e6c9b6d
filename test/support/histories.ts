/**
 * Random histories: what may be asked of a store, in any order, by few customers about few SKUs in small quantities,
 * with the clock moving to a deadline, one millisecond before it or one after. A history is plain data, so that
 * fast-check can print it, make it smaller and replay it; a `Narrator` makes commands of it while it runs.
 */
import fc from 'fast-check';
import type { DiscardMessageCommand, SettleParcelCommand } from '../../src/core/command.ts';
import { MAX_QUANTITY } from '../../src/core/quantities.ts';
import { PAYMENT_METHODS, type PaymentMethod, type Rules } from '../../src/core/rules.ts';
import type { Policy } from '../../src/core/stock-level.ts';

/** The last two sort one way by code point and the other way by UTF-16 unit. */
export const SKUS = ['A', 'A1', '\u{FF21}', '\u{1F39F}'] as const;
/** A place in a reservation's lines that stands for none of them. */
export const STRAY_LINE = 3;
export const CUSTOMERS = ['ana', 'bia'] as const;
export const ORDERS = ['order-1', 'order-2'] as const;

export interface LineAsk {
  /** Which SKU, or which line of the reservation; one too high names something that is not there. */
  readonly at: number;
  readonly quantity: number;
  readonly restock: boolean;
}

export type Ask =
  | {
      readonly do: 'reserve';
      readonly lines: readonly LineAsk[];
      readonly customer: number | null;
      readonly ttl: number | null;
      readonly partial: boolean;
    }
  /** A reserve that was granted, sent again with its id; `other`: as another customer's. */
  | { readonly do: 'reserve_again'; readonly which: number; readonly other: boolean }
  | {
      readonly do: 'confirm';
      readonly which: number;
      readonly order: number | null;
      readonly lines: readonly LineAsk[] | null;
      readonly reacquire: boolean;
    }
  | { readonly do: 'release' | 'acknowledge'; readonly which: number }
  | {
      readonly do: 'extend';
      readonly which: number;
      readonly ttl: number | null;
      readonly order: number | null;
      readonly method: PaymentMethod | null;
    }
  | {
      readonly do: 'cancel';
      readonly which: number;
      readonly lines: readonly LineAsk[] | null;
      readonly restock: boolean;
      readonly as: number | null;
    }
  | ({ readonly do: 'set' } & SettingAsk)
  | { readonly do: 'adjust'; readonly sku: number; readonly delta: number }
  | { readonly do: 'import'; readonly rows: readonly SettingAsk[]; readonly dryRun: boolean }
  | { readonly do: 'claim'; readonly limit: number; readonly merged: number }
  | { readonly do: 'note'; readonly parcel: number }
  | {
      readonly do: 'settle';
      readonly parcel: number;
      readonly outcome: SettleParcelCommand['outcome'];
      readonly waitMs: number;
    }
  | { readonly do: 'recover' }
  | { readonly do: 'retry'; readonly message: number }
  | {
      readonly do: 'discard';
      readonly message: number;
      readonly units: DiscardMessageCommand['units'];
    }
  | {
      readonly do: 'reconcile';
      readonly sku: number;
      readonly erpOnHand: number;
      /** How far the fence lies behind the outbox's latest number. */
      readonly behind: number;
      readonly fix: boolean;
    }
  | { readonly do: 'sweep'; readonly limit: number }
  | { readonly do: 'purge'; readonly ageMs: number; readonly limit: number }
  | {
      readonly do: 'trim';
      readonly exported: number | null;
      readonly ageMs: number | null;
      readonly keep: number;
      readonly limit: number;
    };

export interface SettingAsk {
  readonly sku: number;
  readonly onHand: number | null;
  readonly safety: number | null;
  readonly policy: {
    readonly [field in keyof Policy]?: Policy[field] | undefined;
  };
}

/** `again`: repeat the request that used this key first, if one did. */
interface KeyAsk {
  readonly key: number;
  readonly again: boolean;
}

export interface Asked {
  readonly ask: Ask;
  readonly key: KeyAsk | null;
}

export type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'deadline'; readonly which: number; readonly offsetMs: number }
  | { readonly kind: 'submit'; readonly asked: Asked }
  | { readonly kind: 'batch'; readonly asked: readonly Asked[] }
  | { readonly kind: 'reopen' };

export interface History {
  readonly rules: Rules;
  readonly steps: readonly Step[];
}

/** `nulls`: how many in a hundred are null. */
function orNull<T>(arbitrary: fc.Arbitrary<T>, nulls = 33): fc.Arbitrary<T | null> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: nulls, arbitrary: fc.constant(null) },
    { weight: 100 - nulls, arbitrary },
  );
}
const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 9);
const usually = fc.integer({ min: 0, max: 9 }).map((n) => n !== 9);
const line = (places: number): fc.Arbitrary<LineAsk> =>
  fc.record({
    // The first ones more often, so that they run short; the last one seldom.
    at: fc.constantFrom(0, 0, 0, 0, 1, 1, 1, 2, 2, places),
    quantity: fc.integer({ min: 1, max: 4 }),
    restock: fc.boolean(),
  });
/** Mostly a recent one for which the verb makes sense (see `Narrator`); -1: one that never was. */
const which = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(0, 2, 4) },
  { weight: 8, arbitrary: fc.nat({ max: 20 }) },
  { weight: 1, arbitrary: fc.constant(-1) },
);
const order = orNull(fc.nat({ max: ORDERS.length - 1 }));
const ttl = orNull(fc.constantFrom(1, 3, 3, 10, 10, 25, 25, 40, 40, 41), 50);

const setting: fc.Arbitrary<SettingAsk> = fc.record({
  sku: fc.nat({ max: SKUS.length - 1 }),
  onHand: orNull(fc.nat({ max: 12 }), 15),
  safety: orNull(fc.nat({ max: 2 }), 75),
  policy: fc.oneof(
    { weight: 5, arbitrary: fc.constant({}) },
    {
      weight: 3,
      arbitrary: fc.record(
        {
          maxPerOrder: orNull(fc.integer({ min: 1, max: 4 })),
          maxPerCustomer: orNull(fc.integer({ min: 1, max: 4 }), 15),
          ttlSeconds: orNull(fc.constantFrom(2, 20)),
          opensAt: orNull(fc.constantFrom(1_800_000_000_000, 1_800_000_030_000), 50),
          closesAt: orNull(fc.constantFrom(1_800_000_040_000, 1_800_000_900_000), 50),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    },
  ),
});

const ASKS: readonly [weight: number, arbitrary: fc.Arbitrary<Ask>][] = [
  [
    10,
    fc.record({
      do: fc.constant('reserve'),
      lines: fc.array(line(SKUS.length - 1), { minLength: 1, maxLength: 3 }),
      customer: orNull(fc.nat({ max: CUSTOMERS.length - 1 })),
      ttl,
      partial: rarely,
    }),
  ],
  [
    1,
    fc.record({
      do: fc.constant('reserve'),
      lines: fc.array(line(SKUS.length), { minLength: 1, maxLength: 8 }),
      customer: orNull(fc.nat({ max: CUSTOMERS.length - 1 })),
      ttl,
      partial: fc.boolean(),
    }),
  ],
  [1, fc.record({ do: fc.constant('reserve_again'), which: fc.nat({ max: 5 }), other: rarely })],
  // Each line as large as it may be, and more together.
  [
    1,
    fc.constant({
      do: 'reserve',
      lines: [0, 1, 0].map((at) => ({ at, quantity: MAX_QUANTITY, restock: false })),
      customer: null,
      ttl: null,
      partial: false,
    }),
  ],
  [
    6,
    fc.record({
      do: fc.constant('confirm'),
      which,
      order,
      lines: orNull(fc.array(line(STRAY_LINE), { minLength: 1, maxLength: 2 }), 70),
      reacquire: fc.boolean(),
    }),
  ],
  [2, fc.record({ do: fc.constant('release'), which })],
  [2, fc.record({ do: fc.constant('acknowledge'), which })],
  [
    4,
    fc.record({
      do: fc.constant('extend'),
      which,
      ttl: orNull(fc.constantFrom(1, 10, 20, 30, 40, 40, 41), 25),
      order: orNull(fc.nat({ max: ORDERS.length - 1 }), 50),
      method: orNull(fc.constantFrom(...PAYMENT_METHODS)),
    }),
  ],
  // Who asks for as much as there may be comes to the cap, and who names orders at random to the wrong one.
  [
    3,
    fc.record({
      do: fc.constant('extend'),
      which: fc.constantFrom(0, 0, 2),
      ttl: fc.constant(40),
      order: fc.constantFrom(null, 0, 1),
      method: fc.constant(null),
    }),
  ],
  [
    5,
    fc.record({
      do: fc.constant('cancel'),
      which,
      lines: orNull(fc.array(line(STRAY_LINE), { minLength: 1, maxLength: 3 }), 40),
      restock: fc.boolean(),
      as: orNull(fc.nat({ max: 1 }), 60),
    }),
  ],
  [4, setting.map((asked) => ({ do: 'set', ...asked }))],
  [
    2,
    fc.record({
      do: fc.constant('adjust'),
      sku: fc.constantFrom(0, 0, 1, 1, 2, 2, 3, 3, SKUS.length),
      delta: fc.integer({ min: -6, max: 6 }).filter((delta) => delta !== 0),
    }),
  ],
  [
    1,
    fc.record({
      do: fc.constant('import'),
      rows: fc.array(setting, { minLength: 1, maxLength: 5 }),
      dryRun: fc.boolean(),
    }),
  ],
  [1, fc.record({ do: fc.constant('sweep'), limit: fc.constantFrom(1, 2, 100) })],
  [
    1,
    fc.record({
      do: fc.constant('purge'),
      ageMs: fc.constantFrom(1, 30_000, 60_000),
      limit: fc.constantFrom(1, 100),
    }),
  ],
  [
    1,
    fc.record({
      do: fc.constant('trim'),
      exported: fc.constantFrom(null, 2, 7, 20, 1_000, 1_000),
      ageMs: orNull(fc.constantFrom(0, 1, 1_000, 30_000), 10),
      keep: fc.constantFrom(0, 1, 1, 4),
      limit: fc.constantFrom(1, 3, 100, 100),
    }),
  ],
];

/** Mostly the newest parcel or message of those known; -1: one that never was. */
const recent = fc.oneof(
  { weight: 12, arbitrary: fc.nat({ max: 2 }) },
  { weight: 1, arbitrary: fc.constant(-1) },
);

/** What the relay, its operator and the reconciler ask. */
const ERP_ASKS: typeof ASKS = [
  [
    7,
    fc.record({
      do: fc.constant('claim'),
      limit: fc.integer({ min: 1, max: 3 }),
      merged: fc.integer({ min: 1, max: 3 }),
    }),
  ],
  [1, fc.record({ do: fc.constant('note'), parcel: recent })],
  [
    8,
    fc.record({
      do: fc.constant('settle'),
      parcel: recent,
      outcome: fc.constantFrom(
        'applied',
        'applied',
        'not_applied',
        'given_up',
        'given_up',
        'unknown',
      ),
      waitMs: fc.constantFrom(0, 0, 1_000, 10_000),
    }),
  ],
  [1, fc.record({ do: fc.constant('recover') })],
  [1, fc.record({ do: fc.constant('retry'), message: recent })],
  [
    6,
    fc.record({
      do: fc.constant('discard'),
      message: recent,
      units: fc.constantFrom('deduct', 'restock', null),
    }),
  ],
  [
    3,
    fc.record({
      do: fc.constant('reconcile'),
      sku: fc.nat({ max: SKUS.length }),
      erpOnHand: fc.integer({ min: -2, max: 12 }),
      behind: fc.constantFrom(0, 0, 0, 1, 5),
      fix: fc.boolean(),
    }),
  ],
];

const askedOf = (asks: typeof ASKS): fc.Arbitrary<Asked> =>
  fc.record({
    ask: fc.oneof(...asks.map(([weight, arbitrary]) => ({ weight, arbitrary }))),
    key: orNull(fc.record({ key: fc.nat({ max: 5 }), again: usually }), 85),
  });

const stepOf = (asked: fc.Arbitrary<Asked>): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 40, arbitrary: fc.record({ kind: fc.constant('submit'), asked }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('batch'),
        asked: fc.array(asked, { minLength: 1, maxLength: 6 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('wait'),
        ms: fc.constantFrom(1, 1, 999, 1_000, 1_000, 5_000, 30_000),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('deadline'),
        which: fc.nat({ max: 4 }),
        offsetMs: fc.constantFrom(-1, 0, 0, 1),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
  );

/** Lifetimes short enough that a history outlives them. */
const rules: fc.Arbitrary<Rules> = fc.record({
  ttlSeconds: fc.constant(10),
  maxTtlSeconds: fc.constant(40),
  extendCapSeconds: fc.constant(11),
  paymentTtlSeconds: fc.constant({ card: 5, pix: 20, boleto: 60 }),
  acknowledgeOnConfirm: fc.constantFrom(false, false, true),
  messageGrouping: fc.constantFrom('sale', 'sku'),
  onShortfall: fc.constantFrom('keep', 'release_newest'),
});

/** `erp` false: of a store that has no outbox yet. */
export function histories(maxSteps: number, erp = true): fc.Arbitrary<History> {
  const step = stepOf(askedOf(erp ? [...ASKS, ...ERP_ASKS] : ASKS));
  return fc.record({
    rules,
    steps: fc.array(step, { minLength: 1, maxLength: maxSteps, size: 'max' }),
  });
}
