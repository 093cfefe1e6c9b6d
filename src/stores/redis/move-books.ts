/** Whole books out of a shard, and into one that has none. */
import { randomUUID } from 'node:crypto';
import type { AuditReport } from '../../core/audit.ts';
import type { StoryLine } from '../../core/audit-story.ts';
import type { Opening } from '../../core/ledger-cut.ts';
import type { OutboxLevel, OutboxMessage } from '../../core/outbox/message.ts';
import type { BooksHead, BooksRecord, BooksSource } from '../../engine/books-file/whole-books.ts';
import { Fault } from '../../engine/faults.ts';
import { auditBooks } from './audit-books.ts';
import type { OpenShard } from './open-shard.ts';
import { begin, empty, ShardLoader, step } from './shard-loader.ts';
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
      const loader = new ShardLoader(shard, token);
      for await (const record of records) await loader.add(record);
      await loader.flush();
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
