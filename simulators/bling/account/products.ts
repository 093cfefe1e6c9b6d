/** The catalogue: simple products, parents with variations, compositions (kits). */
import { notFound, Refusal } from '../answers.ts';
import type { SimulatedClock } from '../clock.ts';

/** S simple, V parent of variations, E composition. */
export type ProductFormat = 'S' | 'V' | 'E';
/** A active, I inactive, E deleted. */
export type ProductSituation = 'A' | 'I' | 'E';

export interface Component {
  readonly productId: number;
  readonly quantity: number;
}

/** stock: F its own, V what its components allow. launches: A both, M components, P the kit. */
export interface Structure {
  readonly stock: 'F' | 'V';
  readonly launches: 'A' | 'M' | 'P';
  readonly components: readonly Component[];
}

export interface Product {
  readonly id: number;
  name: string;
  /** May be empty, and need not be the only one of its kind. */
  sku: string;
  price: number;
  situation: ProductSituation;
  readonly format: ProductFormat;
  readonly parentId: number | null;
  /** "Tamanho:G;Cor:Verde" of a variation. */
  readonly variation: string | null;
  readonly structure: Structure | null;
  readonly includedAt: number;
  changedAt: number;
}

export type NewProduct = Pick<Product, 'name' | 'sku'> & {
  readonly price?: number;
  readonly situation?: ProductSituation;
  readonly format?: ProductFormat;
  readonly parentId?: number;
  readonly variation?: string;
  readonly structure?: Structure;
  /** How long ago it was included: the list's default hides what is older than 30 days. */
  readonly ageDays?: number;
};

const DAY_MS = 86_400_000;
/** What is in more kits than this is told of once, as too much to tell. */
export const MOST_LINKS = 200;

export class Products {
  readonly #clock: SimulatedClock;
  readonly #products = new Map<number, Product>();
  readonly #nextId: () => number;
  /** Products -> the kits that contain them. */
  readonly #kits = new Map<number, number[]>();

  constructor(clock: SimulatedClock, nextId: () => number) {
    this.#clock = clock;
    this.#nextId = nextId;
  }

  add(product: NewProduct): Product {
    const includedAt = this.#clock.now() - (product.ageDays ?? 90) * DAY_MS;
    const added: Product = {
      id: this.#nextId(),
      name: product.name,
      sku: product.sku,
      price: product.price ?? 99.9,
      situation: product.situation ?? 'A',
      format: product.format ?? 'S',
      parentId: product.parentId ?? null,
      variation: product.variation ?? null,
      structure: product.structure ?? null,
      includedAt,
      changedAt: includedAt,
    };
    this.#products.set(added.id, added);
    for (const { productId } of added.structure?.components ?? []) {
      const kits = this.#kits.get(productId);
      if (kits === undefined) this.#kits.set(productId, [added.id]);
      else kits.push(added.id);
    }
    return added;
  }

  find(id: number): Product | undefined {
    return this.#products.get(id);
  }

  /** Refuses with 404 what is not there. */
  get(id: number): Product {
    const product = this.#products.get(id);
    if (product === undefined) throw new Refusal(notFound());
    return product;
  }

  withSku(sku: string): Product | undefined {
    return [...this.#products.values()].find((product) => product.sku === sku);
  }

  all(): Product[] {
    return [...this.#products.values()];
  }

  variationsOf(id: number): Product[] {
    return this.all().filter(({ parentId }) => parentId === id);
  }

  /** The compositions in which a product is. */
  kitsWith(id: number): readonly number[] {
    return this.#kits.get(id) ?? [];
  }

  change(
    id: number,
    change: Partial<Pick<Product, 'name' | 'sku' | 'price' | 'situation'>>,
  ): Product {
    const product = this.get(id);
    Object.assign(product, change, { changedAt: this.#clock.now() });
    return product;
  }
}
