/** Commands about carts over several shards, each to its answer. */
import { randomUUID } from 'node:crypto';
import type {
  Answer,
  CancelCommand,
  AcknowledgeCommand,
  ConfirmCommand,
  ExtendCommand,
  Idempotency,
  ReleaseCommand,
  ReserveCommand,
} from '../../../core/command.ts';
import { decideAcknowledge } from '../../../core/decide/acknowledge.ts';
import { decideCancel } from '../../../core/decide/cancel.ts';
import { decideConfirm } from '../../../core/decide/confirm.ts';
import type { Decision } from '../../../core/decide/decision.ts';
import { decideExtend } from '../../../core/decide/extend.ts';
import { decideRelease } from '../../../core/decide/release.ts';
import { decideReserve, reserveAgain } from '../../../core/decide/reserve.ts';
import { hasLapsed, sumLines, type Line, type Reservation } from '../../../core/reservation.ts';
import type { Rules } from '../../../core/rules.ts';
import { Fault } from '../../../engine/faults.ts';
import { isCart, type Cart, type OutboxChange } from './cart.ts';
import { nobody, notDone, type Carts, type CartReading } from './carts.ts';
import { CartView } from './cart-view.ts';
import type { Placement } from './placement.ts';

/** A command that names a reservation. */
export type ChangeCommand =
  ConfirmCommand | ReleaseCommand | ExtendCommand | CancelCommand | AcknowledgeCommand;

/** What a command about a cart came to: its answer, or where it is to be asked instead. */
export type Outcome =
  | { readonly answer: Answer }
  /** It is no cart any more, or never was. */
  | { readonly plain: true }
  /** The key is somebody's already. */
  | { readonly known: NonNullable<CartReading['known']> }
  /** The id was given up by others and cannot be used any more. */
  | { readonly spent: true };

/** A decision is taken anew when the books have changed under it; so often at most. */
const ATTEMPTS = 50;
/** How long units that are taken again wait for the decision: longer than clocks of servers differ. */
const HOLD_MS = 60_000;

export class CartCommands {
  readonly #carts: Carts;
  readonly #placement: Placement;
  readonly #rules: Rules;

  constructor(carts: Carts, placement: Placement, rules: Rules) {
    this.#carts = carts;
    this.#placement = placement;
    this.#rules = rules;
  }

  async change(command: ChangeCommand, idempotency: Idempotency | null): Promise<Outcome> {
    const { reservationId: id } = command;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { cart, plain, now, known } = await this.#carts.settled(id, idempotency?.key ?? null);
      if (known !== null) return { known };
      if (plain !== null || cart === null) return { plain: true };
      const record = isCart(cart) ? cart : null;
      const outcome = await this.#changeOnce(command, record, now, idempotency);
      if (outcome !== null) return outcome;
    }
    throw notDone('the cart is being changed by too many at once');
  }

  /** Null where something has changed meanwhile. */
  async #changeOnce(
    command: ChangeCommand,
    record: Cart | null,
    now: number,
    idempotency: Idempotency | null,
  ): Promise<Outcome | null> {
    const whole = record?.whole;
    const view = await this.#viewFor(command, whole);
    const decision = this.#decide(view, whole, command, now);
    if (decision.reservation === null || record === null) {
      return this.#unchanged(decision.answer, command.reservationId, idempotency);
    }
    const { answer } = decision;
    const change = {
      id: command.reservationId,
      before: record,
      decision,
      now,
      idempotency,
      answer,
    };
    const outbox = outboxChangeOf(command, record.whole, decision);
    const reacquires = decision.reservation.reacquired && !record.whole.reacquired;
    if (!reacquires) {
      const written = await this.#carts.write({ ...change, take: [], hold: null, outbox });
      if (!written.ok) return null;
      const mayBeTold = command.type === 'cancel' && decision.reservation.status === 'confirmed';
      if (!mayBeTold || !answer.ok) return { answer };
      // What is written down is done: the cart is noted, and acknowledged by others should this fail.
      const told = this.acknowledgeIfTold(command.reservationId, { idempotency, answer });
      const whole = await told.catch(nobody);
      return { answer: whole === null ? answer : ({ ...answer, reservation: whole } as Answer) };
    }
    const lines = decision.reservation.lines
      .filter(({ confirmed }) => confirmed > 0)
      .map(({ sku, confirmed }) => ({ sku, quantity: confirmed }));
    return this.#reacquire({ ...change, outbox }, decision.reservation, lines);
  }

  /**
   * Acknowledges a confirmed cart of which nothing is to be told to the ERP any more; null where there is something, or
   * it is not. `answered`: takes the place of the answer that is remembered under the key, with the cart as it is then.
   */
  async acknowledgeIfTold(
    id: string,
    answered: { readonly idempotency: Idempotency | null; readonly answer: Answer } | null,
  ): Promise<Reservation | null> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const { cart, now } = await this.#carts.settled(id);
      const shards = new Set([...(isCart(cart) ? cart.shards : []), this.#placement.homeOf(id)]);
      const desks = Array.from(shards, (shard) => this.#carts.desk(shard));
      const open = await Promise.all(
        desks.map((desk) => desk.step<boolean>({ type: 'outbox_open', id })),
      );
      const isTold = isCart(cart) && cart.whole.status === 'confirmed' && !open.includes(true);
      if (isTold) {
        const command = { type: 'acknowledge', reservationId: id } as const;
        const decision = decideAcknowledge(new CartView(), cart.whole, command, now);
        const reservation = decision.reservation as Reservation;
        const written = await this.#carts.write({
          ...{ id, before: cart, decision, now, take: [], hold: null },
          idempotency: answered?.idempotency ?? null,
          answer: answered && ({ ...answered.answer, reservation } as Answer),
          instead: true,
        });
        if (!written.ok) continue;
      }
      // Where it is to be told still, whoever tells it comes back; what is noted there came after this look.
      const over = desks.filter((_, index) => open[index] === false);
      await Promise.all(over.map((desk) => desk.step({ type: 'outbox_settled', id })));
      return isTold ? ((await this.#carts.read(id)).cart as Cart).whole : null;
    }
    throw notDone('the cart is being changed by too many at once');
  }

  /** Cancels what a dead letter told of, in its place; null where something has changed meanwhile. */
  async undo(
    command: CancelCommand,
    discard: Omit<Extract<OutboxChange, { type: 'discard' }>, 'entries'>,
  ): Promise<Answer | null> {
    const { reservationId: id } = command;
    const { cart, now } = await this.#carts.settled(id);
    if (!isCart(cart)) return null;
    const view = await this.#viewFor(command, cart.whole);
    const decision = decideCancel(view, cart.whole, command, now);
    const { answer } = decision;
    if (decision.reservation === null) return answer.ok ? null : answer;
    const written = await this.#carts.write({
      ...{ id, before: cart, decision, now, take: [], hold: null },
      ...{ idempotency: null, answer: null },
      outbox: { ...discard, entries: decision.entries },
    });
    return written.ok ? answer : null;
  }

  /** What a decision needs to know of levels, where it needs anything. */
  async #viewFor(command: ChangeCommand, whole: Reservation | undefined): Promise<CartView> {
    const view = new CartView();
    if (whole === undefined) return view;
    const late = command.type === 'confirm' && command.onExpired === 'reacquire';
    const { status, customerId, lines } = whole;
    if (late && status === 'expired') {
      const wanted = sumLines(command.lines ?? lines).map(({ sku, quantity }) => ({
        sku,
        quantity,
      }));
      return CartView.of(this.#carts, wanted, customerId);
    }
    if (command.type !== 'extend' && command.type !== 'cancel') return view;
    // Only what is there is of interest, not whether more would fit.
    const none = lines.map(({ sku }) => ({ sku, quantity: 0 }));
    return CartView.of(this.#carts, none, customerId);
  }

  #decide(
    view: CartView,
    whole: Reservation | undefined,
    command: ChangeCommand,
    now: number,
  ): Decision<Answer> {
    switch (command.type) {
      case 'confirm':
        return decideConfirm(view, whole, command, now, this.#rules);
      case 'release':
        return decideRelease(whole, command, now);
      case 'extend':
        return decideExtend(view, whole, command, now, this.#rules);
      case 'cancel':
        return decideCancel(view, whole, command, now);
      case 'acknowledge':
        return decideAcknowledge(view, whole, command, now);
    }
  }

  /** An answer that leaves the cart as it is. */
  async #unchanged(answer: Answer, id: string, idempotency: Idempotency | null): Promise<Outcome> {
    if (idempotency === null) return { answer };
    const known = await this.#carts.home(id).step<CartReading['known']>({
      type: 'remember',
      ...idempotency,
      answer: JSON.stringify(answer),
    });
    return known === null ? { answer } : { known };
  }

  /** Units of a lapsed cart are taken again under an id of their own, and become its own with the decision. */
  async #reacquire(
    change: Omit<Parameters<Carts['write']>[0], 'take' | 'hold'>,
    whole: Reservation,
    lines: readonly Line[],
  ): Promise<Outcome | null> {
    const home = this.#placement.homeOf(change.id);
    const hold = this.#placement.placeAt(randomUUID(), home);
    const { customerId, createdAt } = whole;
    const expiresAt = change.now + HOLD_MS;
    const taken: number[] = [];
    const wanted = this.#carts.byShard(lines);
    try {
      for (const [shard, own] of wanted) {
        if (shard === home) continue;
        taken.push(shard);
        const as = { id: hold, customerId, createdAt, expiresAt, again: true };
        if (!(await this.#carts.take(shard, own, as)).ok) {
          await this.#carts.free(hold, taken);
          return null;
        }
      }
    } catch (error) {
      this.#carts.behind(this.#carts.free(hold, taken));
      throw certainlyNotDone(error);
    }
    const elsewhere = taken.length > 0 ? hold : null;
    const written = await this.#carts.write({
      ...change,
      take: wanted.get(home) ?? [],
      hold: elsewhere,
    });
    if (written.ok) return { answer: change.answer as Answer };
    await this.#carts.free(hold, taken);
    return null;
  }

  async reserve(command: ReserveCommand, idempotency: Idempotency | null): Promise<Outcome> {
    const { reservationId: id, customerId, lines } = command;
    const [reading, view] = await Promise.all([
      this.#carts.settled(id, idempotency?.key ?? null),
      CartView.of(this.#carts, sumLines(lines), customerId),
    ]);
    const { cart, plain, now, known } = reading;
    if (known !== null) return { known };
    const there = isCart(cart) ? cart.whole : plain;
    if (there !== null) {
      const settled: Reservation = hasLapsed(there, now) ? { ...there, status: 'expired' } : there;
      return this.#unchanged(reserveAgain(settled, command), id, idempotency);
    }
    if (cart !== null) return { spent: true };
    const taken = new Map<number, number>();
    try {
      return await this.#take(command, idempotency, { view, now, taken });
    } catch (error) {
      const cause = error instanceof Undecided ? error.cause : error;
      const unknown = cause instanceof Fault && cause.outcomeUnknown;
      if (!unknown) this.#carts.behind(this.#carts.free(id, taken.keys()));
      throw cause;
    }
  }

  /** Takes the lines shard by shard, and decides at home; what was taken for nothing is given back. */
  async #take(
    command: ReserveCommand,
    idempotency: Idempotency | null,
    { view, now, taken }: { view: CartView; now: number; taken: Map<number, number> },
  ): Promise<Outcome> {
    const { reservationId: id, customerId } = command;
    const home = this.#placement.homeOf(id);
    const giveBack = () => this.#carts.free(id, taken.keys());
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const decision = decideReserve(view, command, now, this.#rules);
      const { reservation, answer } = decision;
      if (reservation === null) {
        await giveBack();
        return this.#unchanged(answer, id, idempotency);
      }
      const lines = this.#carts.byShard(reservation.lines);
      const short = await this.#takeMissing(reservation, lines, taken);
      if (short === 'spent') {
        await giveBack();
        return { spent: true };
      }
      if (short === null) {
        const change = { id, before: null, decision, now, idempotency, answer, hold: null };
        const tellLater = [...taken.values()].every((at) => at === reservation.expiresAt);
        const take = lines.get(home) ?? [];
        const written = await this.#carts.write({ ...change, take, tellLater });
        if (written.ok) return { answer };
        if (written.why !== 'stock') {
          await giveBack();
          return this.#overtaken(command, idempotency, written.why);
        }
      }
      const look = short ?? home;
      await undecided(view.look(this.#carts, look, sumLines(command.lines), customerId));
    }
    await giveBack();
    throw notDone('the cart’s SKUs are wanted by too many at once');
  }

  /** Null when all is taken but what the home takes itself; else the shard where something is short. */
  async #takeMissing(
    reservation: Reservation,
    lines: ReadonlyMap<number, readonly Line[]>,
    taken: Map<number, number>,
  ): Promise<number | 'spent' | null> {
    const { id, customerId, createdAt, expiresAt } = reservation;
    const home = this.#placement.homeOf(id);
    for (const [shard, own] of lines) {
      if (shard === home || taken.has(shard)) continue;
      const wanted = own.map(({ sku, quantity }) => ({ sku, quantity }));
      taken.set(shard, expiresAt);
      const answer = await undecided(
        this.#carts.take(shard, wanted, { id, customerId, createdAt, expiresAt, again: false }),
      );
      if (answer.ok) continue;
      taken.delete(shard);
      return answer.why === 'spent' ? 'spent' : shard;
    }
    return null;
  }

  /** Somebody else has decided about this id, or the key, or the time is up. */
  async #overtaken(
    command: ReserveCommand,
    idempotency: Idempotency | null,
    why: string,
  ): Promise<Outcome> {
    const { cart, known } = await this.#carts.settled(
      command.reservationId,
      idempotency?.key ?? null,
    );
    if (known !== null) return { known };
    if (!isCart(cart)) {
      if (why === 'late') throw notDone('the cart’s deadline passed before it was taken');
      return { spent: true };
    }
    return { answer: reserveAgain(cart.whole, command) };
  }
}

/** What a decision means for the cart's messages to the ERP; null: nothing. */
function outboxChangeOf(
  { type }: ChangeCommand,
  before: Reservation,
  { answer, entries, reservation }: Decision<Answer>,
): OutboxChange | null {
  if (reservation === null || !answer.ok) return null;
  const { status, orderId, lines } = reservation;
  switch (type) {
    case 'confirm':
      if (before.status !== status) {
        return status === 'confirmed' ? { type: 'sale', orderId, lines } : null;
      }
      return orderId === before.orderId ? null : { type: 'adopt', orderId };
    case 'cancel':
      return { type: 'cancel', entries };
    case 'acknowledge':
      return { type: 'drop' };
    case 'release':
    case 'extend':
      return null;
  }
}

/** Before the decision was sent, whatever happened to a step, nothing was done. */
class Undecided extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super('not decided');
    this.cause = cause;
  }
}

async function undecided<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new Undecided(certainlyNotDone(error));
  }
}

function certainlyNotDone(error: unknown): unknown {
  if (!(error instanceof Fault) || !error.outcomeUnknown) return error;
  return new Fault('STORE_UNAVAILABLE', error.message, { retryable: true, cause: error });
}
