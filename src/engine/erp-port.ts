/**
 * What an ERP connector is: the only part that knows an ERP's words. Whoever implements it imports it from here.
 *
 * A method that reads, `settle` included, throws `ErpFault` when it gets no usable answer. `push` and `settle` return
 * what became of the parcel; whatever else they throw counts as unknown. Nobody calls `push` or `settle` twice at a time for one key.
 */
import type { MessageGrouping, Parcel } from '../core/outbox/message.ts';

/** Handed to every call. */
export interface ErpCall {
  /** Aborted when the service stops, or the whole call has taken too long. */
  readonly signal: AbortSignal;
  /** To be awaited before each request on the wire: keeps the rate that `limits` tells. */
  turn(): Promise<void>;
}

export interface PushCall extends ErpCall {
  /**
   * Stores what `settle` will need to know (a balance before, a name given), in at most 1,000 characters. To be
   * awaited before the request that changes something at the ERP. The parcel's messages carry it from then on.
   */
  journal(memo: string): Promise<void>;
}

/**
 * - `applied`: the ERP has it. `reference`: the ERP's own name for it, which cancellations of the sale will carry.
 * - `rejected`: the ERP has refused it and has changed nothing. `retry`: may it be taken later (too many calls, a
 *   token that had expired)? Else a person must look at it. `waitMs`: nothing is sent before that time; null: as the
 *   relay likes, which keeps away from an ERP that goes on like that. `onlyThis`: the reason is the parcel's own (the
 *   order is not there yet), and others are sent meanwhile.
 * - `unknown`: timeout, reset, 5xx, an answer that cannot be read: it may have been applied or not.
 */
export type PushOutcome =
  | { readonly outcome: 'applied'; readonly reference: string | null }
  | {
      readonly outcome: 'rejected';
      readonly reason: string;
      readonly retry: boolean;
      readonly waitMs: number | null;
      readonly onlyThis?: boolean;
    }
  | { readonly outcome: 'unknown'; readonly reason: string };

/**
 * - `applied`, as above.
 * - `not_applied`: certainly not, and it will not be any more: it may be sent again.
 * - `unknown`: cannot be told yet; asked again later, as long as the relay has patience, and not before `waitMs`.
 * - `undecidable`: reading will never tell (several orders of one name): a person must decide.
 */
export type SettleOutcome =
  | { readonly outcome: 'applied'; readonly reference: string | null }
  | { readonly outcome: 'not_applied'; readonly reason: string }
  | { readonly outcome: 'unknown'; readonly reason: string; readonly waitMs?: number }
  | { readonly outcome: 'undecidable'; readonly reason: string };

export interface ErpLevel {
  readonly sku: string;
  /** Whole units, as the ERP has them: may be negative. */
  readonly onHand: number;
}

/** A SKU that cannot be sold as the ERP has it: a kit, a fraction, a balance without the wanted deposit. */
export interface ErpLevelProblem {
  readonly sku: string;
  readonly reason: string;
}

export interface ErpLevelPage {
  readonly levels: readonly ErpLevel[];
  readonly problems: readonly ErpLevelProblem[];
  /** Where the next page begins, also after a restart; null: this was the last one. */
  readonly next: string | null;
}

export interface WebhookRequest {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it came over the wire: signatures are of the bytes. */
  readonly body: Uint8Array;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** A hint that something may have changed; its figures are not believed, the ERP is asked again. */
export interface WebhookEvent {
  /** The same for every delivery of one event. */
  readonly eventId: string;
  /** The ERP's word for it, for people. */
  readonly topic: string;
  /** What `resolveHint` turns into SKUs; one opaque text each. Empty: nothing that concerns stock. */
  readonly hints: readonly string[];
}

/** `forged`: the signature does not fit. `stale`: too old to be believed. `unreadable`: signed, and not understood. */
export type WebhookReading =
  | { readonly ok: true; readonly event: WebhookEvent }
  | {
      readonly ok: false;
      readonly fault: 'forged' | 'stale' | 'unreadable';
      readonly reason: string;
    };

export interface ErpLimits {
  /** What the ERP allows, all callers of the account together. */
  readonly callsPerSecond: number;
  /** Null: no daily limit. */
  readonly callsPerDay: number | null;
  /** How long after midnight in UTC the ERP's day begins, in ms. */
  readonly dayStartsMs: number;
  /** Requests that delivering one parcel usually costs. */
  readonly callsPerPush: number;
  /** How many SKUs one call of `readLevels` may name. */
  readonly skusPerRead: number;
  /** How many messages of one SKU may be merged into one parcel; 1 with grouping `sale`. */
  readonly messagesPerParcel: number;
  /** How long after an unknown outcome a reading can be trusted to see it, in ms. */
  readonly settleAfterMs: number;
}

export interface ErpConnector {
  /** As in `HOLDFAST_ERP` and `/webhooks/{name}`. */
  readonly name: string;
  readonly grouping: MessageGrouping;
  /** Others tell the ERP of sales and cancellations, perhaps before a push, which only looks whether they did. */
  readonly toldByOthers: boolean;
  readonly limits: ErpLimits;
  /** Checks credentials and settings by asking the ERP; throws `ErpFault` with words for the person who set them. */
  check(call: ErpCall): Promise<void>;
  /** One page of all SKUs; `cursor`: null from the first, else a page's `next`. */
  readPage(cursor: string | null, call: ErpCall): Promise<ErpLevelPage>;
  /** These SKUs, at most `skusPerRead`. One that the ERP does not know is a problem of the answer, not missing in it. */
  readLevels(
    skus: readonly string[],
    call: ErpCall,
  ): Promise<Pick<ErpLevelPage, 'levels' | 'problems'>>;
  /** Tells the ERP. Never sends what it cannot tell apart from something sent before. */
  push(parcel: Parcel, call: PushCall): Promise<PushOutcome>;
  /**
   * Finds out by reading what became of a parcel whose outcome is unknown. What it finds begun it may complete, by
   * requests that do the same however often they arrive; it never sends the parcel again. Throws `ErpFault` where it
   * could not look: that is no look, and it is asked again.
   */
  settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome>;
  /** Verifies and reads a webhook; touches no network. */
  readWebhook(request: WebhookRequest): WebhookReading;
  /** The SKUs that a webhook's hint is about; none if the ERP knows of none any more. */
  resolveHint(hint: string, call: ErpCall): Promise<readonly string[]>;
  /** Calls of the ERP's own day that is running, this process's and earlier ones'; null where nobody counts them. */
  usedToday(): Promise<number | null>;
  /** Ends its connections; nothing is asked of it any more. */
  close(): Promise<void>;
}

export type ErpFaultCode =
  /** Wrong settings or credentials: nothing will work until a person has looked at them. */
  | 'ERP_MISCONFIGURED'
  /** No usable answer: unreachable, too slow, garbled, too many calls. */
  | 'ERP_UNAVAILABLE';

/** `message` is for people and names neither tokens nor buyers. */
export class ErpFault extends Error {
  override readonly name = 'ErpFault';
  readonly code: ErpFaultCode;
  /** Not before this long, in ms; null where the ERP has not said. */
  readonly waitMs: number | null;

  constructor(
    code: ErpFaultCode,
    message: string,
    options: { waitMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.waitMs = options.waitMs ?? null;
  }
}
