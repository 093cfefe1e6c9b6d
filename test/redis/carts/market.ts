/** Carts over several shards, their coordinators, some of whom die, and an instance that lives and looks. */
import assert from 'node:assert/strict';
import type { Answer, Command } from '../../../src/core/command.ts';
import type { Reservation } from '../../../src/core/reservation.ts';
import { DEFAULT_RULES } from '../../../src/core/rules.ts';
import type { RedisConnection } from '../../../src/stores/redis/connection/redis-connection.ts';
import { Placement, shardTags } from '../../../src/stores/redis/sharding/placement.ts';
import { ShardedStore } from '../../../src/stores/redis/sharding/sharded-store.ts';
import type { Random } from '../../linearizability/random.ts';
import {
  cancel,
  confirm,
  extend,
  importStock,
  release,
  reserve,
  setting,
  sweep,
  uuid,
} from '../../support/commands.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { Wire, type Misdeed } from './wire.ts';

export const SHARDS = 12;
const LEFT_AFTER_MS = 4_000;
const TTL_SECONDS = 60;
const ON_HAND = 5;

/** What the coordinator was about to do when it died. */
export const KINDS = [
  'reserve',
  'reserve_what_there_is',
  'confirm',
  'confirm_a_part',
  'release',
  'extend',
  'cancel',
  'reacquire',
  'expire',
] as const;
export type Kind = (typeof KINDS)[number];

/** What is tried only when the deadline has passed. */
export const LATE: readonly Kind[] = ['reacquire', 'expire'];

export interface CartTrial {
  readonly kind: Kind;
  /** Over how many shards. */
  readonly size: number;
}

interface Prepared {
  readonly id: string;
  readonly kind: Kind;
  /** SKU: units asked for. */
  readonly asked: ReadonlyMap<string, number>;
  readonly command: Command;
}

export interface Tried {
  readonly id: string;
  readonly kind: Kind;
  /** SKU: units asked for. */
  readonly asked: ReadonlyMap<string, number>;
  /** What its caller was told; null: the coordinator died first. */
  readonly told: Answer | null;
  readonly died: boolean;
}

export class Market {
  readonly clock = new FakeClock();
  readonly tags: readonly string[];
  readonly placement = new Placement(SHARDS);
  readonly #connection: RedisConnection;
  readonly #random: Random;
  readonly #tag: string;
  readonly #skews: readonly number[];
  #rescuer: ShardedStore | null = null;
  #ids = 0;
  #skus = 0;

  /** `skewMs`: by how much each shard's clock may be off, at most. */
  constructor(connection: RedisConnection, tag: string, random: Random, skewMs = 0) {
    this.#connection = connection;
    this.#random = random;
    this.#tag = tag;
    this.tags = shardTags(tag, SHARDS);
    this.#skews = this.tags.map(() => random.between(-skewMs, skewMs));
  }

  /** The instance that lives. */
  async rescuer(): Promise<ShardedStore> {
    this.#rescuer ??= (await this.open()).store;
    return this.#rescuer;
  }

  async open(
    options: { dieAfter?: number; misdeed?: Misdeed | null; before?: (call: number) => void } = {},
  ): Promise<{ store: ShardedStore; wire: Wire }> {
    const wire = new Wire(this.#connection, { tags: this.tags, skews: this.#skews, ...options });
    const store = await ShardedStore.open({
      connection: wire,
      rules: DEFAULT_RULES,
      hashTag: this.#tag,
      shards: SHARDS,
      queueLimit: 100_000,
      deadlineMs: 120_000,
      clock: this.clock,
      leftAfterMs: LEFT_AFTER_MS,
      afterFailover: 'safety',
      numberEveryMs: 0,
    });
    return { store, wire };
  }

  /** As many new SKUs as are asked for, each in a shard of its own. */
  async stock(count: number): Promise<string[]> {
    const skus = new Map<number, string>();
    const start = this.#random.between(0, SHARDS - 1);
    const wanted = new Set(Array.from({ length: count }, (_, n) => (start + n * 5) % SHARDS));
    while (skus.size < count) {
      const sku = `SKU-${(this.#skus += 1)}`;
      const shard = this.placement.shardOf(sku);
      if (wanted.has(shard) && !skus.has(shard)) skus.set(shard, sku);
    }
    const rows = [...skus.values()].map((sku) => setting(sku, ON_HAND));
    await (await this.rescuer()).submit(importStock(rows));
    return [...skus.values()];
  }

  newId(skus: readonly string[]): string {
    return this.placement.place(uuid((this.#ids += 1)), skus);
  }

  /** Everything up to the command that a coordinator is to die at. */
  async prepare({ kind, size }: CartTrial): Promise<Prepared> {
    const skus = await this.stock(size);
    const asked = new Map(skus.map((sku) => [sku, this.#random.between(1, 3)]));
    const id = this.newId(skus);
    const command = await this.#commandFor(id, kind, asked);
    return { id, kind, asked, command };
  }

  async #commandFor(id: string, kind: Kind, asked: ReadonlyMap<string, number>): Promise<Command> {
    const store = await this.rescuer();
    const lines = Array.from(asked, ([sku, quantity]) => ({ sku, quantity }));
    const taking = reserve(id, lines, { ttl: TTL_SECONDS });
    if (kind === 'reserve') return taking;
    if (kind === 'reserve_what_there_is') {
      // Of one SKU there is less than is asked for.
      const greedy = lines.map((line, at) =>
        at === 0 ? { ...line, quantity: ON_HAND + 1 } : line,
      );
      return reserve(id, greedy, { ttl: TTL_SECONDS, partial: true });
    }
    assert.ok((await store.submit(taking)).ok);
    switch (kind) {
      case 'confirm':
        return confirm(id, { order: 'o' });
      case 'confirm_a_part':
        return confirm(id, { lines: lines.slice(1) });
      case 'release':
        return release(id);
      case 'extend':
        return extend(id, { order: 'o', method: 'pix' });
      case 'cancel':
        assert.ok((await store.submit(confirm(id))).ok);
        return cancel(id);
      case 'reacquire':
        return confirm(id, { late: 'reacquire' });
      case 'expire':
        return confirm(id);
    }
  }

  /** A coordinator that dies after so many round trips. */
  async attempt(
    { id, kind, asked, command }: Prepared,
    dieAfter: number,
    misdeed: Misdeed | null = null,
  ): Promise<Tried> {
    const { store, wire } = await this.open({ dieAfter, misdeed });
    let told: Answer | null = null;
    const answer = store.submit(command).then((each) => {
      if (!wire.dead) told = each;
    });
    // One that dies is told nothing, and its lanes give up on it long after.
    await Promise.race([answer.catch(() => null), wire.died]);
    await Promise.race([store.close(), wire.died]);
    await wire.quiet();
    return { id, kind, asked, told, died: wire.dead };
  }

  /** Confirms, and lets the deadline pass before the round trip of this number. */
  async confirmAcross(
    { command }: Prepared,
    jump: number,
    misdeed: Misdeed | null,
  ): Promise<{ told: Answer; decidedInTime: boolean }> {
    const deadline = this.clock.now() + TTL_SECONDS * 1_000;
    const before = (call: number): void => {
      if (call === jump) this.clock.set(deadline);
    };
    const { store, wire } = await this.open({ misdeed, before });
    const told = await store.submit(command);
    await store.close();
    const [first = Infinity] = wire.decidedAt;
    return { told, decidedInTime: first < deadline };
  }

  /** Two carts that want all there is, one of them from a coordinator that dies. */
  async race(skus: readonly string[], dieAfter: number): Promise<{ told: number; there: number }> {
    const all = skus.map((sku) => ({ sku, quantity: ON_HAND }));
    const [one, other] = [await this.open({ dieAfter }), await this.open()];
    const ids = [this.newId(skus), this.newId(skus)] as const;
    const granted: string[] = [];
    const ask = async (store: ShardedStore, id: string, lines: typeof all): Promise<void> => {
      const answer = await store.submit(reserve(id, lines, { ttl: TTL_SECONDS }));
      if (answer.ok) granted.push(id);
    };
    await Promise.all([
      Promise.race([ask(one.store, ids[0], all).catch(() => null), one.wire.died]),
      ask(other.store, ids[1], all.toReversed()),
    ]);
    await one.wire.quiet();
    const told = granted.length;
    await other.store.close();
    this.passUntilLeft();
    await this.sweep();
    const rescuer = await this.rescuer();
    const there = await Promise.all(ids.map((id) => rescuer.reservation(id)));
    for (const id of granted) assert.ok(await rescuer.reservation(id), `${id} was granted`);
    // Whoever comes after the deadline gets all of it.
    this.passDeadlines();
    const next = this.newId(skus);
    assert.ok((await rescuer.submit(reserve(next, all))).ok, 'after the deadline all is on sale');
    return { told, there: there.filter((each) => each !== null).length };
  }

  /** By every clock. */
  passDeadlines(): void {
    this.clock.advance((TTL_SECONDS + 60) * 1_000);
  }

  /** Extended ones included. */
  passPaymentDeadlines(): void {
    this.clock.advance(2 * 3_600_000);
  }

  passUntilLeft(): void {
    this.clock.advance(LEFT_AFTER_MS + 1);
  }

  async sweep(): Promise<void> {
    const store = await this.rescuer();
    assert.ok((await store.submit(sweep(1_000_000))).ok);
  }

  async assertSound(): Promise<void> {
    assert.deepEqual((await (await this.rescuer()).audit()).problems, []);
  }

  /** All of it or nothing, and what its caller was told. */
  async assertWhole(tried: Tried): Promise<void> {
    const store = await this.rescuer();
    const { id, asked, told, kind } = tried;
    const found = await store.reservation(id);
    for (const sku of asked.keys()) {
      const level = await store.level(sku);
      const expected = expectedOf(found, sku);
      const actual = [level?.onHand, level?.reserved, level?.allocated];
      assert.deepEqual(actual, expected, `${kind} ${id}, ${found?.status ?? 'not there'}: ${sku}`);
    }
    if (told !== null) assertTold(told, found, kind);
  }

  async close(): Promise<void> {
    await this.#rescuer?.close();
  }
}

/** On hand, reserved and allocated of a SKU that only this cart has touched. */
export function expectedOf(found: Reservation | null, sku: string): [number, number, number] {
  const line = found?.lines.find((each) => each.sku === sku);
  if (found === null || line === undefined) return [ON_HAND, 0, 0];
  if (found.status === 'active') return [ON_HAND, line.quantity, 0];
  return [ON_HAND - line.confirmed + line.cancelled, 0, 0];
}

function assertTold(told: Answer, found: Reservation | null, kind: Kind): void {
  if (kind === 'expire') {
    assert.ok(!told.ok && found?.status === 'expired', JSON.stringify([told, found]));
    return;
  }
  assert.ok(told.ok && 'reservation' in told, `${kind}: ${JSON.stringify(told)}`);
  const { status, lines } = told.reservation;
  assert.ok(found !== null, `${kind}: told that it is ${status}, and it is not there`);
  const later = status === 'active' ? ['active', 'expired'] : [status];
  assert.ok(later.includes(found.status), `${kind}: told ${status}, and it is ${found.status}`);
  assert.deepEqual(found.lines, lines);
}
