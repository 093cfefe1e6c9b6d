/**
 * The names of a shard's keys: the only place that knows them. A shard is a whole set of books whose keys share one
 * hash tag, so that they live in one slot and one script may change them together. What each key holds, and their
 * order, stands in `commands/lib/book.lua`.
 */

const NAMES = [
  'meta',
  'levels',
  'skus',
  'reservations',
  'deadlines',
  'ended',
  'held',
  'answers',
  'answer-order',
  'ledger',
  // The SKU is put after these by the scripts.
  'deadlines-of:',
  'ledger-of:',
  'quantities-of:',
  'bulk-of:',
] as const;

export interface ShardKeys {
  /** All of them, as the scripts are given them. */
  readonly all: readonly string[];
  readonly meta: string;
  readonly reservations: string;
  readonly ledger: string;
}

/** `tag`: what the keys of the shard have between braces, without braces itself. */
export function shardKeys(tag: string): ShardKeys {
  const key = (name: (typeof NAMES)[number]): string => `{${tag}}:${name}`;
  return {
    all: NAMES.map(key),
    meta: key('meta'),
    reservations: key('reservations'),
    ledger: key('ledger'),
  };
}

const INBOX_NAMES = ['webhook-meta', 'webhook-order', 'webhook-bodies', 'webhook-seen'];

/** Those of the webhook inbox, as its scripts are given them; their order stands in `commands/lib/webhooks.lua`. */
export function inboxKeys(tag: string): readonly string[] {
  return INBOX_NAMES.map((name) => `{${tag}}:${name}`);
}
