/** Rows of the outbox and what they mean. */
import type { SQLOutputValue } from 'node:sqlite';
import type {
  MessageLine,
  MessageState,
  OutboxLevel,
  OutboxMessage,
} from '../../core/outbox/message.ts';
import { checksum, RowDamage } from './rows.ts';
import type { Row } from './statement.ts';

export const MESSAGE_COLUMNS =
  'id, key, kind, reservation_id, order_id, lines, created_at, state, parcel_id, attempts, next_attempt_at, unknown_at, looks, memo, reference, last_error, checksum';

export const OUTBOX_LEVEL_COLUMNS = 'sku, owed, unsettled, touched, checksum';

type LineTuple = [sku: string, quantity: number, restock: boolean];

export function messageRow(message: OutboxMessage): SQLOutputValue[] {
  const { id, key, kind, reservationId, orderId, lines, createdAt, state, parcelId } = message;
  const { attempts, nextAttemptAt, unknownAt, looks, memo, reference, lastError } = message;
  const tuples = lines.map(({ sku, quantity, restock }): LineTuple => [sku, quantity, restock]);
  const row: SQLOutputValue[] = [id, key, kind, reservationId, orderId, JSON.stringify(tuples)];
  row.push(createdAt, state, parcelId, attempts, nextAttemptAt, unknownAt, looks);
  row.push(memo, reference, lastError);
  row.push(checksum(row));
  return row;
}

export function readMessage(row: Row): OutboxMessage {
  const [id, key, kind, reservationId, orderId, lines, createdAt, state, parcelId] = row;
  const [attempts, nextAttemptAt, unknownAt, looks, memo, reference, lastError, stated] =
    row.slice(9);
  if (stated !== checksum(row.slice(0, 16))) {
    throw new RowDamage(`message ${String(id)} of the outbox`, 'its checksum does not fit');
  }
  return {
    id: id as number,
    key: key as string,
    kind: kind as OutboxMessage['kind'],
    reservationId: reservationId as string,
    orderId: orderId as string | null,
    lines: (JSON.parse(lines as string) as LineTuple[]).map(
      ([sku, quantity, restock]): MessageLine => ({ sku, quantity, restock }),
    ),
    createdAt: createdAt as number,
    state: state as MessageState,
    parcelId: parcelId as number | null,
    attempts: attempts as number,
    nextAttemptAt: nextAttemptAt as number,
    unknownAt: unknownAt as number | null,
    looks: looks as number,
    memo: memo as string | null,
    reference: reference as string | null,
    lastError: lastError as string | null,
  };
}

export function outboxHeadRow(number: number): SQLOutputValue[] {
  return [number, checksum([number])];
}

export function readOutboxHead(row: Row | undefined): number {
  const [number, stated] = row ?? [];
  if (number === undefined || stated !== checksum([number])) {
    throw new RowDamage("the row of the outbox's numbers", 'its checksum does not fit');
  }
  return number as number;
}

export function outboxLevelRow({ sku, owed, unsettled, touched }: OutboxLevel): SQLOutputValue[] {
  const row: SQLOutputValue[] = [sku, owed, unsettled, touched];
  row.push(checksum(row));
  return row;
}

export function readOutboxLevel(row: Row): OutboxLevel {
  const [sku, owed, unsettled, touched, stated] = row;
  if (stated !== checksum(row.slice(0, 4))) {
    throw new RowDamage(`the outbox's row of SKU ${String(sku)}`, 'its checksum does not fit');
  }
  return {
    sku: sku as string,
    owed: owed as number,
    unsettled: unsettled as number,
    touched: touched as number,
  };
}
