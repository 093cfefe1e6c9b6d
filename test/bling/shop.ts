/** What happens in the shop, and what the ERP has to have heard of it in the end: worked out from our own answers alone. */
import assert from 'node:assert/strict';
import type { Command, Idempotency } from '../../src/core/command.ts';
import type { Random } from '../linearizability/random.ts';
import { cancel, confirm, reserve, uuid } from '../support/commands.ts';
import type { World } from './world.ts';

export interface Sale {
  readonly id: string;
  readonly orderId: string;
  readonly units: ReadonlyMap<string, number>;
  /** Units that were cancelled, by SKU: put back, or not. */
  readonly restocked: Map<string, number>;
  readonly writtenOff: Map<string, number>;
}

/** Of everything that is sent to us, this share comes twice. */
const DUPLICATES = 0.3;

export class Shop {
  readonly sales: Sale[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #skus: readonly string[];
  readonly #partCancellations: boolean;
  #reservations = 0;
  #cancellations = 0;

  constructor(
    world: World,
    random: Random,
    skus: readonly string[],
    { partCancellations }: { readonly partCancellations: boolean },
  ) {
    this.#world = world;
    this.#random = random;
    this.#skus = skus;
    this.#partCancellations = partCancellations;
  }

  async sell(mostLines = 3): Promise<Sale> {
    const { id, units } = await this.#reserve(mostLines);
    const orderId = `#${1_000 + this.#reservations}`;
    await this.#tell(confirm(id, { order: orderId }));
    const sale = { id, orderId, units, restocked: new Map(), writtenOff: new Map() };
    this.sales.push(sale);
    return sale;
  }

  /** Nobody buys what is in this cart: it lapses. */
  async abandon(): Promise<void> {
    await this.#reserve(2);
  }

  /** One of the latest sales, whole or in part; none if all of it has been cancelled. */
  async cancelOne(): Promise<Sale | null> {
    const sale = this.#random.pick(this.sales.slice(-12));
    if (sale === undefined) return null;
    const isPart = this.#partCancellations && this.#random.chance(0.5);
    const units = new Map<string, number>();
    for (const sku of sale.units.keys()) {
      const left = leftOf(sale, sku);
      const quantity = isPart ? this.#random.between(0, left) : left;
      if (quantity > 0) units.set(sku, quantity);
    }
    if (units.size === 0) return null;
    const restock = this.#random.chance(0.7);
    this.#cancellations += 1;
    const lines = [...units].map(([sku, quantity]) => ({ sku, quantity }));
    await this.#tell(
      cancel(sale.id, { lines, restock, as: `cancellation-${this.#cancellations}` }),
    );
    const counted = restock ? sale.restocked : sale.writtenOff;
    for (const [sku, quantity] of units) counted.set(sku, (counted.get(sku) ?? 0) + quantity);
    return sale;
  }

  /** Units of the SKU that are to be gone from the ERP. */
  goneOf(sku: string): number {
    return this.sales.reduce((sum, sale) => sum + toldOf(sale, sku), 0);
  }

  async #reserve(mostLines: number) {
    this.#reservations += 1;
    const id = uuid(this.#reservations);
    const units = new Map<string, number>();
    for (let n = this.#random.between(1, mostLines); n > 0; n -= 1) {
      units.set(this.#random.pick(this.#skus) ?? '', this.#random.between(1, 4));
    }
    const lines = [...units].map(([sku, quantity]) => ({ sku, quantity }));
    await this.#tell(reserve(id, lines));
    return { id, units };
  }

  /** Often twice, as callers do who have lost the answer. */
  async #tell(command: Command): Promise<void> {
    const { store } = this.#world;
    const options: { idempotency: Idempotency | null } = { idempotency: null };
    const answer = await store.submit(command, options);
    assert.ok(answer.ok, JSON.stringify(answer));
    if (!this.#random.chance(DUPLICATES)) return;
    const again = await store.submit(command, options);
    assert.ok(again.ok, JSON.stringify(again));
  }
}

/** Units of a sale that are not cancelled. */
export function leftOf({ units, restocked, writtenOff }: Sale, sku: string): number {
  return (units.get(sku) ?? 0) - (restocked.get(sku) ?? 0) - (writtenOff.get(sku) ?? 0);
}

/** Units of a sale that left the ERP's shelf and did not come back. */
export function toldOf({ units, restocked }: Sale, sku: string): number {
  return (units.get(sku) ?? 0) - (restocked.get(sku) ?? 0);
}
