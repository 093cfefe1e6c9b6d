/** What shards say of the SKUs that a decision of `core` is about. */
import type { BookView } from '../../../core/book.ts';
import type { Line } from '../../../core/reservation.ts';
import type { StockLevel } from '../../../core/stock-level.ts';
import type { Weighed } from './cart.ts';
import type { Carts } from './carts.ts';

/** `held` is of the one customer that was asked about. */
export class CartView implements BookView {
  readonly #weighed = new Map<string, Weighed>();

  /** Lapses are recorded as far as these lines need it. */
  static async of(
    carts: Carts,
    lines: readonly Line[],
    customerId: string | null,
  ): Promise<CartView> {
    const view = new CartView();
    const shards = [...carts.byShard(lines).keys()];
    await Promise.all(shards.map((shard) => view.look(carts, shard, lines, customerId)));
    return view;
  }

  /** Asks one shard (again). */
  async look(
    carts: Carts,
    shard: number,
    lines: readonly Line[],
    customerId: string | null,
  ): Promise<void> {
    const own = (carts.byShard(lines).get(shard) ?? []).map(({ sku, quantity }) => ({
      sku,
      quantity,
    }));
    const found = await carts
      .desk(shard)
      .weigh<(Weighed | null)[]>({ type: 'cart_weigh', lines: own, customerId });
    for (const [index, { sku }] of own.entries()) {
      const weighed = found[index] ?? null;
      if (weighed === null) this.#weighed.delete(sku);
      else this.#weighed.set(sku, weighed);
    }
  }

  level(sku: string): StockLevel | undefined {
    return this.#weighed.get(sku)?.level;
  }

  reservation(): undefined {
    return undefined;
  }

  customerHeld(sku: string): number {
    return this.#weighed.get(sku)?.held ?? 0;
  }

  nextExpiry(sku: string): number | null {
    return this.#weighed.get(sku)?.nextExpiryAt ?? null;
  }
}
