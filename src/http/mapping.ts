/**
 * Core values as JSON text. Written out rather than serialised from an object in between: these are the answers of a
 * sale, and text is what leaves. `test/http` holds each against its schema.
 */
import { readableDetail, type LedgerEntry } from '../core/ledger.ts';
import type { RefusedLine, ReservedAnswer, StockAnswer } from '../core/command.ts';
import type { Reservation } from '../core/reservation.ts';
import type { LevelView } from '../core/stock-level.ts';
import type { Language, Texts } from './languages.ts';
import { isoTimeJson } from './time.ts';

function textJson(text: string | null): string {
  return text === null ? 'null' : JSON.stringify(text);
}

function linesJson({ lines }: Reservation): string {
  let text = '';
  for (const { sku, quantity, confirmed, cancelled } of lines) {
    if (text !== '') text += ',';
    text += `{"sku":${textJson(sku)},"quantity":${quantity},"confirmed":${confirmed},"cancelled":${cancelled}}`;
  }
  return `[${text}]`;
}

function reservationFields(reservation: Reservation): string {
  const { id, status, customerId, orderId, createdAt, expiresAt, endedAt } = reservation;
  return (
    `"reservation_id":"${id}","status":"${status}","lines":${linesJson(reservation)},` +
    `"customer_id":${textJson(customerId)},"order_id":${textJson(orderId)},` +
    `"created_at":${isoTimeJson(createdAt)},"expires_at":${isoTimeJson(expiresAt)},` +
    `"ended_at":${isoTimeJson(endedAt)},"reacquired":${reservation.reacquired},` +
    `"refund_required":${reservation.refundRequired}`
  );
}

export function reservationJson(reservation: Reservation): string {
  return `{${reservationFields(reservation)}}`;
}

/** As read at `now`: with the time that is left, which an answer that can be replayed must not carry. */
export function reservationAtJson(reservation: Reservation, now: number): string {
  const left = reservation.status === 'active' ? reservation.expiresAt - now : 0;
  const seconds = Math.max(0, Math.ceil(left / 1000));
  return `{${reservationFields(reservation)},"expires_in_seconds":${seconds}}`;
}

/** `POST /reservations`. */
export function reservedJson({ reservation, refused }: ReservedAnswer): string {
  return `{${reservationFields(reservation)},"refused":${refusedJson(refused)}}`;
}

function refusedJson(refused: readonly RefusedLine[]): string {
  return refused.length === 0 ? '[]' : JSON.stringify(refused);
}

/** `POST /stock/{sku}/reserve`: the prototype's answer, and a little more. */
export function reservedOneJson({ id, status, lines, createdAt, expiresAt }: Reservation): string {
  const [line] = lines;
  return (
    `{"reservation_id":"${id}","sku":${textJson(line?.sku ?? '')},"quantity":${line?.quantity ?? 0},` +
    `"status":"${status}","created_at":${isoTimeJson(createdAt)},"expires_at":${isoTimeJson(expiresAt)}}`
  );
}

const PURCHASED: Texts = { en: 'Purchase confirmed.', 'pt-BR': 'Compra efetivada.' };

/** `POST /stock/confirm`: the prototype's answer, and the reservation. */
export function purchasedJson(reservation: Reservation, language: Language): string {
  const message = JSON.stringify(PURCHASED[language]);
  return `{"status":"SUCCESS","message":${message},"reservation_id":"${reservation.id}","reservation":${reservationJson(reservation)}}`;
}

function levelFields(level: LevelView): string {
  const { sku, available, policy } = level;
  return (
    `"sku":${textJson(sku)},"quantity":${available},"available":${available},` +
    `"on_hand":${level.onHand},"reserved":${level.reserved},"allocated":${level.allocated},` +
    `"safety_stock":${level.safetyStock},"shortfall":${level.shortfall},` +
    `"next_expiry_at":${isoTimeJson(level.nextExpiryAt)},"max_per_order":${policy.maxPerOrder},` +
    `"max_per_customer":${policy.maxPerCustomer},"ttl_seconds":${policy.ttlSeconds},` +
    `"opens_at":${isoTimeJson(policy.opensAt)},"closes_at":${isoTimeJson(policy.closesAt)}`
  );
}

/** A level as read at `now`. */
export function levelJson(level: LevelView, now: number): string {
  return `{${levelFields(level)},"as_of":${isoTimeJson(now)}}`;
}

/** `PUT /stock/{sku}` and `POST /stock/{sku}/adjust`: the level that the change left. */
export function changedStockJson({ level, created, released }: StockAnswer): string {
  return `{${levelFields(level)},"created":${created},"released":${JSON.stringify(released)}}`;
}

export function entryJson(entry: LedgerEntry): string {
  return `{${entryFields(entry)}}`;
}

function entryFields(entry: LedgerEntry): string {
  const { seq, at, kind, sku, reservationId, onHand, reserved, allocated, safetyStock } = entry;
  return (
    `"seq":${seq},"at":${isoTimeJson(at)},"kind":"${kind}","sku":${textJson(sku)},` +
    `"reservation_id":${textJson(reservationId)},"on_hand":${onHand},"reserved":${reserved},` +
    `"allocated":${allocated},"safety_stock":${safetyStock},"detail":${JSON.stringify(readableDetail(entry))}`
  );
}

/** The four figures that a SKU's ledger entries sum to. */
export interface Balance {
  readonly onHand: number;
  readonly reserved: number;
  readonly allocated: number;
  readonly safetyStock: number;
}

/** `running`: what the SKU's entries up to and with this one sum to; null where that is not known. */
export function ledgerEntryJson(entry: LedgerEntry, balance: Balance | null): string {
  return `{${entryFields(entry)},"running":${balance === null ? 'null' : balanceJson(balance)}}`;
}

/** With what is available of it. */
export function balanceJson({ onHand, reserved, allocated, safetyStock }: Balance): string {
  const available = Math.max(0, onHand - reserved - allocated - safetyStock);
  return `{"on_hand":${onHand},"reserved":${reserved},"allocated":${allocated},"safety_stock":${safetyStock},"available":${available}}`;
}
