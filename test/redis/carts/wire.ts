/** The way of one coordinator to the servers: it can die after so many round trips, and can be made to misbehave. */
import type { RedisConnection } from '../../../src/stores/redis/connection/redis-connection.ts';
import { shardKeys } from '../../../src/stores/redis/keys.ts';

/** What a coordinator may do wrong, so that a test sees that it would be noticed. */
export type Misdeed =
  /** It goes on as if the home had written the decision down. */
  | 'skips_the_decision'
  /** It tells the other shards first, and decides then. */
  | 'tells_before_deciding'
  /** It says that all shards have heard of the decision, and has told none. */
  | 'tells_nobody'
  /** It does not look for what others had to tell and did not get to. */
  | 'forgets_what_is_left'
  /** It lets the home decide whatever its clock says. */
  | 'ignores_the_deadline';

export interface WireOptions {
  /** Of each shard. */
  readonly tags: readonly string[];
  /** By how much each shard's clock is ahead, in ms. */
  readonly skews: readonly number[];
  /** Dies when it wants to send one more than this; null: lives. */
  readonly dieAfter?: number | null;
  readonly misdeed?: Misdeed | null;
  /** Before each round trip, with its number from 1. */
  readonly before?: (call: number) => void;
}

interface Item {
  readonly command: {
    readonly type: string;
    readonly id?: string;
    readonly json?: string;
    before?: number | null;
  };
}

interface Asked {
  now: number;
  commands: Item[];
}

/** Scripts whose first argument is the time. */
const TIMED = /^read-(level|levels|reservation|cart|stats|cart-stats)$/;

export class Wire implements RedisConnection {
  readonly #inner: RedisConnection;
  readonly #options: WireOptions;
  readonly #sent = new Set<Promise<unknown>>();
  readonly #died = Promise.withResolvers<undefined>();
  /** The moments, on the home's clock, at which a decision was sent. */
  readonly decidedAt: number[] = [];
  #dead = false;
  calls = 0;

  constructor(inner: RedisConnection, options: WireOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get died(): Promise<undefined> {
    return this.#died.promise;
  }

  get dead(): boolean {
    return this.#dead;
  }

  run(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    if (this.#dead) return never();
    const skew = this.#skewOf(keys[0] ?? '');
    if (script !== 'sharded') {
      const [now, ...rest] = args;
      const timed = TIMED.test(script) && typeof now === 'number';
      return this.#send(() => this.#inner.run(script, keys, timed ? [now + skew, ...rest] : args));
    }
    const { dieAfter = null, before } = this.#options;
    before?.(this.calls + 1);
    if (dieAfter !== null && this.calls >= dieAfter) {
      this.#dead = true;
      this.#died.resolve(undefined);
      return never();
    }
    this.calls += 1;
    const asked = JSON.parse(String(args[0])) as Asked;
    asked.now += skew;
    const columns = args.slice(1);
    return this.#send(() =>
      columns.length > 0
        ? this.#inner.run(script, keys, [JSON.stringify(asked), ...columns])
        : this.#carryOut(keys, asked),
    );
  }

  async #carryOut(keys: readonly string[], asked: Asked): Promise<unknown> {
    const { misdeed = null } = this.#options;
    const types = asked.commands.map(({ command }) => command.type);
    const pretend = (): unknown => [asked.now, 0, '', ...types.map(() => '{"ok":true}')];
    if (types.includes('cart_write')) {
      this.decidedAt.push(asked.now);
      if (misdeed === 'skips_the_decision') return pretend();
      if (misdeed === 'tells_before_deciding') await this.#tellFirst(asked);
      if (misdeed === 'ignores_the_deadline') {
        for (const { command } of asked.commands) command.before = null;
      }
    }
    if (misdeed === 'forgets_what_is_left' && types.includes('outbox_pending')) {
      return [asked.now, 0, '', ...types.map(() => '{"untold":[],"told":[]}')];
    }
    if (misdeed === 'tells_nobody' && types.every((type) => type === 'cart_apply'))
      return pretend();
    return this.#inner.run('sharded', keys, [JSON.stringify(asked)]);
  }

  async #tellFirst(asked: Asked): Promise<void> {
    for (const { command } of asked.commands) {
      const { redo = [] } = JSON.parse(command.json ?? '{}') as {
        redo?: { shard: number }[] | null;
      };
      for (const part of redo ?? []) {
        const { withCarts } = shardKeys(this.#options.tags[part.shard] ?? '');
        const commands = [{ command: { type: 'cart_apply', id: command.id, part } }];
        await this.#inner.run('sharded', withCarts, [JSON.stringify({ ...asked, commands })]);
      }
    }
    // Its end, if it was to die after this round trip, comes before the decision.
    if (this.calls === this.#options.dieAfter) {
      this.#dead = true;
      this.#died.resolve(undefined);
      await never();
    }
  }

  /** The answer of a call that was under way at the end is heard by nobody. */
  async #send(call: () => Promise<unknown>): Promise<unknown> {
    const sent = call();
    const settled = Promise.race([sent, this.died]).catch(() => null);
    this.#sent.add(settled);
    void settled.finally(() => this.#sent.delete(settled));
    const answer = await sent;
    return this.#dead ? never() : answer;
  }

  #skewOf(key: string): number {
    const shard = this.#options.tags.findIndex((tag) => key.startsWith(`{${tag}}`));
    return this.#options.skews[shard] ?? 0;
  }

  /** Waits for what was sent. */
  async quiet(): Promise<void> {
    while (this.#sent.size > 0) await Promise.all(this.#sent);
  }

  read(
    command: string,
    keys: readonly string[],
    args?: readonly (string | number)[],
  ): Promise<unknown> {
    return this.#dead ? never() : this.#inner.read(command, keys, args);
  }

  get topology(): RedisConnection['topology'] {
    return this.#inner.topology;
  }

  slotOf(key: string): number {
    return this.#inner.slotOf(key);
  }

  readonly warnings = [];

  trouble(): string | null {
    return this.#inner.trouble();
  }

  get inFlight(): number {
    return this.#inner.inFlight;
  }

  guardSales(): void {
    // No primary is replaced here.
  }

  close(): Promise<void> {
    // What is shared is closed by who opened it.
    return Promise.resolve();
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
