/**
 * One order over the ledgers of all shards: their entries are numbered together, in the order in which they are
 * noticed, by whoever reads them. What is written down is ranges (so many entries of a shard), not entries.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerEntry } from '../../../core/ledger.ts';
import type { LedgerQuery } from '../../../engine/ports.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { commonKeys } from '../keys.ts';
import type { Shard } from '../shard.ts';

/** Ranges that are read at once. */
const RANGES = 500;

/** The last of `count` entries of a shard: its common number, and its `seq` there. */
interface Range {
  readonly last: number;
  readonly shard: number;
  readonly to: number;
  readonly count: number;
}

type StreamRow = readonly [id: string, fields: readonly string[]];

export class CommonLedger {
  readonly #connection: RedisConnection;
  readonly #shards: readonly Shard[];
  readonly #shardOf: (sku: string) => number;
  readonly #keys: ReturnType<typeof commonKeys>;
  readonly #everyMs: number;
  #numbered = -Infinity;
  #underWay: Promise<unknown> = Promise.resolve();
  #next: Promise<number> | null = null;

  /** `everyMs`: entries are numbered no more often than this by one instance. */
  constructor(
    connection: RedisConnection,
    shards: readonly Shard[],
    keys: ReturnType<typeof commonKeys>,
    { shardOf, everyMs }: { shardOf: (sku: string) => number; everyMs: number },
  ) {
    this.#connection = connection;
    this.#shards = shards;
    this.#shardOf = shardOf;
    this.#keys = keys;
    this.#everyMs = everyMs;
  }

  /** Gives all that is written by now its number; returns the newest. */
  async number(): Promise<number> {
    // One that is under way may have looked at a shard already that has been written since.
    this.#next ??= this.#underWay.then(() => {
      this.#next = null;
      const numbering = this.#numberOnce();
      this.#underWay = numbering.catch(() => null);
      return numbering;
    });
    return this.#next;
  }

  async #numberOnce(): Promise<number> {
    const pause = this.#numbered + this.#everyMs - performance.now();
    if (pause > 0) await sleep(pause, null, { ref: false });
    const heads = await Promise.all(this.#shards.map((shard) => shard.headSeq()));
    const { numbered, ranges, rangesOf } = this.#keys;
    const newest = await this.#connection.run(
      'number-entries',
      [numbered, ranges, ...rangesOf],
      heads,
    );
    this.#numbered = performance.now();
    return Number(newest);
  }

  async read({ sku, limit, ...query }: LedgerQuery): Promise<LedgerEntry[]> {
    await this.number();
    const cut = Number(await this.#connection.read('HGET', [this.#keys.numbered], ['cut']));
    const after = Math.max(query.after, cut);
    return sku === null ? this.#all(after, limit) : this.#of(sku, after, limit);
  }

  async #all(after: number, limit: number): Promise<LedgerEntry[]> {
    const found: LedgerEntry[] = [];
    for (let last = after; found.length < limit;) {
      const ranges = await this.#rangesAfter(last);
      if (ranges.length === 0) break;
      found.push(...(await this.#entriesOf(ranges, last, limit - found.length)));
      last = ranges.at(-1)?.last ?? last;
    }
    return found.slice(0, limit);
  }

  async #rangesAfter(number: number): Promise<Range[]> {
    const range = [number + 1, '+', 'COUNT', RANGES];
    const rows = await this.#connection.read('XRANGE', [this.#keys.ranges], range);
    return (rows as StreamRow[]).map(([id, fields]) => ({
      last: Number.parseInt(id, 10),
      shard: Number(fields[1]),
      to: Number(fields[3]),
      count: Number(fields[5]),
    }));
  }

  /** The first `limit` entries or more of these ranges that come after the number `after`. */
  async #entriesOf(ranges: readonly Range[], after: number, limit: number): Promise<LedgerEntry[]> {
    const wanted: Range[] = [];
    for (let units = 0, index = 0; index < ranges.length && units < limit; index += 1) {
      const range = ranges[index] as Range;
      wanted.push(range);
      units += range.last - Math.max(after, range.last - range.count);
    }
    const byShard = await Promise.all(
      this.#shards.map((shard, index) => entriesWithin(shard, index, wanted, after, limit)),
    );
    return byShard.flat().sort((a, b) => a.seq - b.seq);
  }

  async #of(sku: string, after: number, limit: number): Promise<LedgerEntry[]> {
    const index = this.#shardOf(sku);
    const shard = this.#shards[index] as Shard;
    const begin = await this.#seqBefore(index, after);
    if (begin === null) return [];
    const entries = await shard.ledger.page({ sku, after: begin, limit });
    const numbers = await this.#numbersOf(
      index,
      entries.map(({ seq }) => seq),
    );
    return entries.flatMap((entry, place) => {
      const seq = numbers[place] ?? null;
      return seq === null ? [] : [{ ...entry, seq }];
    });
  }

  /** The `seq` of the shard's last entry whose common number is at most `number`; null where none comes after it. */
  async #seqBefore(shard: number, number: number): Promise<number | null> {
    if (number === 0) return 0;
    for (let last = number; ;) {
      const ranges = await this.#rangesAfter(last);
      const range = ranges.find((each) => each.shard === shard);
      if (range !== undefined) return range.to - Math.min(range.count, range.last - number);
      const end = ranges.at(-1);
      if (end === undefined) return null;
      last = end.last;
    }
  }

  /** Null for one that is not numbered yet: it was written since. */
  async #numbersOf(shard: number, seqs: readonly number[]): Promise<(number | null)[]> {
    const key = this.#keys.rangesOf[shard] ?? '';
    const numbers: (number | null)[] = [];
    let known: { to: number; number: number; from: number } | null = null;
    for (const seq of seqs) {
      if (known === null || seq > known.to) {
        const rows = await this.#connection.read('XRANGE', [key], [seq, '+', 'COUNT', 1]);
        const [row] = rows as StreamRow[];
        if (row === undefined) return [...numbers, ...seqs.slice(numbers.length).map(() => null)];
        known = { to: Number.parseInt(row[0], 10), number: Number(row[1][1]), from: seq };
      }
      numbers.push(known.number - (known.to - seq));
    }
    return numbers;
  }
}

/** Entries of one shard within these ranges, with their common numbers. */
async function entriesWithin(
  shard: Shard,
  index: number,
  ranges: readonly Range[],
  after: number,
  limit: number,
): Promise<LedgerEntry[]> {
  const own = ranges.filter((range) => range.shard === index);
  const [first] = own;
  if (first === undefined) return [];
  // Ranges of one shard follow each other without a gap.
  const begin = first.to - Math.min(first.count, first.last - after);
  const count = Math.min(limit, (own.at(-1)?.to ?? begin) - begin);
  const entries = await shard.ledger.page({ sku: null, after: begin, limit: count });
  let place = 0;
  return entries.flatMap((entry) => {
    while (own[place] !== undefined && entry.seq > (own[place] as Range).to) place += 1;
    const range = own[place];
    return range === undefined ? [] : [{ ...entry, seq: range.last - (range.to - entry.seq) }];
  });
}
