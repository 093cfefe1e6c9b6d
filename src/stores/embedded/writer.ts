/** Decides and records: operations in their order, one transaction for all that came together. Knows nothing of threads. */
import type { Answer, Command, Idempotency } from '../../core/command.ts';
import { levelView } from '../../core/execute-stock.ts';
import { execute } from '../../core/execute.ts';
import type { OutboxMessage } from '../../core/outbox/message.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import { hasLapsed, type Reservation } from '../../core/reservation.ts';
import type { Rules } from '../../core/rules.ts';
import type { LevelView } from '../../core/stock-level.ts';
import type {
  Clock,
  CommitNotice,
  LedgerBeginning,
  LedgerQuery,
  LevelsQuery,
  OutboxQuery,
  OutboxStats,
  StoreStats,
} from '../../engine/ports.ts';
import type { DatabaseSync } from 'node:sqlite';
import { SoldOutNews, type SoldOutChange } from './sold-out-news.ts';
import { LedgerPages } from './ledger-table.ts';
import { Queries } from './queries.ts';
import { SqliteBook, type Changes } from './sqlite-book.ts';
import type { InboxAnswer, InboxRequest } from './webhook-table.ts';

export type Operation =
  | {
      readonly kind: 'command';
      readonly command: Command;
      readonly idempotency: Idempotency | null;
    }
  | { readonly kind: 'level'; readonly sku: string }
  | { readonly kind: 'levels'; readonly query: LevelsQuery }
  | { readonly kind: 'reservation'; readonly id: string }
  | { readonly kind: 'reservations'; readonly after: string | null; readonly limit: number }
  | { readonly kind: 'ledger'; readonly query: LedgerQuery }
  | { readonly kind: 'ledger_beginning'; readonly sku: string | null }
  | { readonly kind: 'outbox'; readonly query: OutboxQuery }
  | { readonly kind: 'message'; readonly id: number }
  | { readonly kind: 'outbox_stats' }
  | { readonly kind: 'inbox'; readonly request: InboxRequest }
  | { readonly kind: 'stats' };

interface Results {
  command: Answer;
  level: LevelView | null;
  levels: LevelView[];
  reservation: Reservation | null;
  reservations: Reservation[];
  ledger: LedgerEntry[];
  ledger_beginning: LedgerBeginning;
  outbox: OutboxMessage[];
  message: OutboxMessage | null;
  outbox_stats: OutboxStats;
  inbox: InboxAnswer;
  stats: StoreStats;
}
export type ResultOf<O extends Operation> = Results[O['kind']];
export type Result = Results[Operation['kind']];

export interface BatchResult {
  readonly results: readonly Result[];
  /** What the batch changed; null where it changed nothing or nobody listens. */
  readonly notice: CommitNotice | null;
  readonly soldOut: readonly SoldOutChange[];
}

/** Levels told of one commit at most. */
const NOTICED_LEVELS = 100;

export class Writer {
  readonly clock: Clock;
  readonly #rules: Rules;
  readonly #book: SqliteBook;
  readonly #queries: Queries;
  readonly #ledger: LedgerPages;
  readonly #soldOut = new SoldOutNews();
  /** Does anybody want notices of commits? */
  listening = false;

  /** `clock` is made from the latest time that the books have recorded. */
  constructor(db: DatabaseSync, rules: Rules, clock: (floor: number) => Clock) {
    this.#rules = rules;
    this.#book = new SqliteBook(db);
    this.#queries = new Queries(db);
    this.#ledger = new LedgerPages(db);
    this.clock = clock(this.#book.clock);
  }

  /** Of all reservations there are; empty: there is none. */
  get highestId(): string {
    return this.#book.highestId;
  }

  /** Whatever it throws, nothing of the batch may be answered, and this writer is not to be used again. */
  run(operations: readonly Operation[]): BatchResult {
    const begun = process.hrtime();
    const results = operations.map((operation) => this.#run(operation));
    const now = this.clock.now();
    const changes = this.#book.commit(now);
    if (changes !== null) this.#soldOut.touched(changes.skus);
    const soldOut = this.#soldOut.take(this.#book, now);
    if (changes === null || !this.listening) return { results, notice: null, soldOut };
    const [seconds, nanoseconds] = process.hrtime(begun);
    const took = seconds + nanoseconds / 1e9;
    return { results, notice: this.#notice(changes, operations.length, now, took), soldOut };
  }

  #run(operation: Operation): Result {
    switch (operation.kind) {
      case 'command': {
        const { command, idempotency } = operation;
        if (command.type === 'purge') this.#book.notePurge(command.endedBefore);
        const now = this.clock.now();
        const answer = execute(this.#book, command, now, this.#rules, idempotency);
        if (!answer.ok) this.#soldOut.refused(answer);
        return answer;
      }
      case 'level': {
        const known = this.#book.level(operation.sku) !== undefined;
        return known ? levelView(this.#book, operation.sku, this.clock.now()) : null;
      }
      case 'levels':
        return this.#levels(operation.query);
      case 'reservation':
        return this.#reservation(operation.id);
      case 'reservations':
        this.#book.flush();
        return this.#queries.reservations(operation.after, operation.limit);
      case 'ledger':
        return this.#readLedger(operation.query);
      case 'ledger_beginning':
        return this.#beginning(operation.sku);
      case 'outbox':
        this.#book.flush();
        return this.#book.outbox.page(operation.query);
      case 'message':
        return this.#book.outbox.message(operation.id) ?? null;
      case 'outbox_stats':
        return this.#book.outbox.stats();
      case 'inbox':
        return this.#book.webhooks.answer(operation.request);
      case 'stats':
        return this.#stats();
    }
  }

  #readLedger({ sku, after, limit }: LedgerQuery): LedgerEntry[] {
    if (sku !== null) return this.#book.ledgerOf(this.#ledger, sku, after, limit);
    this.#book.flush();
    return this.#ledger.all(after, limit);
  }

  #beginning(sku: string | null): LedgerBeginning {
    const { trimming } = this.#book;
    const opening = sku === null ? null : (trimming.opening(sku) ?? null);
    return { cut: trimming.cut, opening };
  }

  #levels(query: LevelsQuery): LevelView[] {
    this.#book.flush();
    const now = this.clock.now();
    return this.#queries.levels(query).map(({ sku }) => levelView(this.#book, sku, now));
  }

  #reservation(id: string): Reservation | null {
    const reservation = this.#book.reservation(id);
    if (reservation === undefined) return null;
    const lapsed = hasLapsed(reservation, this.clock.now());
    return lapsed ? { ...reservation, status: 'expired' } : reservation;
  }

  #stats(): StoreStats {
    return {
      skus: this.#book.skuCount,
      active: this.#book.activeCount,
      headSeq: this.#book.headSeq,
      oldestDueAt: this.#book.oldestDueAt(this.clock.now()),
    };
  }

  #notice(changes: Changes, commands: number, at: number, seconds: number): CommitNotice {
    const skus = Array.from(changes.skus).slice(0, NOTICED_LEVELS);
    return {
      headSeq: this.#book.headSeq,
      commands,
      seconds,
      at,
      expired: changes.expired.map(({ id, expiresAt }) => ({ reservationId: id, expiresAt })),
      levels: skus.map((sku) => levelView(this.#book, sku, at)),
    };
  }

  /** To be called before the books are closed. */
  settle(): void {
    this.#book.settle();
  }
}
