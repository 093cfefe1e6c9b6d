/** The SKUs in which most is going on, and their levels: a label for each of a million SKUs would bury every dashboard. */
import type { ChangedLevel } from '../core/stock-level.ts';

interface Warm {
  level: ChangedLevel;
  heat: number;
}

/** Twice as many are remembered as survive when the memory is full. */
const REMEMBERED = 2_000;
/** Of one notice: an import of a million SKUs says nothing about which are hot. */
const TAKEN_AT_ONCE = 1_000;
const HALF_LIFE_MS = 15_000;

export class HotSkus {
  readonly #now: () => number;
  readonly #skus = new Map<string, Warm>();
  #cooledAt: number;

  /** `now`: milliseconds from any origin. */
  constructor(now: () => number) {
    this.#now = now;
    this.#cooledAt = now();
  }

  /** Levels that have just changed. */
  changed(levels: readonly ChangedLevel[]): void {
    const taken = levels.length > TAKEN_AT_ONCE ? levels.slice(0, TAKEN_AT_ONCE) : levels;
    for (const level of taken) {
      const warm = this.#skus.get(level.sku);
      if (warm === undefined) {
        this.#skus.set(level.sku, { level, heat: 1 });
      } else {
        warm.level = level;
        warm.heat += 1;
      }
    }
    if (this.#skus.size > REMEMBERED) this.#forgetColdest();
  }

  /** Somebody asked for it, in vain or not. */
  asked(sku: string): void {
    const warm = this.#skus.get(sku);
    if (warm !== undefined) warm.heat += 1;
  }

  hottest(count: number): ChangedLevel[] {
    this.#cool();
    return this.#byHeat()
      .slice(0, count)
      .map(([, { level }]) => level);
  }

  #byHeat(): [string, Warm][] {
    return [...this.#skus].sort(([, a], [, b]) => b.heat - a.heat);
  }

  #cool(): void {
    const halvings = (this.#now() - this.#cooledAt) / HALF_LIFE_MS;
    if (halvings < 1) return;
    this.#cooledAt = this.#now();
    for (const warm of this.#skus.values()) warm.heat *= 0.5 ** halvings;
  }

  #forgetColdest(): void {
    for (const [sku] of this.#byHeat().slice(REMEMBERED / 2)) this.#skus.delete(sku);
  }
}
