/** What the writer tells the client after each batch of the SKUs that have nothing left (see `sold-out-mirror.ts`). */
import type { Rejected } from '../../core/command.ts';
import { available, type StockLevel } from '../../core/stock-level.ts';
import type { SqliteBook } from './sqlite-book.ts';

/** News of a SKU: it has nothing left and these are its books, or (null) that is no longer so. */
export interface SoldOutChange {
  readonly sku: string;
  readonly level: StockLevel | null;
  /** The earliest deadline of its active lines, none of which has passed; null: it has none. */
  readonly nextExpiryAt: number | null;
}

/** SKUs that the client is told of at most. */
const TOLD_AT_MOST = 10_000;

export class SoldOutNews {
  readonly #told = new Set<string>();
  readonly #candidates = new Set<string>();

  touched(skus: Iterable<string>): void {
    for (const sku of skus) this.#candidates.add(sku);
  }

  /** A refusal for want of stock: its SKU may have been sold out since before this process began. */
  refused({ rejection }: Rejected): void {
    if (!('short' in rejection)) return;
    for (const { sku } of rejection.short) if (!this.#told.has(sku)) this.#candidates.add(sku);
  }

  /** What has changed since this was last asked, as the books stand at `now`, just committed. */
  take(book: SqliteBook, now: number): SoldOutChange[] {
    const news: SoldOutChange[] = [];
    for (const sku of this.#candidates) {
      const level = book.level(sku);
      const soldOut =
        level !== undefined && level.policy.maxPerCustomer === null && available(level) === 0;
      if (soldOut && (this.#told.has(sku) || this.#told.size < TOLD_AT_MOST)) {
        const held = level.reserved > 0;
        if (!held || book.lapsedUnits(sku, now) === 0) {
          const nextExpiryAt = held ? book.nextExpiry(sku, now) : null;
          this.#told.add(sku);
          news.push({ sku, level, nextExpiryAt });
          continue;
        }
      }
      if (this.#told.delete(sku)) news.push({ sku, level: null, nextExpiryAt: null });
    }
    this.#candidates.clear();
    return news;
  }
}
