/**
 * What the customers of a replay have bought so far, to find what a cancellation takes back. The file does not say
 * which purchase that is: the newest of the same customer that still has units of the SKU, then the one before.
 * What the customer bought before the file began cannot be found, and is said so.
 */
import type { Cancellation, Cart, CartLine } from './order-groups.ts';

export interface Purchase {
  readonly order: string;
  readonly reservationId: string;
  readonly customerId: string | null;
  /** Units by SKU that were not cancelled yet. */
  readonly left: Map<string, number>;
}

export interface TakenLine {
  readonly sku: string;
  readonly quantity: number;
}

export interface Matching {
  /** What to cancel of which purchase. */
  readonly taken: readonly { readonly purchase: Purchase; readonly lines: readonly TakenLine[] }[];
  readonly unmatched: readonly TakenLine[];
}

export class PurchaseBook {
  readonly #byCustomer = new Map<string, Purchase[]>();
  readonly #byOrder = new Map<string, Purchase>();

  add({ order, customerId, lines }: Cart, reservationId: string): void {
    const left = new Map(lines.map(({ sku, quantity }) => [sku, quantity]));
    const purchase = { order, reservationId, customerId, left };
    this.#byOrder.set(order, purchase);
    if (customerId === null) return;
    const earlier = this.#byCustomer.get(customerId);
    if (earlier === undefined) this.#byCustomer.set(customerId, [purchase]);
    else earlier.push(purchase);
  }

  /** Counts the units as cancelled: each can be taken back once. */
  take(cancellation: Cancellation): Matching {
    const candidates = this.#candidates(cancellation);
    const taken = new Map<Purchase, TakenLine[]>();
    const unmatched: TakenLine[] = [];
    for (const { sku, quantity } of cancellation.lines) {
      let missing = quantity;
      for (const purchase of candidates) {
        const units = Math.min(missing, purchase.left.get(sku) ?? 0);
        if (units === 0) continue;
        purchase.left.set(sku, (purchase.left.get(sku) ?? 0) - units);
        const lines = taken.get(purchase) ?? [];
        lines.push({ sku, quantity: units });
        taken.set(purchase, lines);
        missing -= units;
      }
      if (missing > 0) unmatched.push({ sku, quantity: missing });
    }
    return { taken: Array.from(taken, ([purchase, lines]) => ({ purchase, lines })), unmatched };
  }

  #candidates({ cancels, customerId }: Cancellation): readonly Purchase[] {
    if (cancels !== null) {
      const purchase = this.#byOrder.get(cancels);
      return purchase === undefined ? [] : [purchase];
    }
    if (customerId === null) return [];
    return [...(this.#byCustomer.get(customerId) ?? [])].reverse();
  }
}

export function unitsOf(lines: Iterable<Pick<CartLine, 'quantity'>>): number {
  let sum = 0;
  for (const { quantity } of lines) sum += quantity;
  return sum;
}
