/** A cart over several shards, as its home keeps it, and what its parts at other shards are told. */
import type { EntryDraft } from '../../../core/ledger.ts';
import type { Reservation, ReservationLine, ReservationStatus } from '../../../core/reservation.ts';
import type { StockLevel } from '../../../core/stock-level.ts';
import type { Fence } from '../../../engine/lease.ts';
import type { MessageShare } from '../outbox-reads.ts';

/** As JSON at the cart's home. Of one that was given up, or of units that another cart took over, nothing but that. */
export type CartRecord = Cart | GivenUp | UsedBy;

export interface Cart {
  /** Rises by one with each change. */
  readonly version: number;
  readonly whole: Reservation;
  /** The shards of its lines. */
  readonly shards: readonly number[];
  /** What some shards may not have heard of; null when all have. */
  readonly redo: readonly PartChange[] | null;
}

interface GivenUp {
  readonly version: number;
  readonly givenUp: true;
}

interface UsedBy {
  readonly version: number;
  readonly usedBy: string;
}

export function isCart(record: CartRecord | null): record is Cart {
  return record !== null && 'whole' in record;
}

/** `[kind, sku, on hand, reserved, allocated, safety stock, detail]` */
type EntryRow = readonly [
  EntryDraft['kind'],
  string,
  number,
  number,
  number,
  number,
  EntryDraft['detail'],
];

/** A change of one shard's part: carried out once, however often it is told. */
export interface PartChange {
  readonly shard: number;
  /** The version of the cart that it belongs to. */
  readonly step: number;
  readonly status: ReservationStatus;
  /** Those of this shard. */
  readonly lines: readonly ReservationLine[];
  readonly customerId: string | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly entries: readonly EntryRow[];
  /** The id under which the units were taken that it now turns into its own. */
  readonly hold: string | null;
  /** What it means for the cart's messages that this shard keeps; null: nothing. */
  readonly outbox: OutboxChange | null;
}

/** A cancelled line, as the ledger tells of it. */
type CancelEntry = Pick<EntryDraft, 'sku' | 'detail'>;

/** What a change of a cart means for its messages; with the lines and entries that the shard tells the ERP of. */
export type OutboxChange =
  | {
      readonly type: 'sale';
      readonly orderId: string | null;
      readonly lines: readonly Pick<ReservationLine, 'sku' | 'confirmed'>[];
    }
  | { readonly type: 'adopt'; readonly orderId: string | null }
  /** Somebody else has told the ERP. */
  | { readonly type: 'drop' }
  | { readonly type: 'cancel'; readonly entries: readonly CancelEntry[] }
  /** A cancellation in place of a dead letter of that shard. */
  | {
      readonly type: 'discard';
      readonly shard: number;
      readonly message: number;
      readonly reason: string;
      readonly entries: readonly CancelEntry[];
    };

/** What the messages of a cart that its home keeps tell other shards, as they stand. */
export interface Telling {
  /** Rises: what stood under a lower number is told no more. */
  readonly v: number;
  /** Of other shards, those that have to hear of it. */
  readonly skus: readonly string[];
  readonly messages: readonly MessageShare[];
  /** What is to stand in the ledgers of SKUs: `[number, kind, SKUs, detail]`. */
  readonly notes: readonly (readonly [number, string, readonly string[], unknown])[];
}

/** What a shard says of a SKU that is to be decided about. */
export interface Weighed {
  readonly level: StockLevel;
  /** Units that the customer has of it. */
  readonly held: number;
  readonly nextExpiryAt: number | null;
}

/** The part of a cart that a shard is to have after a change. */
export function partOf(
  whole: Reservation,
  lines: readonly ReservationLine[],
  entries: readonly EntryDraft[],
  at: Pick<PartChange, 'shard' | 'step' | 'hold' | 'outbox'>,
): PartChange {
  const { customerId, createdAt, expiresAt } = whole;
  return {
    ...at,
    status: partStatus(whole, lines),
    lines,
    customerId,
    createdAt,
    expiresAt,
    entries: entries.map((each) => [
      each.kind,
      each.sku,
      each.onHand,
      each.reserved,
      each.allocated,
      each.safetyStock,
      each.detail,
    ]),
  };
}

/** By its own lines alone: of a purchase, a shard may have lines that were not confirmed, or were all cancelled. */
function partStatus(
  { status, reacquired }: Reservation,
  lines: readonly ReservationLine[],
): ReservationStatus {
  if (status !== 'confirmed' && status !== 'acknowledged' && status !== 'cancelled') return status;
  // What was not taken again stays as it ended.
  if (lines.every(({ confirmed }) => confirmed === 0)) return reacquired ? 'expired' : 'released';
  return lines.every(({ confirmed, cancelled }) => confirmed === cancelled) ? 'cancelled' : status;
}

/** The steps of commands/lib/cart-steps.lua: commands to one shard. */
export type Step =
  | {
      readonly type: 'cart_weigh';
      readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
      readonly customerId: string | null;
    }
  | {
      readonly type: 'cart_take';
      readonly id: string;
      readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
      readonly customerId: string | null;
      readonly createdAt: number;
      readonly expiresAt: number;
      /** For a cart that has lapsed. */
      readonly again: boolean;
    }
  | { readonly type: 'cart_free'; readonly id: string }
  | {
      readonly type: 'cart_read';
      readonly id: string;
      readonly giveUp: boolean;
      readonly key: string | null;
    }
  | {
      readonly type: 'cart_write';
      readonly id: string;
      /** The version that it follows; 0: there is none. */
      readonly expect: number;
      readonly version: number;
      readonly json: string;
      readonly deadline: number | null;
      readonly ended: number | null;
      readonly unfinished: boolean;
      readonly before: number | null;
      readonly part: PartChange | null;
      readonly take: readonly { readonly sku: string; readonly quantity: number }[];
      readonly customerId: string | null;
      readonly hold: string | null;
      readonly key: string | null;
      readonly fingerprint: string | null;
      readonly answer: string | null;
      readonly expired: number | null;
      readonly outbox: OutboxChange | null;
      /** The answer takes the place of the one that is remembered under the key. */
      readonly instead: boolean;
    }
  | {
      readonly type: 'cart_apply';
      readonly id: string;
      readonly part: PartChange | null;
      readonly shares: Pick<Telling, 'v' | 'messages' | 'notes'> | null;
    }
  | {
      readonly type: 'cart_finish';
      readonly id: string;
      /** Null: no version of the cart was told. */
      readonly version: number | null;
      readonly json: string | null;
      /** Of a `Telling`; null: there was none. */
      readonly heard: number | null;
    }
  | { readonly type: 'outbox_due'; readonly limit: number }
  | { readonly type: 'outbox_raise'; readonly number: number }
  | { readonly type: 'outbox_discard'; readonly id: string; readonly change: OutboxChange }
  | { readonly type: 'outbox_open' | 'outbox_settled'; readonly id: string }
  | { readonly type: 'outbox_pending'; readonly limit: number }
  | ({ readonly type: 'check_lease' } & Fence)
  | { readonly type: 'cart_forget'; readonly id: string; readonly endedBefore: number }
  | { readonly type: 'cart_pending'; readonly ageMs: number; readonly limit: number }
  | { readonly type: 'cart_due'; readonly limit: number }
  | { readonly type: 'cart_ended'; readonly endedBefore: number; readonly limit: number }
  | {
      /** The purge of one shard, each kind with its own limit. */
      readonly type: 'purge';
      readonly endedBefore: number;
      readonly limit: number;
      readonly carts: number;
      readonly answers: number;
    }
  | {
      readonly type: 'claim_key';
      readonly key: string;
      readonly fingerprint: string;
      readonly pointer: string;
      readonly instead: string | null;
    }
  | {
      readonly type: 'remember';
      readonly key: string;
      readonly fingerprint: string;
      readonly answer: string;
    }
  | { readonly type: 'remember_settled'; readonly key: string; readonly answer: string }
  | { readonly type: 'cart_shortfall'; readonly sku: string };
