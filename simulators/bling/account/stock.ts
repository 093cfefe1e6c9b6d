/** Balances per product and deposit, and every movement that made them. */
import { Refusal, validationError } from '../answers.ts';
import type { SimulatedClock } from '../clock.ts';
import { rounded } from '../numbers.ts';
import type { Switches } from '../switches.ts';
import type { Emit } from './events.ts';
import { MOST_LINKS, type Product, type Products } from './products.ts';
import type { Deposit, Movement, Source } from './records.ts';

export interface Balance {
  readonly physical: number;
  readonly virtual: number;
}

export type Posting = Pick<Movement, 'productId' | 'depositId' | 'operation' | 'quantity'> & {
  readonly source: Source;
  readonly orderId?: number;
  readonly notes?: string;
  /** A posting that takes another one back is told of as its deletion. */
  readonly undoes?: boolean;
};

export class Stock {
  readonly #clock: SimulatedClock;
  readonly #switches: Switches;
  readonly #products: Products;
  readonly #nextId: () => number;
  readonly #emit: Emit;
  readonly #deposits = new Map<number, Deposit>();
  readonly #physical = new Map<string, number>();
  readonly #reserved = new Map<string, number>();
  readonly #movements: Movement[] = [];

  constructor(
    clock: SimulatedClock,
    switches: Switches,
    products: Products,
    nextId: () => number,
    emit: Emit,
  ) {
    this.#clock = clock;
    this.#switches = switches;
    this.#products = products;
    this.#nextId = nextId;
    this.#emit = emit;
  }

  addDeposit(deposit: Omit<Deposit, 'id'>, id = this.#nextId()): Deposit {
    const added = { ...deposit, id };
    this.#deposits.set(id, added);
    return added;
  }

  deposits(): Deposit[] {
    return [...this.#deposits.values()];
  }

  deposit(id: number): Deposit | undefined {
    return this.#deposits.get(id);
  }

  /** Where orders take their stock from when nobody says. */
  standardDeposit(): Deposit {
    const standard = this.deposits().find((deposit) => deposit.standard);
    if (standard === undefined) throw new Error('the account has no standard deposit');
    return standard;
  }

  movements(): readonly Movement[] {
    return this.#movements;
  }

  post(posting: Posting): Movement {
    const { productId, depositId, operation, quantity } = posting;
    const key = keyOf(productId, depositId);
    const before = this.#physical.get(key) ?? 0;
    const after = rounded(
      operation === 'B' ? quantity : before + (operation === 'E' ? quantity : -quantity),
    );
    if (operation === 'S') this.checkThatThereIs(productId, depositId, quantity);
    const movement: Movement = {
      id: this.#nextId(),
      at: this.#clock.now(),
      productId,
      depositId,
      operation,
      quantity,
      before,
      after,
      source: posting.source,
      orderId: posting.orderId ?? null,
      notes: posting.notes ?? '',
    };
    this.#physical.set(key, after);
    this.#movements.push(movement);
    const action = posting.undoes === true ? 'deleted' : 'created';
    this.#emit({ kind: 'stock', action, movement });
    this.#tellKits(productId, posting.source);
    return movement;
  }

  /** Refuses what would take a balance below zero, where the switch forbids that. */
  checkThatThereIs(productId: number, depositId: number, quantity: number): void {
    const before = this.#physical.get(keyOf(productId, depositId)) ?? 0;
    if (this.#switches.belowZero || rounded(before - quantity) >= 0) return;
    throw new Refusal(
      validationError([
        {
          code: 61,
          msg: 'Estoque insuficiente para realizar a operação',
          element: 'quantidade',
          namespace: 'ESTOQUE',
        },
      ]),
    );
  }

  /** Reserves units, or with a negative quantity gives them back. */
  reserve(productId: number, depositId: number, quantity: number, source: Source): void {
    this.reserveQuietly(productId, depositId, quantity);
    this.#emit({ kind: 'virtual_stock', productId, source });
    this.#tellKits(productId, source);
  }

  /** The same, telling nobody: for what a posting that follows will tell. */
  reserveQuietly(productId: number, depositId: number, quantity: number): void {
    const key = keyOf(productId, depositId);
    this.#reserved.set(key, rounded((this.#reserved.get(key) ?? 0) + quantity));
  }

  /** @param lagMs as it was so long ago; what is reserved shows at once */
  balance(product: Product, depositId: number, lagMs = 0): Balance {
    if (product.structure?.stock === 'V') return this.#kitBalance(product, depositId, lagMs);
    const key = keyOf(product.id, depositId);
    const physical =
      lagMs === 0 ? (this.#physical.get(key) ?? 0) : this.#earlier(product.id, depositId, lagMs);
    return { physical, virtual: rounded(physical - (this.#reserved.get(key) ?? 0)) };
  }

  /** Over the deposits that count. */
  total(product: Product, lagMs = 0): Balance {
    const balances = this.deposits()
      .filter(({ ignored }) => !ignored)
      .map(({ id }) => this.balance(product, id, lagMs));
    return {
      physical: rounded(balances.reduce((sum, { physical }) => sum + physical, 0)),
      virtual: rounded(balances.reduce((sum, { virtual }) => sum + virtual, 0)),
    };
  }

  #earlier(productId: number, depositId: number, lagMs: number): number {
    const horizon = this.#clock.now() - lagMs;
    const mine = this.#movements.filter(
      (movement) => movement.productId === productId && movement.depositId === depositId,
    );
    const visible = mine.findLast(({ at, source }) => at <= horizon || source === 'seed');
    return visible?.after ?? 0;
  }

  /** As many kits as the scarcest component allows. */
  #kitBalance(kit: Product, depositId: number, lagMs: number): Balance {
    const possible = (kit.structure?.components ?? []).flatMap(({ productId, quantity }) => {
      const component = this.#products.find(productId);
      if (component === undefined) return [];
      const { physical, virtual } = this.balance(component, depositId, lagMs);
      return [{ physical: physical / quantity, virtual: virtual / quantity }];
    });
    if (possible.length === 0) return { physical: 0, virtual: 0 };
    return {
      physical: Math.floor(Math.min(...possible.map(({ physical }) => physical))),
      virtual: Math.floor(Math.min(...possible.map(({ virtual }) => virtual))),
    };
  }

  #tellKits(productId: number, source: Source): void {
    const kits = this.#products.kitsWith(productId);
    const told = kits.length > MOST_LINKS ? [productId] : kits;
    for (const id of told) this.#emit({ kind: 'virtual_stock', productId: id, source });
  }
}

function keyOf(productId: number, depositId: number): string {
  return `${productId} ${depositId}`;
}
