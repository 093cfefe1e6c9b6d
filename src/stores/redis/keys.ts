/**
 * The names of a shard's keys: the only place that knows them. A shard is a whole set of books whose keys share one
 * hash tag, so that they live in one slot and one script may change them together. What each key holds, and their
 * order, stands in `commands/lib/book.lua`, `commands/lib/messages.lua` and `commands/lib/trimming.lua`.
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

const OUTBOX_NAMES = [
  'messages',
  'messages-of',
  'outbox-levels',
  'parcels',
  'busy-keys',
  'due-heads',
  'later-heads',
  'outbox-log',
  // The scripts put a state after this one, a message key after the other.
  'messages-in:',
  'queue-of:',
] as const;

/** Of a ledger that was trimmed. */
const CUT_NAMES = ['ledger-openings', 'ledger-stories'] as const;

/** Of a shard among several; what they hold stands in `commands/lib/shares.lua` and `carts.lua`. They come after all others. */
const CART_NAMES = [
  'told',
  'untold',
  'shares',
  'carts',
  'cart-deadlines',
  'carts-ended',
  'unfinished',
  'tentative',
  'parts',
] as const;

export interface ShardKeys {
  /** Those of the books without the outbox, as the scripts that leave it alone are given them. */
  readonly books: readonly string[];
  /** All of them, as the other scripts are given them. */
  readonly all: readonly string[];
  /** The same and those of carts, for the scripts of a shard among several. */
  readonly withCarts: readonly string[];
  readonly carts: string;
  readonly meta: string;
  readonly reservations: string;
  readonly deadlines: string;
  readonly answers: string;
  readonly answerOrder: string;
  readonly ledger: string;
  readonly messages: string;
  readonly messagesOf: string;
  readonly shares: string;
  readonly untold: string;
  readonly told: string;
  readonly outboxLevels: string;
  readonly openings: string;
  readonly stories: string;
}

/** `tag`: what the keys of the shard have between braces, without braces itself. */
export function shardKeys(tag: string): ShardKeys {
  type Name =
    | (typeof NAMES)[number]
    | (typeof OUTBOX_NAMES)[number]
    | (typeof CUT_NAMES)[number]
    | (typeof CART_NAMES)[number];
  const key = (name: Name): string => `{${tag}}:${name}`;
  const books = NAMES.map(key);
  const all = [...books, ...[...OUTBOX_NAMES, ...CUT_NAMES].map(key)];
  return {
    books,
    all,
    withCarts: [...all, ...CART_NAMES.map(key)],
    carts: key('carts'),
    meta: key('meta'),
    reservations: key('reservations'),
    deadlines: key('deadlines'),
    answers: key('answers'),
    answerOrder: key('answer-order'),
    ledger: key('ledger'),
    messages: key('messages'),
    messagesOf: key('messages-of'),
    shares: key('shares'),
    untold: key('untold'),
    told: key('told'),
    outboxLevels: key('outbox-levels'),
    openings: key('ledger-openings'),
    stories: key('ledger-stories'),
  };
}

const INBOX_NAMES = ['webhook-meta', 'webhook-order', 'webhook-bodies', 'webhook-seen'];

/** Those of the webhook inbox, as its scripts are given them; their order stands in `commands/lib/webhooks.lua`. */
export function inboxKeys(tag: string): readonly string[] {
  return INBOX_NAMES.map((name) => `{${tag}}:${name}`);
}

/** Keys that stand for all shards together, in the slot of the first (commands/number-entries.lua). */
export function commonKeys(tags: readonly string[]): {
  readonly numbered: string;
  readonly ranges: string;
  /** By shard. */
  readonly rangesOf: readonly string[];
} {
  const [first = ''] = tags;
  return {
    numbered: `{${first}}:numbered`,
    ranges: `{${first}}:ranges`,
    rangesOf: tags.map((_, shard) => `{${first}}:ranges-of:${shard}`),
  };
}

/** Where the number of shards is written down, whatever it is; `tag`: the setting's. */
export function layoutKey(tag: string): string {
  return shardKeys(tag).meta;
}
