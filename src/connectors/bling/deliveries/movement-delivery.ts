/**
 * Units are taken out of stock, those of several sales of a SKU together. A movement cannot be read back from Bling:
 * whether one of unknown outcome happened shows only in the balance, and only where nobody else moves it.
 */
import type { Parcel } from '../../../core/outbox/message.ts';
import type { ErpCall, PushCall, PushOutcome, SettleOutcome } from '../../../engine/erp-port.ts';
import type { Balances } from '../balances.ts';
import type { CallBudget } from '../call-budget.ts';
import type { Catalogue, Product } from '../catalogue.ts';
import { type BlingClient, idOf } from '../client.ts';
import { isObject } from '../refusal.ts';
import type { BlingSettings } from '../settings.ts';
import { beforeSending, type Delivery, notSeen, pushOutcome, rejected } from './delivery.ts';

export interface MovementDeliveryParts {
  readonly client: BlingClient;
  readonly catalogue: Catalogue;
  readonly balances: Balances;
  readonly budget: CallBudget;
  readonly settings: Pick<BlingSettings, 'depositId' | 'soleWriter' | 'patienceMs'>;
  readonly now: () => number;
}

/** What was about to be sent: how much is to leave, and what was there. */
interface Memo {
  readonly product: number;
  readonly before: number;
  /** Units that leave; negative where they come back. */
  readonly units: number;
}

export class MovementDelivery implements Delivery {
  readonly grouping = 'sku';
  /** The balance before, and the movement. */
  readonly callsPerPush = 2;
  readonly messagesPerParcel = 100;
  readonly #parts: MovementDeliveryParts;

  constructor(parts: MovementDeliveryParts) {
    this.#parts = parts;
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  async push(parcel: Parcel, call: PushCall): Promise<PushOutcome> {
    return beforeSending(async () => {
      const units = unitsOf(parcel);
      // What was sold and what came back cancel each other out.
      if (units === 0) return { outcome: 'applied', reference: null };
      await this.#parts.budget.assertWritable();
      const found = await this.#physical(parcel.key, call);
      if (typeof found === 'string') return rejected(found);
      const { product, physical } = found;
      const memo: Memo = { product: product.id, before: physical, units };
      await call.journal(JSON.stringify(memo));
      return this.#move(parcel, memo, call);
    });
  }

  async settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome> {
    const text = parcel.messages[0]?.memo ?? null;
    if (text === null) return { outcome: 'not_applied', reason: 'it was never sent' };
    const memo = readMemo(text);
    if (memo === null) return { outcome: 'undecidable', reason: 'what was noted cannot be read' };
    if (!this.#parts.settings.soleWriter) {
      const { units, before } = memo;
      return {
        outcome: 'undecidable',
        reason: `Bling did not say whether it ${taken(units)} ${parcel.key} (it had ${before}), and others move that stock too: look for the movement "${noteOf(parcel)}" of the product in Bling; if it is there, discard this message, else retry it`,
      };
    }
    return this.#compare(parcel, memo, call);
  }

  async #move(parcel: Parcel, { product, units }: Memo, call: ErpCall): Promise<PushOutcome> {
    const body = {
      produto: { id: product },
      deposito: { id: this.#parts.settings.depositId },
      operacao: units > 0 ? 'S' : 'E',
      quantidade: Math.abs(units),
      preco: 0,
      custo: 0,
      observacoes: noteOf(parcel),
    };
    const reply = await this.#parts.client.write('POST', '/estoques', body, call);
    if (reply.kind !== 'done') return pushOutcome(reply, null);
    const movement = idOf(reply.body);
    return movement === null
      ? { outcome: 'unknown', reason: "Bling's answer to a movement names none" }
      : { outcome: 'applied', reference: String(movement) };
  }

  async #compare(parcel: Parcel, memo: Memo, call: ErpCall): Promise<SettleOutcome> {
    const found = await this.#physical(parcel.key, call);
    if (typeof found === 'string') return { outcome: 'unknown', reason: found };
    const { product, physical } = found;
    if (product.id !== memo.product) {
      return {
        outcome: 'undecidable',
        reason: `${parcel.key} was product ${memo.product} of Bling when it was sent and is ${product.id} now`,
      };
    }
    const left = memo.before - physical;
    if (left === memo.units) return { outcome: 'applied', reference: null };
    if (left === 0) {
      const { settings, now } = this.#parts;
      const time = { now: now(), patienceMs: settings.patienceMs };
      return notSeen(parcel, time, `the movement of ${parcel.key}`);
    }
    return {
      outcome: 'undecidable',
      reason: `Bling had ${memo.before} of ${parcel.key} and was to have ${memo.before - memo.units}, but has ${physical}: somebody else moved it too. Look for the movement "${noteOf(parcel)}" of the product in Bling; if it is there, discard this message, else retry it`,
    };
  }

  /** Or why there is no figure to compare with. */
  async #physical(
    sku: string,
    call: ErpCall,
  ): Promise<{ product: Product; physical: number } | string> {
    const { catalogue, balances } = this.#parts;
    for (let again = false; ; again = true) {
      const resolution = (await catalogue.resolve([sku], call)).get(sku);
      if (resolution?.ok !== true) return resolution?.reason ?? `${sku} was not looked up`;
      const { product } = resolution;
      const balance = (await balances.read([product], call)).get(product.id);
      if (balance?.kind === 'units') return { product, physical: balance.physical };
      if (balance?.kind === 'problem') return balance.reason;
      if (again) return `Bling says that product ${product.id} is ${sku}, and that it is not`;
      catalogue.forget(sku);
    }
  }
}

/** What a person finds the movement by. */
function noteOf({ id, key }: Parcel): string {
  return `Holdfast: ${key}, remessa ${id}`;
}

function taken(units: number): string {
  return units > 0 ? `took ${units} of` : `put back ${-units} of`;
}

/** Units that leave, all messages together. */
function unitsOf({ messages, key }: Parcel): number {
  let units = 0;
  for (const { kind, lines } of messages) {
    for (const { sku, quantity, restock } of lines) {
      if (sku !== key) continue;
      if (kind === 'sale') units += quantity;
      else if (restock) units -= quantity;
    }
  }
  return units;
}

function readMemo(text: string): Memo | null {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value)) return null;
    const { product, before, units } = value;
    return typeof product === 'number' && typeof before === 'number' && typeof units === 'number'
      ? { product, before, units }
      : null;
  } catch {
    return null;
  }
}
