/**
 * Who goes before whom. What is done in several steps holds its place: whatever comes later and waits for one of the
 * names that it holds is carried out after it, so that decisions on a SKU are taken in the order of arrival.
 */
export interface Place {
  readonly waitsFor: readonly string[];
  readonly holds: readonly string[];
}

export class Turns {
  readonly #holders = new Map<string, Set<Promise<unknown>>>();

  /** Is nobody before whoever takes this place? */
  isFree({ waitsFor }: Place): boolean {
    return this.#holders.size === 0 || !waitsFor.some((name) => this.#holders.has(name));
  }

  /** Carries the work out when its turn has come. */
  async take<T>({ waitsFor, holds }: Place, work: () => Promise<T>): Promise<T> {
    const before = new Set(waitsFor.flatMap((name) => [...(this.#holders.get(name) ?? [])]));
    const { promise, resolve } = Promise.withResolvers<undefined>();
    for (const name of holds) {
      const holders = this.#holders.get(name) ?? new Set();
      this.#holders.set(name, holders.add(promise));
    }
    await Promise.all(before);
    try {
      return await work();
    } finally {
      for (const name of holds) {
        const holders = this.#holders.get(name);
        holders?.delete(promise);
        if (holders?.size === 0) this.#holders.delete(name);
      }
      resolve(undefined);
    }
  }
}
