/** Reservations by deadline, then id. Entries are dropped lazily: `valid` says which still count. */

export interface Deadline {
  readonly at: number;
  readonly id: string;
}

function before(a: Deadline, b: Deadline): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}

/** A binary heap. */
export class DeadlineQueue {
  readonly #heap: Deadline[] = [];
  readonly #valid: (deadline: Deadline) => boolean;

  constructor(valid: (deadline: Deadline) => boolean) {
    this.#valid = valid;
  }

  push(deadline: Deadline): void {
    const heap = this.#heap;
    let index = heap.push(deadline) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Deadline;
      if (!before(deadline, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = deadline;
  }

  /** The first that still counts. */
  peek(): Deadline | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || this.#valid(first)) return first;
      this.#pop();
    }
  }

  /** The first ones, in order, at or before `time`; at most `limit`. */
  upTo(time: number, limit: number): Deadline[] {
    const taken: Deadline[] = [];
    for (let first = this.peek(); taken.length < limit; first = this.peek()) {
      if (first === undefined || first.at > time) break;
      taken.push(first);
      this.#pop();
    }
    for (const deadline of taken) this.push(deadline);
    return taken;
  }

  /** Every one that still counts, in no order. */
  *[Symbol.iterator](): Generator<Deadline> {
    for (const deadline of this.#heap) if (this.#valid(deadline)) yield deadline;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Deadline, heap[child] as Deadline)) {
        child += 1;
      }
      if (!before(heap[child] as Deadline, last)) break;
      heap[index] = heap[child] as Deadline;
      index = child;
    }
    heap[index] = last;
  }
}
