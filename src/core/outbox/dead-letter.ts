/** What a person does with a message that was given up on. */
import type { Book } from '../book.ts';
import {
  rejected,
  type CancelLine,
  type DiscardMessageCommand,
  type MessageAnswer,
  type Rejected,
  type RetryMessageCommand,
} from '../command.ts';
import { decideCancel } from '../decide/cancel.ts';
import { land } from '../land.ts';
import { entry, type EntryKind } from '../ledger.ts';
import type { Rejection } from '../rejection.ts';
import { changeMessage } from './change.ts';
import { skusOf, type OutboxMessage } from './message.ts';
import { acknowledgeIfTold, annihilate } from './queue.ts';

/** The person has seen to it that the ERP does not have it already. */
export function retryMessage(
  book: Book,
  command: RetryMessageCommand,
  now: number,
): MessageAnswer | Rejected {
  const message = book.outbox.message(command.messageId);
  const fault = deadFault(message, command.messageId);
  if (fault !== null) return rejected('retry_message', fault);
  const dead = message as OutboxMessage;
  const pending: OutboxMessage = {
    ...dead,
    state: 'pending',
    nextAttemptAt: now,
    unknownAt: null,
    lastError: null,
  };
  changeMessage(book, dead, pending);
  note(book, 'outbox_retry', dead, { reason: command.reason }, now);
  annihilate(book, dead.reservationId, dead.key);
  acknowledgeIfTold(book, dead.reservationId, now);
  return { ok: true, type: 'retry_message', message: pending };
}

/** The ERP will not be told. `units` says what becomes of a sale's units on our side; a cancellation's have moved already. */
export function discardMessage(
  book: Book,
  command: DiscardMessageCommand,
  now: number,
): MessageAnswer | Rejected {
  const { messageId, units, reason } = command;
  const message = book.outbox.message(messageId);
  const fault = deadFault(message, messageId) ?? unitsFault(message as OutboxMessage, units);
  if (fault !== null) return rejected('discard_message', fault);
  const dead = message as OutboxMessage;
  if (units === 'restock') {
    const overflow = undoSale(book, dead, now);
    if (overflow !== null) return rejected('discard_message', overflow);
  }
  note(book, 'outbox_discard', dead, { reason, units }, now);
  book.outbox.takeNumber();
  const discarded: OutboxMessage = { ...dead, state: 'delivered' };
  changeMessage(
    book,
    book.outbox.message(messageId) ?? dead,
    units === 'deduct' ? discarded : null,
  );
  acknowledgeIfTold(book, dead.reservationId, now);
  return { ok: true, type: 'discard_message', message: discarded };
}

function deadFault(message: OutboxMessage | undefined, messageId: number): Rejection | null {
  if (message === undefined) return { code: 'message_not_found', messageId };
  const { state } = message;
  return state === 'dead' ? null : { code: 'message_not_dead', messageId, state };
}

function unitsFault(
  { id: messageId, kind }: OutboxMessage,
  units: DiscardMessageCommand['units'],
): Rejection | null {
  return (kind === 'sale') === (units !== null) ? null : { code: 'discard_units', messageId, kind };
}

/** Cancels what of the sale is not cancelled yet, and with it what was to be said of its cancellations. */
function undoSale(book: Book, sale: OutboxMessage, now: number): Rejection | null {
  const { reservationId, key } = sale;
  const reservation = book.reservation(reservationId);
  const lines = (reservation?.lines ?? []).flatMap((line): CancelLine[] => {
    const left = line.confirmed - line.cancelled;
    const told = sale.lines.find(({ sku }) => sku === line.sku)?.quantity ?? 0;
    const quantity = Math.min(left, told);
    return quantity > 0 ? [{ sku: line.sku, quantity, restock: true }] : [];
  });
  if (lines.length > 0) {
    const command = {
      type: 'cancel',
      reservationId,
      lines,
      restock: true,
      cancellationId: null,
    } as const;
    const decision = decideCancel(book, reservation, command, now);
    if (!decision.answer.ok) return decision.answer.rejection;
    land(book, decision, now);
  }
  for (const message of book.outbox.ofReservation(reservationId)) {
    if (message.kind !== 'cancellation' || message.key !== key) continue;
    if (message.state === 'pending') changeMessage(book, message, null);
  }
  return null;
}

function note(
  book: Book,
  kind: EntryKind,
  message: OutboxMessage,
  why: Readonly<Record<string, string | null>>,
  now: number,
): void {
  const detail = { message: message.id, reservation_id: message.reservationId, ...why };
  const entries = skusOf(message).map((sku) => entry(kind, sku, null, {}, detail));
  land(book, { entries, reservation: null }, now);
}
