/**
 * Reserves of one line each, as a rush sends them: arguments that the script need not parse, and answers that only say
 * until when a reservation holds (`commands/lib/plain-reserves.lua`).
 */
import type { Answer, ReserveCommand } from '../../core/command.ts';
import type { Line } from '../../core/reservation.ts';
import type { Submission } from '../../engine/ports.ts';
import { granted, readAnswer } from './records.ts';

export interface PlainReserves {
  /** What each command has, as JSON. */
  readonly columns: string;
  readonly args: readonly string[];
}

/** Ids that need no escaping in JSON, and no care in a list. */
const PLAIN_ID = /^[\w-]+$/;

/** Null is told by an empty text, so that none may be empty by itself. */
function isPlainText(text: string | null): boolean {
  return text === null || (text !== '' && text.isWellFormed());
}

function isPlain({ command, idempotency, fence }: Submission): boolean {
  return (
    command.type === 'reserve' &&
    command.lines.length === 1 &&
    !command.allowPartial &&
    !fence &&
    PLAIN_ID.test(command.reservationId) &&
    isPlainText(lineOf(command).sku) &&
    isPlainText(command.customerId) &&
    isPlainText(idempotency?.key ?? null)
  );
}

function lineOf({ lines }: ReserveCommand): Line {
  return lines[0] as Line;
}

/** The batch as the script takes it; null where not all of it is plain. */
export function plainReserves(batch: readonly Submission[]): PlainReserves | null {
  if (!batch.every(isPlain)) return null;
  const commands = batch.map(({ command }) => command as ReserveCommand);
  if (new Set(commands.map(({ reservationId }) => reservationId)).size < commands.length) {
    return null;
  }
  const customers = commands.some(({ customerId }) => customerId !== null);
  const times = commands.some(({ ttlSeconds }) => ttlSeconds !== null);
  const keys = batch.some(({ idempotency }) => idempotency !== null);
  const args: string[] = [];
  for (const [index, command] of commands.entries()) {
    const { sku, quantity } = lineOf(command);
    args.push(command.reservationId, sku, String(quantity));
    if (customers) args.push(command.customerId ?? '');
    if (times) args.push(String(command.ttlSeconds ?? ''));
    const { key = '', fingerprint = '' } = batch[index]?.idempotency ?? {};
    if (keys) args.push(key, fingerprint);
  }
  const columns = JSON.stringify([
    ...['reservationId', 'sku', 'quantity'],
    ...(customers ? ['customerId'] : []),
    ...(times ? ['ttlSeconds'] : []),
    ...(keys ? ['key', 'fingerprint'] : []),
  ]);
  return { columns, args };
}

/** `at`: the moment of the decision. */
export function readPlainAnswer(text: string, { command }: Submission, at: number): Answer | null {
  const expiresAt = Number(text);
  if (Number.isNaN(expiresAt)) return readAnswer(text);
  const { reservationId, customerId, lines } = command as ReserveCommand;
  return granted({
    id: reservationId,
    status: 'active',
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity, confirmed: 0, cancelled: 0 })),
    customerId,
    orderId: null,
    createdAt: at,
    expiresAt,
    endedAt: null,
    reacquired: false,
    refundRequired: false,
    cancellations: [],
  });
}
