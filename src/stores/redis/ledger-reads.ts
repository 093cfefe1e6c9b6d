/** Reads of a shard's ledger: its parts, and where it begins. */
import type { StoryLine } from '../../core/audit-story.ts';
import { NO_POLICY } from '../../core/stock-level.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import { storyLine, type LedgerCut, type Opening, type StoryTuple } from '../../core/ledger-cut.ts';
import type { LedgerBeginning, LedgerQuery } from '../../engine/ports.ts';
import type { RedisConnection } from './connection/redis-connection.ts';
import type { ShardKeys } from './keys.ts';
import { entriesOf, lastSeqOf, type LedgerPart } from './ledger-parts.ts';

/** Parts of the ledger that are read at once: up to 64 entries each. */
export const PARTS = 200;
/** Fields of a hash that are read at once. */
const PAGE = 500;

function readStory(text: string): StoryLine[] {
  return (JSON.parse(text) as StoryTuple[]).map(storyLine);
}

function readOpening(text: string): Opening {
  const opening = JSON.parse(text) as Opening;
  return { ...opening, policy: { ...NO_POLICY, ...opening.policy } };
}

export class LedgerReads {
  readonly #connection: RedisConnection;
  readonly #keys: ShardKeys;

  constructor(connection: RedisConnection, keys: ShardKeys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  async page({ sku, after, limit }: LedgerQuery): Promise<LedgerEntry[]> {
    const found: LedgerEntry[] = [];
    // A part may hold entries on both sides of the cut.
    const cut = this.#cutSeq();
    for (let last = after; found.length < limit;) {
      const count = Math.min(limit - found.length, PARTS);
      const parts = await this.#parts(sku, last, count);
      const from = Math.max(last, await cut);
      const fresh = parts
        .flatMap(entriesOf)
        .filter((entry) => entry.seq > from && (sku === null || entry.sku === sku));
      found.push(...fresh);
      const lastPart = parts.at(-1);
      if (lastPart === undefined || parts.length < count) break;
      last = lastSeqOf(lastPart);
    }
    await cut;
    return found.slice(0, limit);
  }

  async #cutSeq(): Promise<number> {
    return Number(await this.#connection.read('HGET', [this.#keys.meta], ['cut']));
  }

  async #parts(sku: string | null, after: number, count: number): Promise<LedgerPart[]> {
    if (sku === null) return this.partsAfter(after, '+', count);
    const args = [sku, after, count];
    return (await this.#connection.run('read-ledger-of', this.#keys.books, args)) as LedgerPart[];
  }

  /** The parts that hold the entries after `after`, until that of `last` at most. */
  async partsAfter(after: number, last: number | '+', count = PARTS): Promise<LedgerPart[]> {
    const range = [after + 1, last, 'COUNT', count];
    return (await this.#connection.read('XRANGE', [this.#keys.ledger], range)) as LedgerPart[];
  }

  /** Entries from the cut to `last`, page by page; the page after the newest is the last. */
  async *pagesFrom(cut: number, last: number | '+'): AsyncGenerator<LedgerEntry[]> {
    for (let after = cut; last === '+' || after < last;) {
      const parts = await this.partsAfter(after, last);
      const lastPart = parts.at(-1);
      if (lastPart === undefined) return;
      yield parts.flatMap(entriesOf).filter(({ seq }) => seq > cut);
      after = lastSeqOf(lastPart);
    }
  }

  async beginning(
    sku: string | null,
  ): Promise<LedgerBeginning & { readonly opening: Opening | null }> {
    const result = await this.#connection.run('read-ledger-beginning', this.#keys.all, [sku ?? '']);
    const [seq, at, exportedThrough, opening] = result as [number, number, number, string | null];
    const cut: LedgerCut = { seq, at, exportedThrough };
    return { cut, opening: opening === null ? null : readOpening(opening) };
  }

  /** Every opening, some perhaps twice; in no order. */
  async *openings(): AsyncGenerator<Opening> {
    for await (const [, text] of this.#fields(this.#keys.openings)) yield readOpening(text);
  }

  /** Every story, some perhaps twice; in no order. */
  async *stories(): AsyncGenerator<[reservationId: string, lines: StoryLine[]]> {
    for await (const [id, text] of this.#fields(this.#keys.stories)) yield [id, readStory(text)];
  }

  async *#fields(key: string): AsyncGenerator<[field: string, text: string]> {
    let cursor = '0';
    do {
      const answer = await this.#connection.read('HSCAN', [key], [cursor, 'COUNT', PAGE]);
      const [next, pairs] = answer as [string, string[]];
      for (let index = 0; index < pairs.length; index += 2) {
        yield [pairs[index] ?? '', pairs[index + 1] ?? ''];
      }
      cursor = next;
    } while (cursor !== '0');
  }
}
