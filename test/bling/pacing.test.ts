/**
 * Never more calls than Bling allows, by Bling's own count, and a drain time that comes true: in virtual time, on a
 * simulator that keeps to its limits.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setting } from '../faults/chance.ts';
import { Random } from '../linearizability/random.ts';
import { confirm, reserve, uuid } from '../support/commands.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { Shop } from './shop.ts';
import { World, type WorldOptions } from './world.ts';

const SALE_SECONDS = setting('HOLDFAST_SALE_SECONDS', 60);
const ORDERS = setting('HOLDFAST_ERP_ORDERS', 200);
const PRODUCTS = 200;
const HOUR_MS = 3_600_000;
/** Of what is left, a prediction may be off by so much. */
const TOLERANCE = 0.1;

async function open(t: Lifetime, options: Omit<WorldOptions, 'seed' | 'store'>): Promise<World> {
  const world = await World.open(t, { seed: 1, store: 'memory', ...options });
  world.simulator.control.seed({ count: PRODUCTS, stock: 1_000_000 });
  await world.time.run(world.life.reconciler.pull(null, { fix: true, cause: 'pull' }));
  return world;
}

function skus(world: World): string[] {
  return world.simulator.control.products().map(({ sku }) => sku);
}

/** No call too many, by the count of who counts them. */
function assertWithinLimits({ simulator }: World): string {
  const { limits } = simulator.control.state();
  const refused = simulator.control.callCounts().filter(({ status }) => status === 429);
  assert.deepEqual(refused, []);
  assert.ok(limits.peakPerSecond <= 3, `${limits.peakPerSecond} calls in a second`);
  assert.deepEqual([limits.refusedPerSecond, limits.refusedPerDay], [0, 0]);
  const calls = simulator.control.callCounts().reduce((sum, each) => sum + each.calls, 0);
  return `${calls} calls, at most ${limits.peakPerSecond} in any second, none refused`;
}

async function drained({ time, store }: World, everyMs = 5_000): Promise<void> {
  for (;;) {
    const { pending, inFlight, unknown } = await store.outboxStats();
    if (pending + inFlight + unknown === 0) return;
    await time.sleep(everyMs);
  }
}

async function sell(world: World, orders: number, seed: number): Promise<void> {
  const random = new Random(seed);
  const all = skus(world);
  for (let n = 1; n <= orders; n += 1) {
    const id = uuid(n);
    await world.store.submit(reserve(id, `${random.pick(all)}:1`));
    assert.ok((await world.store.submit(confirm(id, { order: `#${n}` }))).ok);
  }
}

describe('pacing', () => {
  for (const mode of ['order', 'movement'] as const) {
    it(`mode ${mode}: in a long sale never over 3 calls in any second`, async (t) => {
      const world = await open(t, { mode, latencyMs: 800, reconcileEveryMs: 300_000 });
      const random = new Random(7);
      const shop = new Shop(world, random, skus(world), { partCancellations: true });
      const sale = async (): Promise<void> => {
        for (const ends = world.time.now() + SALE_SECONDS * 1_000; world.time.now() < ends;) {
          await shop.sell(2);
          if (random.chance(0.05)) await shop.cancelOne();
          await world.time.sleep(random.between(0, 2_000));
        }
        await drained(world);
      };
      await world.time.run(sale());
      const { sales } = shop;
      t.diagnostic(`${SALE_SECONDS} s, ${sales.length} sales: ${assertWithinLimits(world)}`);
    });
  }

  it('the day’s calls are not exceeded, by Bling’s day, and a part of them is kept for reading', async (t) => {
    const callsPerDay = 240;
    const world = await open(t, {
      mode: 'order',
      settings: { callsPerDay },
      switches: { limitPerDay: callsPerDay },
      reconcileEveryMs: 2 * HOUR_MS,
      idleMs: 300_000,
    });
    const days = new Map<number, number>();
    const watch = async (): Promise<void> => {
      await sell(world, 250, 3);
      await drained(world, 300_000);
    };
    await world.time.run(watch());
    for (const { at, path } of world.simulator.control.calls()) {
      // Bling does not count what tokens cost.
      if (path.startsWith('/oauth')) continue;
      const day = Math.floor((at - 3 * HOUR_MS) / (24 * HOUR_MS));
      days.set(day, (days.get(day) ?? 0) + 1);
    }
    assert.ok(days.size >= 3, 'it takes days');
    for (const calls of days.values()) assert.ok(calls <= callsPerDay, `${calls} calls in a day`);
    t.diagnostic(`${assertWithinLimits(world)}; by day: ${[...days.values()].join(', ')}`);
  });
});

describe('the predicted time of the drain', () => {
  interface Case extends Omit<WorldOptions, 'seed' | 'store'> {
    readonly name: string;
    readonly lookEveryMs?: number;
  }
  const cases: readonly Case[] = [
    { name: 'mode order', mode: 'order' },
    { name: 'mode order, with slow answers', mode: 'order', latencyMs: 600 },
    { name: 'mode order, beside reconciliations', mode: 'order', reconcileEveryMs: 120_000 },
    { name: 'mode movement', mode: 'movement' },
    {
      name: 'mode order, over more than a day’s calls',
      mode: 'order',
      settings: { callsPerDay: ORDERS * 1.2 },
      switches: { limitPerDay: ORDERS * 1.2 },
      idleMs: 300_000,
      lookEveryMs: 600_000,
    },
  ];
  for (const { name, lookEveryMs = ORDERS * 40, ...options } of cases) {
    it(`${name}: comes true`, async (t) => {
      const world = await open(t, options);
      const predictions: { readonly at: number; readonly drainedAt: number }[] = [];
      const isOver = { yes: false };
      const watch = async (): Promise<void> => {
        while (!isOver.yes) {
          const { drainedAt } = await world.life.relay.status();
          if (drainedAt !== null) predictions.push({ at: world.time.now(), drainedAt });
          await world.time.sleep(lookEveryMs);
        }
      };
      const drain = async (): Promise<void> => {
        await sell(world, ORDERS, 5);
        void watch();
        await drained(world, lookEveryMs / 20);
        isOver.yes = true;
      };
      await world.time.run(drain());
      const end = world.time.now();
      const first = predictions[0]?.at ?? end;
      const told: string[] = [];
      for (const share of [0, 0.25, 0.5, 0.75]) {
        const { at, drainedAt } = predictions[Math.floor(predictions.length * share)] ?? {
          at: end,
          drainedAt: end,
        };
        const off = (drainedAt - end) / (end - at);
        told.push(
          `at ${Math.round(((at - first) / (end - first)) * 100)}% ${(off * 100).toFixed(1)}%`,
        );
        assert.ok(Math.abs(off) <= TOLERANCE, `${name}: off by ${told.join(', ')}`);
      }
      t.diagnostic(
        `${ORDERS} orders in ${Math.round((end - first) / 1_000)} s; off by ${told.join(', ')} of what was left; ${assertWithinLimits(world)}`,
      );
    });
  }
});
