/**
 * Carts over several shards (docs/adr/0017-carts-over-shards.md). What a command comes to is decided by `core`; the
 * cart's home writes it down in one step, if nothing has changed since; the other shards are told after that, by
 * whoever comes by, each change once. Before a cart is made, its units are taken shard by shard.
 */
import type { Answer, Idempotency } from '../../../core/command.ts';
import type { Decision } from '../../../core/decide/decision.ts';
import { expire } from '../../../core/decide/release.ts';
import { hasLapsed, type Line, type Reservation } from '../../../core/reservation.ts';
import { Fault } from '../../../engine/faults.ts';
import type { MessageGrouping } from '../../../core/outbox/message.ts';
import {
  isCart,
  partOf,
  type Cart,
  type CartRecord,
  type OutboxChange,
  type PartChange,
  type Step,
  type Telling,
} from './cart.ts';
import type { Placement } from './placement.ts';
import type { ShardDesk } from './shard-desk.ts';

/** What the home says of an id. */
export interface CartReading {
  readonly now: number;
  readonly cart: CartRecord | null;
  /** A reservation that is none of a cart, under the same id. */
  readonly plain: Reservation | null;
  /** What other shards may not have heard of its messages; null: they have. */
  readonly shares: Telling | null;
  /** What is remembered under the key that was asked for. */
  readonly known: KnownKey | null;
}

export interface KnownKey {
  readonly fingerprint: string;
  /** Where the answer will be: home and id. */
  readonly pointer: string | null;
  readonly answer: Answer | null;
}

/** Why a decision was not written. */
export type Written =
  | { readonly ok: true; readonly shares: Telling | null }
  | { readonly ok: false; readonly why: 'version' | 'late' | 'stock' | 'held' | 'key' };

export interface Change {
  readonly id: string;
  /** As it was read; null for a new one. */
  readonly before: Cart | null;
  readonly decision: Pick<Decision<Answer>, 'entries' | 'reservation'>;
  readonly now: number;
  readonly idempotency: Idempotency | null;
  readonly answer: Answer | null;
  /** Lines at home that must still fit. */
  readonly take: readonly Line[];
  /** Under which id units of other shards were taken for it. */
  readonly hold: string | null;
  /** What the others are to hear changes nothing that anybody sees, so that no answer waits for it. */
  readonly tellLater?: boolean;
  /** What it means for the cart's messages; left out: nothing. */
  readonly outbox?: OutboxChange | null;
  /** The answer takes the place of the one that is remembered under the key. */
  readonly instead?: true;
}

export class Carts {
  readonly #desks: readonly ShardDesk[];
  readonly #placement: Placement;
  readonly #grouping: MessageGrouping;
  /** What goes on behind answers that were given. */
  readonly #loose = new Set<Promise<unknown>>();

  /** `grouping`: how the ERP wants to hear of sales. */
  constructor(desks: readonly ShardDesk[], placement: Placement, grouping: MessageGrouping) {
    this.#desks = desks;
    this.#placement = placement;
    this.#grouping = grouping;
  }

  desk(index: number): ShardDesk {
    return this.#desks[index] as ShardDesk;
  }

  home(id: string): ShardDesk {
    return this.desk(this.#placement.homeOf(id));
  }

  /** Lines, or whatever names a SKU, by shard, in the order of shards. */
  byShard<T extends { readonly sku: string }>(lines: readonly T[]): Map<number, T[]> {
    const found = new Map<number, T[]>();
    for (const line of lines) {
      const shard = this.#placement.shardOf(line.sku);
      const others = found.get(shard);
      if (others === undefined) found.set(shard, [line]);
      else others.push(line);
    }
    return new Map([...found].sort(([a], [b]) => a - b));
  }

  /** `giveUp`: where there is no such cart, there never will be. */
  read(id: string, { giveUp = false, key = null as string | null } = {}): Promise<CartReading> {
    return this.home(id).step<CartReading>({ type: 'cart_read', id, giveUp, key });
  }

  /**
   * The cart as it stands now, every shard having heard of its last change, and its lapse recorded if its deadline has
   * passed.
   */
  async settled(id: string, key: string | null = null): Promise<CartReading> {
    for (;;) {
      const reading = await this.read(id, { key });
      const { cart, now, shares } = reading;
      if (!isCart(cart)) return reading;
      if (cart.redo !== null || shares !== null) await this.#tell(id, cart, shares);
      else if (hasLapsed(cart.whole, now)) await this.expire(id, cart, now);
      else return reading;
    }
  }

  /** Tells other shards what the cart's messages mean for them, be the cart there still or not. */
  async share(id: string): Promise<void> {
    const { cart, shares } = await this.read(id);
    await this.#tell(id, isCart(cart) ? cart : null, shares);
  }

  /** Writes the decision down at home, then tells the other shards. False where something has changed since. */
  async write(change: Change): Promise<Written> {
    const { id, before, decision, idempotency, answer } = change;
    const whole = decision.reservation as Reservation;
    const step = (before?.version ?? 0) + 1;
    const home = this.#placement.homeOf(id);
    const parts = this.#parts(change, whole, step);
    const redo = parts.filter(({ shard }) => shard !== home);
    const shards = [...this.byShard(whole.lines).keys()];
    const next: Cart = { version: step, whole, shards, redo: redo.length === 0 ? null : redo };
    const wasActive = before === null || before.whole.status === 'active';
    const expired = whole.status === 'expired' && before?.whole.status === 'active';
    const { status, expiresAt } = whole;
    const written = await this.home(id).step<Written>({
      type: 'cart_write',
      id,
      expect: before?.version ?? 0,
      version: step,
      json: JSON.stringify(next),
      deadline: status === 'active' ? expiresAt : null,
      ended: status === 'active' || status === 'confirmed' ? null : whole.endedAt,
      unfinished: next.redo !== null,
      // The deadline decides, by the clock of the home, when this is written.
      before: wasActive && !expired ? (before?.whole ?? whole).expiresAt : null,
      part: parts.find(({ shard }) => shard === home) ?? null,
      take: change.take,
      customerId: whole.customerId,
      hold: change.hold,
      key: idempotency?.key ?? null,
      fingerprint: idempotency?.fingerprint ?? null,
      answer: answer === null ? null : JSON.stringify(answer),
      expired: expired ? expiresAt : null,
      outbox: this.#outboxChange(change.outbox ?? null, home, home),
      instead: change.instead === true,
    });
    // What is decided is decided: a shard that does not hear of it now is told by others.
    if (written.ok) {
      const telling = this.#tell(id, next, written.shares).catch(() => null);
      if (change.tellLater === true) this.behind(telling);
      else await telling;
    }
    return written;
  }

  /** What the shards are to hear: those that the entries name; of a new cart, all. */
  #parts(change: Change, whole: Reservation, step: number): PartChange[] {
    const { decision, before, hold } = change;
    const entries = this.byShard(decision.entries);
    const home = this.#placement.homeOf(whole.id);
    const parts: PartChange[] = [];
    for (const [shard, lines] of this.byShard(whole.lines)) {
      const own = entries.get(shard);
      // The home hears of its own when it decides.
      const outbox = shard === home ? null : this.#outboxChange(change.outbox ?? null, shard, home);
      if (own === undefined && before !== null && outbox === null) continue;
      // Elsewhere a new cart's units were taken before, and recorded.
      const fresh = before !== null || shard === home ? (own ?? []) : [];
      const at = { shard, step, hold: shard === home ? null : hold, outbox };
      parts.push(partOf(whole, lines, fresh, at));
    }
    return parts;
  }

  /** What of it the shard carries out: whole sales are told of by the home alone. */
  #outboxChange(change: OutboxChange | null, shard: number, home: number): OutboxChange | null {
    const own = <T extends { readonly sku: string }>(all: readonly T[]): readonly T[] =>
      shard === home ? all : (this.byShard(all).get(shard) ?? []);
    switch (change?.type) {
      case undefined:
        return null;
      case 'sale': {
        if (this.#grouping === 'sale') return shard === home ? change : null;
        const lines = this.byShard(change.lines).get(shard) ?? [];
        return lines.length === 0 ? null : { ...change, lines };
      }
      case 'adopt':
      case 'drop':
        return change;
      case 'cancel': {
        const entries = own(change.entries);
        return entries.length === 0 ? null : { ...change, entries };
      }
      case 'discard':
        return change.shard === shard ? { ...change, entries: own(change.entries) } : null;
    }
  }

  /** Tells the other shards what they may not have heard of, then the home that they have. */
  async #tell(id: string, cart: Cart | null, shares: Telling | null): Promise<void> {
    const parts = new Map((cart?.redo ?? []).map((part) => [part.shard, part]));
    const home = this.#placement.homeOf(id);
    const hearing = new Set(parts.keys());
    for (const sku of shares?.skus ?? []) hearing.add(this.#placement.shardOf(sku));
    hearing.delete(home);
    if (parts.size === 0 && shares === null) return;
    const heard = await Promise.all(
      Array.from(hearing, (shard) =>
        this.desk(shard).step<{ readonly since?: number }>({
          type: 'cart_apply',
          id,
          part: parts.get(shard) ?? null,
          shares: shares && this.#sharesOf(shares, shard),
        }),
      ),
    );
    const number = Math.max(0, ...heard.map(({ since }) => since ?? 0));
    if (shares !== null && number > shares.v) {
      // Others have told it since; or the home has lost its newest numbers, and nobody would hear of it.
      await this.home(id).step({ type: 'outbox_raise', number });
      return this.share(id);
    }
    const told = parts.size === 0 ? null : cart;
    const json = told && JSON.stringify({ ...told, redo: null });
    const finish = { type: 'cart_finish', id, version: told?.version ?? null, json } as const;
    this.behind(this.home(id).step({ ...finish, heard: shares?.v ?? null }));
  }

  #sharesOf(
    { v, messages, notes }: Telling,
    shard: number,
  ): Pick<Telling, 'v' | 'messages' | 'notes'> {
    const own = messages.map((message) => ({
      ...message,
      lines: message.lines.filter(({ sku }) => this.#placement.shardOf(sku) === shard),
    }));
    return { v, messages: own.filter(({ lines }) => lines.length > 0), notes };
  }

  /** Records a lapse, if nobody was quicker. */
  async expire(id: string, cart: Cart, now: number): Promise<boolean> {
    const written = await this.write({
      id,
      before: cart,
      decision: expire(cart.whole, now),
      now,
      idempotency: null,
      answer: null,
      take: [],
      hold: null,
    });
    return written.ok;
  }

  /** Finds out at its home what has become of a part, and tells the part. True if it goes on as it is. */
  async resolve(desk: ShardDesk, id: string): Promise<boolean> {
    const { cart, now, shares } = await this.read(id, { giveUp: true });
    if (!isCart(cart)) {
      // Its units are another cart's, or nobody's.
      if (cart !== null && 'usedBy' in cart) await this.settled(cart.usedBy);
      else await desk.step({ type: 'cart_free', id });
      return false;
    }
    if (cart.redo !== null) await this.#tell(id, cart, shares);
    else if (hasLapsed(cart.whole, now)) await this.expire(id, cart, now);
    else return true;
    return false;
  }

  /** What nobody waits for; failures are mended by who comes by. */
  behind(work: Promise<unknown>): void {
    const watched = work
      .catch(() => null)
      .finally(() => {
        this.#loose.delete(watched);
      });
    this.#loose.add(watched);
  }

  /** Waits for what goes on behind answers. */
  async quiet(): Promise<void> {
    while (this.#loose.size > 0) await Promise.all(this.#loose);
  }

  /** Takes lines at one shard under this id. */
  take(
    shard: number,
    lines: readonly Line[],
    as: Omit<Extract<Step, { type: 'cart_take' }>, 'type' | 'lines'>,
  ): Promise<{ readonly ok: boolean; readonly why?: 'stock' | 'spent' }> {
    return this.desk(shard).weigh({ type: 'cart_take', lines, ...as });
  }

  /** Gives back what was taken and will not be used; whoever comes by does it, should this fail. */
  async free(id: string, shards: Iterable<number>): Promise<void> {
    await Promise.all(
      Array.from(shards, (shard) => this.desk(shard).step({ type: 'cart_free', id })),
    ).catch(() => null);
  }
}

/** Too much has changed meanwhile, again and again: certainly nothing was done. */
export function notDone(what: string): Fault {
  return new Fault('STORE_OVERLOADED', `${what}; nothing was done`, { retryable: true });
}

/** In place of what a shard that is away would have answered. */
export function nobody(error: unknown): null {
  if (error instanceof Fault) return null;
  throw error;
}
