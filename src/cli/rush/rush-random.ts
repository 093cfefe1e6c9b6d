/**
 * The chance in a rush: a seeded generator, so that a plan can be run again exactly as it was.
 * Not cryptographic, and nothing here needs it to be.
 */

/** A number from 0 (included) to 1 (excluded). */
type Random = () => number;

/** mulberry32: 32 bits of state, evenly spread, and the same on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A generator of its own for one purpose, so that drawing more of one thing leaves the others as they were. */
export function randomFor(seed: number, purpose: string): Random {
  let hash = 0x811c9dc5;
  for (const char of `${seed}/${purpose}`) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  return seededRandom(hash);
}

/** Chooses an index below `count`: evenly, or the n-th in proportion to 1 / n^exponent (Zipf). */
export function indexChooser(count: number, exponent: number, random: Random): () => number {
  if (exponent === 0) return () => Math.floor(random() * count);
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let index = 0; index < count; index++) {
    sum += 1 / (index + 1) ** exponent;
    upTo[index] = sum;
  }
  return () => firstAbove(upTo, random() * sum);
}

function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
