/**
 * Reserves of one line each, as a rush sends them: arguments that the script need not parse, and answers that only say
 * until when a reservation holds (`commands/lib/plain-reserves.lua`).
 */
import type { Answer, ReserveCommand } from '../../core/command.ts';
import type { Line } from '../../core/reservation.ts';
import { available, NO_POLICY, shortfall, type ChangedLevel } from '../../core/stock-level.ts';
import type { CommitNotice, Submission } from '../../engine/ports.ts';
import { granted, readAnswer } from './records.ts';

export type Changed = Pick<CommitNotice, 'expired' | 'levels'>;

export interface PlainReserves {
  /** Is every SKU and customer JSON as it stands between quotation marks? */
  readonly needsNoCare: boolean;
  /** What each row has beside the first three values: `c` customerId, `t` ttlSeconds, `k` key and fingerprint. */
  readonly columns: string;
  readonly rows: readonly string[];
}

/** Ids that need no escaping in JSON, and no care in a list. */
const PLAIN_ID = /^[\w-]+$/;

/** Texts that need no escaping in JSON. */
const CAREFREE = /^[\w .@:+-]*$/;

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
  const rows: string[] = [];
  for (const [index, command] of commands.entries()) {
    const { sku, quantity } = lineOf(command);
    rows.push(command.reservationId, sku, String(quantity));
    if (customers) rows.push(command.customerId ?? '');
    if (times) rows.push(String(command.ttlSeconds ?? ''));
    const { key = '', fingerprint = '' } = batch[index]?.idempotency ?? {};
    if (keys) rows.push(key, fingerprint);
  }
  const columns = `${customers ? 'c' : ''}${times ? 't' : ''}${keys ? 'k' : ''}`;
  const needsNoCare = commands.every(
    (command) => CAREFREE.test(lineOf(command).sku) && CAREFREE.test(command.customerId ?? ''),
  );
  return { needsNoCare, columns, rows };
}

/**
 * As the script is given them. `asked`: what batches are asked beside commands, as JSON; `now`: null for the server's
 * time; `notice`: is what changes to be told?
 */
export function plainArguments(
  { needsNoCare, columns, rows }: PlainReserves,
  asked: string,
  now: number | null,
  notice: boolean,
  lifetimeSeconds: number,
): readonly string[] {
  const head = [asked, String(now ?? ''), notice ? '1' : '', String(lifetimeSeconds)];
  return [...head, needsNoCare ? '1' : '', columns, ...rows];
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

/** What a script tells of its changes; null where there are none. */
export function readChanges(told: string | readonly string[]): Changed | null {
  if (told === '') return null;
  if (typeof told === 'string') return JSON.parse(told) as Changed;
  const levels: ChangedLevel[] = [];
  for (let at = 0; at < told.length; at += 2) {
    const [onHand = 0, reserved = 0, allocated = 0, safetyStock = 0] = (told[at + 1] ?? '')
      .split(' ')
      .map(Number);
    const sku = told[at] ?? '';
    const level = { sku, onHand, reserved, allocated, safetyStock, policy: NO_POLICY };
    levels.push({ ...level, available: available(level), shortfall: shortfall(level) });
  }
  return { expired: [], levels };
}
