/** Puts records of whole books into a shard that has none, in steps. */
import type { LedgerEntry } from '../../core/ledger.ts';
import { storyTuple, type Opening } from '../../core/ledger-cut.ts';
import type { OutboxLevel, OutboxMessage } from '../../core/outbox/message.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import type { BooksHead, BooksRecord, KeptAnswer } from '../../engine/books-file/whole-books.ts';
import { Fault } from '../../engine/faults.ts';
import { partsOf } from './ledger-parts.ts';
import type { CartShares } from './outbox-reads.ts';
import type { Shard } from './shard.ts';

export async function begin(
  shard: Shard,
  token: string,
  { outboxHead }: BooksHead,
  place: string,
): Promise<void> {
  for (;;) {
    const state = await shard.importStep({ step: 'begin', token, outboxHead });
    if (state === 'ready') return;
    if (state === 'again') continue;
    const message = `there are books in ${place} already: whole books go where there are none, for instance under another HOLDFAST_REDIS_HASH_TAG.`;
    throw new Fault('STORE_UNAVAILABLE', message);
  }
}

/** As it was before. If this fails too, the next import does it. */
export async function empty(shard: Shard, token: string): Promise<void> {
  try {
    while ((await shard.importStep({ step: 'empty', token })) === 'again');
  } catch {
    // The error that led here is the one to tell.
  }
}

export async function step(shard: Shard, asked: object): Promise<void> {
  const state = await shard.importStep(asked);
  if (state === 'ready') return;
  throw new Fault('STORE_LOCKED', 'another import into the same books has begun meanwhile');
}

/** Of a shard among several, perhaps a part of a cart. */
type ShardReservation = Reservation & { readonly step?: number };

/** As import-shard.lua takes it. */
interface ImportedCart {
  readonly id: string;
  readonly version: number;
  readonly json: string;
  readonly deadline: number | null;
  readonly ended: number | null;
}

export type ShardRecord =
  | Exclude<BooksRecord, { readonly kind: 'reservation' }>
  | { readonly kind: 'reservation'; readonly value: ShardReservation }
  | { readonly kind: 'cart'; readonly value: ImportedCart }
  | {
      readonly kind: 'shares';
      readonly value: { readonly id: string; readonly shares: CartShares };
    };

/** What one step takes: some milliseconds of the server's only thread. */
const RECORDS_AT_ONCE = 400;

interface Chunk {
  readonly openings: Opening[];
  readonly stories: [reservationId: string, lines: object[]][];
  readonly entries: LedgerEntry[];
  readonly messages: OutboxMessage[];
  readonly outboxLevels: OutboxLevel[];
  readonly reservations: ShardReservation[];
  readonly carts: ImportedCart[];
  readonly shares: [id: string, json: string][];
  readonly levels: StockLevel[];
  readonly answers: object[];
  size: number;
}

function newChunk(): Chunk {
  return {
    openings: [],
    stories: [],
    entries: [],
    messages: [],
    outboxLevels: [],
    reservations: [],
    carts: [],
    shares: [],
    levels: [],
    answers: [],
    size: 0,
  };
}

function add(chunk: Chunk, { kind, value }: ShardRecord): void {
  chunk.size += 1;
  switch (kind) {
    case 'opening':
      chunk.openings.push(value);
      return;
    case 'story':
      chunk.stories.push([value.reservationId, value.lines.map(storyTuple)]);
      return;
    case 'entry':
      chunk.entries.push(value);
      return;
    case 'reservation':
      chunk.reservations.push(value);
      return;
    case 'cart':
      chunk.carts.push(value);
      return;
    case 'shares':
      chunk.shares.push([value.id, JSON.stringify(value.shares)]);
      return;
    case 'level':
      chunk.levels.push(value);
      return;
    case 'answer':
      chunk.answers.push(answerText(value));
      return;
    case 'message':
      chunk.messages.push(value);
      return;
    case 'outbox_level':
      chunk.outboxLevels.push(value);
      return;
  }
}

/** The parts of the ledger in which each SKU has entries. */
function partsBySku(parts: ReturnType<typeof partsOf>): [string, number[]][] {
  const found = new Map<string, number[]>();
  for (const { seq, skus } of parts) {
    for (const sku of skus) {
      const known = found.get(sku);
      if (known === undefined) found.set(sku, [seq]);
      else known.push(seq);
    }
  }
  return [...found];
}

function answerText({ key, fingerprint, answer, at }: KeptAnswer): object {
  return { key, fingerprint, answer: JSON.stringify(answer), at };
}

/** Takes records in the order of their kinds. */
export class ShardLoader {
  readonly #shard: Shard;
  readonly #token: string;
  #chunk = newChunk();

  constructor(shard: Shard, token: string) {
    this.#shard = shard;
    this.#token = token;
  }

  async add(record: ShardRecord): Promise<void> {
    add(this.#chunk, record);
    if (this.#chunk.size === RECORDS_AT_ONCE) await this.flush();
  }

  async flush(): Promise<void> {
    const { entries, size: _, ...rest } = this.#chunk;
    this.#chunk = newChunk();
    const parts = partsOf(entries);
    const ledger = { parts: parts.map(({ row }) => row), seqs: partsBySku(parts) };
    await step(this.#shard, { step: 'load', token: this.#token, ...ledger, ...rest });
  }
}
