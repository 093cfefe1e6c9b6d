/** Proves the outbox against the reservations: what the ERP is still to hear of is what it has not heard of. */
import { waitInVain, isCertain, isUnsettled, owedUnits, skusOf } from './outbox/message.ts';
import type { OutboxLevel, OutboxMessage } from './outbox/message.ts';
import type { Reservation, ReservationLine } from './reservation.ts';

/** Those of `PROBLEM_KINDS` that are about the outbox. */
type OutboxProblemKind = 'message_missing' | 'message_stray' | 'message_differs' | 'outbox_differs';

type Report = (
  kind: OutboxProblemKind,
  message: string,
  where?: { readonly sku?: string; readonly reservationId?: string },
) => void;

interface Sums {
  owed: number;
  unsettled: number;
}

/** Feed it every message in order of id, then every reservation and outbox level of the same moment, then `finish`. */
export class OutboxAudit {
  readonly #report: Report;
  readonly #messages = new Map<string, OutboxMessage[]>();
  readonly #sums = new Map<string, Sums>();
  #lastId = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  message(message: OutboxMessage): void {
    const { id, reservationId } = message;
    const fault = malformed(message) ?? (id <= this.#lastId ? 'is told twice' : null);
    if (fault !== null)
      this.#report('message_differs', `message ${id} ${fault}`, { reservationId });
    this.#lastId = Math.max(this.#lastId, id);
    this.#messages.set(reservationId, [...(this.#messages.get(reservationId) ?? []), message]);
    this.share(message);
  }

  /** Of a message that is kept elsewhere, what counts in the figures here. */
  share(message: Pick<OutboxMessage, 'kind' | 'state' | 'lines'>): void {
    if (message.state === 'delivered') return;
    for (const sku of skusOf(message)) {
      const sums = this.#sums.get(sku) ?? { owed: 0, unsettled: 0 };
      sums.owed += owedUnits(message, sku);
      sums.unsettled += Number(isUnsettled(message));
      this.#sums.set(sku, sums);
    }
  }

  reservation(reservation: Reservation): void {
    const { id: reservationId, status } = reservation;
    const messages = this.#messages.get(reservationId) ?? [];
    this.#messages.delete(reservationId);
    if (status === 'confirmed') this.#confirmed(reservation, messages);
    for (const message of messages) {
      const { id, kind, state } = message;
      const wrong =
        status === 'active' || status === 'released' || status === 'expired'
          ? true
          : status === 'acknowledged' && kind === 'sale' && state !== 'delivered';
      if (!wrong) continue;
      const text = `message ${id} (${kind}, ${state}) is of reservation ${reservationId}, which is ${status}`;
      this.#report('message_stray', text, { reservationId });
    }
    if (waitInVain(messages)) {
      const text = `a sale and a cancellation of reservation ${reservationId} wait that cancel each other out`;
      this.#report('message_differs', text, { reservationId });
    }
  }

  #confirmed(reservation: Reservation, messages: readonly OutboxMessage[]): void {
    const reservationId = reservation.id;
    const sales = messages.filter(({ kind }) => kind === 'sale');
    if (sales.every(({ state }) => state === 'delivered')) {
      const text = `reservation ${reservationId} is confirmed, and no message of it waits for the ERP`;
      this.#report('message_missing', text, { reservationId });
    }
    for (const line of reservation.lines) {
      const { sku } = line;
      if (line.confirmed - line.cancelled === 0) continue;
      const told = sales.filter((sale) => skusOf(sale).includes(sku));
      if (told.length !== 1) {
        const kind = told.length === 0 ? 'message_missing' : 'message_differs';
        const text = `${told.length} messages tell the ERP of ${sku} in reservation ${reservationId}`;
        this.#report(kind, text, { sku, reservationId });
      } else if (told[0]?.state !== 'delivered') this.#units(line, messages, reservationId);
    }
  }

  /** What is still to be told of a line is what of it was confirmed, less at most what was cancelled. */
  #units(line: ReservationLine, messages: readonly OutboxMessage[], reservationId: string): void {
    const { sku, confirmed, cancelled } = line;
    let owed = 0;
    for (const message of messages) {
      if (message.state !== 'delivered') owed += owedUnits(message, sku);
    }
    if (owed >= confirmed - cancelled && owed <= confirmed) return;
    const text = `the outbox owes the ERP ${owed} of ${sku} in reservation ${reservationId}, which confirmed ${confirmed} and cancelled ${cancelled}`;
    this.#report('message_differs', text, { sku, reservationId });
  }

  level({ sku, owed, unsettled }: OutboxLevel): void {
    const sums = this.#sums.get(sku) ?? { owed: 0, unsettled: 0 };
    this.#sums.delete(sku);
    if (owed === sums.owed && unsettled === sums.unsettled) return;
    const text = `${sku} says ${owed} owed and ${unsettled} unsettled, its messages ${sums.owed} and ${sums.unsettled}`;
    this.#report('outbox_differs', text, { sku });
  }

  finish(): void {
    for (const [sku, { owed, unsettled }] of this.#sums) {
      const text = `messages owe the ERP ${owed} of ${sku} (${unsettled} unsettled), of which the outbox has no figure`;
      this.#report('outbox_differs', text, { sku });
    }
    for (const [reservationId, messages] of this.#messages) {
      if (messages.every(({ state }) => state !== 'delivered')) continue;
      const text = `delivered messages are kept of reservation ${reservationId}, which is not there`;
      this.#report('message_stray', text, { reservationId });
    }
  }
}

function malformed(message: OutboxMessage): string | null {
  const { lines, state, parcelId, attempts, unknownAt } = message;
  if (lines.length === 0 || lines.some(({ quantity }) => quantity < 1)) {
    return 'has no units to tell of';
  }
  if ((parcelId === null) !== (attempts === 0)) return 'was claimed and has no parcel';
  if (isUnsettled(message) && parcelId === null) return `is ${state} and was never claimed`;
  if (state === 'unknown' && unknownAt === null) return 'is unknown since never';
  return state === 'pending' && !isCertain(message) ? 'may be on its way and is pending' : null;
}
