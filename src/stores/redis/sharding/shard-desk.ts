/**
 * One shard of several, as the store uses it. Commands go one batch at a time, as with a single shard; where parts of
 * carts have come to their deadline there, their homes are asked first. The steps by which carts are settled have a
 * lane of their own, in which nothing waits for another shard.
 */
import type { Answer } from '../../../core/command.ts';
import { hasLapsed, type Reservation } from '../../../core/reservation.ts';
import type { Rules } from '../../../core/rules.ts';
import { Fault } from '../../../engine/faults.ts';
import type { CommitNotice, Submission } from '../../../engine/ports.ts';
import { CommandLane, extraMs } from '../command-lane.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import { HeardLedger } from '../heard-ledger.ts';
import { shardKeys } from '../keys.ts';
import { plainArguments, plainReserves, readChanges, readPlainAnswer } from '../plain-reserves.ts';
import { readAnswer, readRecord, readTold, type PartRecord } from '../records.ts';
import { commandsJson, Shard } from '../shard.ts';
import type { CartRecord, Step } from './cart.ts';

/** What a batch changed, for who listens. */
export type Change = Omit<CommitNotice, 'headSeq'>;

export interface DeskOptions {
  readonly index: number;
  /** How many there are. */
  readonly shards: number;
  readonly tag: string;
  readonly connection: RedisConnection;
  readonly rules: Rules;
  readonly time: (() => number) | null;
  readonly queueLimit: number;
  readonly deadlineMs: number;
  /** Is anybody listening for changes? */
  readonly listened: () => boolean;
  readonly changed: (change: Change) => void;
  /** A reading of the server's clock. */
  readonly heard: (at: number) => void;
  /** Finds out what has become of parts at this shard; returns those that go on. */
  readonly ask: (desk: ShardDesk, ids: readonly string[]) => Promise<readonly string[]>;
  /** Claims keys that belong to other shards; an answer in place of a command that is not to be carried out. */
  readonly claim: (
    desk: ShardDesk,
    batch: readonly Submission[],
  ) => Promise<readonly (Answer | null)[]>;
}

/** How long a part that goes on past its deadline, by this shard's clock, is not asked about again. */
const ASK_AGAIN_MS = 50;
const ASK_FIRST = true;
const PAGE = 500;

export class ShardDesk {
  readonly index: number;
  readonly shard: Shard;
  readonly heard = new HeardLedger();
  readonly #options: DeskOptions;
  readonly #keys: ReturnType<typeof shardKeys>;
  readonly #rulesJson: string;
  readonly #main: CommandLane;
  readonly #side: CommandLane;
  /** Parts that go on, and until when (monotonic ms) that is believed. */
  readonly #goesOn = new Map<string, number>();
  #headSeq = 0;

  constructor(options: DeskOptions) {
    const { index, tag, connection, rules, time, queueLimit, deadlineMs } = options;
    this.index = index;
    this.#options = options;
    this.#keys = shardKeys(tag);
    this.#rulesJson = JSON.stringify(rules);
    this.shard = new Shard({ connection, rules, tag, time, several: true });
    const limits = { queueLimit, deadlineMs };
    this.#main = new CommandLane({ ...limits, run: (batch) => this.#decide(batch) });
    this.#side = new CommandLane({ ...limits, run: (batch) => this.#run(batch, 0, !ASK_FIRST) });
  }

  /** The newest entry that this process has heard of. */
  get headSeq(): number {
    return this.#headSeq;
  }

  get size(): number {
    return this.#main.size + this.#side.size;
  }

  get idle(): boolean {
    return this.#main.idle && this.#side.idle;
  }

  /** True if that is news. */
  hearHead(seq: number): boolean {
    const news = seq > this.#headSeq;
    if (news) this.#headSeq = seq;
    return news;
  }

  /** Plain commands, in the order of arrival. Throws `LEASE_LOST` where the fence of one has fallen. */
  async submit(submissions: readonly Submission[]): Promise<Answer[]> {
    return (await this.#main.submit(submissions)).map((answer) => {
      if (answer === null) throw leaseLost();
      return answer;
    });
  }

  /** A step that must see what has lapsed, in the order of arrival among the commands. */
  async weigh<T>(step: Step): Promise<T> {
    const [answer] = await this.#main.submit([submissionOf(step)]);
    return answer as T;
  }

  /** A step, or a sweep, that waits for nobody. */
  async step<T>(command: Step | Submission['command']): Promise<T> {
    const [answer] = await this.#side.submit([submissionOf(command)]);
    return answer as T;
  }

  async #decide(batch: readonly Submission[]): Promise<(Answer | null)[]> {
    const instead = await this.#options.claim(this, batch);
    const rest = batch.filter((_, index) => (instead[index] ?? null) === null);
    const commands = rest.filter(({ command }) => !command.type.startsWith('cart_')).length;
    const answers = rest.length === 0 ? [] : await this.#run(rest, commands, ASK_FIRST);
    let next = 0;
    return batch.map((_, index) => instead[index] ?? (answers[next++] as Answer | null));
  }

  /** `commands`: how many of the batch somebody asked for. */
  async #run(
    batch: readonly Submission[],
    commands: number,
    askFirst: boolean,
  ): Promise<(Answer | null)[]> {
    const begun = performance.now();
    const notice = this.#options.listened();
    // A plain reserve is never carried out before others are asked.
    const plain = askFirst ? plainReserves(batch) : null;
    const commandsToo = plain ? '' : `,"commands":${commandsJson(batch)}`;
    for (;;) {
      const holding = askFirst ? this.#holding(begun) : [];
      const now = this.#options.time?.() ?? null;
      const asked =
        `{"now":${now},"notice":${notice},"askFirst":${askFirst},"holding":${JSON.stringify(holding)},` +
        `"shard":${this.index},"shards":${this.#options.shards},"rules":${this.#rulesJson}${commandsToo}}`;
      const { connection, rules } = this.#options;
      const script = plain ? 'sharded-plain-reserves' : 'sharded';
      const args = plain ? plainArguments(plain, asked, now, notice, rules.ttlSeconds) : [asked];
      const result = await connection.run(script, this.#keys.withCarts, args, extraMs(batch));
      const [at, headSeq, change, ...texts] = result as [
        number,
        number,
        string | string[],
        ...string[],
      ];
      this.#options.heard(at);
      this.hearHead(headSeq);
      this.heard.note(headSeq, at);
      const [first = ''] = texts;
      if (first.startsWith('?')) {
        await this.#ask(JSON.parse(first.slice(1)) as string[]);
        continue;
      }
      const what = readChanges(change);
      if (what !== null) {
        const seconds = (performance.now() - begun) / 1000;
        this.#options.changed({ commands, seconds, at, ...what });
      }
      return texts.map((text, index) =>
        plain ? readPlainAnswer(text, batch[index] as Submission, at) : readAnswer(text),
      );
    }
  }

  async #ask(ids: readonly string[]): Promise<void> {
    const until = performance.now() + ASK_AGAIN_MS;
    for (const id of await this.#options.ask(this, ids)) this.#goesOn.set(id, until);
  }

  /** Of those asked about since `begun`, all: a batch asks about each once. */
  #holding(begun: number): string[] {
    for (const [id, until] of this.#goesOn) {
      if (until < begun) this.#goesOn.delete(id);
    }
    return [...this.#goesOn.keys()];
  }

  /** A reservation, or a cart of which this is the home, at this moment. */
  async reservation(id: string): Promise<Reservation | null> {
    const { connection, time } = this.#options;
    const result = await connection.run('read-cart', this.#keys.withCarts, [time?.() ?? '', id]);
    const [now, plain, cart] = result as [number, string | null, string | null];
    const found =
      plain === null
        ? cart === null
          ? null
          : ((JSON.parse(cart) as { whole?: Reservation }).whole ?? null)
        : readTold(plain);
    return found !== null && hasLapsed(found, now) ? { ...found, status: 'expired' } : found;
  }

  /** The part of a cart that is kept here, as recorded. */
  async part(id: string): Promise<PartRecord | null> {
    const { connection } = this.#options;
    const text = await connection.read('HGET', [this.#keys.reservations], [id]);
    if (text === null) return null;
    const record = readRecord(id, text as string);
    return record.step === undefined ? null : record;
  }

  /** Reservations and parts, as `Shard.allReservations` has them. */
  records(): AsyncGenerator<PartRecord[]> {
    return this.shard.allReservations();
  }

  /** The cart of which this is the home, as recorded: also while nothing may be written. */
  async cart(id: string): Promise<CartRecord | null> {
    const { connection } = this.#options;
    const text = await connection.read('HGET', [this.#keys.carts], [id]);
    return text === null ? null : readCart(text as string);
  }

  /** Every cart of which this is the home, some perhaps twice. */
  async *carts(): AsyncGenerator<[id: string, record: CartRecord][]> {
    let cursor = '0';
    do {
      const range = [cursor, 'COUNT', PAGE];
      const answer = await this.#options.connection.read('HSCAN', [this.#keys.carts], range);
      const [next, pairs] = answer as [string, string[]];
      const page: [string, CartRecord][] = [];
      for (let index = 0; index < pairs.length; index += 2) {
        page.push([pairs[index] ?? '', readCart(pairs[index + 1] ?? '')]);
      }
      yield page;
      cursor = next;
    } while (cursor !== '0');
  }

  /** Which of these ids are carts' of which this is the home. */
  async cartsAmong(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const { connection } = this.#options;
    const found = (await connection.read('HMGET', [this.#keys.carts], ids)) as (string | null)[];
    return ids.filter((_, index) => (found[index] ?? null) !== null);
  }

  /** How many active carts this is the home of, and the oldest deadline of these that has passed. */
  async cartStats(): Promise<{ active: number; oldestDueAt: number | null }> {
    const { connection, time } = this.#options;
    const keys = this.#keys.withCarts;
    const result = await connection.run('read-cart-stats', keys, [time?.() ?? '']);
    const [active, oldestDueAt] = result as [number, number | null];
    return { active, oldestDueAt };
  }

  async close(): Promise<void> {
    await this.#main.close();
    await this.#side.close();
  }
}

/** Somebody's tenure is over: certainly nothing was done. */
export function leaseLost(): Fault {
  return new Fault('LEASE_LOST', 'another instance has taken the lease: nothing was carried out');
}

/** `text`: as it stands in the hash of carts, its version before it. */
function readCart(text: string): CartRecord {
  return JSON.parse(text.slice(text.indexOf(' ') + 1)) as CartRecord;
}

/** Lanes and scripts take any command that has a type. */
function submissionOf(command: Step | Submission['command']): Submission {
  return { command: command as Submission['command'], idempotency: null };
}
