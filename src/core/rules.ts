/** The settings that decisions depend on, fixed when a store starts. Lifetimes in seconds. */
import type { MessageGrouping } from './outbox/message.ts';

export const PAYMENT_METHODS = ['card', 'pix', 'boleto'] as const;
export type PaymentMethod = (typeof PAYMENT_METHODS)[number];

export interface Rules {
  /** Lifetime of a reservation where neither the caller nor a SKU's policy says one. */
  readonly ttlSeconds: number;
  /** The longest lifetime that a caller may ask for. */
  readonly maxTtlSeconds: number;
  /** No reservation is extended past this, counted from its creation; one that is latched, past this and its payment. */
  readonly extendCapSeconds: number;
  /** How long an order may take to be paid, by method, counted from the latching. */
  readonly paymentTtlSeconds: Readonly<Record<PaymentMethod, number>>;
  /** With no ERP there is nobody to wait for: a confirm is acknowledged at once. Else it writes to the outbox. */
  readonly acknowledgeOnConfirm: boolean;
  /** How the outbox's messages are cut: one per sale, or one per line of it. */
  readonly messageGrouping: MessageGrouping;
  /** What to do with active, unlatched reservations when stock falls below the promises. */
  readonly onShortfall: 'keep' | 'release_newest';
}

export const DEFAULT_RULES: Rules = Object.freeze({
  ttlSeconds: 600,
  maxTtlSeconds: 86_400,
  extendCapSeconds: 7_200,
  paymentTtlSeconds: Object.freeze({ card: 900, pix: 1_800, boleto: 259_200 }),
  acknowledgeOnConfirm: true,
  messageGrouping: 'sale',
  onShortfall: 'keep',
});
