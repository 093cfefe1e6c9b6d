/** Everything in this process's memory: the fastest store and the reference model; nothing survives a restart. */
import { Audit, type AuditReport } from '../../core/audit.ts';
import type { Answer, AnswerTo, Command } from '../../core/command.ts';
import { levelView } from '../../core/execute-stock.ts';
import { execute } from '../../core/execute.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import { hasLapsed, type Reservation } from '../../core/reservation.ts';
import type { OutboxMessage } from '../../core/outbox/message.ts';
import type { Rules } from '../../core/rules.ts';
import type { LevelView } from '../../core/stock-level.ts';
import { Fault } from '../../engine/faults.ts';
import { soleLeases } from '../../engine/lease.ts';
import type {
  Clock,
  CommitNotice,
  LedgerBeginning,
  LedgerQuery,
  LevelsQuery,
  OutboxQuery,
  OutboxStats,
  OutboxStore,
  StoreHealth,
  StoreStats,
  Submission,
  SubmitOptions,
} from '../../engine/ports.ts';
import { MemoryBook } from './memory-book.ts';
import { MemoryInbox } from './memory-inbox.ts';

export class MemoryStore implements OutboxStore {
  readonly name = 'memory';
  readonly clock: Clock;
  readonly leases = soleLeases();
  readonly inbox = new MemoryInbox(() => {
    this.#assertOpen();
  });
  readonly #rules: Rules;
  readonly #book = new MemoryBook();
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  #purgedBefore = 0;
  #closed = false;

  constructor(clock: Clock, rules: Rules) {
    this.clock = clock;
    this.#rules = rules;
  }

  // Deciding in the same turn keeps the order of submission; `async` turns a throw into a rejection.
  async submit<C extends Command>(command: C, options: SubmitOptions = {}): Promise<AnswerTo<C>> {
    this.#assertOpen();
    const headBefore = this.#book.trimming.headSeq;
    const answer = this.#execute({ command, idempotency: options.idempotency ?? null });
    this.#notify(headBefore, 1);
    return answer as AnswerTo<C>;
  }

  async submitAll(submissions: readonly Submission[]): Promise<Answer[]> {
    this.#assertOpen();
    const headBefore = this.#book.trimming.headSeq;
    const answers = submissions.map((submission) => this.#execute(submission));
    this.#notify(headBefore, submissions.length);
    return answers;
  }

  #execute({ command, idempotency }: Submission): Answer {
    if (command.type === 'purge') {
      this.#purgedBefore = Math.max(this.#purgedBefore, command.endedBefore);
    }
    return execute(this.#book, command, this.clock.now(), this.#rules, idempotency);
  }

  #assertOpen(): void {
    if (this.#closed) throw new Fault('STORE_UNAVAILABLE', 'the store is closed');
  }

  #notify(headBefore: number, commands: number): void {
    const { headSeq } = this.#book.trimming;
    if (this.#listeners.size === 0 || headSeq === headBefore) return;
    const now = this.clock.now();
    const skus = new Set<string>();
    const lapsed = new Set<string>();
    for (const entry of this.#book.trimming.entriesAfter(headBefore, headSeq - headBefore)) {
      const { sku, kind, reservationId } = entry;
      skus.add(sku);
      if (kind === 'expire' && reservationId !== null) lapsed.add(reservationId);
    }
    const notice: CommitNotice = {
      headSeq,
      commands,
      seconds: 0,
      at: now,
      expired: Array.from(lapsed, (reservationId) => ({
        reservationId,
        expiresAt: this.#book.reservation(reservationId)?.expiresAt ?? now,
      })),
      levels: Array.from(skus, (sku) => levelView(this.#book, sku, now)),
    };
    for (const listener of this.#listeners) listener(notice);
  }

  level(sku: string): Promise<LevelView | null> {
    const known = this.#book.level(sku) !== undefined;
    return Promise.resolve(known ? levelView(this.#book, sku, this.clock.now()) : null);
  }

  levels({ after, prefix, limit }: LevelsQuery): Promise<LevelView[]> {
    const now = this.clock.now();
    const skus = [...this.#book.levels.keys()].filter(
      (sku) =>
        (after === null || compareCodePoints(sku, after) > 0) && sku.startsWith(prefix ?? ''),
    );
    const page = skus.sort(compareCodePoints).slice(0, limit);
    return Promise.resolve(page.map((sku) => levelView(this.#book, sku, now)));
  }

  reservation(id: string): Promise<Reservation | null> {
    const reservation = this.#book.reservation(id);
    if (reservation === undefined) return Promise.resolve(null);
    const lapsed = hasLapsed(reservation, this.clock.now());
    return Promise.resolve(lapsed ? { ...reservation, status: 'expired' } : reservation);
  }

  reservations(after: string | null, limit: number): Promise<Reservation[]> {
    const all = [...this.#book.reservations.values()];
    const rest = after === null ? all : all.filter(({ id }) => id > after);
    return Promise.resolve(rest.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit));
  }

  ledger({ sku, after, limit }: LedgerQuery): Promise<LedgerEntry[]> {
    const { trimming } = this.#book;
    if (sku === null) return Promise.resolve(trimming.entriesAfter(after, limit));
    const all = trimming.entriesAfter(after, trimming.headSeq);
    return Promise.resolve(all.filter((entry) => entry.sku === sku).slice(0, limit));
  }

  ledgerBeginning(sku: string | null): Promise<LedgerBeginning> {
    const { trimming } = this.#book;
    const opening = sku === null ? null : (trimming.opening(sku) ?? null);
    return Promise.resolve({ cut: trimming.cut, opening });
  }

  outbox({ state, after, limit }: OutboxQuery): Promise<OutboxMessage[]> {
    const { outbox } = this.#book;
    const all =
      state === 'delivered'
        ? outbox.messages().filter((message) => message.state === state)
        : outbox.live.inState(state);
    const found = all.filter(({ id }) => id > after);
    return Promise.resolve(found.slice(0, limit));
  }

  message(id: number): Promise<OutboxMessage | null> {
    return Promise.resolve(this.#book.outbox.message(id) ?? null);
  }

  outboxStats(): Promise<OutboxStats> {
    const { live } = this.#book.outbox;
    return Promise.resolve({
      pending: live.count('pending'),
      inFlight: live.count('in_flight'),
      unknown: live.count('unknown'),
      dead: live.count('dead'),
      keys: live.pendingKeys(),
      oldestAt: live.oldestAt(),
      head: this.#book.outbox.head(),
    });
  }

  balanceFence(): Promise<number> {
    return Promise.resolve(this.#book.outbox.head());
  }

  stats(): Promise<StoreStats> {
    const [due] = this.#book.due(this.clock.now(), 1);
    return Promise.resolve({
      skus: this.#book.levels.size,
      active: this.#book.activeCount,
      headSeq: this.#book.trimming.headSeq,
      oldestDueAt: due?.expiresAt ?? null,
    });
  }

  audit(): Promise<AuditReport> {
    const audit = new Audit(this.#purgedBefore).withOutbox();
    const { openings, stories, cut } = this.#book.trimming;
    for (const opening of openings.values()) audit.opening(opening);
    for (const [id, lines] of stories) audit.story(id, lines);
    audit.cut(cut);
    for (const entry of this.#book.entries) audit.entry(entry);
    for (const message of this.#book.outbox.messages()) audit.message(message);
    for (const reservation of this.#book.reservations.values()) audit.reservation(reservation);
    for (const level of this.#book.outbox.levels.values()) audit.outboxLevel(level);
    for (const level of this.#book.levels.values()) audit.level(level);
    return Promise.resolve(audit.finish());
  }

  health(): StoreHealth {
    const reason = this.#closed ? 'the store is closed' : null;
    return { ready: !this.#closed, reason, queued: 0 };
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onFailure(): void {
    // Memory does not fail by itself.
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}

/** SQLite and Redis order text by its UTF-8 bytes, which is code point order; JavaScript's `<` is not. */
function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
