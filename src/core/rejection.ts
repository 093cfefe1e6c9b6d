/** Every refusal that a caller must expect, as a returned value. Messages and statuses live in `http/problem.ts`. */
import type { MessageState, OutboxMessage } from './outbox/message.ts';
import type { ReservationStatus } from './reservation.ts';

/** Why stock is short: nobody can give it back; others hold it and may; or there is some, but less than asked. */
export type ShortReason = 'sold_out' | 'all_reserved' | 'insufficient_stock';

export interface Short {
  readonly sku: string;
  readonly requested: number;
  readonly available: number;
  readonly reason: ShortReason;
  /** When the next active reservation of this SKU may lapse; null where that would leave nothing to sell. */
  readonly nextExpiryAt: number | null;
}

export type Rejection =
  | { readonly code: 'unknown_sku'; readonly skus: readonly string[] }
  | {
      readonly code: 'not_on_sale';
      readonly sku: string;
      readonly opensAt: number | null;
      readonly closesAt: number | null;
    }
  | { readonly code: 'customer_required'; readonly sku: string }
  | {
      readonly code: 'max_per_order';
      readonly sku: string;
      readonly limit: number;
      readonly requested: number;
    }
  | {
      readonly code: 'max_per_customer';
      readonly sku: string;
      readonly limit: number;
      readonly held: number;
      readonly requested: number;
    }
  | {
      readonly code: ShortReason;
      readonly short: readonly Short[];
      readonly nextExpiryAt: number | null;
    }
  | { readonly code: 'ttl_out_of_range'; readonly maxTtlSeconds: number }
  | {
      readonly code: 'quantity_out_of_range';
      readonly sku: string;
      readonly limit: number;
      readonly requested: number;
    }
  | { readonly code: 'reservation_exists'; readonly reservationId: string }
  | { readonly code: 'reservation_not_found'; readonly reservationId: string }
  | {
      readonly code: 'reservation_expired';
      readonly reservationId: string;
      readonly expiredAt: number;
      readonly refundRequired: boolean;
    }
  | { readonly code: 'reservation_released'; readonly reservationId: string }
  | { readonly code: 'reservation_cancelled'; readonly reservationId: string }
  | { readonly code: 'already_confirmed'; readonly reservationId: string }
  | { readonly code: 'order_mismatch'; readonly reservationId: string }
  | {
      readonly code: 'not_confirmed';
      readonly reservationId: string;
      readonly status: ReservationStatus;
    }
  | {
      readonly code: 'extend_limit_reached';
      readonly reservationId: string;
      readonly expiresAt: number;
    }
  | { readonly code: 'line_not_reserved'; readonly reservationId: string; readonly sku: string }
  | {
      readonly code: 'quantity_exceeds_reserved';
      readonly reservationId: string;
      readonly sku: string;
      readonly reserved: number;
      readonly requested: number;
    }
  | {
      readonly code: 'quantity_exceeds_confirmed';
      readonly reservationId: string;
      readonly sku: string;
      readonly confirmed: number;
      readonly cancelled: number;
      readonly requested: number;
    }
  | { readonly code: 'stock_out_of_range'; readonly sku: string; readonly onHand: number }
  | { readonly code: 'parcel_not_found'; readonly parcelId: number }
  | { readonly code: 'message_not_found'; readonly messageId: number }
  | {
      readonly code: 'message_not_dead';
      readonly messageId: number;
      readonly state: MessageState;
    }
  | {
      readonly code: 'discard_units';
      readonly messageId: number;
      readonly kind: OutboxMessage['kind'];
    }
  | { readonly code: 'balance_outdated'; readonly sku: string }
  | { readonly code: 'idempotency_key_reused' };

export type RejectionCode = Rejection['code'];

/** The codes as a list, for catalogues and label sets; `satisfies` keeps it equal to the union. */
const CODES = {
  unknown_sku: true,
  not_on_sale: true,
  customer_required: true,
  max_per_order: true,
  max_per_customer: true,
  sold_out: true,
  all_reserved: true,
  insufficient_stock: true,
  ttl_out_of_range: true,
  quantity_out_of_range: true,
  reservation_exists: true,
  reservation_not_found: true,
  reservation_expired: true,
  reservation_released: true,
  reservation_cancelled: true,
  already_confirmed: true,
  order_mismatch: true,
  not_confirmed: true,
  extend_limit_reached: true,
  line_not_reserved: true,
  quantity_exceeds_reserved: true,
  quantity_exceeds_confirmed: true,
  stock_out_of_range: true,
  parcel_not_found: true,
  message_not_found: true,
  message_not_dead: true,
  discard_units: true,
  balance_outdated: true,
  idempotency_key_reused: true,
} satisfies Record<RejectionCode, true>;
export const REJECTION_CODES = Object.keys(CODES) as RejectionCode[];
