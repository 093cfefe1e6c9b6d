/**
 * Whole books into several shards that have none. All of them are loaded, sealed and audited before the first counts;
 * from then on the import is decided, and one that was interrupted is finished instead of begun anew.
 */
import { randomUUID } from 'node:crypto';
import type { AuditReport } from '../../../core/audit.ts';
import type { StoryLine } from '../../../core/audit-story.ts';
import { ONCE } from '../../../core/audit-story.ts';
import type { LedgerEntry } from '../../../core/ledger.ts';
import { addToStory, newStoryLine } from '../../../core/ledger-cut.ts';
import type { Reservation, ReservationLine } from '../../../core/reservation.ts';
import type { BooksHead, BooksRecord } from '../../../engine/books-file/whole-books.ts';
import { Fault } from '../../../engine/faults.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { commonKeys } from '../keys.ts';
import { begin, empty, ShardLoader, step } from '../shard-loader.ts';
import type { Shard } from '../shard.ts';
import { partOf, type Cart } from './cart.ts';
import type { Placement } from './placement.ts';
import { SpreadOutbox } from './spread-outbox.ts';

export interface ImportTarget {
  readonly shards: readonly Shard[];
  readonly placement: Placement;
  readonly connection: RedisConnection;
  readonly keys: ReturnType<typeof commonKeys>;
  /** Where it is, for people. */
  readonly place: string;
  readonly audit: () => Promise<AuditReport>;
}

/** `records` must have been proven sound. Throws `Fault` where there are books already. */
export async function importShards(
  target: ImportTarget,
  head: BooksHead,
  records: AsyncIterable<BooksRecord>,
): Promise<AuditReport> {
  await finishInterrupted(target);
  const { shards, place } = target;
  const token = randomUUID();
  const begun: Shard[] = [];
  try {
    for (const shard of shards) {
      const outboxHead = new SpreadOutbox(target.placement).headOf(head.outboxHead);
      await begin(shard, token, { ...head, outboxHead }, place);
      begun.push(shard);
    }
    const common = new Numbers(target);
    await common.empty();
    const spread = new Spread(target, token, head, common);
    for await (const record of records) await spread.add(record);
    await spread.finish();
    const report = await target.audit();
    if (!report.ok) {
      const message = `the books as they were written do not pass their audit: ${report.problems[0]?.message ?? ''}`;
      throw new Fault('STORE_DAMAGED', message);
    }
    await finish(shards, token);
    return report;
  } catch (error) {
    for (const shard of begun) await empty(shard, token);
    throw error;
  }
}

/** The first is the last: while it is being imported, everybody knows that the rest may not be whole. */
async function finish(shards: readonly Shard[], token: string): Promise<void> {
  for (const shard of shards.toReversed()) await step(shard, { step: 'finish', token });
}

async function finishInterrupted({ shards, place }: ImportTarget): Promise<void> {
  const states = await Promise.all(shards.map((shard) => shard.importState()));
  const token = states[0]?.token ?? null;
  if (token === null || !states.some(({ imported }) => imported === token)) return;
  const rest = shards.filter((_, index) => states[index]?.token === token);
  await finish(rest, token);
  const message = `an import into ${place} had been interrupted when all was written; it is finished now. Look at the books with holdfast audit.`;
  throw new Fault('STORE_UNAVAILABLE', message);
}

const RANGES_AT_ONCE = 400;

/** Common number of the last of some entries of a shard, the shard, the `seq` of that entry there, how many. */
type Range = [last: number, shard: number, to: number, count: number];

/** Entries keep their numbers: which of them stand where is written down as number-entries.lua does. */
class Numbers {
  readonly #target: ImportTarget;
  #ranges: Range[] = [];

  constructor(target: ImportTarget) {
    this.#target = target;
  }

  async run(asked: object): Promise<void> {
    const { connection, keys } = this.#target;
    const all = [keys.numbered, keys.ranges, ...keys.rangesOf];
    await connection.run('import-numbers', all, [JSON.stringify(asked)]);
  }

  empty(): Promise<void> {
    return this.run({ step: 'empty' });
  }

  async note(number: number, shard: number, seq: number): Promise<void> {
    const range = this.#ranges.at(-1);
    if (range?.[1] === shard) {
      [range[0], range[2]] = [number, seq];
      range[3] += 1;
      return;
    }
    if (this.#ranges.length === RANGES_AT_ONCE) await this.flush();
    this.#ranges.push([number, shard, seq, 1]);
  }

  async flush(): Promise<void> {
    const ranges = this.#ranges;
    this.#ranges = [];
    if (ranges.length > 0) await this.run({ step: 'load', ranges });
  }
}

/** Gives each shard its own. */
class Spread {
  readonly #target: ImportTarget;
  readonly #token: string;
  readonly #head: BooksHead;
  readonly #numbers: Numbers;
  readonly #outbox: SpreadOutbox;
  readonly #loaders: readonly ShardLoader[];
  /** Of each shard, the newest entry, and the last that was cut off. */
  readonly #seqs: number[];
  readonly #cuts: number[];
  /** What the entries of a shard tell of a reservation: its part must say the same. */
  readonly #told = new Map<string, StoryLine>();

  constructor(target: ImportTarget, token: string, head: BooksHead, numbers: Numbers) {
    this.#target = target;
    this.#token = token;
    this.#head = head;
    this.#numbers = numbers;
    this.#outbox = new SpreadOutbox(target.placement);
    this.#loaders = target.shards.map((shard) => new ShardLoader(shard, token));
    this.#seqs = target.shards.map(() => 0);
    this.#cuts = target.shards.map(() => 0);
  }

  #loader(shard: number): ShardLoader {
    return this.#loaders[shard] as ShardLoader;
  }

  async add(record: BooksRecord): Promise<void> {
    const { placement } = this.#target;
    const { kind, value } = record;
    switch (kind) {
      case 'opening': {
        const shard = placement.shardOf(value.sku);
        this.#seqs[shard] = (this.#seqs[shard] ?? 0) + value.entries;
        this.#cuts[shard] = this.#seqs[shard];
        // Where it stood there nobody knows any more; what counts is that it was cut off.
        const opening = { ...value, lastSeq: value.entries };
        return this.#loader(shard).add({ kind, value: opening });
      }
      case 'story':
        for (const [shard, lines] of this.#byShard(value.lines)) {
          for (const line of lines) this.#hear(value.reservationId, shard, line);
          await this.#loader(shard).add({ kind, value: { ...value, lines } });
        }
        return;
      case 'entry':
        return this.#entry(value);
      case 'reservation':
        return this.#reservation(value);
      case 'level':
        return this.#loader(placement.shardOf(value.sku)).add(record);
      case 'answer':
        return this.#loader(placement.homeOf(value.key)).add(record);
      case 'message': {
        const spread = this.#outbox.message(value);
        return this.#loader(spread.shard).add({ kind, value: spread.value });
      }
      case 'outbox_level': {
        const spread = this.#outbox.level(value);
        return this.#loader(spread.shard).add({ kind, value: spread.value });
      }
    }
  }

  #byShard<T extends { readonly sku: string }>(items: readonly T[]): Map<number, T[]> {
    return Map.groupBy(items, ({ sku }) => this.#target.placement.shardOf(sku));
  }

  #toldOf(id: string, shard: number): StoryLine {
    const key = `${shard} ${id}`;
    const told = this.#told.get(key) ?? newStoryLine('');
    this.#told.set(key, told);
    return told;
  }

  #hear(id: string, shard: number, line: StoryLine): void {
    const told = this.#toldOf(id, shard);
    told.kinds |= line.kinds;
    told.lastAt = Math.max(told.lastAt, line.lastAt);
    told.orderId = line.orderId ?? told.orderId;
  }

  async #entry(entry: LedgerEntry): Promise<void> {
    const shard = this.#target.placement.shardOf(entry.sku);
    const seq = (this.#seqs[shard] ?? 0) + 1;
    this.#seqs[shard] = seq;
    if (entry.reservationId !== null) addToStory(this.#toldOf(entry.reservationId, shard), entry);
    await this.#numbers.note(entry.seq, shard, seq);
    await this.#loader(shard).add({ kind: 'entry', value: { ...entry, seq } });
  }

  async #reservation(whole: Reservation): Promise<void> {
    const home = this.#target.placement.homeOf(whole.id);
    const lines = this.#byShard(whole.lines);
    const shards = [...lines.keys()].sort((a, b) => a - b);
    if (shards.length === 1 && shards[0] === home) {
      await this.#loader(home).add({ kind: 'reservation', value: whole });
      return;
    }
    for (const shard of shards) {
      const value = this.#part(whole, shard, lines.get(shard) ?? []);
      await this.#loader(shard).add({ kind: 'reservation', value });
    }
    const { id, status, expiresAt, endedAt } = whole;
    const cart: Cart = { version: FIRST, whole, shards, redo: null };
    const value = {
      id,
      version: FIRST,
      json: JSON.stringify(cart),
      deadline: status === 'active' ? expiresAt : null,
      ended: status === 'active' || status === 'confirmed' ? null : endedAt,
    };
    await this.#loader(home).add({ kind: 'cart', value });
  }

  #part(whole: Reservation, shard: number, lines: readonly ReservationLine[]) {
    const { status } = partOf(whole, lines, [], { shard, step: FIRST, hold: null, outbox: null });
    const { kinds, lastAt, orderId } = this.#toldOf(whole.id, shard);
    const { id, customerId, createdAt, expiresAt } = whole;
    const both = ONCE.expire | ONCE.confirm;
    return {
      ...{ id, status, lines, customerId, orderId, createdAt, expiresAt },
      endedAt: status === 'active' ? null : lastAt,
      reacquired: (kinds & both) === both,
      refundRequired: (kinds & ONCE.refund_required) !== 0,
      cancellations: [],
      step: FIRST,
    };
  }

  /** All is there, and can be audited; numbers first, so that nobody numbers what has one. */
  async finish(): Promise<void> {
    const { shards } = this.#target;
    const { cut, ...head } = this.#head;
    for (const { shard, ...value } of this.#outbox.shares()) {
      await this.#loader(shard).add({ kind: 'shares', value });
    }
    for (const loader of this.#loaders) await loader.flush();
    await this.#numbers.flush();
    await this.#numbers.run({
      step: 'seal',
      total: head.headSeq,
      numbered: this.#seqs,
      cut: cut.seq,
      cutAt: cut.at,
      exported: cut.exportedThrough,
      cuts: this.#cuts,
    });
    for (const [index, shard] of shards.entries()) {
      const seq = this.#cuts[index] ?? 0;
      const own = { seq, at: seq === 0 ? 0 : cut.at, exportedThrough: seq };
      const headSeq = this.#seqs[index] ?? 0;
      await step(shard, { step: 'seal', token: this.#token, ...head, headSeq, cut: own });
    }
  }
}

/** The version of a cart that comes whole. */
const FIRST = 1;
