/** Bodies that passed their schemas, as commands of the core. */
import type { Static } from 'typebox';
import type {
  AdjustStockCommand,
  CancelCommand,
  ConfirmCommand,
  ExtendCommand,
  SetStockCommand,
} from '../core/command.ts';
import { NO_POLICY, type Policy } from '../core/stock-level.ts';
import type { ReserveRequest } from '../engine/reservation-engine.ts';
import type { HttpSettings } from './parts.ts';
import { parseInstant } from './schemas/formats.ts';
import type {
  AdjustStockBody,
  CancelBody,
  ConfirmBody,
  ExtendBody,
  ReserveBody,
  ReserveOneBody,
  SetStockBody,
} from './schemas/requests.ts';
import { ValidationError, type Issue } from './validation.ts';

export function reserveOneRequest(
  sku: string,
  body: Static<typeof ReserveOneBody>,
): ReserveRequest {
  return {
    lines: [{ sku, quantity: body.quantity ?? 1 }],
    customerId: body.customer_id ?? null,
    ttlSeconds: body.ttl_seconds ?? null,
    allowPartial: false,
  };
}

export function reserveRequest(body: Static<typeof ReserveBody>): ReserveRequest {
  return {
    lines: body.lines,
    customerId: body.customer_id ?? null,
    ttlSeconds: body.ttl_seconds ?? null,
    allowPartial: body.allow_partial ?? false,
  };
}

export function confirmCommand(
  reservationId: string,
  body: Static<typeof ConfirmBody>,
): ConfirmCommand {
  return {
    type: 'confirm',
    reservationId,
    orderId: body.order_id ?? null,
    lines: body.lines ?? null,
    onExpired: body.on_expired ?? 'reject',
  };
}

export function extendCommand(
  reservationId: string,
  body: Static<typeof ExtendBody>,
): ExtendCommand {
  if (typeof body.payment_method === 'string' && typeof body.order_id !== 'string') {
    throw missing('order_id', { en: 'the order to be paid', 'pt-BR': 'o pedido a ser pago' });
  }
  return {
    type: 'extend',
    reservationId,
    ttlSeconds: body.ttl_seconds ?? null,
    orderId: body.order_id ?? null,
    paymentMethod: body.payment_method ?? null,
  };
}

/** What the body leaves out: `idempotencyKey` names the cancellation, `restockByDefault` says what becomes of units. */
export function cancelCommand(
  reservationId: string,
  body: Static<typeof CancelBody>,
  idempotencyKey: string | null,
  { restockByDefault }: Pick<HttpSettings, 'restockByDefault'>,
): CancelCommand {
  const restock = body.restock ?? restockByDefault;
  const cancellationId = body.cancellation_id ?? idempotencyKey;
  const lines = body.lines?.map((line) => ({ ...line, restock: line.restock ?? restock })) ?? null;
  if (lines !== null && cancellationId === null) {
    // Without a name a repeated partial cancellation would cancel twice.
    throw missing('cancellation_id', {
      en: 'a name for this cancellation, or an Idempotency-Key',
      'pt-BR': 'um nome para este cancelamento, ou uma Idempotency-Key',
    });
  }
  return { type: 'cancel', reservationId, lines, restock, cancellationId };
}

function missing(param: string, expected: Issue['expected']): ValidationError {
  return new ValidationError([{ param, reason: 'missing', expected }]);
}

const POLICY_FIELDS = {
  maxPerOrder: 'max_per_order',
  maxPerCustomer: 'max_per_customer',
  ttlSeconds: 'ttl_seconds',
  opensAt: 'opens_at',
  closesAt: 'closes_at',
} as const satisfies Record<keyof Policy, keyof Static<typeof SetStockBody>>;

export function setStockCommand(sku: string, body: Static<typeof SetStockBody>): SetStockCommand {
  const policy: { -readonly [F in keyof Policy]?: Policy[F] } = {};
  for (const field of Object.keys(NO_POLICY) as (keyof Policy)[]) {
    const value = body[POLICY_FIELDS[field]];
    if (value === undefined) continue;
    policy[field] = typeof value === 'string' ? parseInstant(value) : value;
  }
  const { opensAt, closesAt } = policy;
  if (typeof opensAt === 'number' && typeof closesAt === 'number' && closesAt <= opensAt) {
    const expected = { en: 'a time after opens_at', 'pt-BR': 'um momento depois de opens_at' };
    throw new ValidationError([{ param: 'closes_at', reason: 'invalid', expected }]);
  }
  return {
    type: 'set_stock',
    sku,
    ...(body.on_hand === undefined ? {} : { onHand: body.on_hand }),
    ...(body.safety_stock === undefined ? {} : { safetyStock: body.safety_stock }),
    ...(Object.keys(policy).length === 0 ? {} : { policy }),
  };
}

export function adjustStockCommand(
  sku: string,
  { delta, reason }: Static<typeof AdjustStockBody>,
): AdjustStockCommand {
  if (delta === 0) {
    const expected = {
      en: 'a whole number other than 0',
      'pt-BR': 'um número inteiro diferente de 0',
    };
    throw new ValidationError([{ param: 'delta', reason: 'invalid', expected }]);
  }
  return { type: 'adjust_stock', sku, delta, reason };
}
