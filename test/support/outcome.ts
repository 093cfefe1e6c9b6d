/** An answer in one line of words, so that a scenario can name what it expects. Times are in seconds since `START`. */
import type { Answer } from '../../src/core/command.ts';
import type { OutboxMessage } from '../../src/core/outbox/message.ts';
import type { Rejection } from '../../src/core/rejection.ts';
import type { Reservation } from '../../src/core/reservation.ts';
import type { LevelView } from '../../src/core/stock-level.ts';
import { START } from './fake-clock.ts';

export function secondsOf(epochMs: number): number {
  return (epochMs - START) / 1000;
}

export function outcome(answer: Answer): string {
  if (!answer.ok) return rejectionText(answer.rejection);
  switch (answer.type) {
    case 'reserve':
      return [
        reservationText(answer.reservation),
        ...answer.refused.map(
          ({ sku, granted, requested, reason }) =>
            `refused ${sku}:${requested - granted} ${reason}`,
        ),
      ].join(', ');
    case 'confirm':
    case 'release':
    case 'extend':
    case 'cancel':
    case 'acknowledge':
      return `${answer.changed ? '' : 'again '}${reservationText(answer.reservation)}`;
    case 'set_stock':
    case 'adjust_stock':
      return [
        `${answer.created ? 'created ' : ''}${levelText(answer.level)}`,
        ...answer.released.map((id) => `released ${id}`),
      ].join(', ');
    case 'import_stock':
      return `created ${answer.created}, updated ${answer.updated}, unchanged ${answer.unchanged}`;
    case 'sweep':
      return `expired ${answer.expired.map(({ id }) => id).join(' ') || 'none'}${more(answer)}`;
    case 'claim_messages':
      return (
        answer.parcels.map(({ messages }) => messages.map(messageText).join(' + ')).join(', ') ||
        'nothing due'
      );
    case 'note_parcel':
    case 'settle_parcel':
      return [
        answer.messages.map(messageText).join(' + '),
        ...answer.acknowledged.map((id) => `acknowledged ${id}`),
      ].join(', ');
    case 'recover_messages':
      return `recovered ${answer.recovered}`;
    case 'retry_message':
    case 'discard_message':
      return messageText(answer.message);
    case 'reconcile': {
      const { sku, onHand, expected } = answer.drift;
      const verdict = onHand === expected ? 'agrees' : answer.corrected ? 'corrected' : 'drifts';
      return `${sku} ${onHand}/${expected} ${verdict}${answer.released.map((id) => ` released ${id}`).join('')}`;
    }
    case 'purge':
      return `purged ${answer.purged}${more(answer)}`;
    case 'trim_ledger':
      return `trimmed ${answer.trimmed} to ${answer.cut.seq} of ${answer.cut.exportedThrough}${more(answer)}`;
  }
}

function more(answer: { readonly more: boolean }): string {
  return answer.more ? ', more' : '';
}

/** `pending sale 1 A:2`, in parentheses what is not restocked. */
export function messageText({ id, kind, state, lines }: OutboxMessage): string {
  const units = lines.map(({ sku, quantity, restock }) =>
    kind === 'sale' || restock ? `${sku}:${quantity}` : `(${sku}:${quantity})`,
  );
  return `${state} ${kind} ${id} ${units.join(' ')}`;
}

/** Lines as reserved, or as confirmed and not cancelled. */
export function reservationText(reservation: Reservation): string {
  const { status, lines, expiresAt, orderId, reacquired, refundRequired } = reservation;
  const kept = ['confirmed', 'acknowledged', 'cancelled'].includes(status);
  const units = lines.map(
    ({ sku, quantity, confirmed, cancelled }) =>
      `${sku}:${kept ? confirmed - cancelled : quantity}`,
  );
  return [
    `${status} ${units.join(' ')}`,
    status === 'active' ? ` until ${secondsOf(expiresAt)}` : '',
    orderId === null ? '' : ` for ${orderId}`,
    reacquired ? ' reacquired' : '',
    refundRequired ? ' to be refunded' : '',
  ].join('');
}

/** `A 5 = 2 reserved + 1 allocated + 2 available`, with safety stock and shortfall where there is one. */
export function levelText(level: LevelView): string {
  const { sku, onHand, reserved, allocated, safetyStock, available, shortfall } = level;
  const parts = [
    reserved === 0 ? [] : `${reserved} reserved`,
    allocated === 0 ? [] : `${allocated} allocated`,
    safetyStock === 0 ? [] : `${safetyStock} safety`,
    `${available} available`,
    shortfall === 0 ? [] : `short ${shortfall}`,
  ].flat();
  return `${sku} ${onHand} = ${parts.join(' + ').replace(' + short', ', short')}`;
}

function rejectionText(rejection: Rejection): string {
  return [rejection.code, ...particulars(rejection)].join(' ');
}

function particulars(rejection: Rejection): (string | number)[] {
  switch (rejection.code) {
    case 'unknown_sku':
      return [...rejection.skus];
    case 'sold_out':
    case 'all_reserved':
    case 'insufficient_stock':
      return [
        ...rejection.short.map(
          ({ sku, requested, available }) => `${sku}:${available}/${requested}`,
        ),
        ...(rejection.nextExpiryAt === null ? [] : ['until', secondsOf(rejection.nextExpiryAt)]),
      ];
    case 'not_on_sale':
      return [
        rejection.sku,
        ...(rejection.opensAt === null ? [] : ['from', secondsOf(rejection.opensAt)]),
        ...(rejection.closesAt === null ? [] : ['to', secondsOf(rejection.closesAt)]),
      ];
    case 'customer_required':
      return [rejection.sku];
    case 'line_not_reserved':
      return [rejection.sku];
    case 'max_per_order':
    case 'quantity_out_of_range':
      return [`${rejection.sku}:${rejection.requested}`, 'limit', rejection.limit];
    case 'max_per_customer': {
      const { sku, requested, limit, held } = rejection;
      return [`${sku}:${requested}`, 'limit', limit, 'has', held];
    }
    case 'ttl_out_of_range':
      return ['limit', rejection.maxTtlSeconds];
    case 'reservation_expired':
      return [
        'at',
        secondsOf(rejection.expiredAt),
        ...(rejection.refundRequired ? ['to be refunded'] : []),
      ];
    case 'not_confirmed':
      return ['but', rejection.status];
    case 'extend_limit_reached':
      return ['until', secondsOf(rejection.expiresAt)];
    case 'quantity_exceeds_reserved':
      return [`${rejection.sku}:${rejection.requested}`, 'of', rejection.reserved];
    case 'quantity_exceeds_confirmed': {
      const { sku, requested, confirmed, cancelled } = rejection;
      return [`${sku}:${requested}`, 'of', confirmed, 'less', cancelled];
    }
    case 'stock_out_of_range':
      return [rejection.sku, rejection.onHand];
    case 'message_not_dead':
      return ['but', rejection.state];
    case 'discard_units':
      return ['of a', rejection.kind];
    case 'balance_outdated':
      return [rejection.sku];
    case 'parcel_not_found':
    case 'message_not_found':
    case 'reservation_not_found':
    case 'reservation_exists':
    case 'reservation_released':
    case 'reservation_cancelled':
    case 'already_confirmed':
    case 'order_mismatch':
    case 'idempotency_key_reused':
      return [];
  }
}
