/** A shard's outbox as it stands: pages of messages, figures, and what an audit copies. Writes are commands. */
import type { OutboxLevel, OutboxMessage } from '../../core/outbox/message.ts';
import type { OutboxQuery, OutboxStats } from '../../engine/ports.ts';
import type { RedisConnection } from './connection/redis-connection.ts';
import type { ShardKeys } from './keys.ts';

/** Messages that one script reads at most. */
const PAGE = 500;

/** What the outbox has changed since a revision, as it stands now. */
export interface OutboxChanges {
  /** Its newest revision. */
  readonly revision: number;
  /** Up to which this tells; null: too much has been written since, nothing can be told. */
  readonly reached: number | null;
  readonly messages: readonly OutboxMessage[];
  readonly gone: readonly number[];
  readonly levels: readonly OutboxLevel[];
  /** How many there are of each, as the indexes count them. */
  readonly indexed: readonly number[];
  /** Of carts whose shares here have changed; null where none is known any more. */
  readonly shares: ReadonlyMap<string, CartShares | null>;
}

/** What counts here of the messages of a cart that its home keeps; `commands/lib/shares.lua` tells more. */
export interface CartShares {
  /** The number under which they were told last. */
  readonly v: number;
  /** Those that are not delivered, with the lines of this shard. */
  readonly messages: readonly MessageShare[];
}

export type MessageShare = Pick<OutboxMessage, 'id' | 'kind' | 'state' | 'lines'>;

/** As `read-changes.lua` answers. */
export type OutboxChangesReply = readonly [
  revision: number,
  reached: number | null,
  messages?: readonly string[],
  gone?: readonly string[],
  levels?: readonly string[],
  indexed?: readonly number[],
  shares?: readonly (string | null)[],
];

export class OutboxReads {
  readonly #connection: RedisConnection;
  readonly #keys: ShardKeys;

  constructor(connection: RedisConnection, keys: ShardKeys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** By id. */
  async page({ state, after, limit }: OutboxQuery): Promise<OutboxMessage[]> {
    const found: OutboxMessage[] = [];
    for (let last = after; found.length < limit;) {
      const size = Math.min(limit - found.length, PAGE);
      const args = [state ?? '', last, size];
      const texts = await this.#connection.run('read-outbox', this.#keys.all, args);
      const page = (texts as string[]).map(readMessage);
      found.push(...page);
      if (page.length < size) break;
      last = page.at(-1)?.id ?? last;
    }
    return found;
  }

  async message(id: number): Promise<OutboxMessage | null> {
    const text = await this.#connection.read('HGET', [this.#keys.messages], [id]);
    return text === null ? null : readMessage(text as string);
  }

  async stats(): Promise<OutboxStats> {
    const reply = await this.#connection.run('read-outbox-stats', this.#keys.all, []);
    const [pending, inFlight, unknown, dead, keys, oldestAt, head] = reply as [
      pending: number,
      inFlight: number,
      unknown: number,
      dead: number,
      keys: number,
      oldestAt: number | null,
      head: number,
    ];
    return { pending, inFlight, unknown, dead, keys, oldestAt, head };
  }

  /** The latest number. */
  async head(): Promise<number> {
    return Number(await this.#connection.read('HGET', [this.#keys.meta], ['outbox']));
  }

  async revision(): Promise<number> {
    return Number(await this.#connection.read('HGET', [this.#keys.meta], ['outboxRevision']));
  }

  /** Every message that is there from begin to end, some perhaps twice; in no order. */
  async *allMessages(): AsyncGenerator<OutboxMessage[]> {
    for await (const pairs of this.#scan(this.#keys.messages)) {
      yield pairs.flatMap((text, index) => (index % 2 === 1 ? [readMessage(text)] : []));
    }
  }

  async *allLevels(): AsyncGenerator<OutboxLevel[]> {
    for await (const pairs of this.#scan(this.#keys.outboxLevels)) yield readLevels(pairs);
  }

  async *allShares(): AsyncGenerator<[id: string, shares: CartShares][]> {
    for await (const pairs of this.#scan(this.#keys.shares)) {
      const page: [string, CartShares][] = [];
      for (let at = 0; at < pairs.length; at += 2) {
        page.push([pairs[at] ?? '', readShares(pairs[at + 1] ?? '')]);
      }
      yield page;
    }
  }

  /** Those of one cart; null where there are none. */
  async sharesOf(cartId: string): Promise<CartShares | null> {
    const text = await this.#connection.read('HGET', [this.#keys.shares], [cartId]);
    return text === null ? null : readShares(text as string);
  }

  /** Of a cart of which this is the home: is it written down that others may not have heard of its messages? */
  async isBehind(cartId: string): Promise<boolean> {
    return (await this.#connection.read('HEXISTS', [this.#keys.untold], [cartId])) === 1;
  }

  /** Is it written down that its home has to find out whether the cart is told? */
  async isTold(cartId: string): Promise<boolean> {
    return (await this.#connection.read('ZSCORE', [this.#keys.told], [cartId])) !== null;
  }

  /** By id, delivered ones included. */
  async ofReservation(reservationId: string): Promise<OutboxMessage[]> {
    const ids = await this.#connection.read('HGET', [this.#keys.messagesOf], [reservationId]);
    if (ids === null) return [];
    const texts = await this.#connection.read(
      'HMGET',
      [this.#keys.messages],
      (ids as string).split(' '),
    );
    return (texts as (string | null)[]).flatMap((text) =>
      text === null ? [] : [readMessage(text)],
    );
  }

  async *#scan(key: string): AsyncGenerator<string[]> {
    let cursor = '0';
    do {
      const answer = await this.#connection.read('HSCAN', [key], [cursor, 'COUNT', PAGE]);
      const [next, pairs] = answer as [string, string[]];
      yield pairs;
      cursor = next;
    } while (cursor !== '0');
  }
}

export function readOutboxChanges(reply: OutboxChangesReply): OutboxChanges {
  const [revision, reached, messages = [], gone = [], levels = [], indexed = [], pairs = []] =
    reply;
  const shares = new Map<string, CartShares | null>();
  for (let at = 0; at < pairs.length; at += 2) {
    const text = pairs[at + 1] ?? null;
    shares.set(pairs[at] ?? '', text === null ? null : readShares(text));
  }
  return {
    revision,
    reached,
    messages: messages.map(readMessage),
    gone: gone.map(Number),
    levels: readLevels(levels),
    indexed,
    shares,
  };
}

function readShares(text: string): CartShares {
  return JSON.parse(text) as CartShares;
}

function readMessage(text: string): OutboxMessage {
  return JSON.parse(text) as OutboxMessage;
}

/** `[SKU, "owed unsettled touched", ...]`. */
function readLevels(pairs: readonly string[]): OutboxLevel[] {
  const levels: OutboxLevel[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    const [owed = 0, unsettled = 0, touched = 0] = (pairs[at + 1] ?? '').split(' ').map(Number);
    levels.push({ sku: pairs[at] ?? '', owed, unsettled, touched });
  }
  return levels;
}
