/** Books as a store would hand them to an audit, grown by a random history; each figure can then be falsified. */
import assert from 'node:assert/strict';
import { Audit, type ProblemKind } from '../../src/core/audit.ts';
import type { StoryLine } from '../../src/core/audit-story.ts';
import { execute } from '../../src/core/execute.ts';
import type { LedgerCut, Opening } from '../../src/core/ledger-cut.ts';
import type { LedgerEntry } from '../../src/core/ledger.ts';
import type { MessageLine, OutboxLevel, OutboxMessage } from '../../src/core/outbox/message.ts';
import type { Reservation, ReservationLine } from '../../src/core/reservation.ts';
import type { StockLevel } from '../../src/core/stock-level.ts';
import { MemoryBook } from '../../src/stores/memory/memory-book.ts';
import { FakeClock } from './fake-clock.ts';
import type { History } from './histories.ts';
import { Narrator, type Request } from './narrator.ts';

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface Books {
  entries: Mutable<LedgerEntry>[];
  reservations: (Mutable<Omit<Reservation, 'lines'>> & { lines: Mutable<ReservationLine>[] })[];
  levels: Mutable<StockLevel>[];
  messages: (Mutable<Omit<OutboxMessage, 'lines'>> & { lines: Mutable<MessageLine>[] })[];
  outboxLevels: Mutable<OutboxLevel>[];
  purgedBefore: number;
  cut: LedgerCut;
  openings: Opening[];
  stories: { reservationId: string; lines: StoryLine[] }[];
}

/** `trimmed`: in the places of the history where its ledger is to be trimmed; else it is left whole. */
export function honestBooks({ rules, steps }: History, { trimmed = false } = {}): Books {
  const clock = new FakeClock();
  const book = new MemoryBook();
  const narrator = new Narrator(clock);
  let purgedBefore = 0;
  const ask = ({ command, idempotency }: Request): void => {
    if (command.type === 'trim_ledger' && !trimmed) return;
    if (command.type === 'purge') purgedBefore = Math.max(purgedBefore, command.endedBefore);
    narrator.heard(execute(book, command, clock.now(), rules, idempotency));
  };
  narrator.opening.forEach(ask);
  for (const step of steps) {
    if (step.kind === 'submit') ask(narrator.request(step.asked));
    else if (step.kind === 'batch') step.asked.forEach((asked) => ask(narrator.request(asked)));
    else if (step.kind !== 'reopen') clock.set(narrator.timeOf(step));
  }
  return structuredClone({
    entries: book.entries,
    reservations: [...book.reservations.values()],
    levels: [...book.levels.values()],
    messages: book.outbox.messages(),
    outboxLevels: [...book.outbox.levels.values()],
    purgedBefore,
    cut: book.trimming.cut,
    openings: [...book.trimming.openings.values()],
    stories: Array.from(book.trimming.stories, ([reservationId, lines]) => ({
      reservationId,
      lines,
    })),
  }) as Books;
}

export function problemsOf({
  entries,
  reservations,
  levels,
  messages,
  outboxLevels,
  purgedBefore,
  cut,
  openings,
  stories,
}: Books): Set<ProblemKind> {
  const audit = new Audit(purgedBefore).withOutbox();
  for (const each of openings) audit.opening(each);
  for (const { reservationId, lines } of stories) audit.story(reservationId, lines);
  audit.cut(cut);
  for (const each of entries) audit.entry(each);
  for (const each of messages) audit.message(each);
  for (const each of reservations) audit.reservation(each);
  for (const each of levels) audit.level(each);
  for (const each of outboxLevels) audit.outboxLevel(each);
  const report = audit.finish();
  assert.equal(report.ok, report.problemCount === 0);
  return new Set(report.problems.map(({ kind }) => kind));
}

/** Chooses one of those that fit; undefined where none does. */
