/**
 * What the ERP is still to be told: one message per confirmed sale and per cancellation, written in the step that made
 * it necessary.
 *
 *     pending ──claim──▶ in_flight ──applied──▶ delivered
 *        ▲                   ├──rejected──▶ dead ──retry──▶ pending
 *        │                   └──no answer─▶ unknown
 *        └── not applied ◀── a reading ──┘   (or applied: delivered; or undecidable: dead)
 *
 * A dead message waits for a person. An unknown one is settled by reading, never by sending it again.
 */

export const MESSAGE_STATES = ['pending', 'in_flight', 'unknown', 'dead', 'delivered'] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/** How an ERP wants to hear of sales: each sale whole, or the units of each SKU, those of several sales together. */
export type MessageGrouping = 'sale' | 'sku';

export interface MessageLine {
  readonly sku: string;
  /** Units, at least 1. */
  readonly quantity: number;
  /** Of a cancellation: do the units go back on the ERP's shelf? False in a sale. */
  readonly restock: boolean;
}

export interface OutboxMessage {
  /** Rises by one with each message; the order in which messages came to be. */
  readonly id: number;
  /** Messages of one key are delivered one after the other, in order of id: the reservation, or the SKU. */
  readonly key: string;
  readonly kind: 'sale' | 'cancellation';
  readonly reservationId: string;
  /** The order as it was known when this was last sent; a reservation confirmed without one has none. */
  readonly orderId: string | null;
  /** One per SKU and `restock`. */
  readonly lines: readonly MessageLine[];
  readonly createdAt: number;
  readonly state: MessageState;
  /** The claim that it is, or was last, a part of; null: never claimed. */
  readonly parcelId: number | null;
  /** How often it was claimed. */
  readonly attempts: number;
  /** When it may be claimed (pending) or looked for (unknown). */
  readonly nextAttemptAt: number;
  /** When its outcome became unknown; null where it is not. A dead message keeps it: it may have been applied. */
  readonly unknownAt: number | null;
  /** Readings that could not settle it. */
  readonly looks: number;
  /** What the connector wrote down before it sent this, so that a reading can tell whether it was applied. */
  readonly memo: string | null;
  /** The ERP's own name for what came of it. */
  readonly reference: string | null;
  readonly lastError: string | null;
}

/** Messages of one key that are sent as one: with grouping `sale` always exactly one. */
export interface Parcel {
  readonly id: number;
  readonly key: string;
  /** In order of id; all of them share `memo` and `unknownAt`. */
  readonly messages: readonly OutboxMessage[];
}

/** Of one SKU: what the outbox means for its books. */
export interface OutboxLevel {
  readonly sku: string;
  /** Units that the ERP is still to deduct, by all messages not delivered; negative where it is to put more back. */
  readonly owed: number;
  /** Messages naming the SKU that are in flight or unknown. */
  readonly unsettled: number;
  /** The outbox's number when one of them was last claimed, settled or given up on; 0: never. */
  readonly touched: number;
}

/** How the message was cut when it was written. */
export function groupingOf({ key, reservationId }: OutboxMessage): MessageGrouping {
  return key === reservationId ? 'sale' : 'sku';
}

export function isUnsettled({ state }: Pick<OutboxMessage, 'state'>): boolean {
  return state === 'in_flight' || state === 'unknown';
}

/** Has the ERP certainly not heard of it? */
export function isCertain({ state, unknownAt }: OutboxMessage): boolean {
  return (state === 'pending' || state === 'dead') && unknownAt === null;
}

/** Does a sale that the ERP has certainly not heard of wait beside a cancellation of the same units? */
export function waitInVain(messages: readonly OutboxMessage[]): boolean {
  return messages.some(
    (sale) =>
      sale.kind === 'sale' &&
      isCertain(sale) &&
      messages.some(
        ({ kind, state, lines }) =>
          kind === 'cancellation' &&
          state === 'pending' &&
          lines.some(({ sku, restock }) => restock && skusOf(sale).includes(sku)),
      ),
  );
}

/** Units of the SKU by which the message lowers the ERP's balance. */
export function owedUnits({ kind, lines }: Pick<OutboxMessage, 'kind' | 'lines'>, sku: string) {
  let units = 0;
  for (const line of lines) {
    if (line.sku !== sku) continue;
    if (kind === 'sale') units += line.quantity;
    else if (line.restock) units -= line.quantity;
  }
  return units;
}

export function skusOf({ lines }: Pick<OutboxMessage, 'lines'>): string[] {
  return [...new Set(lines.map(({ sku }) => sku))];
}
