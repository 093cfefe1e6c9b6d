/**
 * `Idempotency-Key`: a repeated request has one effect and one answer. The store remembers; this names the request.
 *
 * A key belongs to the API key that sent it. The fingerprint is over the route and the command that the request came
 * to, so that spelling (order of fields, white space, a default written out) does not matter and meaning does.
 */
import { hash } from 'node:crypto';
import type { Command, Idempotency } from '../core/command.ts';
import type { Asking } from './exchange.ts';
import { isIdempotencyKey } from './schemas/formats.ts';
import { ValidationError } from './validation.ts';

const EXPECTED = {
  en: '1 to 255 printable ASCII characters',
  'pt-BR': '1 a 255 caracteres ASCII imprimíveis',
};

/** The request's key; null where it has none. */
export function idempotencyKeyOf(request: Asking): string | null {
  const given = request.headers['idempotency-key'];
  if (given === undefined) return null;
  if (typeof given === 'string' && isIdempotencyKey(given)) return given;
  throw new ValidationError([{ param: 'Idempotency-Key', reason: 'invalid', expected: EXPECTED }]);
}

export function idempotencyOf(request: Asking, command: Command): Idempotency | null {
  const key = idempotencyKeyOf(request);
  return key === null ? null : identify(request, key, asked(command));
}

/** A command of a batch: by its own key, else by the batch's and its place. */
export function idempotencyInBatch(
  request: Asking,
  own: string | undefined,
  ofBatch: string | null,
  index: number,
  command: Command,
): Idempotency | null {
  if (own !== undefined) return identify(request, own, asked(command));
  return ofBatch === null ? null : identify(request, ofBatch, asked(command), `#${index}`);
}

function asked(command: Command): string {
  // The id of a new reservation is ours, and another at each attempt.
  return JSON.stringify(command.type === 'reserve' ? { ...command, reservationId: '' } : command);
}

/** `what`: the request in full, in one spelling. `place`: of one command among those that share the key. */
export function identify(request: Asking, key: string, what: string, place = ''): Idempotency {
  return {
    key: `${request.caller.keyId}${place}/${key}`,
    fingerprint: hash('sha256', `${request.route}\n${what}`, 'base64url'),
  };
}
