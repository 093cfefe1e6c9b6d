/**
 * The durable store of one machine: SQLite in a data directory, written by one thread of its own. Commands that arrive
 * while it is at work share the next transaction and its one fsync; an answer leaves after its commit.
 */
import type { Worker } from 'node:worker_threads';
import type { AuditReport } from '../../core/audit.ts';
import type { Answer, AnswerTo, Command, ImportStockCommand } from '../../core/command.ts';
import type { OutboxMessage } from '../../core/outbox/message.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { Rules } from '../../core/rules.ts';
import type { LevelView } from '../../core/stock-level.ts';
import { Fault } from '../../engine/faults.ts';
import { soleLeases } from '../../engine/lease.ts';
import { makeFolder } from '../../engine/folder.ts';
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
import type { WebhookInbox } from '../../engine/webhook-inbox.ts';
import { AnchoredClock, SharedClock } from './anchored-clock.ts';
import { auditDataDir, checkStructure } from './audit.ts';
import type { CommandQueue, Effect, Job } from './command-queue.ts';
import { dataFiles } from './data-files.ts';
import { Dispatcher } from './dispatcher.ts';
import { EmbeddedInbox } from './embedded-inbox.ts';
import { openLastConnection, type LastConnection } from './last-connection.ts';
import type { StartCheck } from './open-database.ts';
import {
  ResultReader,
  ROWS_PER_PART,
  type FromWriter,
  type ImportTransfer,
  type ToWriter,
} from './protocol.ts';
import { effectOf, effectOfAll, SoldOutMirror } from './sold-out-mirror.ts';
import { startWriter } from './start-writer.ts';
import type { InboxAnswerTo, InboxRequest } from './webhook-table.ts';
import type { Operation, Result, ResultOf } from './writer.ts';

export interface EmbeddedStoreOptions {
  /** Made if it is not there. */
  readonly dataDir: string;
  readonly rules: Rules;
  /** Commands that may wait; more are refused with STORE_OVERLOADED. */
  readonly queueLimit?: number;
  /** How long a command may take, waiting included, in ms. */
  readonly commandDeadlineMs?: number;
  /** How long closing may take, what is in flight included, in ms. */
  readonly closeDeadlineMs?: number;
  readonly startCheck?: StartCheck;
  /** Decides what time it is instead of the machine's clock; for tests. */
  readonly clock?: SharedClock;
}

const QUEUE_LIMIT = 10_000;
const COMMAND_DEADLINE_MS = 2_000;
/** More time for each row of an import. */
const MS_PER_ROW = 0.2;
/** A writer that has not ended by then hangs, in a disk for example: it is ended without closing its books. */
const CLOSE_DEADLINE_MS = 30_000;
const LOOKS_PER_DEADLINE = 20;
export class EmbeddedStore implements OutboxStore {
  readonly name = 'embedded';
  readonly clock: Clock;
  readonly leases = soleLeases();
  readonly inbox: WebhookInbox;
  /** What was found at the start and set right, for the log. */
  readonly warnings: readonly string[];
  readonly #worker: Worker;
  readonly #dispatcher: Dispatcher;
  readonly #queue: CommandQueue;
  readonly #mirror: SoldOutMirror;
  readonly #deadlineMs: number;
  readonly #closeDeadlineMs: number;
  readonly #dataDir: string;
  readonly #commitListeners = new Set<(notice: CommitNotice) => void>();
  readonly #failureListeners = new Set<(fault: Error) => void>();
  readonly #timer: NodeJS.Timeout;
  #state: 'open' | 'closing' | 'closed' | 'failed' = 'open';
  #failure: Fault | null = null;
  #lastConnection: LastConnection | null = null;
  #transfers = 0;
  #closed: Promise<void> | null = null;
  #whenIdle: (() => void) | null = null;

  static async open(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
    makeFolder(options.dataDir);
    const { worker, opened } = await startWriter({
      dataDir: options.dataDir,
      rules: options.rules,
      startCheck: options.startCheck ?? 'quick',
      clock: options.clock?.buffer ?? null,
    });
    return new EmbeddedStore(worker, opened, options);
  }

  private constructor(
    worker: Worker,
    opened: FromWriter & { type: 'open' },
    options: EmbeddedStoreOptions,
  ) {
    this.#worker = worker;
    this.#dataDir = options.dataDir;
    this.#dispatcher = new Dispatcher(options.queueLimit ?? QUEUE_LIMIT, (message) => {
      this.#post(message);
    });
    this.#queue = this.#dispatcher.queue;
    this.#mirror = new SoldOutMirror(options.rules, opened.highestId);
    this.#deadlineMs = options.commandDeadlineMs ?? COMMAND_DEADLINE_MS;
    this.#closeDeadlineMs = options.closeDeadlineMs ?? CLOSE_DEADLINE_MS;
    this.warnings = opened.warnings;
    this.inbox = new EmbeddedInbox(
      <R extends InboxRequest>(request: R) =>
        this.#ask({ kind: 'inbox', request }) as Promise<InboxAnswerTo<R>>,
    );
    this.clock =
      options.clock === undefined
        ? new AnchoredClock(opened.clock)
        : new SharedClock(options.clock.buffer, opened.clock.floor);
    worker.on('message', (message: FromWriter) => {
      this.#hear(message);
    });
    worker.on('error', (error) => {
      this.#fail(new Fault('STORE_UNAVAILABLE', `the writer failed: ${String(error)}`));
    });
    worker.on('exit', () => {
      if (this.#state !== 'closed') {
        this.#fail(new Fault('STORE_UNAVAILABLE', 'the writer ended unexpectedly'));
      }
    });
    this.#timer = setInterval(() => {
      this.#lookForLate();
    }, this.#deadlineMs / LOOKS_PER_DEADLINE);
    this.#timer.unref();
    if (opened.unchecked) void this.#checkStructure();
  }

  /** Beside the sales, which stop if it finds something. */
  async #checkStructure(): Promise<void> {
    try {
      const findings = await checkStructure(this.#dataDir);
      if (findings.length === 0) return;
      const found = findings.slice(0, 3).join('; ');
      const message = `the books in ${this.#dataDir} are damaged: ${found}. Restore a backup; do not sell on this.`;
      this.#fail(new Fault('STORE_DAMAGED', message));
    } catch (error) {
      if (error instanceof Fault) this.#fail(error);
    }
  }

  async submit<C extends Command>(command: C, options: SubmitOptions = {}): Promise<AnswerTo<C>> {
    this.#assertOpen();
    const idempotency = options.idempotency ?? null;
    if (command.type === 'reserve' && idempotency === null) {
      const refusal = this.#mirror.refuse(command, this.clock.now(), this.#queue);
      if (refusal !== null) return refusal as AnswerTo<C>;
    }
    this.#mirror.sent(command);
    const operation =
      command.type === 'import_stock' && command.rows.length > ROWS_PER_PART
        ? await this.#sendAhead(command, idempotency)
        : ({ kind: 'command', command, idempotency } as const);
    const rows = command.type === 'import_stock' ? command.rows.length : 0;
    const results = await this.#enqueue([operation], effectOf(command), rows * MS_PER_ROW);
    return results[0] as AnswerTo<C>;
  }

  async submitAll(submissions: readonly Submission[]): Promise<Answer[]> {
    this.#assertOpen();
    if (submissions.length === 0) return [];
    const operations = submissions.map(({ command, idempotency }) => {
      this.#mirror.sent(command);
      return { kind: 'command', command, idempotency } as const;
    });
    const effect = effectOfAll(submissions.map(({ command }) => command));
    return (await this.#enqueue(operations, effect)) as Answer[];
  }

  level(sku: string): Promise<LevelView | null> {
    return this.#ask({ kind: 'level', sku });
  }

  levels(query: LevelsQuery): Promise<LevelView[]> {
    return this.#ask({ kind: 'levels', query });
  }

  reservation(id: string): Promise<Reservation | null> {
    return this.#ask({ kind: 'reservation', id });
  }

  reservations(after: string | null, limit: number): Promise<Reservation[]> {
    return this.#ask({ kind: 'reservations', after, limit });
  }

  ledger(query: LedgerQuery): Promise<LedgerEntry[]> {
    return this.#ask({ kind: 'ledger', query });
  }

  ledgerBeginning(sku: string | null): Promise<LedgerBeginning> {
    return this.#ask({ kind: 'ledger_beginning', sku });
  }

  outbox(query: OutboxQuery): Promise<OutboxMessage[]> {
    return this.#ask({ kind: 'outbox', query });
  }

  message(id: number): Promise<OutboxMessage | null> {
    return this.#ask({ kind: 'message', id });
  }

  outboxStats(): Promise<OutboxStats> {
    return this.#ask({ kind: 'outbox_stats' });
  }

  async balanceFence(): Promise<number> {
    return (await this.outboxStats()).head;
  }

  stats(): Promise<StoreStats> {
    return this.#ask({ kind: 'stats' });
  }

  async audit(): Promise<AuditReport> {
    this.#assertOpen();
    return auditDataDir(this.#dataDir);
  }

  health(): StoreHealth {
    const ready = this.#state === 'open';
    const reason = this.#failure?.message ?? (ready ? null : 'the store is closed');
    return { ready, reason, queued: this.#queue.size };
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#commitListeners.add(listener);
    this.#post({ type: 'listen', on: true });
    return () => {
      this.#commitListeners.delete(listener);
      if (this.#commitListeners.size === 0) this.#post({ type: 'listen', on: false });
    };
  }

  onFailure(listener: (fault: Error) => void): void {
    this.#failureListeners.add(listener);
  }

  /** Rejects if the books could not be closed; nothing that was acknowledged is lost by that. */
  close(): Promise<void> {
    this.#closed ??= this.#closeInTime();
    return this.#closed;
  }

  async #closeInTime(): Promise<void> {
    const timer = setTimeout(() => {
      this.#fail(new Fault('STORE_UNAVAILABLE', 'the writer did not end in time'));
    }, this.#closeDeadlineMs);
    try {
      await this.#close();
    } finally {
      clearTimeout(timer);
    }
  }

  async #close(): Promise<void> {
    const state = this.#state;
    if (state === 'open') {
      this.#state = 'closing';
      if (this.#queue.size > 0) {
        await new Promise<void>((resolve) => {
          this.#whenIdle = resolve;
        });
      }
    }
    clearInterval(this.#timer);
    if (this.#failure !== null) {
      await this.#end();
      if (state === 'open') throw this.#failure;
      return;
    }
    const ended = new Promise<Error | number>((resolve) => {
      this.#worker.once('exit', resolve);
      this.#failureListeners.add(resolve);
    });
    this.#post({ type: 'close' });
    const failure = await ended;
    if (!(failure instanceof Error)) return;
    await this.#end();
    throw failure;
  }

  /** Of a writer that has failed. */
  async #end(): Promise<void> {
    await this.#worker.terminate();
    this.#lastConnection?.close();
  }

  #assertOpen(): void {
    if (this.#state === 'open') return;
    throw new Fault('STORE_UNAVAILABLE', this.#failure?.message ?? 'the store is closed', {
      retryable: true,
    });
  }

  async #ask<O extends Operation>(operation: O): Promise<ResultOf<O>> {
    this.#assertOpen();
    const [result] = await this.#enqueue([operation], 'none');
    return result as ResultOf<O>;
  }

  #enqueue(operations: Job['operations'], effect: Effect, moreMs = 0): Promise<Result[]> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.#deadlineMs + moreMs;
      this.#dispatcher.add({ operations, effect, deadline, resolve, reject, settled: false });
    });
  }

  /** Sends the rows of a large import in parts, and lets others have their turn in between. */
  async #sendAhead(
    { rows, dryRun }: ImportStockCommand,
    idempotency: ImportTransfer['idempotency'],
  ): Promise<ImportTransfer> {
    this.#transfers += 1;
    const transfer = this.#transfers;
    for (let at = 0; at < rows.length; at += ROWS_PER_PART) {
      const part = JSON.stringify(rows.slice(at, at + ROWS_PER_PART));
      this.#post({ type: 'rows', transfer, rows: part });
      await new Promise((resolve) => setImmediate(resolve));
      this.#assertOpen();
    }
    return { kind: 'import', transfer, dryRun, idempotency };
  }

  #post(message: ToWriter): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromWriter): void {
    switch (message.type) {
      case 'answers':
        this.#mirror.apply(message.soldOut);
        if (message.notice !== null) for (const tell of this.#commitListeners) tell(message.notice);
        this.#answer(message.answers);
        break;
      case 'failed':
        this.#fail(new Fault(message.code, message.message));
        break;
      case 'closed':
        this.#state = 'closed';
        break;
      case 'open':
        break;
    }
  }

  #answer(answers: (FromWriter & { type: 'answers' })['answers']): void {
    const batch = this.#dispatcher.answered();
    const reader = new ResultReader(answers);
    for (const job of batch) {
      const results = job.operations.map((operation) => reader.next(operation));
      if (job.settled) continue;
      job.settled = true;
      job.resolve(results);
    }
    if (this.#queue.size === 0) this.#whenIdle?.();
  }

  #lookForLate(): void {
    for (const { operations } of this.#queue.expire(performance.now())) {
      for (const operation of operations) {
        if (operation.kind === 'import') {
          this.#post({ type: 'drop', transfer: operation.transfer });
        }
      }
    }
    if (this.#queue.size === 0) this.#whenIdle?.();
  }

  #fail(fault: Fault): void {
    if (this.#failure !== null || this.#state === 'closed') return;
    this.#failure = fault;
    this.#state = 'failed';
    this.#lastConnection = openLastConnection(dataFiles(this.#dataDir).database);
    this.#dispatcher.halt(fault.message);
    this.#post({ type: 'halt' });
    this.#whenIdle?.();
    for (const listener of this.#failureListeners) listener(fault);
  }
}
