/** Rows of the books and what they mean, with the checksum that tells a damaged row from a sound one. */
import type { SQLOutputValue } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Detail, EntryKind, LedgerEntry } from '../../core/ledger.ts';
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
  'ledger.seq, ledger.at, ledger.kind, sku.sku, ledger.reservation_id, ledger.on_hand, ledger.reserved, ledger.allocated, ledger.safety_stock, ledger.detail';

/** Over the text of the fields; absent and empty text differ. */
function checksum(fields: readonly SQLOutputValue[]): number {
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

export function readEntry(row: Row): LedgerEntry {
  const [seq, at, kind, sku, reservationId, onHand, reserved, allocated, safetyStock, detail] = row;
  if (sku === null) throw new RowDamage(`ledger entry ${String(seq)}`, 'its SKU is not known');
  return {
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
}
