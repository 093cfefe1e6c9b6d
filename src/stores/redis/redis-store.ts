/**
 * The books in Redis or Valkey, for several instances of the service over one engine. Every decision is taken by a
 * script on the server, a translation of `core`; this process gathers commands into batches and parses answers.
 */
import type { AuditReport } from '../../core/audit.ts';
import type { Answer, AnswerTo, Command } from '../../core/command.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import type { OutboxMessage } from '../../core/outbox/message.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { Rules } from '../../core/rules.ts';
import type { LevelView } from '../../core/stock-level.ts';
import { Fault } from '../../engine/faults.ts';
import type { Leases } from '../../engine/lease.ts';
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
import { describeAudit } from './audit-words.ts';
import { auditBooks } from './audit-books.ts';
import { CommandLane } from './command-lane.ts';
import {
  openRedisConnection,
  type ConnectionSettings,
  type RedisConnection,
} from './connection/redis-connection.ts';
import { HeardLedger } from './heard-ledger.ts';
import { ownScripts } from './own-scripts.ts';
import { RedisInbox } from './redis-inbox.ts';
import { ServerClock } from './server-clock.ts';
import { claimLayout } from './sharding/layout.ts';
import { Shard } from './shard.ts';

export interface RedisStoreOptions {
  /** Its limits of queue and time hold for commands, waiting included. */
  readonly connection: ConnectionSettings;
  readonly rules: Rules;
  /** The hash tag of every key: instances with the same one share their books. */
  readonly hashTag: string;
  /** Told, in words, of what an operator should know of. */
  readonly report: (message: string) => void;
  /** Decides what time it is instead of the server's clock; for tests. */
  readonly clock?: Clock;
}

/** How soon what another instance has written is noticed, while somebody listens. */
const LOOK_EVERY_MS = 200;

export class RedisStore implements OutboxStore {
  readonly name = 'redis';
  readonly clock: Clock;
  readonly leases: Leases;
  readonly inbox: WebhookInbox;
  readonly #connection: RedisConnection;
  readonly #shard: Shard;
  readonly #lane: CommandLane;
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  readonly #serverClock: ServerClock;
  readonly #timer: NodeJS.Timeout;
  readonly #heard = new HeardLedger();
  #headSeq: number;
  #batches = 0;
  #closed: Promise<void> | null = null;

  /** Throws `Fault` where Redis cannot be reached or is not fit for the books. */
  static async open(options: RedisStoreOptions): Promise<RedisStore> {
    const { rules, clock, hashTag, report } = options;
    const connection = await openRedisConnection(options.connection, ownScripts(), report);
    try {
      const time = clock === undefined ? null : () => clock.now();
      const shard = new Shard({ connection, rules, tag: hashTag, time });
      await shard.checkFormat();
      await claimLayout(connection, hashTag, 1);
      const { now, headSeq } = await shard.stats();
      return new RedisStore(options, connection, shard, { now, headSeq });
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  private constructor(
    options: RedisStoreOptions,
    connection: RedisConnection,
    shard: Shard,
    { now, headSeq }: { now: number; headSeq: number },
  ) {
    const { clock, hashTag } = options;
    const { queueLimit, commandDeadlineMs } = options.connection;
    this.#connection = connection;
    this.#shard = shard;
    this.leases = {
      acquire: (lease, holder, lengthMs) => shard.acquireLease(lease, holder, lengthMs),
      release: (fence) => shard.releaseLease(fence),
    };
    this.inbox = new RedisInbox(connection, hashTag);
    this.#headSeq = headSeq;
    this.#serverClock = new ServerClock(now, clock ? () => clock.now() : () => performance.now());
    this.clock = this.#serverClock;
    this.#lane = new CommandLane({
      queueLimit,
      deadlineMs: commandDeadlineMs,
      run: (batch) => this.#run(batch),
    });
    this.#timer = setInterval(() => {
      void this.#lookForOthers();
    }, LOOK_EVERY_MS);
    this.#timer.unref();
    connection.guardSales(async () => {
      const lost = await this.#heard.lostFrom(shard, this.#headSeq);
      if (lost === null) return describeAudit(await auditBooks(shard));
      if (options.connection.afterFailover === 'availability') this.#heard.forget();
      return `the ledger ${lost}`;
    });
  }

  /** What the operator should know of the servers. */
  get warnings(): readonly string[] {
    return this.#connection.warnings;
  }

  async submit<C extends Command>(command: C, options: SubmitOptions = {}): Promise<AnswerTo<C>> {
    const { idempotency = null, fence = null } = options;
    const [answer] = await this.submitAll([{ command, idempotency, fence }]);
    return answer as AnswerTo<C>;
  }

  async submitAll(submissions: readonly Submission[]): Promise<Answer[]> {
    if (submissions.length === 0) return [];
    return (await this.#lane.submit(submissions)).map((answer) => {
      if (answer !== null) return answer;
      throw new Fault(
        'LEASE_LOST',
        'another instance has taken the lease: nothing was carried out',
      );
    });
  }

  async #run(batch: readonly Submission[]): Promise<(Answer | null)[]> {
    const begun = performance.now();
    this.#batches += 1;
    const { answers, at, headSeq, changes } = await this.#shard.run(
      batch,
      this.#listeners.size > 0,
    );
    this.#serverClock.hear(at);
    this.#headSeq = headSeq;
    this.#heard.note(headSeq, at);
    if (changes !== null) {
      const seconds = (performance.now() - begun) / 1000;
      this.#tell({ headSeq, commands: batch.length, seconds, at, ...changes });
    }
    return answers;
  }

  #tell(notice: CommitNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  /** Tells the listeners of commits that other instances have made. */
  async #lookForOthers(): Promise<void> {
    if (this.#listeners.size === 0 || !this.#lane.idle) return;
    const batches = this.#batches;
    try {
      const headSeq = await this.#shard.headSeq();
      // A batch of our own that went meanwhile tells the head itself.
      if (batches !== this.#batches || headSeq <= this.#headSeq) return;
      this.#headSeq = headSeq;
      const at = this.clock.now();
      this.#tell({ headSeq, commands: 0, seconds: 0, at, expired: [], levels: [] });
    } catch {
      // Whoever asks for the store's health hears of it; the next look tries again.
    }
  }

  async level(sku: string): Promise<LevelView | null> {
    this.#assertOpen();
    return this.#shard.level(sku);
  }

  async levels(query: LevelsQuery): Promise<LevelView[]> {
    this.#assertOpen();
    return this.#shard.levels(query);
  }

  async reservation(id: string): Promise<Reservation | null> {
    this.#assertOpen();
    return this.#shard.reservation(id);
  }

  async ledger(query: LedgerQuery): Promise<LedgerEntry[]> {
    this.#assertOpen();
    return this.#shard.ledger.page(query);
  }

  async ledgerBeginning(sku: string | null): Promise<LedgerBeginning> {
    this.#assertOpen();
    return this.#shard.ledger.beginning(sku);
  }

  async stats(): Promise<StoreStats> {
    this.#assertOpen();
    const { now, ...stats } = await this.#shard.stats();
    this.#serverClock.hear(now);
    return stats;
  }

  async audit(): Promise<AuditReport> {
    this.#assertOpen();
    return auditBooks(this.#shard);
  }

  async reservations(after: string | null, limit: number): Promise<Reservation[]> {
    this.#assertOpen();
    return this.#shard.reservations(after, limit);
  }

  async outbox(query: OutboxQuery): Promise<OutboxMessage[]> {
    this.#assertOpen();
    return this.#shard.outbox.page(query);
  }

  async message(id: number): Promise<OutboxMessage | null> {
    this.#assertOpen();
    return this.#shard.outbox.message(id);
  }

  async outboxStats(): Promise<OutboxStats> {
    this.#assertOpen();
    return this.#shard.outbox.stats();
  }

  async balanceFence(): Promise<number> {
    this.#assertOpen();
    return this.#shard.outbox.head();
  }

  #assertOpen(): void {
    if (this.#closed !== null) throw new Fault('STORE_UNAVAILABLE', 'the store is closed');
  }

  health(): StoreHealth {
    const reason = this.#closed === null ? this.#connection.trouble() : 'the store is closed';
    return { ready: reason === null, reason, queued: this.#lane.size };
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onFailure(): void {
    // The server may come back; until then every command is answered with a fault.
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#lane.close();
    await this.#connection.close();
  }
}
