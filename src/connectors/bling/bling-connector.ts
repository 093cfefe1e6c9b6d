/** Bling ERP, API v3. Nothing of its words leaves this folder. */
import type { Parcel } from '../../core/outbox/message.ts';
import type {
  ErpCall,
  ErpConnector,
  ErpLevel,
  ErpLevelPage,
  ErpLevelProblem,
  ErpLimits,
  PushCall,
  PushOutcome,
  SettleOutcome,
  WebhookReading,
  WebhookRequest,
} from '../../engine/erp-port.ts';
import { assertDeposit, assertSituations } from './account-check.ts';
import type { Product } from './catalogue.ts';
import { DAY_STARTS_MS } from './call-budget.ts';
import { SETTLE_AFTER_MS } from './deliveries/delivery.ts';
import type { BlingParts } from './parts.ts';
import { readHint, readWebhook } from './webhook.ts';

const SKUS_PER_READ = 50;

export class BlingConnector implements ErpConnector {
  readonly name = 'bling';
  readonly grouping;
  readonly toldByOthers: boolean;
  readonly limits: ErpLimits;
  readonly #parts: BlingParts;

  constructor(parts: BlingParts) {
    this.#parts = parts;
    const { delivery, settings } = parts;
    this.grouping = delivery.grouping;
    this.toldByOthers = settings.orderMode === 'observe';
    this.limits = {
      callsPerSecond: settings.callsPerSecond,
      callsPerDay: settings.callsPerDay,
      dayStartsMs: DAY_STARTS_MS,
      callsPerPush: delivery.callsPerPush,
      skusPerRead: SKUS_PER_READ,
      messagesPerParcel: delivery.messagesPerParcel,
      settleAfterMs: SETTLE_AFTER_MS,
    };
  }

  async check(call: ErpCall): Promise<void> {
    await assertDeposit(this.#parts, call);
    await assertSituations(this.#parts, call);
    await this.#parts.delivery.check(call);
  }

  /** `cursor` is the number of a page of Bling's products. */
  async readPage(cursor: string | null, call: ErpCall): Promise<ErpLevelPage> {
    const number = Math.max(1, Number(cursor ?? 1) || 1);
    const { products, last } = await this.#parts.catalogue.page(number, call);
    // Parents are no news: their variations are in the list as well.
    const skus = new Set(products.filter(({ kind }) => kind !== 'parent').map(({ sku }) => sku));
    const { levels, problems } = await this.#read([...skus], call);
    return { levels, problems, next: last ? null : String(number + 1) };
  }

  async readLevels(
    skus: readonly string[],
    call: ErpCall,
  ): Promise<Pick<ErpLevelPage, 'levels' | 'problems'>> {
    await this.#parts.catalogue.resolve(skus, call);
    const { levels, problems, moved } = await this.#read([...new Set(skus)], call);
    if (moved.length === 0) return { levels, problems };
    // Some products have other codes than we knew: once more, for those.
    for (const sku of moved) this.#parts.catalogue.forget(sku);
    await this.#parts.catalogue.resolve(moved, call);
    const again = await this.#read(moved, call);
    return {
      levels: [...levels, ...again.levels],
      problems: [...problems.filter(({ sku }) => !moved.includes(sku)), ...again.problems],
    };
  }

  /** By what the catalogue knows of the SKUs. One whose product has another code by now is a problem, and `moved`. */
  async #read(skus: readonly string[], call: ErpCall) {
    const { catalogue, balances } = this.#parts;
    const levels: ErpLevel[] = [];
    const problems: ErpLevelProblem[] = [];
    const moved: string[] = [];
    const products: Product[] = [];
    for (const sku of skus) {
      const verdict = catalogue.verdict(sku);
      if (verdict.ok) products.push(verdict.product);
      else problems.push({ sku, reason: verdict.reason });
    }
    const found = await balances.read(products, call);
    for (const { id, sku } of products) {
      const balance = found.get(id);
      if (balance?.kind === 'units') levels.push({ sku, onHand: balance.chosen });
      else if (balance?.kind === 'problem') problems.push({ sku, reason: balance.reason });
      else {
        moved.push(sku);
        problems.push({ sku, reason: `Bling gave product ${id} another code than ${sku}` });
      }
    }
    return { levels, problems, moved };
  }

  async push(parcel: Parcel, call: PushCall): Promise<PushOutcome> {
    return this.#parts.delivery.push(parcel, call);
  }

  async settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome> {
    return this.#parts.delivery.settle(parcel, call);
  }

  readWebhook(request: WebhookRequest): WebhookReading {
    return readWebhook(request, this.#parts.settings.clientSecret);
  }

  async resolveHint(text: string, call: ErpCall): Promise<readonly string[]> {
    const hint = readHint(text);
    if (hint === null) return [];
    return this.#parts.catalogue.skusOf(hint.productId, hint.about === 'stock', call);
  }

  usedToday(): Promise<number> {
    return this.#parts.budget.usedToday();
  }

  async close(): Promise<void> {
    await this.#parts.exchange.close();
  }
}
