/** T17: one seed's history of drifts planted in Bling among sales in flight, while the books are compared again and again. */
import assert from 'node:assert/strict';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import { ErpFault } from '../../src/engine/erp-port.ts';
import { Random } from '../linearizability/random.ts';
import { confirm, release, reserve, uuid } from '../support/commands.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { balanceOf } from './checks.ts';
import type { Wrapping } from './life.ts';
import { OtherIntegration } from './other-integration.ts';
import { Shop, type Sale } from './shop.ts';
import { Witness } from './witness.ts';
import { World } from './world.ts';

const SKUS = Array.from({ length: 12 }, (_each, n) => `DRIFT-${n + 1}`);
const STOCK = 2_000;
/** Above the ids of the shop's own reservations. */
const FIRST_HELD = 1_000_000;
const MINUTE_MS = 60_000;

export interface DriftTale {
  readonly planted: number;
  readonly found: number;
  readonly passing: number;
  readonly compared: number;
  readonly overtaken: number;
  readonly runs: number;
  readonly sales: number;
  readonly confirmed: number;
  readonly lapsed: number;
}

interface Held {
  readonly id: string;
  readonly expiresAt: number;
  readonly sku: string;
  readonly quantity: number;
}

export async function liveWithDrifts(
  t: Lifetime,
  mode: BlingSettings['orderMode'],
  seed: number,
  drifts: number,
  wrapping: Wrapping = {},
): Promise<DriftTale> {
  const witness = new Witness(SKUS);
  const world = await World.open(t, {
    seed,
    mode,
    store: 'memory',
    latencyMs: 1_500,
    wrapping: witness.wrapping(wrapping),
    // Hints are another way to the same comparison, and would be there first.
    switches: { webhookLoss: 1 },
  });
  const history = new DriftHistory(world, witness, { mode, seed, drifts });
  t.after(history.watch());
  return world.time.run(history.live());
}

class DriftHistory {
  readonly #world: World;
  readonly #witness: Witness;
  readonly #random: Random;
  readonly #shop: Shop;
  readonly #others: OtherIntegration | null;
  readonly #shopNumbers: Set<string> | null;
  readonly #drifts: number;
  readonly #held: Held[] = [];
  #holds = 0;
  #planted = 0;
  #runs = 0;
  #confirmed = 0;
  #lapsed = 0;

  constructor(
    world: World,
    witness: Witness,
    { mode, seed, drifts }: { mode: BlingSettings['orderMode']; seed: number; drifts: number },
  ) {
    const observes = mode === 'observe';
    this.#world = world;
    this.#witness = witness;
    this.#drifts = drifts;
    this.#random = new Random(seed + 2_000_003);
    this.#shop = new Shop(world, this.#random, SKUS, { partCancellations: !observes });
    this.#others = observes ? new OtherIntegration(world, this.#random) : null;
    this.#shopNumbers = observes ? new Set() : null;
  }

  watch(): () => void {
    return this.#witness.watch(this.#world.simulator, this.#shopNumbers);
  }

  async live(): Promise<DriftTale> {
    const { control } = this.#world.simulator;
    control.seed({ products: SKUS.map((sku) => ({ sku, stock: STOCK })) });
    await this.#world.life.reconciler.pull(null, { fix: true, cause: 'pull' });
    await Promise.all([this.#sellAndPlant(), this.#compareMeanwhile()]);
    await this.#drain();
    await this.#assertEqual();
    const { found, passing, compared, overtaken } = this.#witness;
    return {
      planted: this.#planted,
      found,
      passing,
      compared,
      overtaken,
      runs: this.#runs,
      sales: this.#shop.sales.length,
      confirmed: this.#confirmed,
      lapsed: this.#lapsed,
    };
  }

  async #sellAndPlant(): Promise<void> {
    while (this.#planted < this.#drifts) await this.#step();
  }

  async #step(): Promise<void> {
    await this.#world.time.sleep(this.#random.between(0, 4_000));
    const luck = this.#random.between(1, 100);
    if (luck <= 30) this.#plant();
    else if (luck <= 60) await this.#sell();
    else if (luck <= 68) {
      const sale = await this.#shop.cancelOne();
      if (sale !== null) this.#others?.cancelled(sale);
    } else if (luck <= 78) await this.#hold();
    else if (luck <= 92) await this.#endOne();
    else if (luck <= 97) await this.#shop.abandon();
    else await this.#world.time.sleep(this.#random.between(1, 4) * MINUTE_MS);
  }

  /** One at a time of each SKU, or two would be found as one. */
  #plant(): void {
    const sku = this.#random.pick(SKUS) ?? '';
    if (this.#witness.isHidden(sku)) return;
    const quantity = this.#random.between(1, 9);
    const operation = this.#random.chance(0.5) ? 'E' : 'S';
    this.#world.simulator.control.outsideMovement({ sku, quantity, operation });
    this.#witness.plant(sku, operation === 'E' ? quantity : -quantity);
    this.#planted += 1;
  }

  async #sell(): Promise<void> {
    this.#orderElsewhere(await this.#shop.sell());
  }

  /** A cart that will be paid for, given up, or lapse: its buyer has not made up their mind. */
  async #hold(): Promise<void> {
    this.#holds += 1;
    const id = uuid(FIRST_HELD + this.#holds);
    const line = { sku: this.#random.pick(SKUS) ?? '', quantity: this.#random.between(1, 4) };
    const answer = await this.#world.store.submit(reserve(id, [line]));
    assert.ok(answer.ok, JSON.stringify(answer));
    this.#held.push({ id, expiresAt: answer.reservation.expiresAt, ...line });
  }

  /** What becomes of a reservation is what would have become of it without any drift. */
  async #endOne(): Promise<void> {
    const at = this.#random.between(0, this.#held.length - 1);
    const [held] = this.#held.splice(at, 1);
    if (held === undefined) return;
    const { store, time } = this.#world;
    const isLive = time.now() < held.expiresAt;
    if (isLive && this.#random.chance(0.3)) {
      const released = await store.submit(release(held.id));
      assert.ok(released.ok, JSON.stringify(released));
      return;
    }
    const orderId = `held ${held.id}`;
    const answer = await store.submit(confirm(held.id, { order: orderId }));
    assert.equal(answer.ok, isLive, `${held.id}: ${JSON.stringify(answer)}`);
    if (isLive) {
      this.#confirmed += 1;
      this.#orderElsewhere({
        id: held.id,
        orderId,
        units: new Map([[held.sku, held.quantity]]),
        restocked: new Map(),
        writtenOff: new Map(),
      });
    } else this.#lapsed += 1;
  }

  #orderElsewhere(sale: Sale): void {
    this.#shopNumbers?.add(sale.orderId);
    this.#others?.sold(sale);
  }

  async #compareMeanwhile(): Promise<void> {
    while (this.#planted < this.#drifts) {
      await this.#world.time.sleep(this.#random.between(1_000, 30_000));
      await this.#compare();
    }
  }

  /** Whoever was live before is so afterwards, unless their time, or their buyer, has ended it. */
  async #compare(): Promise<void> {
    this.#runs += 1;
    const before = [...this.#held];
    await this.#correct();
    for (const { id, expiresAt } of before) {
      const isStillHeld = this.#held.some((held) => held.id === id);
      if (!isStillHeld || this.#world.time.now() >= expiresAt) continue;
      const status = (await this.#world.store.reservation(id))?.status;
      // Its buyer may have acted while we looked.
      if (this.#held.some((held) => held.id === id)) {
        assert.equal(status, 'active', `${id} was live`);
      }
    }
  }

  /** Others call Bling too, in mode `observe`, and may have used up the calls of this second. */
  async #correct(): Promise<void> {
    try {
      await this.#world.life.reconciler.compareAll({ fix: true, cause: 'schedule' });
    } catch (error) {
      if (!(error instanceof ErpFault)) throw error;
    }
  }

  async #drain(): Promise<void> {
    while (this.#held.length > 0) await this.#endOne();
    for (let looks = 0; looks < 400; looks += 1) {
      await this.#world.time.sleep(10_000);
      const left = await this.#world.store.outbox({ state: null, after: 0, limit: 1_000 });
      const dead = left.filter(({ state }) => state === 'dead');
      assert.deepEqual(dead, [], 'nothing is given up on');
      if (left.length === 0 && (this.#others?.isDone() ?? true)) return;
    }
    assert.fail('not drained');
  }

  async #assertEqual(): Promise<void> {
    await this.#compare();
    this.#witness.assertAllFound();
    assert.equal(this.#witness.found, this.#planted, 'each drift is found');
    const { store, life, time } = this.#world;
    for (const sku of SKUS) {
      const level = await store.level(sku);
      const erp = balanceOf(this.#world, sku);
      assert.deepEqual([level?.onHand, level?.allocated], [erp, 0], `${sku}: the books agree`);
    }
    const { drifts, moving, problems } = await life.reconciler.compareAll({
      fix: false,
      cause: 'operator',
    });
    assert.deepEqual([drifts, moving, problems], [[], [], []]);
    const audit = await time.during(() => store.audit());
    assert.deepEqual(audit.problems, [], 'the audit passes');
  }
}
