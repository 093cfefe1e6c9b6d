/** Reservations as the books in Redis keep them, `commands/lib/records.lua`, and answers that tell of them. */
import type { Answer, ReservedAnswer } from '../../core/command.ts';
import type { Reservation, ReservationLine, ReservationStatus } from '../../core/reservation.ts';

/** A reservation as recorded; `step` is there if it is a part of a cart. */
export type PartRecord = Reservation & { readonly step?: number };

type RecordRow = readonly [
  status: ReservationStatus,
  expiresAt: number,
  createdAt: number,
  /** SKU, quantity, confirmed, cancelled of each. */
  lines: readonly (string | number)[],
  customerId?: string | null,
  orderId?: string | null,
  endedAt?: number | null,
  marks?: number,
  cancellations?: readonly string[],
  step?: number,
];

/** As scripts tell of a reservation: its id, and what is recorded under it. */
export type Told = readonly [id: string, row: RecordRow];

const REACQUIRED = 1;
const REFUND_REQUIRED = 2;
const FIELDS_OF_A_LINE = 4;

function linesOf(flat: readonly (string | number)[]): ReservationLine[] {
  const lines: ReservationLine[] = [];
  for (let at = 0; at < flat.length; at += FIELDS_OF_A_LINE) {
    const [sku, quantity, confirmed, cancelled] = flat.slice(at, at + FIELDS_OF_A_LINE);
    lines.push({
      sku: String(sku),
      quantity: Number(quantity),
      confirmed: Number(confirmed),
      cancelled: Number(cancelled),
    });
  }
  return lines;
}

/** `row`: as it stands in the hash of reservations, parsed. */
function reservationOf([id, row]: Told): PartRecord {
  const [status, expiresAt, createdAt, lines, customerId, orderId, endedAt, marks = 0] = row;
  const [cancellations = [], step] = row.slice(8) as [(readonly string[])?, number?];
  return {
    id,
    status,
    lines: linesOf(lines),
    customerId: customerId ?? null,
    orderId: orderId ?? null,
    createdAt,
    expiresAt,
    endedAt: endedAt ?? null,
    reacquired: (marks & REACQUIRED) !== 0,
    refundRequired: (marks & REFUND_REQUIRED) !== 0,
    cancellations,
    ...(step === undefined ? {} : { step }),
  };
}

/** `text`: JSON as it stands in the hash of reservations. */
export function readRecord(id: string, text: string): PartRecord {
  return reservationOf([id, JSON.parse(text) as RecordRow]);
}

/** `text`: JSON of `Told`. */
export function readTold(text: string): PartRecord {
  return reservationOf(JSON.parse(text) as Told);
}

/** What may tell of reservations, and where. */
interface Telling {
  reservation?: unknown;
  expired?: unknown[];
  plain?: unknown;
  known?: { answer: unknown } | null;
  answer?: unknown;
}

function isTold(value: unknown): value is Told {
  // Steps of carts answer in lists of other things.
  return Array.isArray(value) && typeof value[0] === 'string' && Array.isArray(value[1]);
}

/** The answer to a reserve that was granted in full. */
export function granted(reservation: Reservation): ReservedAnswer {
  return { ok: true, type: 'reserve', reservation, refused: [] };
}

/** A script's answer, with whole reservations in place of what it tells of them. Null to a fence that has fallen. */
export function readAnswer(text: string): Answer | null {
  return wholeAnswer(JSON.parse(text)) as Answer | null;
}

function wholeAnswer(answer: unknown): unknown {
  if (answer === null || typeof answer !== 'object') return answer;
  // Of a reserve that was granted in full nothing else is remembered.
  if (isTold(answer)) return granted(reservationOf(answer));
  const telling = answer as Telling;
  if (isTold(telling.reservation)) telling.reservation = reservationOf(telling.reservation);
  if (isTold(telling.plain)) telling.plain = reservationOf(telling.plain);
  if (telling.expired !== undefined) {
    telling.expired = telling.expired.map((each) => (isTold(each) ? reservationOf(each) : each));
  }
  // What is remembered by idempotency key.
  if (telling.answer !== undefined) telling.answer = wholeAnswer(telling.answer);
  if (telling.known) telling.known.answer = wholeAnswer(telling.known.answer);
  return answer;
}
