/** What confirm, cancel and acknowledge write to the outbox, in the same step. */
import type { Book } from '../book.ts';
import { decideAcknowledge } from '../decide/acknowledge.ts';
import { land } from '../land.ts';
import type { EntryDraft } from '../ledger.ts';
import type { Reservation } from '../reservation.ts';
import type { Rules } from '../rules.ts';
import { changeMessage } from './change.ts';
import { isCertain, type MessageLine, type OutboxMessage } from './message.ts';

type Fresh = Pick<OutboxMessage, 'key' | 'kind' | 'reservationId' | 'orderId' | 'lines'> &
  Partial<Pick<OutboxMessage, 'reference'>>;

function enqueue(book: Book, fresh: Fresh, now: number): void {
  changeMessage(book, null, {
    id: book.outbox.takeNumber(),
    createdAt: now,
    state: 'pending',
    parcelId: null,
    attempts: 0,
    nextAttemptAt: now,
    unknownAt: null,
    looks: 0,
    memo: null,
    reference: null,
    lastError: null,
    ...fresh,
  });
}

/** The reservation has just been confirmed, and the ERP is to hear of it. */
export function queueSale(book: Book, reservation: Reservation, now: number, rules: Rules): void {
  const { id: reservationId, orderId } = reservation;
  const lines = reservation.lines.flatMap(({ sku, confirmed }): MessageLine[] =>
    confirmed === 0 ? [] : [{ sku, quantity: confirmed, restock: false }],
  );
  if (rules.messageGrouping === 'sale') {
    const key = reservationId;
    enqueue(book, { key, kind: 'sale', reservationId, orderId, lines }, now);
    return;
  }
  for (const line of lines) {
    const key = line.sku;
    enqueue(book, { key, kind: 'sale', reservationId, orderId, lines: [line] }, now);
  }
}

/** A sale that has not been sent yet goes under the order that named itself meanwhile. */
export function adoptOrder(book: Book, { id, orderId }: Reservation): void {
  for (const message of book.outbox.ofReservation(id)) {
    if (message.state !== 'pending' || message.attempts > 0) continue;
    changeMessage(book, message, { ...message, orderId });
  }
}

/**
 * Units of the reservation have been cancelled (`entries`): what the ERP cannot have heard of is taken out of its
 * message, of the rest it is told. Where nothing remains to be heard of, the reservation is acknowledged.
 */
export function queueCancellation(
  book: Book,
  reservationId: string,
  entries: readonly EntryDraft[],
  now: number,
): void {
  const cancelled = entries.map(({ sku, detail }) => ({
    sku,
    quantity: Number(detail?.['quantity']),
    restock: detail?.['restock'] === true,
  }));
  for (const sale of book.outbox.ofReservation(reservationId)) {
    if (sale.kind !== 'sale') continue;
    const lines = sumLines(
      cancelled.filter(({ sku }) => sale.lines.some((line) => line.sku === sku)),
    );
    if (lines.length === 0) continue;
    const { key, orderId, reference } = sale;
    enqueue(book, { key, kind: 'cancellation', reservationId, orderId, reference, lines }, now);
    annihilate(book, reservationId, key);
  }
  acknowledgeIfTold(book, reservationId, now);
}

function sumLines(lines: readonly MessageLine[]): MessageLine[] {
  const sums: MessageLine[] = [];
  for (const line of lines) {
    const at = sums.findIndex(({ sku, restock }) => sku === line.sku && restock === line.restock);
    const known = sums[at];
    if (known === undefined) sums.push(line);
    else sums[at] = { ...known, quantity: known.quantity + line.quantity };
  }
  return sums;
}

/** A sale that the ERP has certainly not heard of, and cancellations of it that wait behind it, cancel each other out. */
export function annihilate(book: Book, reservationId: string, key: string): void {
  const messages = book.outbox
    .ofReservation(reservationId)
    .filter((message) => message.key === key);
  let sale = messages.find(({ kind, state }) => kind === 'sale' && state !== 'delivered');
  if (sale === undefined || !isCertain(sale)) return;
  for (const cancellation of messages) {
    if (cancellation.kind !== 'cancellation' || cancellation.state !== 'pending') continue;
    const restocked = cancellation.lines.filter(({ restock }) => restock);
    sale = shrink(book, sale, restocked);
    shrink(book, cancellation, restocked);
  }
}

/** Takes the lines' units out of the message; one without lines is forgotten. */
function shrink(book: Book, message: OutboxMessage, less: readonly MessageLine[]): OutboxMessage {
  const lines = message.lines.flatMap((line): MessageLine[] => {
    const taken = less.find(
      ({ sku, restock }) =>
        sku === line.sku && (message.kind === 'sale' || restock === line.restock),
    );
    const quantity = line.quantity - (taken?.quantity ?? 0);
    return quantity > 0 ? [{ ...line, quantity }] : [];
  });
  const shrunk = { ...message, lines };
  changeMessage(book, message, lines.length === 0 ? null : shrunk);
  return shrunk;
}

/** A confirmed reservation of which the ERP has heard all is acknowledged; says whether it was. */
export function acknowledgeIfTold(book: Book, reservationId: string, now: number): boolean {
  const reservation = book.reservation(reservationId);
  if (reservation?.status !== 'confirmed') return false;
  const open = book.outbox
    .ofReservation(reservationId)
    .some(({ kind, state }) => kind === 'sale' && state !== 'delivered');
  if (open) return false;
  const command = { type: 'acknowledge', reservationId } as const;
  land(book, decideAcknowledge(book, reservation, command, now), now);
  return true;
}

/** Somebody else has told the ERP: nothing is left to be sent of the sale. */
export function dropSale(book: Book, reservationId: string): void {
  for (const message of book.outbox.ofReservation(reservationId)) {
    if (message.kind !== 'sale' || message.state === 'delivered') continue;
    book.outbox.takeNumber();
    changeMessage(book, message, { ...message, state: 'delivered' });
  }
}
