/**
 * The books in Redis over several shards. Each shard is a whole set of books in a slot of its own; what concerns one
 * of them is one script there, as with a single shard. What concerns several is put together here.
 */
import type { AuditReport } from '../../../core/audit.ts';
import type { Answer, AnswerTo, Command } from '../../../core/command.ts';
import type { LedgerEntry } from '../../../core/ledger.ts';
import type { OutboxMessage } from '../../../core/outbox/message.ts';
import type { Reservation } from '../../../core/reservation.ts';
import type { LevelView } from '../../../core/stock-level.ts';
import { Fault } from '../../../engine/faults.ts';
import type { Leases } from '../../../engine/lease.ts';
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
} from '../../../engine/ports.ts';
import type { WebhookInbox } from '../../../engine/webhook-inbox.ts';
import { describeAudit } from '../audit-words.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { AfterFailover } from '../connection/sale-guard.ts';
import { commonKeys } from '../keys.ts';
import { RedisInbox } from '../redis-inbox.ts';
import { ServerClock } from '../server-clock.ts';
import { auditShards } from './audit-shards.ts';
import { isCart } from './cart.ts';
import { CartCommands } from './cart-commands.ts';
import { Carts } from './carts.ts';
import { CommonCut } from './common-cut.ts';
import { commonLeases } from './common-leases.ts';
import { CommonLedger } from './common-ledger.ts';
import { CommonOutbox } from './common-outbox.ts';
import { Dispatch } from './dispatch.ts';
import { IdempotentKeys } from './idempotent-keys.ts';
import { Notices } from './notices.ts';
import { Placement, shardTags } from './placement.ts';
import { ShardDesk } from './shard-desk.ts';
import { StoreKeeping } from './store-keeping.ts';
import type { Rules } from '../../../core/rules.ts';

export interface ShardedOptions {
  readonly connection: RedisConnection;
  readonly rules: Rules;
  readonly hashTag: string;
  readonly shards: number;
  readonly queueLimit: number;
  readonly deadlineMs: number;
  /** Decides what time it is instead of the servers' clocks; for tests. */
  readonly clock: Clock | null;
  /** What is undecided or untold for so long, in ms, was left by somebody who is no more. */
  readonly leftAfterMs: number;
  readonly afterFailover: AfterFailover;
  /** How often this instance numbers the entries of all shards at most, in ms. */
  readonly numberEveryMs: number;
}

/** How soon what another instance has written is noticed, while somebody listens. */
const LOOK_EVERY_MS = 200;
/** Entries that nobody reads are numbered this often, so that their order is about that of their moments. */
const NUMBER_EVERY_MS = 1_000;

export class ShardedStore implements OutboxStore {
  readonly name = 'redis';
  readonly clock: Clock;
  readonly leases: Leases;
  /** In the first shard. */
  readonly inbox: WebhookInbox;
  readonly #connection: RedisConnection;
  readonly #serverClock: ServerClock;
  readonly #desks: readonly ShardDesk[];
  readonly placement: Placement;
  readonly keys: ReturnType<typeof commonKeys>;
  readonly #carts: Carts;
  readonly #dispatch: Dispatch;
  readonly #ledger: CommonLedger;
  readonly #cut: CommonCut;
  readonly #outbox: CommonOutbox;
  readonly #notices: Notices;
  readonly #timer: NodeJS.Timeout;
  #batches = 0;
  #numberedAt = 0;
  #numberedHead = 0;
  #closed: Promise<void> | null = null;

  /** Beside the services, to move books: whatever their format is, and without a guard of sales. */
  static beside(options: ShardedOptions): ShardedStore {
    return new ShardedStore(options);
  }

  /** Throws `Fault` where the books are of another version. */
  static async open(options: ShardedOptions): Promise<ShardedStore> {
    const store = new ShardedStore(options);
    await Promise.all(store.#desks.map(({ shard }) => shard.checkFormat()));
    await store.stats();
    options.connection.guardSales(async () => {
      const lost = await store.#lost();
      if (lost === null) return describeAudit(await store.audit());
      if (options.afterFailover === 'availability')
        store.#desks.forEach(({ heard }) => heard.forget());
      return lost;
    });
    return store;
  }

  private constructor(options: ShardedOptions) {
    const { connection, rules, clock, hashTag, queueLimit, deadlineMs } = options;
    this.#connection = connection;
    this.placement = new Placement(options.shards);
    this.#serverClock = new ServerClock(0, clock ? () => clock.now() : () => performance.now());
    this.clock = this.#serverClock;
    this.#notices = new Notices(() => this.#headSeq());
    const tags = shardTags(hashTag, options.shards);
    this.#desks = tags.map(
      (tag, index) =>
        new ShardDesk({
          index,
          shards: tags.length,
          tag,
          connection,
          rules,
          time: clock === null ? null : () => clock.now(),
          queueLimit,
          deadlineMs,
          listened: () => this.#notices.listened,
          changed: (change) => this.#notices.changed(change),
          heard: (at) => {
            this.#batches += 1;
            this.#serverClock.hear(at);
          },
          ask: (desk, ids) => this.#dispatch.ask(desk, ids),
          claim: (desk, batch) => this.#dispatch.claim(desk, batch),
        }),
    );
    this.#carts = new Carts(this.#desks, this.placement, rules.messageGrouping);
    const commands = new CartCommands(this.#carts, this.placement, rules);
    this.#outbox = new CommonOutbox(this.#desks, this.#carts, commands);
    this.#dispatch = new Dispatch({
      desks: this.#desks,
      carts: this.#carts,
      placement: this.placement,
      commands,
      keys: new IdempotentKeys(this.#carts, this.placement),
      releases: rules.onShortfall !== 'keep',
      trim: (command) => this.#cut.trim(command),
      keeping: new StoreKeeping(
        this.#desks,
        this.#carts,
        commands,
        this.#outbox,
        options.leftAfterMs,
      ),
      outbox: this.#outbox,
    });
    const shards = this.#desks.map(({ shard }) => shard);
    this.leases = commonLeases(shards);
    this.inbox = new RedisInbox(connection, tags[0] ?? hashTag);
    this.keys = commonKeys(tags);
    const { keys } = this;
    const shardOf = (sku: string): number => this.placement.shardOf(sku);
    const everyMs = options.numberEveryMs;
    this.#ledger = new CommonLedger(connection, shards, keys, { shardOf, everyMs });
    this.#cut = new CommonCut({
      connection,
      desks: this.#desks,
      ledger: this.#ledger,
      keys,
      shardOf,
      now: () => this.clock.now(),
    });
    this.#timer = setInterval(() => {
      void this.#look();
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  get desks(): readonly ShardDesk[] {
    return this.#desks;
  }

  /** What the operator should know of the servers. */
  get warnings(): readonly string[] {
    return this.#connection.warnings;
  }

  /** The id, changed so that a reservation of these SKUs is kept where they are, as far as that is one place. */
  placeId(id: string, skus: readonly string[]): string {
    return this.placement.place(id, skus);
  }

  async submit<C extends Command>(command: C, options: SubmitOptions = {}): Promise<AnswerTo<C>> {
    this.#assertOpen();
    const { idempotency = null, fence = null } = options;
    const submission: Submission = { command, idempotency, fence };
    const answer = await this.#dispatch.submit(submission, (work) =>
      this.#notices.together(1, work),
    );
    return answer as AnswerTo<C>;
  }

  async submitAll(submissions: readonly Submission[]): Promise<Answer[]> {
    this.#assertOpen();
    if (submissions.length === 0) return [];
    return this.#notices.together(submissions.length, () => this.#dispatch.all(submissions));
  }

  /** Tells the listeners of commits that other instances have made. */
  async #look(): Promise<void> {
    if (!this.#notices.listened || this.#desks.some(({ idle }) => !idle)) return;
    const batches = this.#batches;
    try {
      const heads = await Promise.all(this.#desks.map(({ shard }) => shard.headSeq()));
      // A batch of our own that went meanwhile tells the head itself.
      if (batches !== this.#batches) return;
      const news = this.#desks.map((desk, index) => desk.hearHead(heads[index] ?? 0));
      if (news.includes(true)) this.#notices.headOnly(this.clock.now());
      const head = this.#headSeq();
      if (head <= this.#numberedHead || performance.now() < this.#numberedAt + NUMBER_EVERY_MS) {
        return;
      }
      this.#numberedAt = performance.now();
      this.#numberedHead = await this.#ledger.number();
    } catch {
      // Whoever asks for the store's health hears of it; the next look tries again.
    }
  }

  /** Common numbers have no gaps, so that the newest is the number of all entries. */
  #headSeq(): number {
    return this.#desks.reduce((sum, { headSeq }) => sum + headSeq, 0);
  }

  async level(sku: string): Promise<LevelView | null> {
    this.#assertOpen();
    return this.#carts.desk(this.placement.shardOf(sku)).shard.level(sku);
  }

  async levels(query: LevelsQuery): Promise<LevelView[]> {
    this.#assertOpen();
    const pages = await Promise.all(this.#desks.map(({ shard }) => shard.levels(query)));
    const keyed = pages.flat().map((level) => ({ level, bytes: Buffer.from(level.sku) }));
    keyed.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    return keyed.slice(0, query.limit).map(({ level }) => level);
  }

  async reservation(id: string): Promise<Reservation | null> {
    this.#assertOpen();
    return this.#carts.home(id).reservation(id);
  }

  async ledger(query: LedgerQuery): Promise<LedgerEntry[]> {
    this.#assertOpen();
    return this.#ledger.read(query);
  }

  async ledgerBeginning(sku: string | null): Promise<LedgerBeginning> {
    this.#assertOpen();
    return this.#cut.beginning(sku);
  }

  async stats(): Promise<StoreStats> {
    this.#assertOpen();
    const [plain, carts] = await Promise.all([
      Promise.all(this.#desks.map(({ shard }) => shard.stats())),
      Promise.all(this.#desks.map((desk) => desk.cartStats())),
    ]);
    for (const { now } of plain) this.#serverClock.hear(now);
    const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
    const due = [...plain, ...carts].flatMap(({ oldestDueAt }) => oldestDueAt ?? []);
    plain.forEach(({ headSeq }, index) => this.#desks[index]?.hearHead(headSeq));
    return {
      skus: sum(plain.map(({ skus }) => skus)),
      active: sum([...plain, ...carts].map(({ active }) => active)),
      headSeq: sum(plain.map(({ headSeq }) => headSeq)),
      oldestDueAt: due.length === 0 ? null : Math.min(...due),
    };
  }

  async audit(): Promise<AuditReport> {
    this.#assertOpen();
    await this.#carts.quiet();
    return auditShards(this.#desks, this.#carts);
  }

  async reservations(after: string | null, limit: number): Promise<Reservation[]> {
    this.#assertOpen();
    const found = new Map<string, Reservation>();
    const take = (reservation: Reservation): void => {
      if (after === null || reservation.id > after) found.set(reservation.id, reservation);
    };
    for (const desk of this.#desks) {
      for await (const page of desk.records()) {
        for (const record of page) if (record.step === undefined) take(record);
      }
      for await (const page of desk.carts()) {
        for (const [, record] of page) if (isCart(record)) take(record.whole);
      }
    }
    return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  async outbox(query: OutboxQuery): Promise<OutboxMessage[]> {
    this.#assertOpen();
    return this.#outbox.page(query);
  }

  async message(id: number): Promise<OutboxMessage | null> {
    this.#assertOpen();
    return this.#outbox.message(id);
  }

  async outboxStats(): Promise<OutboxStats> {
    this.#assertOpen();
    return this.#outbox.stats();
  }

  async balanceFence(): Promise<number> {
    this.#assertOpen();
    return this.#outbox.fence();
  }

  /** What shards have lost of what this process had heard of, for people; null if nothing. */
  async #lost(): Promise<string | null> {
    const found = await Promise.all(this.#desks.map(({ heard, shard }) => heard.lostFrom(shard)));
    const index = found.findIndex((each) => each !== null);
    return index === -1 ? null : `the ledger of shard ${index} ${found[index]}`;
  }

  #assertOpen(): void {
    if (this.#closed !== null) throw new Fault('STORE_UNAVAILABLE', 'the store is closed');
  }

  health(): StoreHealth {
    const reason = this.#closed === null ? this.#connection.trouble() : 'the store is closed';
    const queued = this.#desks.reduce((sum, { size }) => sum + size, 0);
    return { ready: reason === null, reason, queued };
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    return this.#notices.listen(listener);
  }

  onFailure(): void {
    // The servers may come back; until then every command is answered with a fault.
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#dispatch.quiet();
    await this.#carts.quiet();
    await Promise.all(this.#desks.map((desk) => desk.close()));
    await this.#connection.close();
  }
}
