/** Balances of products in the one deposit that counts. */
import type { ErpCall } from '../../engine/erp-port.ts';
import type { Product } from './catalogue.ts';
import { asId, type BlingClient } from './client.ts';
import { isObject } from './refusal.ts';
import type { BlingSettings } from './settings.ts';

/** Whole units; `moved`: the product has another code by now. */
export type Balance =
  | { readonly kind: 'units'; readonly physical: number; readonly chosen: number }
  | { readonly kind: 'problem'; readonly reason: string }
  | { readonly kind: 'moved' };

/** Products named in one call; Bling does not say how many it takes. */
const PRODUCTS_PER_CALL = 50;
const MOST_UNITS = 2_147_483_647;

type BalanceSettings = Pick<BlingSettings, 'depositId' | 'balance'>;

export class Balances {
  readonly #client: BlingClient;
  readonly #settings: BalanceSettings;

  constructor(client: BlingClient, settings: BalanceSettings) {
    this.#client = client;
    this.#settings = settings;
  }

  /** By product id; every one that was asked for is in the answer. */
  async read(products: readonly Product[], call: ErpCall): Promise<Map<number, Balance>> {
    const balances = new Map<number, Balance>();
    for (let from = 0; from < products.length; from += PRODUCTS_PER_CALL) {
      const some = products.slice(from, from + PRODUCTS_PER_CALL);
      const query = some.map(({ id }) => ['idsProdutos[]', id] as const);
      const found = await this.#client.list('/estoques/saldos', query, call);
      const byId = new Map(found.map((each) => [idOfProduct(each), each]));
      for (const product of some) {
        balances.set(product.id, this.#balanceOf(product, byId.get(product.id)));
      }
    }
    return balances;
  }

  #balanceOf({ sku }: Product, found: Record<string, unknown> | undefined): Balance {
    if (found === undefined) return { kind: 'problem', reason: `Bling gave no balance of ${sku}` };
    const codigo = isObject(found['produto']) ? found['produto']['codigo'] : undefined;
    if (typeof codigo === 'string' && codigo !== sku) return { kind: 'moved' };
    const { depositId, balance } = this.#settings;
    const deposits = Array.isArray(found['depositos']) ? found['depositos'].filter(isObject) : [];
    const deposit = deposits.find(({ id }) => asId(id) === depositId);
    if (deposit === undefined) {
      return {
        kind: 'problem',
        reason: `deposit ${depositId} is missing in Bling's balance of ${sku}: see HOLDFAST_BLING_DEPOSIT_ID`,
      };
    }
    const physical = deposit['saldoFisico'];
    const chosen = balance === 'fisico' ? physical : deposit['saldoVirtual'];
    for (const units of [physical, chosen]) {
      const reason = whyNotUnits(units, sku);
      if (reason !== null) return { kind: 'problem', reason };
    }
    return { kind: 'units', physical: physical as number, chosen: chosen as number };
  }
}

/** Below zero is a figure that means something (sold and not there); a part of a unit is not. */
function whyNotUnits(value: unknown, sku: string): string | null {
  if (typeof value !== 'number') return `Bling's balance of ${sku} is not a number`;
  if (!Number.isInteger(value)) return `Bling has ${value} of ${sku}: only whole units can be sold`;
  return Math.abs(value) > MOST_UNITS
    ? `Bling has ${value} of ${sku}: more than can be kept`
    : null;
}

function idOfProduct(found: Record<string, unknown>): number | null {
  return isObject(found['produto']) ? asId(found['produto']['id']) : null;
}
