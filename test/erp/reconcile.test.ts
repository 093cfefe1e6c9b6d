/**
 * T17: drifts planted in the ERP among sales in flight. Between the question and the answer, and between the answer and
 * its use, units are reserved, confirmed, pushed, acknowledged, cancelled and lapse. Every planted drift is found, none
 * is invented, and no live reservation is touched.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import type { MessageGrouping } from '../../src/core/outbox/message.ts';
import { OutboxRelay } from '../../src/engine/outbox-relay.ts';
import { Reconciler } from '../../src/engine/reconciler.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { cancel, confirm, reserve, setStock, uuid } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeErp, type Mishap } from '../support/fake-erp.ts';
import { assertProperty, isReplay, untilTired } from '../support/replay.ts';

const SKUS = ['A', 'B', 'C', 'D'];
const STOCK = 10_000;
const OPTIONS = { fix: true, cause: 'schedule' };

type Action =
  | { readonly do: 'reserve' | 'sell'; readonly sku: number; readonly quantity: number }
  | { readonly do: 'cancel'; readonly which: number; readonly restock: boolean }
  | { readonly do: 'round' }
  | { readonly do: 'wait'; readonly ms: number };

/** One reading of the ERP: what is planted before it, and what happens around it. */
interface Reading {
  readonly plant: readonly { readonly sku: number; readonly units: number }[];
  readonly asking: readonly Action[];
  readonly answered: readonly Action[];
  readonly between: readonly Action[];
}

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('reserve', 'sell', 'sell'),
      sku: fc.nat({ max: SKUS.length - 1 }),
      quantity: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cancel'),
      which: fc.nat({ max: 4 }),
      restock: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.constant<Action>({ do: 'round' }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(1_000, 20_000, 700_000) }),
  },
);
const actions = fc.array(action, { maxLength: 4 });
const reading: fc.Arbitrary<Reading> = fc.record({
  plant: fc.uniqueArray(
    fc.record({
      sku: fc.nat({ max: SKUS.length - 1 }),
      units: fc.integer({ min: -9, max: 9 }).filter((units) => units !== 0),
    }),
    { maxLength: 3, selector: ({ sku }) => sku },
  ),
  asking: actions,
  answered: actions,
  between: actions,
});

class World {
  readonly clock = new FakeClock();
  readonly erp: FakeErp;
  readonly store: MemoryStore;
  readonly #relay: OutboxRelay;
  readonly reconciler: Reconciler;
  readonly planted = new Map<string, number>();
  readonly #found = new Map<string, number>();
  #ids = 0;
  readonly #sales: string[] = [];
  #around: Pick<Reading, 'asking' | 'answered'> = { asking: [], answered: [] };

  /** `fenced` false: balances are believed whatever has moved meanwhile. */
  constructor(grouping: MessageGrouping, mishaps: readonly Mishap[], fenced = true) {
    this.erp = new FakeErp({ grouping, limits: { callsPerSecond: 1_000, callsPerDay: null } });
    const rules = { ...DEFAULT_RULES, acknowledgeOnConfirm: false, messageGrouping: grouping };
    this.store = new MemoryStore(this.clock, rules);
    let pushes = 0;
    this.erp.mishap = () => mishaps[pushes++] ?? 'none';
    this.#relay = new OutboxRelay({
      store: this.store,
      erp: this.erp,
      sleep: () => Promise.resolve(),
      random: () => 0.5,
    });
    const read = this.erp.readLevels.bind(this.erp);
    this.erp.readLevels = async (skus, call) => {
      // What was to happen happens around the first reading; the next ones find quiet.
      const { asking, answered } = this.#around;
      this.#around = { asking: [], answered: [] };
      await this.all(asking);
      const levels = await read(skus, call);
      await this.all(answered);
      return levels;
    };
    const { erp } = this;
    const store = fenced ? this.store : unfenced(this.store);
    this.reconciler = new Reconciler({ store, erp, call: () => this.#relay.call('read') });
  }

  async open(): Promise<void> {
    for (const sku of SKUS) {
      await this.store.submit(setStock(sku, STOCK));
      this.erp.balances.set(sku, STOCK);
    }
  }

  async all(list: readonly Action[]): Promise<void> {
    for (const each of list) await this.#take(each);
  }

  async #take(each: Action): Promise<void> {
    switch (each.do) {
      case 'reserve':
      case 'sell': {
        this.#ids += 1;
        const id = uuid(this.#ids);
        await this.store.submit(reserve(id, `${SKUS[each.sku]}:${each.quantity}`));
        if (each.do === 'reserve') return;
        await this.store.submit(confirm(id));
        this.#sales.push(id);
        return;
      }
      case 'cancel': {
        const id = this.#sales.at(-1 - each.which);
        if (id !== undefined) await this.store.submit(cancel(id, { restock: each.restock }));
        return;
      }
      case 'round':
        await this.#relay.round();
        return;
      case 'wait':
        this.clock.advance(each.ms);
    }
  }

  /** Every correction is of what stands planted and not found, exactly. */
  async read({ plant, asking, answered, between }: Reading, grouping: MessageGrouping) {
    // With movements, a reading that settles an unknown one tells by the figure itself: nobody else may write.
    const quiet = grouping === 'sale' || (await this.store.outboxStats()).unknown === 0;
    for (const { sku, units } of quiet ? plant : []) {
      const name = SKUS[sku] ?? '';
      this.erp.balances.set(name, (this.erp.balances.get(name) ?? 0) + units);
      this.planted.set(name, (this.planted.get(name) ?? 0) + units);
    }
    this.#around = { asking, answered };
    const live = (await this.reservations()).filter(
      ({ expiresAt }) => expiresAt > this.clock.now(),
    );
    const { drifts } = await this.reconciler.compareAll(OPTIONS);
    for (const { sku, units, corrected } of drifts) {
      const outstanding = (this.planted.get(sku) ?? 0) - (this.#found.get(sku) ?? 0);
      assert.equal(units, outstanding, `${sku}: corrected by ${units}, planted ${outstanding}`);
      assert.ok(corrected);
      this.#found.set(sku, (this.#found.get(sku) ?? 0) + units);
    }
    for (const { id, expiresAt } of live) {
      const now = await this.store.reservation(id);
      const touched = now?.status !== 'active' && this.clock.now() < expiresAt;
      assert.ok(!touched, `${id} was live and is ${now?.status}`);
    }
    await this.all(between);
    assert.deepEqual((await this.store.audit()).problems, []);
    return drifts.length;
  }

  async reservations() {
    const all = await this.store.reservations(null, 10_000);
    return all.filter(({ status }) => status === 'active');
  }

  async drain(): Promise<void> {
    this.erp.mishap = () => 'none';
    this.erp.arrive();
    for (let n = 0; n < 100; n += 1) {
      this.clock.advance(700_000);
      if (!(await this.#relay.round()) && n > 5) return;
    }
  }

  assertAllFound(): void {
    for (const [sku, units] of this.planted) assert.equal(this.#found.get(sku) ?? 0, units, sku);
  }
}

/** The planted fault: every answer is as good as the newest. */
function unfenced(store: MemoryStore): MemoryStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'balanceFence') {
        return () => Promise.resolve(Infinity);
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

describe('reconciliation', () => {
  let drifts = 0;
  for (const grouping of ['sale', 'sku'] as const) {
    it(`told per ${grouping}: finds every planted drift among sales in flight, and no other`, async () => {
      const mishaps = fc.array(fc.constantFrom<Mishap>('none', 'lost_answer', 'lost_request'), {
        maxLength: 10,
      });
      const readings = fc.array(reading, { minLength: 1, maxLength: 6, size: 'max' });
      const live = async ([list, plan]: [Reading[], Mishap[]]): Promise<void> => {
        const world = new World(grouping, grouping === 'sale' ? plan : []);
        await world.open();
        for (const each of list) drifts += await world.read(each, grouping);
        await world.drain();
        const nothing: Reading = { plant: [], asking: [], answered: [], between: [] };
        drifts += await world.read(nothing, grouping);
        world.assertAllFound();
        assert.equal((await world.reconciler.compareAll(OPTIONS)).drifts.length, 0);
      };
      await assertProperty(fc.asyncProperty(fc.tuple(readings, mishaps), untilTired(live)), {
        runs: 200,
        file: 'test/erp/reconcile.test.ts',
      });
    });
  }

  it('without the fence it would invent drifts', async () => {
    const world = new World('sale', [], false);
    await world.open();
    const sell: Action = { do: 'sell', sku: 0, quantity: 2 };
    const answered: Action[] = [sell, { do: 'round' }, { do: 'wait', ms: 1_000 }, { do: 'round' }];
    const read = world.read({ plant: [], asking: [], answered, between: [] }, 'sale');
    await assert.rejects(read, /planted 0/);
  });

  it('over a thousand of them', () => {
    if (!isReplay()) assert.ok(drifts >= 1_000, `${drifts} drifts`);
  });

  it('pulls page by page, and goes on where it left off', async () => {
    const world = new World('sale', []);
    for (let n = 0; n < 120; n += 1) {
      world.erp.balances.set(`SKU-${String(n).padStart(3, '0')}`, n);
    }
    const cursors: (string | null)[] = [];
    const pull = { fix: true, cause: 'pull' };
    const first = await world.reconciler.pull(null, pull, ({ next }) => {
      cursors.push(next);
      return Promise.resolve();
    });
    assert.deepEqual([first.compared, first.drifts.length], [120, 120]);
    assert.deepEqual(cursors, ['50', '100', null]);
    assert.equal(first.drifts[7]?.cause, 'new_sku');
    world.erp.balances.set('SKU-110', 1);
    const rest = await world.reconciler.pull('100', pull);
    assert.equal(rest.compared, 20);
    assert.deepEqual(
      rest.drifts.map(({ sku, units, cause }) => [sku, units, cause]),
      [['SKU-110', -109, 'sold_elsewhere']],
    );
    assert.equal((await world.store.level('SKU-110'))?.onHand, 1);
  });

  it('a balance below zero counts as none, and is told once, however often it is read', async () => {
    const world = new World('sale', []);
    await world.open();
    world.erp.balances.set('A', -3);
    const report = await world.reconciler.compare(['A', 'A', 'X'], OPTIONS);
    assert.equal((await world.store.level('A'))?.onHand, 0);
    const reasons = new Map(report.problems.map(({ sku, reason }) => [sku, reason]));
    assert.deepEqual([...reasons.keys()].sort(), ['A', 'X']);
    assert.equal(report.problems.length, 2);
    assert.match(reasons.get('A') ?? '', /^the ERP has -3 of A: 3 more were sold there/);
    world.erp.balances.set('A', 2);
    assert.deepEqual((await world.reconciler.compare(['A'], OPTIONS)).problems, []);
    assert.equal((await world.store.level('A'))?.onHand, 2);
  });

  it('while raises are held back only what is lower or new is taken over', async () => {
    const world = new World('sale', []);
    await world.open();
    let mayRaise = false;
    const { store, erp } = world;
    const reconciler = new Reconciler({
      ...{ store, erp, mayRaise: () => mayRaise },
      call: () => ({ signal: new AbortController().signal, turn: () => Promise.resolve() }),
    });
    for (const [sku, units] of [
      ['A', STOCK + 5],
      ['B', STOCK - 5],
      ['NEW', 7],
    ] as const) {
      erp.balances.set(sku, units);
    }
    const compare = async () => {
      const { drifts } = await reconciler.compare(['A', 'B', 'C', 'NEW'], OPTIONS);
      return drifts.map(({ sku, units, corrected, held }) => [sku, units, corrected, held]);
    };
    assert.deepEqual(await compare(), [
      ['A', 5, false, true],
      ['B', -5, true, false],
      ['NEW', 7, true, false],
    ]);
    assert.deepEqual(await compare(), [['A', 5, false, true]], 'again, as long as it is so');
    assert.equal((await store.level('A'))?.onHand, STOCK);
    mayRaise = true;
    assert.deepEqual(await compare(), [['A', 5, true, false]]);
    assert.equal((await store.level('A'))?.onHand, STOCK + 5);
  });

  it('without leave to fix, only says what it found', async () => {
    const world = new World('sale', []);
    await world.open();
    world.erp.balances.set('A', 7);
    const { drifts: found } = await world.reconciler.compare(['A', 'X'], {
      fix: false,
      cause: 'operator',
    });
    assert.deepEqual(
      found.map(({ sku, units, corrected }) => [sku, units, corrected]),
      [['A', 7 - STOCK, false]],
    );
    assert.equal((await world.store.level('A'))?.onHand, STOCK);
  });
});

it('where others tell the ERP, what comes back is not taken for units that came in', async () => {
  const world = new World('sale', []);
  await world.open();
  world.erp.toldByOthers = true;
  const [sku = ''] = SKUS;
  const onHand = async (): Promise<number | undefined> => (await world.store.level(sku))?.onHand;
  await world.all([{ do: 'sell', sku: 0, quantity: 3 }, { do: 'round' }]);
  assert.deepEqual([world.erp.balances.get(sku), await onHand()], [STOCK - 3, STOCK - 3]);

  await world.all([{ do: 'cancel', which: 0, restock: true }]);
  // The other integration was there first; the message that looks for it is still under way.
  world.erp.balances.set(sku, STOCK);
  const early = await world.reconciler.compare([sku], { fix: true, cause: 'webhook' });
  assert.deepEqual([early.moving, early.drifts, await onHand()], [[sku], [], STOCK]);
  const only = await world.reconciler.compare([sku], { fix: false, cause: 'operator' });
  assert.deepEqual([only.moving, only.drifts], [[sku], []]);

  // Lower is taken over all the same: that sells nothing twice.
  world.erp.balances.set(sku, STOCK - 9);
  const lower = await world.reconciler.compare([sku], { fix: true, cause: 'webhook' });
  assert.deepEqual([lower.moving, lower.drifts.map(({ units }) => units)], [[], [-6]]);

  world.erp.balances.set(sku, STOCK - 3);
  await world.all([{ do: 'round' }]);
  world.erp.balances.set(sku, STOCK + 5);
  const late = await world.reconciler.compare([sku], { fix: true, cause: 'webhook' });
  assert.deepEqual([late.moving, await onHand()], [[], STOCK + 5]);
});
