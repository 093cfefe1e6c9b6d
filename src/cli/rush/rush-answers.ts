/**
 * What an answer means for a buyer. The whole verdict stands on this reading, so it errs one way only:
 * where an answer leaves open whether the service acted, `acted` is `maybe`.
 */
import { type RushAnswer, RushFault } from './rush-client.ts';

/** Did the service do what was asked, although it did not say so? */
type Acted = 'no' | 'maybe';

export type ReserveMeaning =
  | { readonly kind: 'granted'; readonly id: string; readonly expiresAtMs: number }
  /** Refused for want of stock: the only refusal that can be wrong. */
  | { readonly kind: 'refused'; readonly code: string }
  /** Refused for another reason, such as a limit per customer. */
  | { readonly kind: 'declined'; readonly code: string }
  /** No decision; worth asking again. */
  | {
      readonly kind: 'undecided';
      readonly acted: Acted;
      readonly reason: string;
      readonly retryAfterMs: number | null;
    }
  /** A mistake in the asking, or an answer that a reserve never has. */
  | { readonly kind: 'failed'; readonly reason: string };

export type FollowMeaning =
  | { readonly kind: 'done' }
  /** The service holds no such active reservation (any more). */
  | { readonly kind: 'gone'; readonly code: string }
  | Extract<ReserveMeaning, { kind: 'undecided' | 'failed' }>;

const SHORT_CODES = new Set(['sold_out', 'all_reserved', 'insufficient_stock']);

export function readReserveAnswer(answer: RushAnswer): ReserveMeaning {
  const { status } = answer;
  if (status === 200 || status === 201) return readGrant(answer);
  const code = readCode(answer.body);
  if (status === 409 && !isInProgress(code)) {
    // A 409 without a code can only be read as the prototype meant it: there is no stock.
    if (code === null || SHORT_CODES.has(code)) return { kind: 'refused', code: code ?? 'no_code' };
    return { kind: 'declined', code };
  }
  return readUndecided(answer, code);
}

export function readFollowAnswer(answer: RushAnswer): FollowMeaning {
  const { status } = answer;
  if (status === 200) return { kind: 'done' };
  const code = readCode(answer.body);
  if ([404, 409, 410].includes(status) && !isInProgress(code)) {
    return { kind: 'gone', code: code ?? String(status) };
  }
  return readUndecided(answer, code);
}

export function readFault(fault: unknown): Extract<ReserveMeaning, { kind: 'undecided' }> {
  if (!(fault instanceof RushFault)) throw fault;
  const acted: Acted = fault.kind === 'unreachable' ? 'no' : 'maybe';
  const reason = fault.message === '' ? fault.kind : `${fault.kind}: ${fault.message}`;
  return { kind: 'undecided', acted, reason, retryAfterMs: null };
}

function readGrant(answer: RushAnswer): ReserveMeaning {
  const body = parseObject(answer.body);
  const id = body?.['reservation_id'];
  const expiresAt = body?.['expires_at'];
  const expiresAtMs = typeof expiresAt === 'string' ? Date.parse(expiresAt) : Number.NaN;
  if (typeof id === 'string' && id !== '' && !Number.isNaN(expiresAtMs)) {
    return { kind: 'granted', id, expiresAtMs };
  }
  const reason = `${answer.status} without reservation_id or expires_at`;
  return { kind: 'undecided', acted: 'maybe', reason, retryAfterMs: null };
}

function readUndecided(
  answer: RushAnswer,
  code: string | null,
): Extract<ReserveMeaning, { kind: 'undecided' | 'failed' }> {
  const { status, retryAfterMs } = answer;
  const reason = code === null ? String(status) : `${status} ${code}`;
  if (status === 429) return { kind: 'undecided', acted: 'no', reason, retryAfterMs };
  if (status >= 500 || status === 408 || status < 300 || status === 409) {
    // Only the service's own word settles it: any other 503 may hide a decision.
    const acted = parseObject(answer.body)?.['outcome'] === 'not_done' ? 'no' : 'maybe';
    return { kind: 'undecided', acted, reason, retryAfterMs };
  }
  return { kind: 'failed', reason };
}

/** The same key is being worked on: neither a refusal nor a grant. */
function isInProgress(code: string | null): boolean {
  return code !== null && /in_(progress|flight)/.test(code);
}

function readCode(body: string): string | null {
  const code = parseObject(body)?.['code'];
  return typeof code === 'string' && code !== '' ? code : null;
}

export function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
