/** The relay's verbs: claim messages, note what a reading will need, settle what became of them. */
import type { Book } from '../book.ts';
import {
  rejected,
  type ClaimMessagesCommand,
  type NoteParcelCommand,
  type ParcelAnswer,
  type RecoverMessagesCommand,
  type Rejected,
  type SettleParcelCommand,
} from '../command.ts';
import { land } from '../land.ts';
import { entry } from '../ledger.ts';
import { changeMessage } from './change.ts';
import { groupingOf, skusOf, type OutboxMessage, type Parcel } from './message.ts';
import { acknowledgeIfTold, annihilate } from './queue.ts';

export function claimMessages(book: Book, command: ClaimMessagesCommand, now: number): Parcel[] {
  return book.outbox.dueHeads(now, command.limit).map((head) => {
    // A sale goes alone, a SKU's units together.
    const most = groupingOf(head) === 'sale' ? 1 : command.messagesPerParcel;
    const pending = book.outbox.pendingOfKey(head.key, most);
    const early = pending.findIndex(({ nextAttemptAt }) => nextAttemptAt > now);
    const taken = early === -1 ? pending : pending.slice(0, early);
    const id = book.outbox.takeNumber();
    const messages = taken.map((message) => {
      const claimed: OutboxMessage = {
        ...message,
        state: 'in_flight',
        parcelId: id,
        attempts: message.attempts + 1,
        looks: 0,
        memo: null,
      };
      changeMessage(book, message, claimed);
      return claimed;
    });
    return { id, key: head.key, messages };
  });
}

export function noteParcel(book: Book, command: NoteParcelCommand): ParcelAnswer | Rejected {
  const { parcelId, memo } = command;
  const messages = book.outbox.parcel(parcelId);
  if (messages.length === 0) return rejected('note_parcel', { code: 'parcel_not_found', parcelId });
  const noted = messages.map((message) => ({ ...message, memo }));
  for (const message of noted) book.outbox.put(message);
  return { ok: true, type: 'note_parcel', messages: noted, acknowledged: [] };
}

export function settleParcel(
  book: Book,
  command: SettleParcelCommand,
  now: number,
): ParcelAnswer | Rejected {
  const { parcelId } = command;
  const messages = book.outbox.parcel(parcelId);
  if (messages.length === 0) {
    return rejected('settle_parcel', { code: 'parcel_not_found', parcelId });
  }
  book.outbox.takeNumber();
  const settled = messages.map((message) => {
    const after = settledMessage(message, command, now);
    changeMessage(book, message, after);
    if (command.outcome === 'applied') tellCancellations(book, after);
    if (after.state === 'dead') noteDead(book, after, now);
    if (after.state !== 'unknown') annihilate(book, after.reservationId, after.key);
    return after;
  });
  const reservations = [...new Set(settled.map(({ reservationId }) => reservationId))];
  const acknowledged = reservations.filter((id) => acknowledgeIfTold(book, id, now));
  return { ok: true, type: 'settle_parcel', messages: settled, acknowledged };
}

function settledMessage(
  message: OutboxMessage,
  { outcome, reason, reference, nextAttemptAt }: SettleParcelCommand,
  now: number,
): OutboxMessage {
  switch (outcome) {
    case 'applied':
      return {
        ...message,
        state: 'delivered',
        unknownAt: null,
        reference: reference ?? message.reference,
        lastError: null,
      };
    case 'not_applied':
      return { ...message, state: 'pending', unknownAt: null, nextAttemptAt, lastError: reason };
    case 'given_up':
      return { ...message, state: 'dead', lastError: reason };
    case 'unknown': {
      const looks = message.state === 'unknown' ? message.looks + 1 : 0;
      const unknownAt = message.unknownAt ?? now;
      return { ...message, state: 'unknown', unknownAt, looks, nextAttemptAt, lastError: reason };
    }
  }
}

/** A cancellation names what the ERP calls its sale. */
function tellCancellations(
  book: Book,
  { kind, key, reservationId, reference }: OutboxMessage,
): void {
  if (kind !== 'sale' || reference === null) return;
  for (const message of book.outbox.ofReservation(reservationId)) {
    if (message.kind !== 'cancellation' || message.key !== key) continue;
    book.outbox.put({ ...message, reference });
  }
}

function noteDead(book: Book, message: OutboxMessage, now: number): void {
  const { id, reservationId, lastError } = message;
  const detail = { message: id, reservation_id: reservationId, reason: lastError };
  const entries = skusOf(message).map((sku) => entry('dead_letter', sku, null, {}, detail));
  land(book, { entries, reservation: null }, now);
}

/** After a stop in mid-flight nobody knows what became of what was in flight. */
export function recoverMessages(book: Book, command: RecoverMessagesCommand, now: number): number {
  const messages = book.outbox.inFlight();
  if (messages.length > 0) book.outbox.takeNumber();
  for (const message of messages) {
    changeMessage(book, message, {
      ...message,
      state: 'unknown',
      unknownAt: now,
      nextAttemptAt: command.nextAttemptAt,
      lastError: 'the service stopped while this was on its way',
    });
  }
  return messages.length;
}
