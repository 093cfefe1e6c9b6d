/** Which shards a command goes to, and what an answer still needs. */
import { randomUUID } from 'node:crypto';
import type {
  Answer,
  Command,
  Idempotency,
  ReserveCommand,
  TrimAnswer,
  TrimLedgerCommand,
} from '../../../core/command.ts';
import type { Reservation } from '../../../core/reservation.ts';
import type { Fence } from '../../../engine/lease.ts';
import type { Submission } from '../../../engine/ports.ts';
import type { CartCommands, ChangeCommand, Outcome } from './cart-commands.ts';
import { notDone, type Carts } from './carts.ts';
import { isOutboxCommand, type CommonOutbox } from './common-outbox.ts';
import { KnownReservations } from './known-reservations.ts';
import { answerOf, homeIn, idIn, pointerTo, type IdempotentKeys } from './idempotent-keys.ts';
import type { Placement } from './placement.ts';
import { leaseLost, type ShardDesk } from './shard-desk.ts';
import type { StoreKeeping } from './store-keeping.ts';
import { Turns, type Place } from './turns.ts';

export interface DispatchParts {
  readonly desks: readonly ShardDesk[];
  readonly carts: Carts;
  readonly placement: Placement;
  readonly commands: CartCommands;
  readonly keys: IdempotentKeys;
  readonly keeping: StoreKeeping;
  readonly outbox: CommonOutbox;
  /** May a shortfall be settled by releasing carts? */
  readonly releases: boolean;
  readonly trim: (command: TrimLedgerCommand) => Promise<TrimAnswer>;
}

/** What a shard answers where it cannot answer by itself. */
interface Unfinished {
  readonly cart?: true;
  readonly pointer?: string;
  readonly blocked?: unknown;
}

/** A key's answer may be elsewhere, and there elsewhere again; so often at most. */
const FOLLOWED = 10;

const NOBODY: Place = { waitsFor: [], holds: [] };

/** Does it name one that may be a cart? */
function namesReservation({ command }: Submission): boolean {
  return 'reservationId' in command && command.type !== 'reserve';
}

function changesStock({ command: { type } }: Submission): boolean {
  return (
    type === 'set_stock' ||
    type === 'adjust_stock' ||
    type === 'import_stock' ||
    type === 'reconcile'
  );
}

function isWhole(answer: Answer): boolean {
  const { cart, pointer, blocked } = answer as Unfinished;
  return cart === undefined && pointer === undefined && blocked === undefined;
}

export class Dispatch {
  readonly #parts: DispatchParts;
  readonly #turns = new Turns();
  readonly #known: KnownReservations;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: DispatchParts) {
    this.#parts = parts;
    this.#known = new KnownReservations(parts.placement);
  }

  /** One command: at one shard, where that is enough, else `together`. */
  submit(
    submission: Submission,
    together: (work: () => Promise<Answer>) => Promise<Answer>,
  ): Promise<Answer> {
    const { command } = submission;
    const desk = this.#deskFor(command);
    const place = this.#known.placeOf(command);
    // Who confirms it before it is answered stands behind it.
    if (command.type === 'reserve') this.#remember(command, desk === null);
    if (desk === null) {
      return together(() => this.#watched(place, () => this.#spread(submission)));
    }
    const ask = async (): Promise<Answer> => {
      const [answer] = await desk.submit([submission]);
      return answer as Answer;
    };
    const goOn = (answer: Answer): Answer | Promise<Answer> =>
      isWhole(answer)
        ? answer
        : together(() => this.#watched(NOBODY, () => this.#goOn(submission, answer)));
    if (this.#mayRelease(submission)) {
      const settle = async (): Promise<Answer> => this.#goOn(submission, await ask());
      return together(() => this.#watched(place, settle));
    }
    if (this.#turns.isFree(place)) return ask().then(goOn);
    // In its turn it enters the lane of the shard, which keeps the order from there on.
    const entered = this.#watched(place, () => Promise.resolve({ asked: ask() }));
    return entered.then(({ asked }) => asked).then(goOn);
  }

  #remember(
    reservation: Pick<ReserveCommand, 'reservationId' | 'lines'> | Reservation,
    cart: boolean,
  ): void {
    const id = 'id' in reservation ? reservation.id : reservation.reservationId;
    this.#known.remember(id, { skus: reservation.lines.map(({ sku }) => sku), cart });
  }

  /** The one shard that a command concerns, as far as can be told; null if several. */
  #deskFor(command: Command): ShardDesk | null {
    const { desks, placement } = this.#parts;
    const at = (index: number): ShardDesk => desks[index] as ShardDesk;
    switch (command.type) {
      case 'reserve': {
        const home = placement.homeOf(command.reservationId);
        return command.lines.every(({ sku }) => placement.shardOf(sku) === home) ? at(home) : null;
      }
      case 'confirm':
      case 'release':
      case 'extend':
      case 'cancel':
      case 'acknowledge': {
        const { reservationId } = command;
        return this.#known.isCart(reservationId) ? null : at(placement.homeOf(reservationId));
      }
      case 'set_stock':
      case 'adjust_stock':
      case 'reconcile':
        return at(placement.shardOf(command.sku));
      case 'import_stock': {
        const [first] = command.rows;
        const shard = first === undefined ? 0 : placement.shardOf(first.sku);
        return command.rows.every(({ sku }) => placement.shardOf(sku) === shard) ? at(shard) : null;
      }
      case 'sweep':
      case 'purge':
      case 'trim_ledger':
      case 'claim_messages':
      case 'note_parcel':
      case 'settle_parcel':
      case 'recover_messages':
      case 'retry_message':
      case 'discard_message':
        return null;
    }
  }

  /** Whatever comes after it must see the carts released that it comes to release. */
  #mayRelease(submission: Submission): boolean {
    return this.#parts.releases && changesStock(submission);
  }

  /** Decided in this order where it matters: what concerns one shard each is decided there, side by side. */
  all(submissions: readonly Submission[]): Promise<Answer[]> {
    const places = submissions.map(({ command }) => this.#known.placeOf(command));
    const place = {
      waitsFor: places.flatMap(({ waitsFor }) => waitsFor),
      holds: places.flatMap(({ holds }) => holds),
    };
    const desks = submissions.map(({ command }) => this.#deskFor(command));
    const plain =
      desks.every((desk) => desk !== null) &&
      !submissions.some((each) => namesReservation(each) || this.#mayRelease(each));
    submissions.forEach(({ command }, index) => {
      if (command.type === 'reserve') this.#remember(command, desks[index] === null);
    });
    if (plain && this.#turns.isFree(place)) {
      return this.#watched(NOBODY, () => this.#inOrder(submissions));
    }
    return this.#watched(place, () => this.#inOrder(submissions));
  }

  async #inOrder(submissions: readonly Submission[]): Promise<Answer[]> {
    const carts = submissions.some(namesReservation)
      ? await this.#cartsAmong(submissions)
      : new Set<string>();
    const answers = new Map<number, Answer>();
    let run: [index: number, desk: ShardDesk][] = [];
    const flush = async (): Promise<void> => {
      const going = run;
      run = [];
      if (going.length > 0) await this.#sideBySide(submissions, going, answers);
    };
    for (const [index, submission] of submissions.entries()) {
      const { command } = submission;
      const id = 'reservationId' in command ? command.reservationId : null;
      const desk = id !== null && carts.has(id) ? null : this.#deskFor(command);
      if (desk !== null) {
        run.push([index, desk]);
        if (this.#mayRelease(submission)) await flush();
        continue;
      }
      await flush();
      answers.set(index, await this.#spread(submission));
    }
    await flush();
    return submissions.map((_, index) => answers.get(index) as Answer);
  }

  async #sideBySide(
    submissions: readonly Submission[],
    run: readonly (readonly [index: number, desk: ShardDesk])[],
    answers: Map<number, Answer>,
  ): Promise<void> {
    const desks = new Set(run.map(([, desk]) => desk));
    await Promise.all(
      Array.from(desks, async (desk) => {
        const own = run.filter((each) => each[1] === desk).map(([index]) => index);
        const found = await desk.submit(own.map((index) => submissions[index] as Submission));
        own.forEach((index, place) => answers.set(index, found[place] as Answer));
      }),
    );
    for (const [index] of run) {
      const answer = answers.get(index) as Answer;
      if (isWhole(answer)) continue;
      answers.set(index, await this.#goOn(submissions[index] as Submission, answer));
    }
  }

  async #cartsAmong(submissions: readonly Submission[]): Promise<Set<string>> {
    const ids = submissions
      .filter(namesReservation)
      .flatMap(({ command }) => ('reservationId' in command ? command.reservationId : []));
    const { desks, placement } = this.#parts;
    const found = await Promise.all(
      desks.map((desk) => desk.cartsAmong(ids.filter((id) => placement.homeOf(id) === desk.index))),
    );
    return new Set(found.flat());
  }

  async #goOn(submission: Submission, answer: Answer): Promise<Answer> {
    const { command, idempotency } = submission;
    const { cart, pointer, blocked } = answer as Unfinished;
    if (blocked !== undefined) return this.#settle(submission, answer);
    if (pointer !== undefined) return this.#follow(command, idempotency, pointer, FOLLOWED);
    return cart === true ? this.#cart(command, idempotency, FOLLOWED) : answer;
  }

  #settle(submission: Submission, answer: Answer): Promise<Answer> {
    const desk = this.#deskFor(submission.command) as ShardDesk;
    return this.#parts.keeping.settleShortfalls(answer, submission, desk);
  }

  async #spread({ command, idempotency, fence = null }: Submission): Promise<Answer> {
    if (fence !== null) await this.#assertHeld(fence);
    const work = this.#workOf(command, fence);
    return work === null
      ? this.#cart(command, idempotency, FOLLOWED)
      : this.#once(command, idempotency, work);
  }

  /** Of a command that concerns all shards; null of others. */
  #workOf(command: Command, fence: Fence | null): (() => Promise<Answer>) | null {
    const { keeping, outbox, trim } = this.#parts;
    if (command.type === 'import_stock') return () => keeping.importStock(command);
    if (command.type === 'sweep') return () => keeping.sweep(command);
    if (command.type === 'purge') return () => keeping.purge(command);
    if (command.type === 'trim_ledger') return () => trim(command);
    return isOutboxCommand(command) ? () => outbox.carryOut(command, fence) : null;
  }

  /** Before work in several steps, which does no harm when it is done twice; where it would, each step looks too. */
  async #assertHeld(fence: Fence): Promise<void> {
    const [first] = this.#parts.desks as readonly [ShardDesk];
    if (!(await first.step<boolean>({ type: 'check_lease', ...fence }))) throw leaseLost();
  }

  /** Work that may be repeated without harm: its answer is remembered when it is done. */
  async #once(
    command: Command,
    idempotency: Idempotency | null,
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    if (idempotency === null) return work();
    const { carts, keys } = this.#parts;
    const home = carts.home(idempotency.key);
    const { known } = await home.step<{ known: Parameters<typeof answerOf>[0] | null }>({
      type: 'cart_read',
      id: '',
      giveUp: false,
      key: idempotency.key,
    });
    if (known !== null) return answerOf(known, command, idempotency) ?? (await work());
    const answer = await work();
    await keys.remember(idempotency, answer);
    return answer;
  }

  /** A command about a cart; of one with a key, its shard is asked first. */
  async #cart(command: Command, idempotency: Idempotency | null, left: number): Promise<Answer> {
    if (left === 0) throw notDone('the key is claimed by too many at once');
    const { carts, keys, placement } = this.#parts;
    const cartCommand = command as ReserveCommand | ChangeCommand;
    const home = placement.homeOf(cartCommand.reservationId);
    const pointer = pointerTo(home, command);
    if (idempotency !== null && carts.home(idempotency.key).index !== home) {
      const known = await keys.claim(idempotency, pointer, null);
      const answer = known === null ? null : answerOf(known, command, idempotency);
      if (answer !== null) return answer;
      const elsewhere = known?.pointer ?? null;
      if (elsewhere !== null && elsewhere !== pointer) {
        return this.#follow(command, idempotency, elsewhere, left);
      }
    }
    const outcome = await this.#attempt(cartCommand, idempotency);
    if ('answer' in outcome) {
      const { answer } = outcome;
      if (answer.ok && 'reservation' in answer) this.#remember(answer.reservation, true);
      return answer;
    }
    if ('plain' in outcome) return this.#plain(command, idempotency, left);
    if ('spent' in outcome) return this.#afresh(cartCommand, idempotency, pointer, left);
    const { known } = outcome;
    const answer = idempotency === null ? null : answerOf(known, command, idempotency);
    if (answer !== null) return answer;
    return this.#follow(command, idempotency, known.pointer ?? pointer, left);
  }

  #attempt(
    command: ReserveCommand | ChangeCommand,
    idempotency: Idempotency | null,
  ): Promise<Outcome> {
    const { commands } = this.#parts;
    return command.type === 'reserve'
      ? commands.reserve(command, idempotency)
      : commands.change(command, idempotency);
  }

  /** The shard of the reservation answers by itself after all. */
  async #plain(command: Command, idempotency: Idempotency | null, left: number): Promise<Answer> {
    // It was no cart when it was looked at, whatever is remembered of it.
    this.#known.forget((command as ChangeCommand).reservationId);
    const desk = this.#deskFor(command);
    if (desk === null) return this.#cart(command, idempotency, left - 1);
    const [answer] = await desk.submit([{ command, idempotency }]);
    if (isWhole(answer as Answer)) return answer as Answer;
    const { pointer, blocked } = answer as Unfinished;
    if (blocked !== undefined) return this.#settle({ command, idempotency }, answer as Answer);
    if (pointer !== undefined) return this.#follow(command, idempotency, pointer, left - 1);
    return this.#cart(command, idempotency, left - 1);
  }

  /** The key's first request had this id: whoever asks again asks for the same reservation. */
  async #follow(
    command: Command,
    idempotency: Idempotency | null,
    pointer: string,
    left: number,
  ): Promise<Answer> {
    if (left === 0) throw notDone('the key is claimed by too many at once');
    const known =
      command.type === 'reserve' ? { ...command, reservationId: idIn(pointer) } : command;
    const desk = this.#deskFor(known);
    if (desk !== null && desk.index === homeIn(pointer))
      return this.#plain(known, idempotency, left - 1);
    return this.#cart(known, idempotency, left - 1);
  }

  /** What was begun under this id was given up by others. Only who has a key asks for the same again. */
  async #afresh(
    command: ReserveCommand | ChangeCommand,
    idempotency: Idempotency | null,
    pointer: string,
    left: number,
  ): Promise<Answer> {
    const { keys, placement } = this.#parts;
    if (idempotency === null || command.type !== 'reserve') {
      throw notDone('the cart took too long to take its lines, and was given up');
    }
    const home = placement.homeOf(command.reservationId);
    const again = { ...command, reservationId: placement.placeAt(randomUUID(), home) };
    if (placement.homeOf(idempotency.key) !== home) {
      await keys.claim(idempotency, pointerTo(home, again), pointer);
    }
    return this.#cart(again, idempotency, left - 1);
  }

  /** Claims the keys of a shard's batch. */
  claim(desk: ShardDesk, batch: readonly Submission[]): Promise<readonly (Answer | null)[]> {
    return this.#parts.keys.claimAll(desk, batch);
  }

  /** What has become of these parts; the ids of those that go on, as far as anybody can tell. */
  async ask(desk: ShardDesk, ids: readonly string[]): Promise<string[]> {
    const goesOn = await Promise.all(
      ids.map((id) => this.#parts.carts.resolve(desk, id).catch(() => true)),
    );
    return ids.filter((_, index) => goesOn[index]);
  }

  async #watched<T>(place: Place, work: () => Promise<T>): Promise<T> {
    const working = place === NOBODY ? work() : this.#turns.take(place, work);
    this.#underWay.add(working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(working);
    }
  }

  /** Waits for what is under way. */
  async quiet(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }
}
