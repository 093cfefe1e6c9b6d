/** One shard's books, as its scripts know them: batches of commands, and reads. What comes back is parsed here. */
import type { Answer, CommandType } from '../../core/command.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import { hasLapsed, type Reservation } from '../../core/reservation.ts';
import type { Rules } from '../../core/rules.ts';
import type { LevelView, StockLevel } from '../../core/stock-level.ts';
import type { BooksHead, KeptAnswer } from '../../engine/books-file/whole-books.ts';
import { Fault } from '../../engine/faults.ts';
import type { Fence, LeaseName, LeaseState } from '../../engine/lease.ts';
import type { LevelsQuery, StoreStats, Submission } from '../../engine/ports.ts';
import { extraMs } from './command-lane.ts';
import type { RedisConnection } from './connection/redis-connection.ts';
import { readDeadlines } from './deadlines.ts';
import { shardKeys, type ShardKeys } from './keys.ts';
import { entriesOf, lastSeqOf, type LedgerPart } from './ledger-parts.ts';
import { LedgerReads, PARTS } from './ledger-reads.ts';
import {
  OutboxReads,
  readOutboxChanges,
  type OutboxChanges,
  type OutboxChangesReply,
} from './outbox-reads.ts';
import {
  plainArguments,
  plainReserves,
  readChanges,
  readPlainAnswer,
  type Changed,
} from './plain-reserves.ts';
import { readAnswer, readRecord, readTold, type PartRecord } from './records.ts';

/** What a batch came to. */
export interface BatchResult {
  /** Null to a command whose lease another instance has by now. */
  readonly answers: (Answer | null)[];
  /** The moment of the decisions, on the server's clock. */
  readonly at: number;
  readonly headSeq: number;
  /** Null where nothing changed, or nobody asked. */
  readonly changes: Changed | null;
}

/** What has been written since a moment, and all that it touched as it stands now. */
export interface Changes {
  readonly headSeq: number;
  readonly purgedBefore: number;
  readonly entries: LedgerEntry[];
  readonly lastSeq: number;
  readonly levels: StockLevel[];
  readonly reservations: PartRecord[];
  /** Reservations that were touched and are not there any more. */
  readonly gone: string[];
  /** How many there are of each, as the indexes count them. */
  readonly indexed: readonly [skus: number, active: number, ended: number, reservations: number];
  readonly outbox: OutboxChanges;
}

export interface ShardOptions {
  readonly connection: RedisConnection;
  readonly rules: Rules;
  readonly tag: string;
  /** Is it one of several, and keeps parts of carts? */
  readonly several?: boolean;
  /** Epoch ms instead of the server's clock, for tests; null: the server's. */
  readonly time: (() => number) | null;
}

/** What the scripts write; `FORMAT` of commands/lib/book.lua is the same. */
const BOOKS_FORMAT = '4';
/** While an import is under way, or after one that was interrupted. */
const IMPORTING = 'importing';
/** What a remembered answer begins with that is kept by another shard. */
const POINTER = '@'.charCodeAt(0);
/** Levels and reservations that one script reads at most. */
const PAGE = 500;
/** Revisions of the outbox that are read at once. */
const REVISIONS = 500;

/** Verbs whose scripts leave the outbox alone. */
const BOOKS_ONLY: ReadonlySet<CommandType | 'mixed'> = new Set([
  'reserve',
  'release',
  'extend',
  'set_stock',
  'adjust_stock',
  'import_stock',
  'sweep',
]);

export class Shard {
  readonly outbox: OutboxReads;
  readonly ledger: LedgerReads;
  readonly #connection: RedisConnection;
  readonly #keys: ShardKeys;
  readonly #rules: Rules;
  readonly #rulesJson: string;
  readonly #time: (() => number) | null;
  /** Is it one of several? */
  readonly several: boolean;

  constructor({ connection, rules, tag, time, several = false }: ShardOptions) {
    this.#connection = connection;
    this.#keys = shardKeys(tag);
    this.several = several;
    this.#rules = rules;
    this.#rulesJson = JSON.stringify(rules);
    this.#time = time;
    this.outbox = new OutboxReads(connection, this.#keys);
    this.ledger = new LedgerReads(connection, this.#keys);
  }

  /** `notice`: is what changes to be told? */
  async run(batch: readonly Submission[], notice: boolean): Promise<BatchResult> {
    const now = this.#time?.() ?? null;
    const verb = verbOf(batch);
    const plain = verb === 'reserve' ? plainReserves(batch) : null;
    const script = plain ? 'plain-reserves' : verb.replaceAll('_', '-');
    const keys = BOOKS_ONLY.has(verb) ? this.#keys.books : this.#keys.all;
    const args = plain
      ? plainArguments(plain, `{"rules":${this.#rulesJson}}`, now, notice, this.#rules.ttlSeconds)
      : [
          `{"now":${now},"notice":${notice},"rules":${this.#rulesJson},"commands":${commandsJson(batch)}}`,
        ];
    const result = await this.#connection.run(script, keys, args, extraMs(batch));
    const [at, headSeq, changes, ...answers] = result as [
      number,
      number,
      string | string[],
      ...string[],
    ];
    return {
      answers: answers.map((answer, index) =>
        plain ? readPlainAnswer(answer, batch[index] as Submission, at) : readAnswer(answer),
      ),
      at,
      headSeq,
      changes: readChanges(changes),
    };
  }

  async level(sku: string): Promise<LevelView | null> {
    const found = await this.#run('read-level', this.#now(), sku);
    return found === null ? null : (JSON.parse(found as string) as LevelView);
  }

  levels(query: LevelsQuery): Promise<LevelView[]> {
    return this.#levels<LevelView>(query, 'view');
  }

  /** As recorded, in code point order. */
  recordedLevels(after: string | null, limit: number): Promise<StockLevel[]> {
    return this.#levels<StockLevel>({ after, prefix: null, limit }, 'record');
  }

  async #levels<T extends StockLevel>(query: LevelsQuery, kind: 'view' | 'record'): Promise<T[]> {
    const prefix = query.prefix ?? '';
    const page = async (after: string | null, limit: number): Promise<T[]> => {
      const begin = firstSku(after, prefix);
      const texts = await this.#run('read-levels', this.#now(), begin, prefix, limit, kind);
      return (texts as string[]).map((text) => JSON.parse(text) as T);
    };
    return pages(query.after, query.limit, page, ({ sku }) => sku);
  }

  async reservation(id: string): Promise<Reservation | null> {
    const result = await this.#run('read-reservation', this.#now(), id);
    const [now, text] = result as [number, string | null];
    if (text === null) return null;
    const reservation = readTold(text);
    return hasLapsed(reservation, now) ? { ...reservation, status: 'expired' } : reservation;
  }

  /**
   * As recorded, in order of id. Nobody but a test asks for pages, so there is no index of ids: each page looks at
   * every reservation.
   */
  async reservations(after: string | null, limit: number): Promise<Reservation[]> {
    const found = new Map<string, Reservation>();
    for await (const page of this.allReservations()) {
      for (const each of page) if (after === null || each.id > after) found.set(each.id, each);
    }
    return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  /** Every reservation that is there from begin to end, as recorded, some perhaps twice; in no order. */
  async *allReservations(): AsyncGenerator<PartRecord[]> {
    let cursor = '0';
    do {
      const range = [cursor, 'COUNT', PAGE];
      const answer = await this.#connection.read('HSCAN', [this.#keys.reservations], range);
      const [next, pairs] = answer as [string, string[]];
      yield pairs.flatMap((text, index) =>
        index % 2 === 1 ? [readRecord(pairs[index - 1] ?? '', text)] : [],
      );
      cursor = next;
    } while (cursor !== '0');
  }

  deadlines(): Promise<ReadonlySet<string>> {
    return readDeadlines(this.#connection, this.#keys.deadlines);
  }

  /** Also what time it is on the server. */
  async stats(): Promise<StoreStats & { readonly now: number }> {
    const result = await this.#run('read-stats', this.#now());
    const [now, skus, active, headSeq, oldestDueAt] = result as [
      number,
      number,
      number,
      number,
      number | null,
    ];
    return { now, skus, active, headSeq, oldestDueAt };
  }

  /** Throws `Fault` where the books are of another version. */
  async checkFormat(): Promise<void> {
    const found = await this.#connection.read('HGET', [this.#keys.meta], ['format']);
    const format = found as string | null;
    if (format === null || format === BOOKS_FORMAT) return;
    if (format === IMPORTING) {
      throw new Fault(
        'STORE_VERSION',
        'books are being moved into Redis, or that was interrupted: wait for it, or run the import again',
      );
    }
    const message = `the books in Redis have format ${format}, this version of Holdfast reads format ${BOOKS_FORMAT}: export them with the version that wrote them, and import that file with this one (docs/moving.md)`;
    throw new Fault('STORE_VERSION', message);
  }

  async head(): Promise<BooksHead> {
    const fields = ['clock', 'purgedBefore', 'seq', 'outbox'];
    const answer = await this.#connection.read('HMGET', [this.#keys.meta], fields);
    const figures = (answer as (string | null)[]).map(Number);
    const [clock = 0, purgedBefore = 0, headSeq = 0, outboxHead = 0] = figures;
    const { cut } = await this.ledger.beginning(null);
    return { clock, purgedBefore, headSeq, outboxHead, cut };
  }

  /** How far an import has come: null where none is under way. `imported`: the one that was finished last. */
  async importState(): Promise<{ token: string | null; imported: string | null }> {
    const fields = ['format', 'token', 'imported'];
    const answer = await this.#connection.read('HMGET', [this.#keys.meta], fields);
    const [format, token = null, imported = null] = answer as (string | null)[];
    return { token: format === IMPORTING ? token : null, imported };
  }

  /** Answers remembered by idempotency key, oldest first. */
  async *keptAnswers(): AsyncGenerator<KeptAnswer> {
    const { answers, answerOrder } = this.#keys;
    for (let from = 0, more = true; more; from += PAGE) {
      const range = [from, from + PAGE - 1];
      const order = (await this.#connection.read('LRANGE', [answerOrder], range)) as string[];
      more = order.length === PAGE;
      if (order.length === 0) return;
      const keys = order.map((each) => each.slice(each.indexOf(':') + 1));
      const texts = (await this.#connection.read('HMGET', [answers], keys)) as (string | null)[];
      for (const [index, text] of texts.entries()) {
        if (text === null) continue;
        const colon = text.indexOf(':') + 1;
        // Of a fingerprint the length is told in bytes.
        const bytes = Buffer.from(text.slice(colon));
        const length = Number(text.slice(0, colon - 1));
        // It only points to where the answer is.
        if (bytes[length] === POINTER) continue;
        yield {
          key: keys[index] ?? '',
          at: Number.parseInt(order[index] ?? '', 10),
          fingerprint: bytes.toString('utf8', 0, length),
          answer: readAnswer(bytes.toString('utf8', length)) as Answer,
        };
      }
    }
  }

  /** A step of import-books.lua or import-shard.lua, and the state that it reports. */
  async importStep(asked: object): Promise<unknown> {
    const json = wellFormedJson({ now: this.#time?.() ?? null, ...asked });
    const { all, withCarts } = this.#keys;
    return this.several
      ? this.#connection.run('import-shard', withCarts, [json])
      : this.#connection.run('import-books', all, [json]);
  }

  async headSeq(): Promise<number> {
    return Number(await this.#connection.read('HGET', [this.#keys.meta], ['seq']));
  }

  /** What was written after `seq` and the outbox's `revision`, in a few steps if it is much. */
  async changesAfter(seq: number, revision: number): Promise<Changes> {
    const { all, withCarts } = this.#keys;
    const args = [seq, PARTS, revision, REVISIONS, this.several ? 'carts' : ''];
    const result = await this.#connection.run('read-changes', this.several ? withCarts : all, args);
    const [headSeq, purgedBefore, parts, levels, reservations, gone, indexed, outbox] = result as [
      number,
      number,
      LedgerPart[],
      string[],
      string[],
      string[],
      Changes['indexed'],
      OutboxChangesReply,
    ];
    const lastPart = parts.at(-1);
    return {
      headSeq,
      purgedBefore,
      entries: parts.flatMap(entriesOf),
      lastSeq: lastPart === undefined ? seq : lastSeqOf(lastPart),
      levels: levels.map((text) => JSON.parse(text) as StockLevel),
      reservations: reservations.map(readTold),
      gone,
      indexed,
      outbox: readOutboxChanges(outbox),
    };
  }

  /**
   * Takes the lease if it is free, keeps it if it is `holder`'s, else only tells whose it is. Whoever has it then has a
   * token `above` this.
   */
  async acquireLease(
    lease: LeaseName,
    holder: string,
    lengthMs: number,
    above = 0,
  ): Promise<LeaseState> {
    const result = await this.#run('acquire-lease', this.#now(), lease, holder, lengthMs, above);
    const [token, by] = result as [number, string];
    return { token, holder: by };
  }

  /** Hears of a tenure that another shard has given; tells the latest that is known then. */
  async installLease({ lease, token, holder }: Fence, lengthMs: number): Promise<LeaseState> {
    const args = [this.#now(), lease, token, holder, lengthMs];
    const [known, by] = (await this.#run('install-lease', ...args)) as [number, string];
    return { token: known, holder: by };
  }

  async releaseLease({ lease, token, holder }: Fence): Promise<void> {
    await this.#run('release-lease', this.#now(), lease, token, holder);
  }

  #now(): number | '' {
    return this.#time?.() ?? '';
  }

  #run(script: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.run(script, this.#keys.books, args);
  }
}

/** The verb that all the commands share, or `mixed`. */
function verbOf(batch: readonly Submission[]): CommandType | 'mixed' {
  const [first] = batch;
  const verb = first?.command.type;
  if (verb === undefined || batch.some(({ command }) => command.type !== verb)) return 'mixed';
  return verb;
}

/** Where a page begins, as ZRANGEBYLEX has it: by bytes, which is by code points. */
function firstSku(after: string | null, prefix: string): string {
  if (after !== null && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0) {
    return `(${after}`;
  }
  return prefix === '' ? '-' : `[${prefix}`;
}

async function pages<T>(
  first: string | null,
  limit: number,
  read: (after: string | null, size: number) => Promise<T[]>,
  keyOf: (item: T) => string,
): Promise<T[]> {
  const all: T[] = [];
  for (let after = first; ;) {
    const size = Math.min(limit - all.length, PAGE);
    if (size <= 0) return all;
    const page = await read(after, size);
    all.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < size) return all;
    after = keyOf(last);
  }
}

/** Half of a surrogate pair is no text: the server's JSON parser refuses it, and it could not be stored as UTF-8. */
const HALF_PAIR = /\\u[dD][89a-fA-F]/;

/** As `batch.lua` is given them. */
export function commandsJson(batch: readonly Submission[]): string {
  return wellFormedJson(
    batch.map(({ command, idempotency, fence }) =>
      fence ? { command, ...idempotency, fence } : { command, ...idempotency },
    ),
  );
}

function wellFormedJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!HALF_PAIR.test(json)) return json;
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'string' ? each.toWellFormed() : each,
  );
}
