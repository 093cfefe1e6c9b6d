/**
 * One command against the books, inside one atomic step: the executable specification of every store.
 * Stores that hold their books in this process call it; the others are translations of it.
 */
import type { Book } from './book.ts';
import {
  rejected,
  type Answer,
  type AnswerTo,
  type Command,
  type Idempotency,
  type PurgeAnswer,
  type PurgeCommand,
  type ReservationAnswer,
  type ReserveCommand,
  type SweepAnswer,
  type SweepCommand,
} from './command.ts';
import { decideAcknowledge } from './decide/acknowledge.ts';
import { decideCancel } from './decide/cancel.ts';
import { decideConfirm } from './decide/confirm.ts';
import type { Decision } from './decide/decision.ts';
import { decideExtend } from './decide/extend.ts';
import { decideRelease, expire } from './decide/release.ts';
import { decideReserve, reserveAgain } from './decide/reserve.ts';
import { land } from './land.ts';
import { executeReconcile } from './execute-reconcile.ts';
import { executeTrim, forgetStory } from './execute-trim.ts';
import { executeAdjust, executeImport, executeSet } from './execute-stock.ts';
import { discardMessage, retryMessage } from './outbox/dead-letter.ts';
import { claimMessages, noteParcel, recoverMessages, settleParcel } from './outbox/deliver.ts';
import { adoptOrder, dropSale, queueCancellation, queueSale } from './outbox/queue.ts';
import { hasLapsed, sumLines, type Reservation } from './reservation.ts';
import type { Rules } from './rules.ts';
import { available } from './stock-level.ts';

/** Sweeps done in passing, with a command: enough to keep up, too few to delay anyone. */
const SWEEP_IN_PASSING = 64;

/** `now`: the store's clock at the moment of the decision, in epoch milliseconds; it never runs back. */
export function execute<C extends Command>(
  book: Book,
  command: C,
  now: number,
  rules: Rules,
  idempotency: Idempotency | null = null,
): AnswerTo<C> {
  if (idempotency !== null) {
    const known = book.remembered(idempotency.key);
    if (known !== undefined) {
      return (
        known.fingerprint === idempotency.fingerprint
          ? known.answer
          : rejected(command.type, { code: 'idempotency_key_reused' })
      ) as AnswerTo<C>;
    }
  }
  const answer = run(book, command, now, rules) as AnswerTo<C>;
  if (idempotency !== null) {
    book.remember(idempotency.key, { fingerprint: idempotency.fingerprint, answer }, now);
  }
  return answer;
}

function run(book: Book, command: Command, now: number, rules: Rules): Answer {
  if (command.type !== 'sweep' && command.type !== 'reserve') sweep(book, now, SWEEP_IN_PASSING);
  switch (command.type) {
    case 'reserve':
      return executeReserve(book, command, now, rules);
    case 'confirm': {
      const reservation = settled(book, command.reservationId, now);
      if (reservation?.status === 'expired' && command.onExpired === 'reacquire') {
        makeRoom(book, { lines: command.lines ?? reservation.lines }, now);
      }
      const answer = decided(book, decideConfirm(book, reservation, command, now, rules), now);
      if (answer.ok && answer.type === 'confirm')
        tellConfirmed(book, answer, reservation, now, rules);
      return answer;
    }
    case 'release': {
      const reservation = settled(book, command.reservationId, now);
      return decided(book, decideRelease(reservation, command, now), now);
    }
    case 'extend': {
      const reservation = settled(book, command.reservationId, now);
      return decided(book, decideExtend(book, reservation, command, now, rules), now);
    }
    case 'cancel': {
      const reservation = settled(book, command.reservationId, now);
      const decision = decideCancel(book, reservation, command, now);
      land(book, decision, now);
      if (decision.reservation === null) return decision.answer;
      queueCancellation(book, command.reservationId, decision.entries, now);
      return asItStands(book, decision.answer);
    }
    case 'acknowledge': {
      const reservation = settled(book, command.reservationId, now);
      const answer = decided(book, decideAcknowledge(book, reservation, command, now), now);
      if (answer.ok) dropSale(book, command.reservationId);
      return answer;
    }
    case 'set_stock':
      return executeSet(book, command, now, rules);
    case 'adjust_stock':
      return executeAdjust(book, command, now, rules);
    case 'import_stock':
      return executeImport(book, command, now, rules);
    case 'sweep':
      return executeSweep(book, command, now);
    case 'purge':
      return executePurge(book, command);
    case 'trim_ledger':
      return executeTrim(book, command, now);
    case 'claim_messages':
      return { ok: true, type: 'claim_messages', parcels: claimMessages(book, command, now) };
    case 'note_parcel':
      return noteParcel(book, command);
    case 'settle_parcel':
      return settleParcel(book, command, now);
    case 'recover_messages': {
      const recovered = recoverMessages(book, command, now);
      return { ok: true, type: 'recover_messages', recovered };
    }
    case 'retry_message':
      return retryMessage(book, command, now);
    case 'discard_message':
      return discardMessage(book, command, now);
    case 'reconcile':
      return executeReconcile(book, command, now, rules);
  }
}

/** The message to the ERP is a part of the confirm; an order that names itself later goes into it. */
function tellConfirmed(
  book: Book,
  { reservation, changed }: ReservationAnswer,
  before: Reservation | undefined,
  now: number,
  rules: Rules,
): void {
  if (changed && reservation.status === 'confirmed') queueSale(book, reservation, now, rules);
  else if (reservation.orderId !== before?.orderId) adoptOrder(book, reservation);
}

/** The answer with the reservation as the whole step leaves it. */
function asItStands<A extends Answer>(book: Book, answer: A): A {
  if (!('reservation' in answer)) return answer;
  return { ...answer, reservation: book.reservation(answer.reservation.id) ?? answer.reservation };
}

function executeReserve(book: Book, command: ReserveCommand, now: number, rules: Rules): Answer {
  const known = settled(book, command.reservationId, now);
  if (known !== undefined) return reserveAgain(known, command);
  makeRoom(book, command, now);
  const answer = decided(book, decideReserve(book, command, now, rules), now);
  // A refusal tidies nothing but what it weighed, so that sold-out answers need no write.
  if (answer.ok) sweep(book, now, SWEEP_IN_PASSING);
  return answer;
}

function decided<A extends Answer>(book: Book, decision: Decision<A>, now: number): Answer {
  land(book, decision, now);
  return decision.answer;
}

/**
 * Where a wanted SKU is short, records the expiry of its lapsed reservations until it is not, or none is left:
 * a lapsed unit is on sale at once, at a cost that follows what is asked, not what has lapsed.
 */
function makeRoom(book: Book, wanted: Pick<ReserveCommand, 'lines'>, now: number): void {
  for (const { sku, quantity } of sumLines(wanted.lines)) {
    for (;;) {
      const level = book.level(sku);
      if (level === undefined || level.reserved === 0 || available(level) >= quantity) break;
      const due = book.oldestDue(sku, now);
      if (due === undefined) break;
      recordExpiry(book, due, now);
    }
  }
}

/** The reservation, its lapse recorded if its deadline has passed. */
function settled(book: Book, id: string, now: number): Reservation | undefined {
  const reservation = book.reservation(id);
  if (reservation === undefined || !hasLapsed(reservation, now)) return reservation;
  return recordExpiry(book, reservation, now);
}

function recordExpiry(book: Book, lapsed: Reservation, now: number): Reservation {
  const expired = expire(lapsed, now);
  land(book, expired, now);
  return expired.reservation;
}

function sweep(book: Book, now: number, limit: number): Reservation[] {
  return book.due(now, limit).map((lapsed) => recordExpiry(book, lapsed, now));
}

function executeSweep(book: Book, command: SweepCommand, now: number): SweepAnswer {
  const expired = sweep(book, now, command.limit);
  const more = expired.length === command.limit && book.due(now, 1).length > 0;
  return { ok: true, type: 'sweep', expired, more };
}

function executePurge(book: Book, command: PurgeCommand): PurgeAnswer {
  const ids = book.endedBefore(command.endedBefore, command.limit);
  for (const id of ids) {
    for (const { id: message, state } of book.outbox.ofReservation(id)) {
      if (state === 'delivered') book.outbox.forget(message);
    }
    book.forgetReservation(id);
    forgetStory(book, id);
  }
  const answers = book.forgetAnswers(command.endedBefore, command.limit);
  const more = ids.length === command.limit || answers === command.limit;
  return { ok: true, type: 'purge', purged: ids.length, more };
}
