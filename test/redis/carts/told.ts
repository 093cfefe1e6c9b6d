/** Carts over three shards whose sales an ERP is told of: who tells may die at any step, and another goes on. */
import assert from 'node:assert/strict';
import type { Answer, Command } from '../../../src/core/command.ts';
import type { MessageGrouping, OutboxMessage } from '../../../src/core/outbox/message.ts';
import { DEFAULT_RULES } from '../../../src/core/rules.ts';
import { fenced } from '../../../src/engine/fenced-store.ts';
import { OutboxRelay } from '../../../src/engine/outbox-relay.ts';
import type { RedisConnection } from '../../../src/stores/redis/connection/redis-connection.ts';
import { Placement, shardTags } from '../../../src/stores/redis/sharding/placement.ts';
import { ShardedStore } from '../../../src/stores/redis/sharding/sharded-store.ts';
import {
  acknowledge,
  cancel,
  confirm,
  discardMessage,
  reconcile,
  reserve,
  retryMessage,
  setStock,
  sweep,
  uuid,
} from '../../support/commands.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeErp } from '../../support/fake-erp.ts';
import { outcome } from '../../support/outcome.ts';
import { Wire, type Misdeed } from './wire.ts';

const SHARDS = 3;
const ON_HAND = 10;
const LEFT_AFTER_MS = 4_000;
const LEASE_MS = 10_000;
/** Longer than anything waits that failed once. */
const PATIENCE_MS = 700_000;
const MOST_ROUNDS = 12;

/** What somebody was about to do when it died. */
export const TELLINGS = [
  'confirm',
  'deliver',
  'deliver_lost_answer',
  'cancel_before',
  'cancel_between',
  'cancel_after',
  'acknowledge',
  'retry',
  'discard_restock',
  'discard_deduct',
] as const;
export type TellingKind = (typeof TELLINGS)[number];

export interface Death {
  readonly grouping: MessageGrouping;
  readonly kind: TellingKind;
  /** Round trips that it lives. */
  readonly dieAfter: number;
  readonly misdeed?: Misdeed | null;
}

export class ToldMarket {
  readonly clock = new FakeClock();
  readonly erp: FakeErp;
  readonly skus: readonly string[];
  readonly #connection: RedisConnection;
  readonly #tag: string;
  readonly #grouping: MessageGrouping;
  readonly #stores: ShardedStore[] = [];
  readonly #id: string;
  #holders = 0;

  constructor(connection: RedisConnection, tag: string, grouping: MessageGrouping) {
    this.#connection = connection;
    this.#tag = tag;
    this.#grouping = grouping;
    this.erp = new FakeErp({ grouping, limits: { callsPerSecond: 1_000 } });
    const placement = new Placement(SHARDS);
    const found = new Map<number, string>();
    for (let n = 0; found.size < SHARDS; n += 1) {
      const shard = placement.shardOf(`SKU-${n}`);
      if (!found.has(shard)) found.set(shard, `SKU-${n}`);
    }
    this.skus = [...found.values()];
    this.#id = placement.place(uuid(1), this.skus);
  }

  async open(options: { dieAfter?: number; misdeed?: Misdeed | null } = {}) {
    const tags = shardTags(this.#tag, SHARDS);
    const wire = new Wire(this.#connection, { tags, skews: [], ...options });
    const store = await ShardedStore.open({
      connection: wire,
      rules: { ...DEFAULT_RULES, acknowledgeOnConfirm: false, messageGrouping: this.#grouping },
      hashTag: this.#tag,
      shards: SHARDS,
      queueLimit: 1_000,
      deadlineMs: 120_000,
      clock: this.clock,
      leftAfterMs: LEFT_AFTER_MS,
      afterFailover: 'safety',
      numberEveryMs: 0,
    });
    // What has died ends with the process.
    if (options.dieAfter === undefined) this.#stores.push(store);
    return { store, wire };
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
  }

  /** One round of a relay that has just taken the lease, and of what waits for a while as many as that needs. */
  async #relay(store: ShardedStore, rounds: number): Promise<void> {
    const holder = `relay ${(this.#holders += 1)}`;
    const found = await store.leases.acquire('erp', holder, LEASE_MS);
    assert.equal(found.holder, holder);
    const fence = { lease: 'erp', token: found.token, holder } as const;
    const relay = new OutboxRelay({
      store: fenced(store, fence),
      erp: this.erp,
      sleep: () => Promise.resolve(),
      random: () => 0,
    });
    for (let round = 0; round < rounds; round += 1) {
      const { pending, inFlight, unknown } = await store.outboxStats();
      if (pending + inFlight + unknown === 0) break;
      // As long as nobody else takes it, the tenure is the latest.
      if (!(await relay.round())) this.clock.advance(PATIENCE_MS);
    }
    await store.leases.release(fence);
  }

  async #do(store: ShardedStore, ...commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      const answer: Answer = await store.submit(command);
      assert.ok(answer.ok, `${command.type}: ${outcome(answer)}`);
    }
  }

  async #dead(store: ShardedStore): Promise<OutboxMessage> {
    const [dead] = await store.outbox({ state: 'dead', after: 0, limit: 1 });
    assert.ok(dead !== undefined, 'a message is dead');
    return dead;
  }

  /** Everything up to what somebody is to die at; returns what that is. */
  async #prepare(store: ShardedStore, kind: TellingKind) {
    for (const sku of this.skus) {
      await this.#do(store, setStock(sku, ON_HAND));
      this.erp.balances.set(sku, ON_HAND);
    }
    const id = this.#id;
    const lines = this.skus.map((sku, n) => `${sku}:${n + 2}`).join(' ');
    await this.#do(store, reserve(id, lines));
    if (kind === 'confirm') return (dying: ShardedStore) => this.#do(dying, confirm(id));
    await this.#do(store, confirm(id));
    const [first = '', second = ''] = this.skus;
    const part = cancel(id, { lines: `${first}:1 ${second}:3` });
    const deliver = (dying: ShardedStore): Promise<void> => this.#relay(dying, MOST_ROUNDS);
    switch (kind) {
      case 'deliver':
        return deliver;
      case 'deliver_lost_answer': {
        let lost = 0;
        this.erp.mishap = () => ((lost += 1) <= 2 ? 'lost_answer' : 'none');
        return deliver;
      }
      case 'cancel_before':
        return (dying: ShardedStore) => this.#do(dying, part);
      case 'cancel_between':
        await store.submit({ type: 'claim_messages', limit: 1, messagesPerParcel: 1 });
        return (dying: ShardedStore) => this.#do(dying, part);
      case 'cancel_after':
        await deliver(store);
        return async (dying: ShardedStore) => {
          await this.#do(dying, part);
          await deliver(dying);
        };
      case 'acknowledge':
        // Somebody tells the ERP by hand.
        return async (dying: ShardedStore) => {
          await this.#do(dying, acknowledge(id));
        };
      case 'retry':
      case 'discard_restock':
      case 'discard_deduct':
        return this.#deadLetter(store, kind);
    }
  }

  async #deadLetter(store: ShardedStore, kind: TellingKind) {
    this.erp.mishap = () => 'refused';
    await this.#relay(store, 1);
    this.erp.mishap = () => 'none';
    const { id } = await this.#dead(store);
    if (kind === 'retry') return (dying: ShardedStore) => this.#do(dying, retryMessage(id));
    const units = kind === 'discard_restock' ? 'restock' : 'deduct';
    return (dying: ShardedStore) => this.#do(dying, discardMessage(id, units));
  }

  /** Says whether it died; what comes after is asserted. */
  async die({ kind, dieAfter, misdeed = null }: Death): Promise<boolean> {
    const forgets = misdeed === 'forgets_what_is_left';
    const { store } = await this.open(forgets ? { misdeed } : {});
    const work = await this.#prepare(store, kind);
    const { store: dying, wire } = await this.open({ dieAfter, misdeed });
    await Promise.race([work(dying), wire.died]);
    await wire.quiet();
    const byHand = kind === 'acknowledge' || kind === 'discard_deduct';
    if (!byHand) await this.#assertNotMisread(store, `${kind}, dead after ${dieAfter}`);
    this.clock.advance(Math.max(LEASE_MS, LEFT_AFTER_MS) + 1);
    await this.#do(store, sweep());
    if (!byHand) await this.#assertNotMisread(store, `${kind}, swept`);
    await this.#finish(store);
    await this.#assertTold(store, kind);
    return wire.dead;
  }

  /** What is dead is sent again, and what nobody bought lapses. */
  async #finish(store: ShardedStore): Promise<void> {
    await this.#relay(store, MOST_ROUNDS);
    for (;;) {
      const [dead] = await store.outbox({ state: 'dead', after: 0, limit: 1 });
      if (dead === undefined) break;
      await this.#do(store, retryMessage(dead.id));
      await this.#relay(store, MOST_ROUNDS);
    }
    this.clock.advance(PATIENCE_MS);
    await this.#do(store, sweep());
  }

  /** A balance of this moment is refused, or agrees: no step leaves books that would be corrected wrongly. */
  async #assertNotMisread(store: ShardedStore, when: string): Promise<void> {
    const fence = await store.balanceFence();
    for (const sku of this.skus) {
      const answer = await store.submit(reconcile(sku, this.erp.balances.get(sku) ?? 0, fence));
      assert.match(outcome(answer), /agrees|balance_outdated/, `${when}: ${outcome(answer)}`);
    }
  }

  async #assertTold(store: ShardedStore, kind: TellingKind): Promise<void> {
    assert.deepEqual((await store.audit()).problems, []);
    const stats = await store.outboxStats();
    assert.deepEqual([stats.pending, stats.inFlight, stats.unknown, stats.dead], [0, 0, 0, 0]);
    const { applied } = this.erp;
    assert.equal(new Set(applied).size, applied.length, `told twice: ${applied.join('; ')}`);
    const status = (await store.reservation(this.#id))?.status;
    const ends = ['acknowledged', ...(kind === 'confirm' ? ['expired'] : [])];
    const mayBeUndone = kind === 'discard_restock';
    assert.ok([...ends, ...(mayBeUndone ? ['cancelled'] : [])].includes(status ?? ''), status);
    const fence = await store.balanceFence();
    for (const sku of this.skus) {
      const level = await store.level(sku);
      assert.deepEqual([level?.reserved, level?.allocated], [0, 0], sku);
      // What a person told by hand, this ERP has not heard of.
      if (kind === 'acknowledge' || kind === 'discard_deduct') continue;
      assert.equal(level?.onHand, this.erp.balances.get(sku), `${kind}: ${sku}`);
      const answer = await store.submit(reconcile(sku, this.erp.balances.get(sku) ?? 0, fence));
      assert.match(outcome(answer), /agrees/);
    }
  }
}
