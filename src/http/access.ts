/**
 * Who may call what.
 *
 * A reservation belongs to whoever knows its id: ids carry 74 random bits (see `engine/ids.ts`) and are told to nobody
 * else, so an id is itself the right to read, extend or release that reservation, within the key's scope. Confirming
 * and cancelling move money and need the scope `orders`, which a browser never holds.
 */
import { authenticate, type ApiKeyDirectory, type Scope } from '../engine/api-keys.ts';
import type { Asking, Caller } from './exchange.ts';
import { problem, ProblemError } from './problem.ts';

/** Scopes of which one suffices, or `open`: no key needed. `admin` suffices everywhere. */
export type Access = 'open' | readonly Scope[];

export const OPEN: Access = 'open';
export const READ: Access = ['storefront', 'orders', 'admin'];
export const STOREFRONT: Access = ['storefront', 'admin'];
export const ORDERS: Access = ['orders', 'admin'];
export const ADMIN: Access = ['admin'];

/** Without any key configured everybody may do everything; `main` then listens on loopback only. */
export const ANYBODY: Caller = { keyId: '', scopes: ['admin'] };

export function mayUse(caller: Caller, access: Access): boolean {
  return access === 'open' || caller.scopes.some((scope) => access.includes(scope));
}

export class Gatekeeper {
  readonly #keys: ApiKeyDirectory;
  readonly #requireKeys: boolean;

  constructor(keys: ApiKeyDirectory, requireKeys: boolean) {
    this.#keys = keys;
    this.#requireKeys = requireKeys;
  }

  /** Throws 401 or 403. */
  admit(request: Pick<Asking, 'headers'>, access: Access): Caller {
    if (access === 'open' || (!this.#requireKeys && !this.#keys.enabled())) return ANYBODY;
    const presented = presentedKey(request);
    const record = presented === null ? undefined : authenticate(this.#keys, presented);
    if (record === undefined) throw new ProblemError(problem('unauthorized'));
    const caller = { keyId: record.id, scopes: record.scopes };
    if (!mayUse(caller, access)) throw new ProblemError(forbidden(access));
    return caller;
  }
}

export function forbidden(access: Access) {
  return problem('forbidden', { scopes: access === 'open' ? [] : access });
}

function presentedKey({ headers }: Pick<Asking, 'headers'>): string | null {
  const { authorization } = headers;
  if (authorization !== undefined) {
    return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? null;
  }
  const key = headers['x-api-key'];
  return typeof key === 'string' ? key : null;
}
