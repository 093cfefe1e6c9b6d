/**
 * The front of the index of deadlines, held in memory: the next few hundred active reservations to lapse. While
 * nothing is due, asking costs one comparison; while much is due, the index is read a window at a time.
 *
 * Everything that it does not hold comes after `#horizon` (null: it holds all there is).
 */

export interface Deadline {
  readonly at: number;
  readonly id: string;
}

/** Active reservations after `after` in the order of deadline and id, at most `limit`. */
export type LoadDeadlines = (after: Deadline, limit: number) => Deadline[];

const LOADED_AT_ONCE = 1_024;
const HELD_AT_MOST = 4 * LOADED_AT_ONCE;

function isBefore(a: Deadline, b: Deadline): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}

export class DeadlineWindow {
  readonly #load: LoadDeadlines;
  /** In order; those before `#start` are gone. */
  #held: Deadline[] = [];
  #start = 0;
  #horizon: Deadline | null = { at: -1, id: '' };

  constructor(load: LoadDeadlines) {
    this.#load = load;
  }

  /** No active reservation has an earlier deadline; there may be none at it. */
  earliest(): number {
    return this.#held[this.#start]?.at ?? this.#horizon?.at ?? Infinity;
  }

  /** A reservation has become active, or has got this deadline. */
  add(deadline: Deadline): void {
    if (this.#horizon !== null && isBefore(this.#horizon, deadline)) return;
    const index = this.#search(deadline);
    if (index === this.#held.length) this.#held.push(deadline);
    else this.#held.splice(index, 0, deadline);
    if (this.#held.length - this.#start > HELD_AT_MOST) {
      this.#held = this.#held.slice(this.#start, this.#start + HELD_AT_MOST / 2);
      this.#start = 0;
      this.#horizon = this.#held.at(-1) ?? null;
    }
  }

  /** A reservation is no longer active, or has another deadline now. */
  remove(deadline: Deadline): void {
    const index = this.#search(deadline);
    const found = this.#held[index];
    if (found?.at !== deadline.at || found.id !== deadline.id) return;
    if (index > this.#start) {
      this.#held.splice(index, 1);
      return;
    }
    this.#start += 1;
    if (this.#start === this.#held.length || this.#start > HELD_AT_MOST) {
      this.#held = this.#held.slice(this.#start);
      this.#start = 0;
    }
  }

  /** The first ones, in order, at or before `time`; at most `limit`. */
  upTo(time: number, limit: number): Deadline[] {
    let end = this.#start;
    for (; end - this.#start < limit; end += 1) {
      if (end === this.#held.length && !this.#readOn(time)) break;
      if ((this.#held[end]?.at ?? Infinity) > time) break;
    }
    return this.#held.slice(this.#start, end);
  }

  /** Reads on, where what follows may begin at or before `time`; says whether there is more now. */
  #readOn(time: number): boolean {
    const after = this.#horizon;
    if (after === null || after.at > time) return false;
    const loaded = this.#load(after, LOADED_AT_ONCE);
    this.#horizon = loaded.length < LOADED_AT_ONCE ? null : (loaded.at(-1) ?? null);
    for (const deadline of loaded) this.#held.push(deadline);
    return loaded.length > 0;
  }

  /** Where the deadline is, or belongs. */
  #search(deadline: Deadline): number {
    let low = this.#start;
    let high = this.#held.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.#held[middle] as Deadline, deadline)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
