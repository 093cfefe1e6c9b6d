/** Rows of the books and what they mean, with the checksum that tells a damaged row from a sound one. */
import type { SQLOutputValue } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { RememberedAnswer } from '../../core/book.ts';
import type { Answer } from '../../core/command.ts';
import type { Detail, EntryDraft, EntryKind, LedgerEntry } from '../../core/ledger.ts';
import type { Reservation, ReservationLine, ReservationStatus } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import { Fault } from '../../engine/faults.ts';
import type { Row } from './statement.ts';

/** Thrown by whoever reads a row that is not what was written. */
export class RowDamage extends Fault {
  constructor(row: string, what: string) {
    super('STORE_DAMAGED', `${row} is damaged: ${what}. Restore a backup; do not sell on this.`);
  }
}

export const SKU_COLUMNS =
  'id, sku, on_hand, reserved, allocated, safety_stock, max_per_order, max_per_customer, ttl_seconds, opens_at, closes_at, seq, entries, checksum';

export const RESERVATION_COLUMNS =
  'id, status, customer_id, order_id, created_at, expires_at, ended_at, reacquired, refund_required, lines, cancellations, checksum';

/** For `ledger` joined with `sku`. */
export const ENTRY_COLUMNS =
  'ledger.seq, ledger.at, ledger.kind, ledger.sku_id, ledger.reservation_id, ledger.on_hand, ledger.reserved, ledger.allocated, ledger.safety_stock, ledger.detail, ledger.prev, ledger.checksum, sku.sku';

/** Over the text of the fields; absent and empty text differ. */
export function checksum(fields: readonly SQLOutputValue[]): number {
  let text = '';
  for (const field of fields) text += field === null ? '|' : `|=${field as string | number}`;
  return crc32(text);
}

/** A SKU's figures as of its ledger entry `seq`, its newest then, when it had `entries`. */
export interface SkuRecord {
  readonly id: number;
  readonly level: StockLevel;
  readonly seq: number;
  readonly entries: number;
}

export function skuRow({ id, level, seq, entries }: SkuRecord): SQLOutputValue[] {
  const { sku, onHand, reserved, allocated, safetyStock, policy } = level;
  const { maxPerOrder, maxPerCustomer, ttlSeconds, opensAt, closesAt } = policy;
  const row: SQLOutputValue[] = [id, sku, onHand, reserved, allocated, safetyStock];
  row.push(maxPerOrder, maxPerCustomer, ttlSeconds, opensAt, closesAt, seq, entries);
  row.push(checksum(row));
  return row;
}

export function readSku(row: Row): SkuRecord {
  const [id, sku, onHand, reserved, allocated, safetyStock] = row as [
    ...[id: number, sku: string, onHand: number, reserved: number],
    ...[allocated: number, safetyStock: number],
  ];
  const [maxPerOrder, maxPerCustomer, ttlSeconds, opensAt, closesAt] = row.slice(6) as [
    ...[maxPerOrder: number | null, maxPerCustomer: number | null],
    ...[ttlSeconds: number | null, opensAt: number | null, closesAt: number | null],
  ];
  const [seq, entries, stated] = row.slice(11) as [number, number, number];
  if (stated !== checksum(row.slice(0, 13))) {
    throw new RowDamage(`the row of SKU ${sku}`, 'its checksum does not fit');
  }
  const policy = { maxPerOrder, maxPerCustomer, ttlSeconds, opensAt, closesAt };
  const level = { sku, onHand, reserved, allocated, safetyStock, policy };
  return { id, level, seq, entries };
}

type LineTuple = [sku: string, quantity: number, confirmed: number, cancelled: number];

function encodeLine({ sku, quantity, confirmed, cancelled }: ReservationLine): string {
  return `[${JSON.stringify(sku)},${quantity},${confirmed},${cancelled}]`;
}

function encodeLines(lines: readonly ReservationLine[]): string {
  return `[${lines.map(encodeLine).join(',')}]`;
}

export function reservationRow(reservation: Reservation): SQLOutputValue[] {
  const { id, status, customerId, orderId, createdAt, expiresAt, endedAt } = reservation;
  const { reacquired, refundRequired, lines, cancellations } = reservation;
  const row: SQLOutputValue[] = [id, status, customerId, orderId, createdAt, expiresAt, endedAt];
  row.push(Number(reacquired), Number(refundRequired), encodeLines(lines));
  row.push(cancellations.length === 0 ? null : JSON.stringify(cancellations));
  row.push(checksum(row));
  return row;
}

export function readReservation(row: Row): Reservation {
  const [id, status, customerId, orderId, createdAt, expiresAt, endedAt] = row;
  const [reacquired, refundRequired, lines, cancellations, stated] = row.slice(7);
  if (stated !== checksum(row.slice(0, 11))) {
    throw new RowDamage(`the row of reservation ${String(id)}`, 'its checksum does not fit');
  }
  return {
    id: id as string,
    status: status as ReservationStatus,
    lines: (JSON.parse(lines as string) as LineTuple[]).map(
      ([sku, quantity, confirmed, cancelled]) => ({ sku, quantity, confirmed, cancelled }),
    ),
    customerId: customerId as string | null,
    orderId: orderId as string | null,
    createdAt: createdAt as number,
    expiresAt: expiresAt as number,
    endedAt: endedAt as number | null,
    reacquired: reacquired === 1,
    refundRequired: refundRequired === 1,
    cancellations: cancellations === null ? [] : (JSON.parse(cancellations as string) as string[]),
  };
}

/** A ledger entry as it is written: `previous` is the `seq` of its SKU's entry before. */
export function entryRow(
  { kind, reservationId, onHand, reserved, allocated, safetyStock, detail }: EntryDraft,
  seq: number,
  at: number,
  skuId: number,
  previous: number,
): SQLOutputValue[] {
  const row: SQLOutputValue[] = [seq, at, kind, skuId, reservationId];
  row.push(onHand, reserved, allocated, safetyStock);
  row.push(detail === null ? null : JSON.stringify(detail), previous);
  row.push(checksum(row));
  return row;
}

const ENTRY_FIELDS = 11;

/** An entry, and its place among those of its SKU. */
export interface EntryRecord {
  readonly entry: LedgerEntry;
  readonly skuId: number;
  readonly previous: number;
}

export function readEntryRecord(row: Row): EntryRecord {
  const [seq, at, kind, skuId, reservationId, onHand, reserved, allocated, safetyStock] = row;
  const [detail, previous, stated, sku] = row.slice(9);
  if (stated !== checksum(row.slice(0, ENTRY_FIELDS))) {
    throw new RowDamage(`ledger entry ${String(seq)}`, 'its checksum does not fit');
  }
  if (sku === null) throw new RowDamage(`ledger entry ${String(seq)}`, 'its SKU is not known');
  const entry = {
    seq: seq as number,
    at: at as number,
    kind: kind as EntryKind,
    sku: sku as string,
    reservationId: reservationId as string | null,
    onHand: onHand as number,
    reserved: reserved as number,
    allocated: allocated as number,
    safetyStock: safetyStock as number,
    detail: detail === null ? null : (JSON.parse(detail as string) as Detail),
  };
  return { entry, skuId: skuId as number, previous: previous as number };
}

export function readEntry(row: Row): LedgerEntry {
  return readEntryRecord(row).entry;
}

/** Of `idempotency`. */
export const ANSWER_COLUMNS = 'key, fingerprint, answer, at, checksum';

export function answerRow(
  key: string,
  { fingerprint, answer }: RememberedAnswer,
  at: number,
): SQLOutputValue[] {
  const row: SQLOutputValue[] = [key, fingerprint, JSON.stringify(answer), at];
  row.push(checksum(row));
  return row;
}

export function readAnswer(row: Row): RememberedAnswer {
  const [key, fingerprint, answer, , stated] = row;
  if (stated !== checksum(row.slice(0, 4))) {
    throw new RowDamage(`the answer remembered for ${String(key)}`, 'its checksum does not fit');
  }
  return { fingerprint: fingerprint as string, answer: JSON.parse(answer as string) as Answer };
}

/** What the books say of themselves; what each means is in the first migration. */
export interface Meta {
  readonly clock: number;
  readonly levelsSeq: number;
  readonly active: number;
  readonly activeSum: number;
  readonly purgedBefore: number;
}

export const META_COLUMNS = 'clock, levels_seq, active, active_sum, purged_before, checksum';

export function metaRow(meta: Meta): SQLOutputValue[] {
  const { clock, levelsSeq, active, activeSum, purgedBefore } = meta;
  const row: SQLOutputValue[] = [clock, levelsSeq, active, activeSum, purgedBefore];
  row.push(checksum(row));
  return row;
}

export function readMeta(row: Row | undefined): Meta {
  const [clock, levelsSeq, active, activeSum, purgedBefore, stated] = (row ?? []) as number[];
  if (row === undefined || stated !== checksum(row.slice(0, 5))) {
    throw new RowDamage('the row of meta', 'its checksum does not fit');
  }
  return { clock, levelsSeq, active, activeSum, purgedBefore } as Meta;
}
