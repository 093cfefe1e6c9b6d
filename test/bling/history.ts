/** T16: one seed's history of sales and troubles, until everything is delivered, and what must hold then. */
import assert from 'node:assert/strict';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import { Random } from '../linearizability/random.ts';
import { retryMessage } from '../support/commands.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { assertSettled } from './checks.ts';
import type { Fate, Wrapping } from './life.ts';
import { OtherIntegration } from './other-integration.ts';
import { Shop } from './shop.ts';
import { PATIENCE_MS, tokenTrouble, trouble } from './trouble.ts';
import { World } from './world.ts';

export const SKUS = ['A', 'B', 'C', 'D'];
export const STOCK = 1_000;
const STEPS = 45;
const MINUTE_MS = 60_000;
const FATES: readonly Fate['at'][] = ['before_command', 'after_command', 'request'];

export interface Tale {
  readonly sales: number;
  readonly kills: number;
  readonly calls: number;
  readonly faults: number;
  readonly webhooks: number;
  readonly hours: number;
  readonly reconnects: number;
  readonly backlog: number;
}

export async function live(
  t: Lifetime,
  mode: BlingSettings['orderMode'],
  seed: number,
  wrapping: Wrapping = {},
): Promise<Tale> {
  const world = await World.open(t, {
    seed,
    mode,
    wrapping,
    latencyMs: 1_500,
    reconcileEveryMs: 90_000,
    settings: { timeoutMs: PATIENCE_MS },
    switches: {
      webhookDuplicates: 0.3,
      webhookShuffleMs: 20_000,
      webhookLoss: 0.1,
      orderSearchLagMs: seed % 2 === 0 ? 0 : 6_000,
    },
  });
  return world.time.run(new History(world, mode, seed).live());
}

class History {
  readonly #world: World;
  readonly #mode: BlingSettings['orderMode'];
  readonly #random: Random;
  readonly #shop: Shop;
  readonly #others: OtherIntegration | null;
  #backlog = 0;
  #reconnects = 0;
  #faults = 0;

  constructor(world: World, mode: BlingSettings['orderMode'], seed: number) {
    this.#world = world;
    this.#mode = mode;
    this.#random = new Random(seed + 1_000_003);
    this.#shop = new Shop(world, this.#random, SKUS, { partCancellations: mode !== 'observe' });
    this.#others = mode === 'observe' ? new OtherIntegration(world, this.#random) : null;
  }

  async live(): Promise<Tale> {
    const { control } = this.#world.simulator;
    control.seed({ products: SKUS.map((sku) => ({ sku, stock: STOCK })) });
    const began = this.#world.time.now();
    await this.#pull();
    for (let step = 0; step < STEPS; step += 1) await this.#step();
    await this.#heal();
    await this.#drain();
    await assertSettled(this.#world, this.#shop, { skus: SKUS, stock: STOCK, mode: this.#mode });
    const { kills, webhooks, time } = this.#world;
    const calls = control.callCounts().reduce((sum, each) => sum + each.calls, 0);
    return {
      sales: this.#shop.sales.length,
      kills,
      calls,
      faults: this.#faults,
      webhooks,
      hours: (time.now() - began) / 3_600_000,
      reconnects: this.#reconnects,
      backlog: this.#backlog,
    };
  }

  async #pull(): Promise<void> {
    const { drifts } = await this.#world.life.reconciler.pull(null, { fix: true, cause: 'pull' });
    assert.equal(drifts.length, SKUS.length, 'the first stock is pulled');
  }

  async #step(): Promise<void> {
    await this.#world.time.sleep(this.#random.between(0, 9_000));
    if (this.#world.life.isDead) await this.#restart();
    const { pending, inFlight, unknown } = await this.#world.store.outboxStats();
    this.#backlog = Math.max(this.#backlog, pending + inFlight + unknown);
    await this.#act(this.#random.between(1, 100));
  }

  async #act(luck: number): Promise<void> {
    const { control } = this.#world.simulator;
    if (luck <= 42) {
      const sale = await this.#shop.sell();
      this.#others?.sold(sale);
    } else if (luck <= 48) await this.#shop.abandon();
    else if (luck <= 60) {
      const sale = await this.#shop.cancelOne();
      if (sale !== null) this.#others?.cancelled(sale);
    } else if (luck <= 82) control.addFault(trouble(this.#random, this.#mode !== 'observe'));
    else if (luck <= 85) await this.#outage();
    else if (luck <= 88) control.expireAccessTokens();
    else if (luck <= 90) this.#shortLives();
    else if (luck <= 96) this.#befall();
    else await this.#world.time.sleep(this.#random.between(1, 20) * MINUTE_MS);
  }

  /** Sales go on while the ERP is down, for up to an hour. */
  async #outage(): Promise<void> {
    const { control } = this.#world.simulator;
    const id = control.addFault({ kind: 'outage' });
    for (let n = this.#random.between(1, 6); n > 0; n -= 1) {
      await this.#world.time.sleep(this.#random.between(1, 10) * MINUTE_MS);
      if (this.#world.life.isDead) await this.#restart();
      const sale = await this.#shop.sell();
      this.#others?.sold(sale);
    }
    control.removeFaults(id);
  }

  /** Tokens are good for a few minutes from now on, and renewing them may fail. */
  #shortLives(): void {
    const { control } = this.#world.simulator;
    control.setSwitches({ accessTokenSeconds: this.#random.between(60, 600) });
    control.expireAccessTokens();
    if (this.#random.chance(0.5)) control.addFault(tokenTrouble(this.#random));
  }

  #befall(): void {
    const at = this.#random.pick(FATES) ?? 'request';
    this.#world.life.befall({ at, after: this.#random.between(0, 6) });
  }

  async #restart(): Promise<void> {
    this.#world.kills += 1;
    await this.#world.stop();
    await this.#world.time.sleep(this.#random.between(0, 90_000));
    await this.#world.start();
  }

  async #heal(): Promise<void> {
    const { control } = this.#world.simulator;
    this.#faults = control.faults().reduce((sum, { befell }) => sum + befell, 0);
    control.removeFaults();
    control.setSwitches({ accessTokenSeconds: 21_600, orderSearchLagMs: 0, webhookLoss: 0 });
    if (this.#world.life.isDead) await this.#restart();
    this.#world.life.spare();
  }

  /** Nothing goes wrong any more. What was refused for good, a person has tried again. */
  async #drain(): Promise<void> {
    const { time } = this.#world;
    for (let looks = 0; looks < 400; looks += 1) {
      await time.sleep(10_000);
      const { store, life } = this.#world;
      const dead = await store.outbox({ state: 'dead', after: 0, limit: 1_000 });
      for (const { id, unknownAt, lastError } of dead) {
        assert.equal(unknownAt, null, `message ${id} was given up on: ${lastError}`);
        await store.submit(retryMessage(id));
      }
      const left = await store.outbox({ state: null, after: 0, limit: 1_000 });
      if (left.length === 0 && (this.#others?.isDone() ?? true)) return;
      const { lastError } = await life.relay.status();
      if (lastError?.includes('holdfast bling connect') === true && looks % 60 === 30) {
        this.#reconnects += 1;
        await this.#world.connectAgain();
      }
    }
    const { store, life } = this.#world;
    const left = await store.outbox({ state: null, after: 0, limit: 5 });
    assert.fail(`not drained: ${(await life.relay.status()).lastError}: ${JSON.stringify(left)}`);
  }
}
