/** The two structures that make the search fast: the list of open events, and the memory of configurations seen. */

/**
 * A doubly linked list over the events of the calls not yet placed, in order. Calls are numbered 0 to `count − 1`;
 * call `c` has the nodes `2c` (invoke) and `2c + 1` (return). Taking a call out and putting it back are both O(1),
 * the latter because a removed node remembers its neighbours; so calls must come back in the reverse order.
 */
export class EventList {
  readonly #end: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  /** `nodes`: all nodes, in order. */
  constructor(count: number, nodes: readonly number[]) {
    this.#end = 2 * count;
    this.#next = new Int32Array(2 * count + 1);
    this.#previous = new Int32Array(2 * count + 1);
    let last = this.#end;
    for (const node of [...nodes, this.#end]) {
      this.#next[last] = node;
      this.#previous[node] = last;
      last = node;
    }
  }

  /**
   * Collects the calls that began before the first remaining answer: those that may come next, for any other began
   * after a call that must precede it. Returns the call of that answer, −1 if none remains.
   */
  collectOpen(into: number[]): number {
    let node = this.#at(this.#next, this.#end);
    while (node !== this.#end && node % 2 === 0) {
      into.push(node / 2);
      node = this.#at(this.#next, node);
    }
    return node === this.#end ? -1 : (node - 1) / 2;
  }

  take(call: number): void {
    this.#unlink(2 * call);
    this.#unlink(2 * call + 1);
  }

  putBack(call: number): void {
    this.#relink(2 * call + 1);
    this.#relink(2 * call);
  }

  #unlink(node: number): void {
    const next = this.#at(this.#next, node);
    const previous = this.#at(this.#previous, node);
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #relink(node: number): void {
    this.#next[this.#at(this.#previous, node)] = node;
    this.#previous[this.#at(this.#next, node)] = node;
  }

  #at(links: Int32Array, node: number): number {
    return links[node] as number;
  }
}

/** A set of calls as bits, with a hash kept up to date at every change. */
export class CallSet {
  #words: Uint32Array;
  #hash = 0;

  constructor(count: number) {
    this.#words = new Uint32Array(Math.ceil(count / 32));
  }

  has(call: number): boolean {
    return ((this.#words[call >>> 5] as number) & (1 << (call & 31))) !== 0;
  }

  flip(call: number): void {
    this.#words[call >>> 5] = (this.#words[call >>> 5] as number) ^ (1 << (call & 31));
    this.#hash ^= scramble(call);
  }

  get hash(): number {
    return this.#hash;
  }

  copy(): CallSet {
    const copy = new CallSet(0);
    copy.#words = this.#words.slice();
    copy.#hash = this.#hash;
    return copy;
  }

  equals(other: CallSet): boolean {
    return this.#words.every((word, index) => word === other.#words[index]);
  }
}

/** The finalizer of MurmurHash3: neighbouring numbers get unrelated bits, so that XOR sums rarely collide. */
function scramble(call: number): number {
  let bits = Math.imul((call + 1) ^ ((call + 1) >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** Configurations already tried. Exact: the hash only finds the bucket; a false "seen" would make a false alarm. */
export class Visited {
  readonly #buckets = new Map<string, CallSet[]>();

  /** False if this set of calls was already reached with this state. Keeps `calls`. */
  add(calls: CallSet, stateKey: string): boolean {
    const bucketKey = `${String(calls.hash)}:${stateKey}`;
    const bucket = this.#buckets.get(bucketKey);
    if (bucket === undefined) {
      this.#buckets.set(bucketKey, [calls]);
      return true;
    }
    if (bucket.some((seen) => calls.equals(seen))) return false;
    bucket.push(calls);
    return true;
  }
}
