/** Spacing of calls to somebody who counts them: so many a second, so many a day, with a share kept for reads. */

export interface PaceLimits {
  readonly callsPerSecond: number;
  /** Per day; null: no limit. */
  readonly callsPerDay: number | null;
  /** How long after midnight in UTC the day begins of whoever counts, in ms. */
  readonly dayStartsMs: number;
  /** The share of both that pushes leave to reads, from 0 to below 1. */
  readonly readShare: number;
}

export type CallKind = 'push' | 'read';

const DAY_MS = 86_400_000;
/** What so many calls may take, in ms, of which an ERP allows one second: they do not arrive as far apart as they left. */
export const SECOND_MS = 1_050;
/** Reads beside pushes are judged by so many calls, the latest counting most; before there are any, by as many assumed. */
const JUDGED_CALLS = 200;

/** When the day of `now` ends, in epoch ms. */
export function endOfDay(now: number, { dayStartsMs }: Pick<PaceLimits, 'dayStartsMs'>): number {
  return (dayOf(now, dayStartsMs) + 1) * DAY_MS + dayStartsMs;
}

function dayOf(at: number, dayStartsMs: number): number {
  return Math.floor((at - dayStartsMs) / DAY_MS);
}

/**
 * Time is cut into slots of one call each. Pushes leave every so many slots to reads, which take any that is free:
 * in no second do more calls go out than allowed, and a queue of pushes never makes a read wait long.
 */
export class Pace {
  readonly #slotMs: number;
  /** Slots whose number is a multiple of this are for reads only. */
  readonly #readEvery: number;
  readonly #mostPerDay: Readonly<Record<CallKind, number>>;
  readonly #dayStartsMs: number;
  readonly #taken = new Set<number>();
  readonly #days = new Map<number, number>();
  /** Calls of late; older ones count half, a quarter and so on. */
  readonly #late: Record<CallKind, number>;

  constructor({ callsPerSecond, callsPerDay, readShare, dayStartsMs }: PaceLimits) {
    this.#dayStartsMs = dayStartsMs;
    this.#slotMs = SECOND_MS / callsPerSecond;
    this.#readEvery = readShare > 0 ? Math.max(2, Math.round(1 / readShare)) : Infinity;
    const most = callsPerDay ?? Infinity;
    this.#mostPerDay = { read: most, push: most * (1 - readShare) };
    this.#late = { read: JUDGED_CALLS * readShare, push: JUDGED_CALLS * (1 - readShare) };
  }

  /** How many reads were made of late for each push. */
  get readsPerPush(): number {
    return this.#late.read / Math.max(1, this.#late.push);
  }

  /** Calls given a place on the day of `now`. */
  callsToday(now: number): number {
    return this.#days.get(dayOf(now, this.#dayStartsMs)) ?? 0;
  }

  /**
   * Takes the next free place for a call and says when it comes, in epoch ms: `now` or later. Takes none and returns
   * null where that day's calls are used up.
   */
  take(kind: CallKind, now: number): number | null {
    this.#forgetBefore(now);
    let slot = Math.ceil(now / this.#slotMs);
    while (this.#taken.has(slot) || (kind === 'push' && slot % this.#readEvery === 0)) slot += 1;
    const day = dayOf(slot * this.#slotMs, this.#dayStartsMs);
    const calls = this.#days.get(day) ?? 0;
    if (calls >= this.#mostPerDay[kind]) return null;
    this.#taken.add(slot);
    this.#days.set(day, calls + 1);
    this.#count(kind);
    return Math.ceil(slot * this.#slotMs);
  }

  #count(kind: CallKind): void {
    this.#late[kind] += 1;
    if (this.#late.read + this.#late.push < 2 * JUDGED_CALLS) return;
    this.#late.read /= 2;
    this.#late.push /= 2;
  }

  #forgetBefore(now: number): void {
    const current = Math.floor(now / this.#slotMs);
    for (const slot of this.#taken) if (slot < current) this.#taken.delete(slot);
    const today = dayOf(now, this.#dayStartsMs);
    for (const day of this.#days.keys()) if (day < today) this.#days.delete(day);
  }
}

/**
 * When so many pushes will have been made, if nothing goes wrong and none is added; `now` where there are none. Reads
 * beside them use up the day's calls too, and where they are many also the time.
 */
export function drainedAt(
  pushes: number,
  now: number,
  { callsToday, readsPerPush }: { readonly callsToday: number; readonly readsPerPush: number },
  limits: PaceLimits,
): number {
  const { callsPerSecond, callsPerDay, readShare } = limits;
  const perMs = (callsPerSecond * Math.min(1 - readShare, 1 / (1 + readsPerPush))) / SECOND_MS;
  let left = pushes;
  let at = now;
  let today = callsToday;
  while (left > 0) {
    const dayEnds = endOfDay(at, limits);
    const calls = callsPerDay === null ? Infinity : callsPerDay * (1 - readShare) - today;
    const possible = Math.max(0, Math.min(calls / (1 + readsPerPush), (dayEnds - at) * perMs));
    if (left <= possible) return Math.ceil(at + left / perMs);
    left -= possible;
    at = dayEnds;
    today = 0;
  }
  return Math.ceil(at);
}
