/** Whole books out of a shard, and into one that has none. */
import { randomUUID } from 'node:crypto';
import type { AuditReport } from '../../core/audit.ts';
import type { StoryLine } from '../../core/audit-story.ts';
import type { Opening } from '../../core/ledger-cut.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import type { OutboxLevel, OutboxMessage } from '../../core/outbox/message.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import type {
  BooksHead,
  BooksRecord,
  BooksSource,
  KeptAnswer,
} from '../../engine/books-file/whole-books.ts';
import { Fault } from '../../engine/faults.ts';
import { auditBooks } from './audit-books.ts';
import { partsOf } from './ledger-parts.ts';
import { storyTuple } from './ledger-reads.ts';
import type { OpenShard } from './open-shard.ts';
import type { Shard } from './shard.ts';

const PAGE = 500;

/** Nobody may write the books meanwhile: if somebody does, reading them ends in a `Fault`. */
export async function exportBooks(open: () => Promise<OpenShard>): Promise<BooksSource> {
  const { shard, close } = await open();
  try {
    await shard.checkFormat();
    const head = await shard.head();
    return {
      head,
      records: async function* () {
        yield* recordsOf(shard, head);
        const after = await shard.head();
        if (after.headSeq === head.headSeq && after.clock === head.clock) return;
        throw new Fault(
          'STORE_LOCKED',
          'the books have changed while they were read: stop every instance, and begin again',
        );
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function* recordsOf(shard: Shard, { cut }: BooksHead): AsyncGenerator<BooksRecord> {
  yield* beginningOf(shard);
  for await (const page of shard.ledger.pagesFrom(cut.seq, '+')) {
    for (const value of page) yield { kind: 'entry', value };
  }
  yield* outboxOf(shard);
  const seen = new Set<string>();
  for await (const page of shard.allReservations()) {
    for (const value of page) {
      if (seen.has(value.id)) continue;
      seen.add(value.id);
      yield { kind: 'reservation', value };
    }
  }
  for (let after: string | null = null, more = true; more;) {
    const levels = await shard.recordedLevels(after, PAGE);
    for (const value of levels) yield { kind: 'level', value };
    after = levels.at(-1)?.sku ?? after;
    more = levels.length === PAGE;
  }
  for await (const value of shard.keptAnswers()) yield { kind: 'answer', value };
}

async function* beginningOf({ ledger }: Shard): AsyncGenerator<BooksRecord> {
  const openings = new Map<string, Opening>();
  for await (const opening of ledger.openings()) openings.set(opening.sku, opening);
  for (const value of openings.values()) yield { kind: 'opening', value };
  const stories = new Map<string, readonly StoryLine[]>();
  for await (const [id, lines] of ledger.stories()) stories.set(id, lines);
  for (const [reservationId, lines] of stories) {
    yield { kind: 'story', value: { reservationId, lines } };
  }
}

async function* outboxOf({ outbox }: Shard): AsyncGenerator<BooksRecord> {
  const messages = new Map<number, OutboxMessage>();
  for await (const page of outbox.allMessages()) {
    for (const message of page) messages.set(message.id, message);
  }
  for (const value of [...messages.values()].sort((a, b) => a.id - b.id)) {
    yield { kind: 'message', value };
  }
  const levels = new Map<string, OutboxLevel>();
  for await (const page of outbox.allLevels()) {
    for (const level of page) levels.set(level.sku, level);
  }
  for (const value of levels.values()) yield { kind: 'outbox_level', value };
}

/**
 * Puts the books into the shard, all or nothing; `records` must have been proven sound. Interrupted, it leaves a shard
 * on which nothing is decided, and which the next import empties. Throws `Fault` where there are books already.
 */
export async function importBooks(
  open: () => Promise<OpenShard>,
  head: BooksHead,
  records: AsyncIterable<BooksRecord>,
): Promise<AuditReport> {
  const { shard, place, close } = await open();
  try {
    const token = randomUUID();
    await begin(shard, token, head, place);
    try {
      await load(shard, token, records);
      await step(shard, { step: 'seal', token, ...head });
      const report = await auditBooks(shard);
      if (!report.ok) {
        const message = `the books as they were written do not pass their audit: ${report.problems[0]?.message ?? ''}`;
        throw new Fault('STORE_DAMAGED', message);
      }
      await step(shard, { step: 'finish', token });
      return report;
    } catch (error) {
      await empty(shard, token);
      throw error;
    }
  } finally {
    await close();
  }
}

async function begin(
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
async function empty(shard: Shard, token: string): Promise<void> {
  try {
    while ((await shard.importStep({ step: 'empty', token })) === 'again');
  } catch {
    // The error that led here is the one to tell.
  }
}

async function step(shard: Shard, asked: object): Promise<void> {
  const state = await shard.importStep(asked);
  if (state === 'ready') return;
  throw new Fault('STORE_LOCKED', 'another import into the same books has begun meanwhile');
}

/** What one step takes: some milliseconds of the server's only thread. */
const RECORDS_AT_ONCE = 400;

interface Chunk {
  readonly openings: Opening[];
  readonly stories: [reservationId: string, lines: object[]][];
  readonly entries: LedgerEntry[];
  readonly messages: OutboxMessage[];
  readonly outboxLevels: OutboxLevel[];
  readonly reservations: Reservation[];
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
    levels: [],
    answers: [],
    size: 0,
  };
}

function add(chunk: Chunk, { kind, value }: BooksRecord): void {
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

async function load(
  shard: Shard,
  token: string,
  records: AsyncIterable<BooksRecord>,
): Promise<void> {
  let chunk = newChunk();
  const send = async (): Promise<void> => {
    const { entries, size: _, ...rest } = chunk;
    const parts = partsOf(entries);
    const ledger = { parts: parts.map(({ row }) => row), seqs: partsBySku(parts) };
    await step(shard, { step: 'load', token, ...ledger, ...rest });
    chunk = newChunk();
  };
  for await (const record of records) {
    add(chunk, record);
    if (chunk.size === RECORDS_AT_ONCE) await send();
  }
  await send();
}
