/** Which product of Bling's a SKU is. SKUs need not be unique there, may be empty, and change. */
import type { ErpCall } from '../../engine/erp-port.ts';
import { asId, type BlingClient, type Query } from './client.ts';

export interface Product {
  readonly id: number;
  readonly sku: string;
  /** Only `stock` has units of its own; a `parent` has variations, a `kit` has components. */
  readonly kind: 'stock' | 'parent' | 'kit';
  readonly name: string;
  readonly price: number;
}

export type Resolution =
  | { readonly ok: true; readonly product: Product }
  | { readonly ok: false; readonly reason: string };

/** Products of a page, and Bling's most. */
const PAGE = 100;
/** SKUs named in one call: an address has its length. */
const SKUS_PER_CALL = 50;
/** After this a SKU is looked up again, in case it was given to another product. */
const TRUST_MS = 3_600_000;
/** Without these the list leaves out what is older, and variations. */
const ALL: Query = [
  ['criterio', 2],
  ['tipo', 'T'],
  ['limite', PAGE],
];

interface Entry {
  readonly products: readonly Product[];
  readonly seenAt: number;
}

export class Catalogue {
  readonly #client: BlingClient;
  readonly #now: () => number;
  readonly #bySku = new Map<string, Entry>();
  readonly #skuOf = new Map<number, string>();

  constructor(client: BlingClient, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  /** One page of the active products, from 1. */
  async page(number: number, call: ErpCall): Promise<{ products: Product[]; last: boolean }> {
    const found = await this.#client.list('/produtos', [...ALL, ['pagina', number]], call);
    const products = found.flatMap(readProduct);
    for (const product of products) this.#learn(product);
    return { products, last: found.length < PAGE };
  }

  /** What each SKU is, also why it cannot be sold. */
  async resolve(skus: readonly string[], call: ErpCall): Promise<Map<string, Resolution>> {
    const wanted = [...new Set(skus)];
    const unsure = wanted.filter((sku) => !this.#isSure(sku));
    for (let from = 0; from < unsure.length; from += SKUS_PER_CALL) {
      await this.#lookUp(unsure.slice(from, from + SKUS_PER_CALL), call);
    }
    return new Map(wanted.map((sku) => [sku, this.verdict(sku)]));
  }

  /** By what is known, without asking. */
  verdict(sku: string): Resolution {
    const products = this.#bySku.get(sku)?.products ?? [];
    const [product, ...others] = products;
    if (product === undefined) {
      return { ok: false, reason: `Bling has no active product with the code ${sku}` };
    }
    if (others.length > 0) {
      const ids = products.map(({ id }) => id).join(', ');
      return { ok: false, reason: `the code ${sku} belongs to several products of Bling: ${ids}` };
    }
    switch (product.kind) {
      case 'kit':
        return { ok: false, reason: `${sku} is a composition in Bling: sell its components` };
      case 'parent':
        return {
          ok: false,
          reason: `${sku} is a product with variations in Bling: the stock is that of each variation`,
        };
      case 'stock':
        return { ok: true, product };
    }
  }

  /** The SKUs that a product's id stands for now: its own, or those of its variations. */
  async skusOf(id: number, trust: boolean, call: ErpCall): Promise<string[]> {
    const known = this.#skuOf.get(id);
    if (trust && known !== undefined && this.#isSure(known)) return [known];
    const body = await this.#client.find(`/produtos/${id}`, [], call);
    const data = (body as { data?: unknown } | null)?.data ?? null;
    const [product] = readProduct(data);
    if (product === undefined) {
      if (known !== undefined) this.#bySku.delete(known);
      return [];
    }
    const variations = (data as { variacoes?: unknown }).variacoes;
    const all = [product, ...(Array.isArray(variations) ? variations.flatMap(readProduct) : [])];
    for (const each of all) this.#learn(each);
    return all.filter(({ kind }) => kind === 'stock').map(({ sku }) => sku);
  }

  /** The product is not what it was taken for. */
  forget(sku: string): void {
    this.#bySku.delete(sku);
  }

  #isSure(sku: string): boolean {
    const entry = this.#bySku.get(sku);
    if (entry?.products.length !== 1 || entry.products[0]?.kind !== 'stock') return false;
    return this.#now() < entry.seenAt + TRUST_MS;
  }

  /** A filter that Bling does not know, it ignores: so its answer is read to the end, and compared exactly. */
  async #lookUp(skus: readonly string[], call: ErpCall): Promise<void> {
    for (const sku of skus) this.forget(sku);
    const filter: Query = skus.map((sku) => ['codigos[]', sku] as const);
    for (let number = 1; ; number += 1) {
      const query: Query = [...ALL, ['pagina', number], ...filter];
      const found = await this.#client.list('/produtos', query, call);
      for (const product of found.flatMap(readProduct)) this.#learn(product);
      if (found.length < PAGE) return;
    }
  }

  #learn(product: Product): void {
    const before = this.#skuOf.get(product.id);
    if (before !== undefined && before !== product.sku) this.#drop(before, product.id);
    this.#skuOf.set(product.id, product.sku);
    const others = this.#bySku.get(product.sku)?.products.filter(({ id }) => id !== product.id);
    this.#bySku.set(product.sku, {
      products: [...(others ?? []), product],
      seenAt: this.#now(),
    });
  }

  #drop(sku: string, id: number): void {
    const entry = this.#bySku.get(sku);
    const products = entry?.products.filter((product) => product.id !== id) ?? [];
    if (entry === undefined || products.length === 0) this.#bySku.delete(sku);
    else this.#bySku.set(sku, { ...entry, products });
  }
}

/** None where it has no code: nobody can sell by it. */
function readProduct(value: unknown): Product[] {
  const { id, codigo, formato, nome, preco } = (value ?? {}) as Record<string, unknown>;
  const productId = asId(id);
  if (productId === null || typeof codigo !== 'string' || codigo === '') return [];
  return [
    {
      id: productId,
      sku: codigo,
      kind: formato === 'E' ? 'kit' : formato === 'V' ? 'parent' : 'stock',
      name: typeof nome === 'string' && nome !== '' ? nome : codigo,
      price: typeof preco === 'number' && preco > 0 ? preco : 0,
    },
  ];
}
