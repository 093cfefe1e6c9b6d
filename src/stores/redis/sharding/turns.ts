/**
 * Who goes before whom. What is done in several steps holds its place: whatever comes later and waits for one of the
 * names that it holds is carried out after it, so that decisions on a SKU are taken in the order of arrival.
 */
export interface Place {
  readonly waitsFor: readonly string[];
  readonly holds: readonly string[];
}

/** Those that hold one name. */
interface Line {
  holders: number;
  /** Resolves when all of them have ended. One promise for all: whoever waits does not pay for how many they are. */
  ended: Promise<unknown>;
}

export class Turns {
  readonly #lines = new Map<string, Line>();

  /** Is nobody before whoever takes this place? */
  isFree({ waitsFor }: Place): boolean {
    return this.#lines.size === 0 || !waitsFor.some((name) => this.#lines.has(name));
  }

  /** Carries the work out when its turn has come. */
  async take<T>(place: Place, work: () => Promise<T>): Promise<T> {
    const waitsFor = new Set(place.waitsFor);
    const before = new Set<Promise<unknown>>();
    for (const name of waitsFor) {
      const line = this.#lines.get(name);
      if (line !== undefined) before.add(line.ended);
    }
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const holds = new Set(place.holds);
    for (const name of holds) this.#join(name, promise, waitsFor.has(name));
    await Promise.all(before);
    try {
      return await work();
    } finally {
      for (const name of holds) this.#leave(name);
      resolve(undefined);
    }
  }

  /** `isLast`: it ends after all that are in the line. */
  #join(name: string, end: Promise<unknown>, isLast: boolean): void {
    const line = this.#lines.get(name);
    if (line === undefined) {
      this.#lines.set(name, { holders: 1, ended: end });
      return;
    }
    line.holders += 1;
    line.ended = isLast ? end : both(line.ended, end);
  }

  #leave(name: string): void {
    const line = this.#lines.get(name);
    if (line === undefined) return;
    line.holders -= 1;
    if (line.holders === 0) this.#lines.delete(name);
  }
}

async function both(one: Promise<unknown>, other: Promise<unknown>): Promise<void> {
  await one;
  await other;
}
