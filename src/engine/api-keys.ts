/**
 * API keys: what each may do, how one is made, and how a presented one is checked.
 *
 * A key reads `hf_<id>_<secret>`. The id is public (logs, lists, idempotency namespaces); the secret is 32 random
 * bytes in base64url, shown once when the key is made. Only its SHA-256 is kept: with 256 bits of entropy there is
 * nothing for a slow hash to protect, and a fast one keeps authentication off the latency budget.
 */
import { hash, timingSafeEqual } from 'node:crypto';

/**
 * `storefront`: reserve, release, extend, and read stock and reservations.
 * `orders`: confirm and cancel, and the same reads. Never given to a browser.
 * `admin`: everything, stock, policy, import, ledger and events included.
 */
export const SCOPES = ['storefront', 'orders', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export interface ApiKeyRecord {
  readonly id: string;
  /** What the key is for, in the operator's words. */
  readonly name: string;
  /** At least one. */
  readonly scopes: readonly Scope[];
  /** SHA-256 of the secret, in lower-case hexadecimal. */
  readonly secretHash: string;
  /** Epoch ms. */
  readonly createdAt: number;
}

/** What a running service asks of its keys at each request: synchronous, from memory. */
export interface ApiKeyDirectory {
  /** The key of that id; undefined when there is none or it was revoked. */
  find(id: string): ApiKeyRecord | undefined;
  /** Is there any key? Without one the service is open, which `main` allows on loopback only. */
  enabled(): boolean;
}

/** Where keys are kept, for the operator's commands. */
export interface ApiKeyStore {
  list(): Promise<readonly ApiKeyRecord[]>;
  add(record: ApiKeyRecord): Promise<void>;
  /** False when there is no such key. */
  revoke(id: string): Promise<boolean>;
}

export interface NewApiKey {
  /** The whole key: to be shown once and never kept. */
  readonly key: string;
  readonly record: ApiKeyRecord;
}

const SECRET_BYTES = 32;
const ID_BYTES = 6;
const KEY_PATTERN = /^hf_([a-z0-9]{4,32})_([A-Za-z0-9_-]{32,86})$/;

/** Compared against when there is no such key, so that the answer's timing tells nothing about which ids exist. */
const NO_HASH = Buffer.alloc(32);

/** `fill` must write cryptographically strong random bytes; `now` is epoch milliseconds. */
export function createApiKey(
  request: { readonly name: string; readonly scopes: readonly Scope[] },
  fill: (buffer: Uint8Array) => unknown,
  now: number,
): NewApiKey {
  if (request.scopes.length === 0) throw new TypeError('a key needs at least one scope');
  const idBytes = Buffer.alloc(ID_BYTES);
  const secretBytes = Buffer.alloc(SECRET_BYTES);
  fill(idBytes);
  fill(secretBytes);
  const id = idBytes.toString('hex');
  const secret = secretBytes.toString('base64url');
  return {
    key: `hf_${id}_${secret}`,
    record: {
      id,
      name: request.name,
      scopes: SCOPES.filter((scope) => request.scopes.includes(scope)),
      secretHash: hash('sha256', secret, 'hex'),
      createdAt: now,
    },
  };
}

/** The record of a presented key; undefined unless the key is known and its secret is right. */
export function authenticate(
  directory: ApiKeyDirectory,
  presented: string,
): ApiKeyRecord | undefined {
  const match = KEY_PATTERN.exec(presented);
  const record = match === null ? undefined : directory.find(match[1] ?? '');
  const stored = record === undefined ? NO_HASH : Buffer.from(record.secretHash, 'hex');
  const given = hash('sha256', match?.[2] ?? '', 'buffer');
  const same = stored.length === given.length && timingSafeEqual(stored, given);
  return same ? record : undefined;
}
