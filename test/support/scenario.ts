/**
 * Given/when/then against the core alone: a table with one expected outcome per line. Nothing is mocked; the books
 * are in memory, and after every line they are proven against their ledger.
 */
import assert from 'node:assert/strict';
import { Audit, type AuditReport } from '../../src/core/audit.ts';
import type { AnswerTo, Command, Idempotency } from '../../src/core/command.ts';
import { levelView } from '../../src/core/execute-stock.ts';
import { execute } from '../../src/core/execute.ts';
import type { LedgerEntry } from '../../src/core/ledger.ts';
import type { Reservation } from '../../src/core/reservation.ts';
import { DEFAULT_RULES, type Rules } from '../../src/core/rules.ts';
import { MemoryBook } from '../../src/stores/memory/memory-book.ts';
import { START } from './fake-clock.ts';
import { levelText, outcome } from './outcome.ts';

/** Seconds since `START`, what is asked, and what comes of it. */
export type Row = readonly [seconds: number, command: Command, outcome: string];

/** Rules under which an ERP has to acknowledge what was confirmed. */
export const WITH_ERP: Partial<Rules> = { acknowledgeOnConfirm: false };

export class Scenario {
  readonly book = new MemoryBook();
  readonly rules: Rules;
  now = START;
  #purgedBefore = 0;

  constructor(rules: Partial<Rules> = {}) {
    this.rules = { ...DEFAULT_RULES, ...rules };
  }

  do<C extends Command>(command: C, idempotency: Idempotency | null = null): AnswerTo<C> {
    if (command.type === 'purge') {
      this.#purgedBefore = Math.max(this.#purgedBefore, command.endedBefore);
    }
    return execute(this.book, command, this.now, this.rules, idempotency);
  }

  /** Walks the table; a line that comes out otherwise shows the whole walk up to it. */
  walk(rows: readonly Row[]): this {
    const walked: string[] = [];
    const expected: string[] = [];
    for (const [seconds, command, words] of rows) {
      this.now = Math.max(this.now, START + Math.round(seconds * 1000));
      const label = `${String(seconds).padStart(8)} ${command.type.padEnd(12)} `;
      walked.push(label + outcome(this.do(command)));
      expected.push(label + words);
      assert.deepEqual(walked, expected);
      assert.deepEqual(this.audit().problems, []);
    }
    return this;
  }

  /** The reservation as the books have it. */
  reservation(id: string): Reservation {
    const reservation = this.book.reservation(id);
    assert.ok(reservation, `no reservation ${id}`);
    return reservation;
  }

  level(sku: string): string {
    return levelText(levelView(this.book, sku, this.now));
  }

  /** The SKU's ledger, one entry a line: `reserve r1 reserved+2`. */
  ledger(sku: string): string[] {
    return this.book.entries.filter((entry) => entry.sku === sku).map(entryText);
  }

  audit(): AuditReport {
    return auditOf(this.book, this.#purgedBefore);
  }
}

export function auditOf(
  books: {
    readonly entries: Iterable<LedgerEntry>;
    readonly reservations: ReadonlyMap<string, Reservation>;
    readonly levels: MemoryBook['levels'];
    readonly outbox: MemoryBook['outbox'];
    readonly trimming: Pick<MemoryBook['trimming'], 'cut' | 'openings' | 'stories'>;
  },
  purgedBefore = 0,
): AuditReport {
  const audit = new Audit(purgedBefore).withOutbox();
  const { openings, stories, cut } = books.trimming;
  for (const opening of openings.values()) audit.opening(opening);
  for (const [id, lines] of stories) audit.story(id, lines);
  audit.cut(cut);
  for (const entry of books.entries) audit.entry(entry);
  for (const message of books.outbox.messages()) audit.message(message);
  for (const reservation of books.reservations.values()) audit.reservation(reservation);
  for (const level of books.outbox.levels.values()) audit.outboxLevel(level);
  for (const level of books.levels.values()) audit.level(level);
  return audit.finish();
}

export function entryText(entry: LedgerEntry): string {
  const moved = (['onHand', 'reserved', 'allocated', 'safetyStock'] as const)
    .filter((field) => entry[field] !== 0)
    .map((field) => `${field}${entry[field] > 0 ? '+' : ''}${entry[field]}`);
  const detail = Object.entries(entry.detail ?? {}).map(([key, value]) => `${key}=${value}`);
  return [entry.kind, entry.reservationId ?? [], moved, detail].flat().join(' ');
}
