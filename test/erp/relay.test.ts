/**
 * T16 against the ERP in memory: sales and cancellations while the way to the ERP loses, delays and refuses, and the
 * process is killed at any step of the relay. Afterwards no sale is lost, none told twice, the order of each key was
 * kept and both books agree. A relay whose unknown parcels are sent again unseen fails it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Answer, AnswerTo, Command } from '../../src/core/command.ts';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import type { MessageGrouping } from '../../src/core/outbox/message.ts';
import { fenced } from '../../src/engine/fenced-store.ts';
import type { Fence } from '../../src/engine/lease.ts';
import { OutboxRelay } from '../../src/engine/outbox-relay.ts';
import { keepsOutbox, type OutboxStore } from '../../src/engine/ports.ts';
import { memorySubject } from '../conformance/memory-subject.ts';
import {
  redisOverlappingShardsSubject,
  redisSubject,
  withRedis,
} from '../conformance/redis-subject.ts';
import type { StoreSubject } from '../conformance/subject.ts';
import { cancel, confirm, reserve, retryMessage, setStock, uuid } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeErp, type Mishap } from '../support/fake-erp.ts';
import { assertProperty, untilTired } from '../support/replay.ts';

const SKUS = ['A', 'B', 'C'];
const STOCK = 1_000;
/** Longer than any life. */
const LEASE_MS = 1e12;

class Killed extends Error {}

type Action =
  | { readonly do: 'sell'; readonly lines: readonly number[] }
  | {
      readonly do: 'cancel';
      readonly which: number;
      readonly restock: boolean;
      readonly all: boolean;
    }
  | { readonly do: 'round' }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'arrive' }
  /** The process dies before (or after) so many commands of the relay have reached the store. */
  | { readonly do: 'kill'; readonly after: number; readonly done: boolean };

interface Trouble {
  readonly actions: readonly Action[];
  readonly mishaps: readonly Mishap[];
}

const MISHAPS: readonly Mishap[] = [
  'none',
  'none',
  'refused',
  'busy',
  'lost_request',
  'lost_answer',
  'late',
  'thrown_before',
  'thrown_after',
];

const trouble: fc.Arbitrary<Trouble> = fc.record({
  actions: fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant('sell'),
          lines: fc.uniqueArray(fc.nat({ max: 2 }), { minLength: 1, maxLength: 3 }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('cancel'),
          which: fc.nat({ max: 5 }),
          restock: fc.boolean(),
          all: fc.boolean(),
        }),
      },
      { weight: 6, arbitrary: fc.constant<Action>({ do: 'round' }) },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('wait'),
          ms: fc.constantFrom(1_000, 6_000, 60_000, 900_000),
        }),
      },
      { weight: 1, arbitrary: fc.constant<Action>({ do: 'arrive' }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('kill'),
          after: fc.nat({ max: 6 }),
          done: fc.boolean(),
        }),
      },
    ),
    { maxLength: 60, size: 'max' },
  ),
  mishaps: fc.array(fc.constantFrom(...MISHAPS), { maxLength: 40, size: 'max' }),
});

/** One shop, one ERP, and a relay that can die. */
class World {
  readonly clock: FakeClock;
  readonly erp: FakeErp;
  readonly store: OutboxStore;
  readonly sales: string[] = [];
  #relay: OutboxRelay | null = null;
  #fence: Fence | null = null;
  #countdown = Infinity;
  #killDone = false;
  #lives = 0;

  constructor(grouping: MessageGrouping, clock: FakeClock, store: OutboxStore) {
    this.clock = clock;
    this.erp = new FakeErp({ grouping, limits: { callsPerDay: null, callsPerSecond: 100 } });
    this.store = store;
  }

  /** Under a lease: what a dead one has left on its way to the store is refused. */
  async #startRelay(): Promise<OutboxRelay> {
    const { leases } = this.store;
    if (this.#fence !== null) await leases.release(this.#fence);
    const holder = `life ${this.#lives}`;
    const { token } = await leases.acquire('erp', holder, LEASE_MS);
    this.#fence = { lease: 'erp', token, holder };
    return new OutboxRelay({
      store: this.#mortal(fenced(this.store, this.#fence)),
      erp: this.erp,
      sleep: (ms) => {
        this.clock.advance(ms);
        return Promise.resolve();
      },
      random: () => 0.5,
    });
  }

  /** The store as a process sees it that dies at the set command. */
  #mortal(store: OutboxStore): OutboxStore {
    this.#lives += 1;
    const life = this.#lives;
    // What the dead had under way at the store may be answered later: they do not hear it.
    const assertAlive = (): void => {
      if (life !== this.#lives) throw new Killed();
    };
    const submit = async <C extends Command>(command: C): Promise<AnswerTo<C>> => {
      assertAlive();
      this.#countdown -= 1;
      const dying = this.#countdown < 0;
      if (dying && !(this.#killDone && this.#countdown === -1)) throw new Killed();
      const answer = await store.submit(command);
      if (dying) throw new Killed();
      assertAlive();
      return answer;
    };
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'submit') return submit;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  async open(): Promise<void> {
    for (const sku of SKUS) {
      await this.store.submit(setStock(sku, STOCK));
      this.erp.balances.set(sku, STOCK);
    }
  }

  async take(action: Action): Promise<void> {
    switch (action.do) {
      case 'sell': {
        const id = uuid(this.sales.length + 1);
        const lines = action.lines.map((n) => `${SKUS[n]}:${n + 1}`).join(' ');
        await this.ok(reserve(id, lines));
        await this.ok(confirm(id));
        this.sales.push(id);
        return;
      }
      case 'cancel': {
        const id = this.sales.at(-1 - action.which);
        const [line] = id === undefined ? [] : ((await this.store.reservation(id))?.lines ?? []);
        if (id === undefined || line === undefined) return;
        const { restock } = action;
        const lines = action.all ? {} : { lines: `${line.sku}:1` };
        await this.store.submit(cancel(id, { restock, ...lines }));
        return;
      }
      case 'round':
        await this.round();
        return;
      case 'wait':
        this.clock.advance(action.ms);
        return;
      case 'arrive':
        this.erp.arrive();
        return;
      case 'kill':
        this.#countdown = action.after;
        this.#killDone = action.done;
    }
  }

  async ok(command: Command): Promise<Answer> {
    const answer = await this.store.submit(command);
    assert.ok(answer.ok, JSON.stringify(answer));
    return answer;
  }

  async round(): Promise<boolean> {
    this.#relay ??= await this.#startRelay();
    try {
      return await this.#relay.round();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      // The others of the round die with it, wherever they are.
      await new Promise((resolve) => setImmediate(resolve));
      this.#countdown = Infinity;
      this.#relay = null;
      return true;
    }
  }

  /** Nothing goes wrong any more: everything is delivered, dead letters by a person's leave. */
  async drain(): Promise<void> {
    this.#countdown = Infinity;
    this.erp.mishap = () => 'none';
    this.erp.arrive();
    for (let rounds = 0; rounds < 500; rounds += 1) {
      this.clock.advance(700_000);
      const busy = await this.round();
      for (const { id, unknownAt } of await this.outbox('dead')) {
        assert.equal(unknownAt, null, `message ${id} was given up on though a reading tells`);
        await this.ok(retryMessage(id));
      }
      if (!busy && (await this.outbox(null)).length === 0) return;
    }
    assert.fail(`not drained: ${JSON.stringify(await this.outbox(null))}`);
  }

  outbox(state: 'dead' | null) {
    return this.store.outbox({ state, after: 0, limit: 1_000 });
  }

  async assertSettled(): Promise<void> {
    const { applied } = this.erp;
    assert.deepEqual([...new Set(applied)], applied, 'nothing is applied twice');
    const { problems } = await this.store.audit();
    assert.deepEqual(problems, []);
    for (const sku of SKUS) {
      const level = await this.store.level(sku);
      assert.equal(level?.allocated, 0, `${sku}: all is acknowledged`);
      assert.equal(this.erp.balances.get(sku), level.onHand, `${sku}: the books agree`);
    }
    for (const id of this.sales) {
      const status = (await this.store.reservation(id))?.status;
      assert.ok(status === 'acknowledged' || status === 'cancelled', `${id} is ${status}`);
    }
    const ids = applied.flatMap((name) => [...name.matchAll(/(\w+) (\d+) of ([\w-]+)/g)]);
    const seen = new Map<string, number>();
    for (const [, , id = '', reservation = ''] of ids) {
      if (this.erp.grouping === 'sku') continue;
      assert.ok(Number(id) > (seen.get(reservation) ?? 0), `${reservation}: in order`);
      seen.set(reservation, Number(id));
    }
  }
}

interface Life {
  /** Sends what is unknown again, without looking. */
  readonly blind?: boolean;
  readonly books?: StoreSubject;
}

async function live(
  grouping: MessageGrouping,
  { actions, mishaps }: Trouble,
  { blind = false, books = memorySubject }: Life = {},
): Promise<void> {
  const clock = new FakeClock();
  const rules = { ...DEFAULT_RULES, acknowledgeOnConfirm: false, messageGrouping: grouping };
  const home = await books.home({ after: () => undefined });
  const store = await home.open({ clock, rules });
  assert.ok(keepsOutbox(store));
  try {
    const world = new World(grouping, clock, store);
    if (blind) {
      world.erp.settle = () => Promise.resolve({ outcome: 'not_applied', reason: 'not asked' });
    }
    let pushes = 0;
    world.erp.mishap = () => mishaps[pushes++] ?? 'none';
    await world.open();
    for (const action of actions) await world.take(action);
    await world.drain();
    await world.assertSettled();
  } finally {
    await store.close();
  }
}

describe('the relay', () => {
  for (const grouping of ['sale', 'sku'] as const) {
    it(`told per ${grouping}: no sale is lost, none told twice, whatever happens between`, async () => {
      await assertProperty(
        fc.asyncProperty(
          trouble,
          untilTired((each) => live(grouping, each)),
        ),
        { runs: 300, file: 'test/erp/relay.test.ts' },
      );
    });

    it(`told per ${grouping}: one that sends again what is unknown tells a sale twice`, async () => {
      const sale: Trouble = {
        actions: [{ do: 'sell', lines: [0] }, { do: 'round' }],
        mishaps: ['lost_answer'],
      };
      await live(grouping, sale);
      await assert.rejects(live(grouping, sale, { blind: true }), /nothing is applied twice/);
    });

    it(`told per ${grouping}: one that sends again what is unknown is found out`, async () => {
      const blind = fc.asyncProperty(trouble, (each) => live(grouping, each, { blind: true }));
      const { failed, errorInstance } = await fc.check(blind, { numRuns: 300, endOnFailure: true });
      assert.ok(failed);
      assert.match(String(errorInstance), /nothing is applied twice|the books agree/);
    });
  }
});

withRedis(() => {
  for (const books of [redisSubject, redisOverlappingShardsSubject]) {
    for (const grouping of ['sale', 'sku'] as const) {
      it(`over ${books.name}, told per ${grouping}: the same`, async () => {
        await assertProperty(
          fc.asyncProperty(
            trouble,
            untilTired((each) => live(grouping, each, { books })),
          ),
          { runs: 15, file: 'test/erp/relay.test.ts' },
        );
      });
    }
  }
});
