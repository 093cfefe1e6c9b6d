/** Every unit of a replay accounted for, SKU by SKU: what was offered, less what left, is what remains. */

/** The figures of a SKU that the service shows. */
export interface SkuLevel {
  readonly available: number;
  readonly reserved: number;
  readonly allocated: number;
  readonly safetyStock: number;
  readonly onHand: number;
}

export interface SkuAccount {
  readonly sku: string;
  /** In the file's carts. */
  wanted: number;
  offered: number;
  sold: number;
  cancelled: number;
  writtenOff: number;
  remaining: number;
  /** Units of others' reservations, before and after: the replay itself leaves none. */
  reservedBefore: number;
  reservedAfter: number;
}

export interface Difference {
  readonly sku: string;
  readonly message: string;
}

export class Accounts {
  readonly #bySku = new Map<string, SkuAccount>();

  of(sku: string): SkuAccount {
    let account = this.#bySku.get(sku);
    if (account === undefined) {
      account = {
        sku,
        wanted: 0,
        offered: 0,
        sold: 0,
        cancelled: 0,
        writtenOff: 0,
        remaining: 0,
        reservedBefore: 0,
        reservedAfter: 0,
      };
      this.#bySku.set(sku, account);
    }
    return account;
  }

  get all(): SkuAccount[] {
    return [...this.#bySku.values()];
  }

  total(figure: Exclude<keyof SkuAccount, 'sku'>): number {
    return this.all.reduce((sum, account) => sum + account[figure], 0);
  }

  /** `mustSell`: was enough stock set for every cart, so that each unit wanted had to be sold? */
  differences(mustSell: boolean): Difference[] {
    return this.all.flatMap((account) => {
      const { sku, wanted, offered, sold, cancelled, writtenOff, remaining } = account;
      const expected = offered - sold + cancelled - writtenOff;
      const found: string[] = [];
      if (remaining !== expected) {
        found.push(
          `offered ${offered} − sold ${sold} + cancelled ${cancelled} − written off ${writtenOff} = ${expected}, but ${remaining} remain`,
        );
      }
      if (account.reservedAfter !== account.reservedBefore) {
        found.push(
          `${account.reservedAfter} units are reserved, ${account.reservedBefore} were before`,
        );
      }
      if (mustSell && sold !== wanted)
        found.push(`${wanted} were wanted and there, ${sold} were sold`);
      return found.map((message) => ({ sku, message: `${sku}: ${message}` }));
    });
  }
}
