/** The books of one SKU as a value, for the model: what has lapsed by when, and what is left. */
import type { Figures } from './stock-operations.ts';

/** Never granted, active, confirmed, released, expired. */
export type Status = ' ' | 'a' | 'c' | 'r' | 'x';

interface Active {
  readonly slot: number;
  readonly quantity: number;
  readonly expiresAt: number;
}

/** The units of an unanswered reserve that took effect; its deadline lies between `earliest` and `latest`. */
interface Phantom {
  readonly quantity: number;
  readonly earliest: number;
  readonly latest: number;
}

export interface StockState {
  /** Gives every id met a place in `statuses`; shared by all states of one search. */
  readonly slots: Map<string, number>;
  /** How reservations ended, as far as any answer tells; shared too. An end is for ever. */
  readonly fates: ReadonlyMap<string, Status>;
  readonly onHand: number;
  readonly now: number;
  /** One letter per slot. */
  readonly statuses: string;
  readonly active: readonly Active[];
  readonly phantoms: readonly Phantom[];
  /** Was there ever a phantom? */
  readonly uncertain: boolean;
}

export interface Rules {
  readonly safetyStock: number;
  readonly slack: number;
}

/** Between two changes all moments are alike, and the earliest stands for them. */
export function nextChange({ active, phantoms }: StockState, after: number): number {
  let next = Infinity;
  const consider = (time: number): void => {
    if (time > after && time < next) next = time;
  };
  for (const { expiresAt } of active) consider(expiresAt);
  for (const { earliest, latest } of phantoms) {
    consider(earliest);
    consider(latest);
  }
  return next;
}

/** Time passes: what has certainly lapsed by then is given back. */
export function lapse(state: StockState, now: number): StockState {
  let { statuses } = state;
  let { active, phantoms } = state;
  if (active.some(({ expiresAt }) => expiresAt <= now)) {
    for (const { slot, expiresAt } of active) {
      if (expiresAt <= now) statuses = withStatus(statuses, slot, 'x');
    }
    active = active.filter(({ expiresAt }) => expiresAt > now);
  }
  if (phantoms.length > 0) phantoms = phantoms.filter(({ latest }) => latest > now);
  return { ...state, now, statuses, active, phantoms };
}

/** The state itself first, then with each choice of those phantoms gone that may have lapsed. */
export function lapsingPhantoms(state: StockState): StockState[] {
  if (!state.phantoms.some(({ earliest }) => earliest <= state.now)) return [state];
  const byQuantity = new Map<number, Phantom[]>();
  for (const phantom of state.phantoms.toSorted((a, b) => a.latest - b.latest)) {
    if (phantom.earliest > state.now) continue;
    const alike = byQuantity.get(phantom.quantity);
    if (alike === undefined) byQuantity.set(phantom.quantity, [phantom]);
    else alike.push(phantom);
  }
  // Of alike ones the first to be due goes first: the others can do all that it could.
  let choices: Phantom[][] = [[]];
  for (const alike of byQuantity.values()) {
    const prefixes = [0, ...alike.keys().map((index) => index + 1)];
    choices = choices.flatMap((gone) =>
      prefixes.map((length) => [...gone, ...alike.slice(0, length)]),
    );
  }
  return choices.map((gone) =>
    gone.length === 0
      ? state
      : { ...state, phantoms: state.phantoms.filter((phantom) => !gone.includes(phantom)) },
  );
}

export function figures({ safetyStock }: Rules, { onHand, active, phantoms }: StockState): Figures {
  let reserved = 0;
  for (const { quantity } of active) reserved += quantity;
  for (const { quantity } of phantoms) reserved += quantity;
  return { onHand, reserved, available: Math.max(0, onHand - reserved - safetyStock) };
}

export function statusOf({ slots, statuses }: StockState, id: string): Status {
  const slot = slots.get(id);
  return ((slot === undefined ? undefined : statuses[slot]) ?? ' ') as Status;
}

export function slotOf({ slots }: StockState, id: string): number {
  const known = slots.get(id);
  if (known !== undefined) return known;
  const slot = slots.size;
  slots.set(id, slot);
  return slot;
}

export function withStatus(statuses: string, slot: number, status: Status): string {
  const padded = statuses.padEnd(slot);
  return padded.slice(0, slot) + status + padded.slice(slot + 1);
}

/**
 * Without phantoms `now` follows from the rest: from which calls are placed (their invocations and deadlines) and from
 * which reservations have expired (no other time is ever chosen).
 */
export function key({ onHand, statuses, phantoms, now, uncertain }: StockState): string {
  if (!uncertain) return `${String(onHand)}|${statuses}`;
  const held = phantoms.map((one) => [one.quantity, one.earliest, one.latest].join());
  return [onHand, statuses, now, ...held.sort()].join('|');
}

export function describeState(rules: Rules, state: StockState): string {
  const { onHand, reserved, available } = figures(rules, state);
  const ids = [...state.slots.keys()];
  const active = state.active.map(
    ({ slot, quantity, expiresAt }) =>
      `${ids[slot] ?? '?'} ×${String(quantity)} until ${String(expiresAt)}`,
  );
  const unanswered = state.phantoms.map(({ quantity }) => `unanswered ×${String(quantity)}`);
  return (
    `on_hand ${String(onHand)}, reserved ${String(reserved)}, available ${String(available)}, ` +
    `not before ${String(state.now)}; active: ${[...active, ...unanswered].join(', ') || 'none'}`
  );
}
