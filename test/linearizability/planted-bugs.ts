/**
 * Services that are wrong, each in one way that a real one has been or might be. A checker that accepts any of them
 * proves nothing by accepting ours. `yield` is where another call may run in between.
 */
import {
  SimulatedService,
  type SimulatedReservation,
  type SimulatedWorld,
  type Steps,
} from './simulated-service.ts';
import type { RefusalReason, StockInput, StockOutput } from './stock-operations.ts';

type Reserve = Extract<StockInput, { type: 'reserve' }>;

/** Two callers see the same last unit, and both get it. */
class CheckThenAct extends SimulatedService {
  protected override *reserve(input: Reserve): Steps<StockOutput> {
    this.expireDue();
    if (this.available() < input.quantity) return this.refusal();
    yield;
    return this.grant(input);
  }
}

/** The counter is read, and written a moment later: of two releases at once one is forgotten. */
class LostRelease extends SimulatedService {
  protected override *release(id: string): Steps<StockOutput> {
    const before = this.reserved;
    yield;
    const output = yield* super.release(id);
    const found = this.reservations.get(id);
    if (found?.status === 'released')
      this.reserved = Math.min(before, this.reserved + found.quantity);
    return output;
  }
}

/** A flag remembers "sold out" to spare the work, and a release does not clear it. */
class StickySoldOut extends SimulatedService {
  #soldOut: StockOutput | null = null;

  protected override *reserve(input: Reserve): Steps<StockOutput> {
    if (this.#soldOut !== null) return this.#soldOut;
    const output = yield* super.reserve(input);
    if (output.type === 'refused' && output.available === 0) this.#soldOut = output;
    return output;
  }

  protected override *setOnHand(onHand: number): Steps<StockOutput> {
    this.#soldOut = null;
    return yield* super.setOnHand(onHand);
  }

  protected override *adjust(delta: number): Steps<StockOutput> {
    this.#soldOut = null;
    return yield* super.adjust(delta);
  }
}

/** Only the sweeper looks at deadlines; a confirm that comes before it succeeds. */
class LateConfirm extends SimulatedService {
  protected override *confirm(id: string): Steps<StockOutput> {
    const found = this.reservations.get(id);
    if (found?.status === 'active') this.consume(found);
    return yield* super.confirm(id);
  }
}

/** Marked expired, but its units stay counted as reserved: the prototype's first fault. */
class ExpiredUnitsKept extends SimulatedService {
  protected override end(found: SimulatedReservation, status: 'released' | 'expired'): void {
    if (status === 'expired') found.status = 'expired';
    else super.end(found, status);
  }
}

/** Lapsed units come back when a sweep comes by, and not before. */
class SweepDecides extends SimulatedService {
  #calls = 0;

  protected override *reserve(input: Reserve): Steps<StockOutput> {
    if (++this.#calls % 8 === 0) this.expireDue();
    if (this.available() < input.quantity) return this.refusal();
    return this.grant(input);
  }
}

/** Reads are answered from a copy that is renewed only now and then. */
class StaleRead extends SimulatedService {
  #copy: StockOutput = { type: 'not_found' };
  #reads = 0;

  protected override *read(): Steps<StockOutput> {
    if (this.#reads++ % 4 === 0) this.#copy = yield* super.read();
    return this.#copy;
  }
}

/** A reservation ends before the deadline that its holder was told. */
class EarlyExpiry extends SimulatedService {
  protected override due(): SimulatedReservation[] {
    const soon = this.now() + 12;
    const all = [...this.reservations.values()];
    return all.filter(({ status, expiresAt }) => status === 'active' && expiresAt <= soon);
  }
}

/** Releasing again gives the units back again. */
class ReleaseTwiceGivesTwice extends SimulatedService {
  protected override *release(id: string): Steps<StockOutput> {
    const found = this.reservations.get(id);
    if (found?.status === 'released') this.reserved -= found.quantity;
    return yield* super.release(id);
  }
}

/** A released reservation can still be paid for: the units may be somebody else's by then. */
class ConfirmAfterRelease extends SimulatedService {
  protected override *confirm(id: string): Steps<StockOutput> {
    const found = this.reservations.get(id);
    if (found?.status !== 'released') return yield* super.confirm(id);
    this.onHand -= found.quantity;
    found.status = 'confirmed';
    return { type: 'ok' };
  }
}

/** `<=` for `<`: the last unit is never sold. */
class RefusesLastUnit extends SimulatedService {
  protected override *reserve(input: Reserve): Steps<StockOutput> {
    this.expireDue();
    if (this.available() <= input.quantity) return this.refusal();
    return this.grant(input);
  }
}

/** on_hand is read, and written a moment later: what a confirm took in between is back. */
class LostAdjustment extends SimulatedService {
  protected override *adjust(delta: number): Steps<StockOutput> {
    const before = this.onHand;
    yield;
    if (before + delta < 0) return { type: 'out_of_range' };
    this.onHand = before + delta;
    return { type: 'ok' };
  }
}

/** Whatever was asked for, one unit is set aside. */
class GrantsLess extends SimulatedService {
  protected override grant(input: Reserve): StockOutput {
    const granted = super.grant(input);
    this.reserved -= input.quantity - 1;
    return granted;
  }
}

/** More is set aside than was asked for. */
class GrantsMore extends SimulatedService {
  protected override grant(input: Reserve): StockOutput {
    const granted = super.grant(input);
    this.reserved += 1;
    return granted;
  }
}

/** The clock is stepped back now and then: what had lapsed lives again, deadlines are too short. */
class ClockBackwards extends SimulatedService {
  #looks = 0;

  protected override now(): number {
    return super.now() - (++this.#looks % 7 === 0 ? 25 : 0);
  }
}

/** A confirmed unit is no longer reserved, and still on the shelf: it is sold again. */
class ConfirmKeepsStock extends SimulatedService {
  protected override consume(found: SimulatedReservation): void {
    super.consume(found);
    this.onHand += found.quantity;
  }
}

/** A repeated confirm takes the units again. */
class ConfirmTwiceTakesTwice extends SimulatedService {
  protected override *confirm(id: string): Steps<StockOutput> {
    const found = this.reservations.get(id);
    if (found?.status === 'confirmed') this.onHand = Math.max(0, this.onHand - found.quantity);
    return yield* super.confirm(id);
  }
}

/** The sweeper collects what is due, and ends it later without looking again. */
class SweeperDoesNotLookAgain extends SimulatedService {
  protected override *reserve(input: Reserve): Steps<StockOutput> {
    const due = this.due();
    yield;
    for (const reservation of due) this.end(reservation, 'expired');
    return yield* super.reserve(input);
  }
}

/** The status is checked, and set a moment later: a confirm and a release of one reservation both succeed. */
class ConfirmRacesRelease extends SimulatedService {
  protected override *confirm(id: string): Steps<StockOutput> {
    this.expireDue();
    const found = this.reservations.get(id);
    if (found?.status !== 'active') return yield* super.confirm(id);
    yield;
    this.consume(found);
    return { type: 'ok' };
  }
}

/** Two reservations of one id: the second overwrites the first. */
class DuplicateIds extends SimulatedService {
  protected override *reserve(input: Reserve): Steps<StockOutput> {
    const id = `r${String(this.lastId + 1)}`;
    yield;
    this.expireDue();
    if (this.available() < input.quantity) return this.refusal();
    this.lastId += 1;
    return this.grant(input, id);
  }
}

/** A write inside is retried although it had worked: the units are set aside twice. */
class RetryAppliedTwice extends SimulatedService {
  protected override grant(input: Reserve): StockOutput {
    if (this.world.random.chance(0.2)) super.grant(input);
    return super.grant(input);
  }
}

/** Answers leave before the write is durable, and a crash takes back what was promised. */
class AnswersBeforeCommit extends SimulatedService {
  #saved: {
    onHand: number;
    reserved: number;
    reservations: Map<string, SimulatedReservation>;
  };
  #calls = 0;

  constructor(world: SimulatedWorld) {
    super(world);
    this.#saved = this.#snapshot();
  }

  override *call(input: StockInput): Steps<StockOutput> {
    if (++this.#calls % 5 === 0) this.#saved = this.#snapshot();
    return yield* super.call(input);
  }

  override crash(): void {
    const { onHand, reserved, reservations } = this.#saved;
    this.onHand = onHand;
    this.reserved = reserved;
    this.reservations = reservations;
    this.#saved = this.#snapshot();
  }

  #snapshot(): {
    onHand: number;
    reserved: number;
    reservations: Map<string, SimulatedReservation>;
  } {
    const copies = [...this.reservations].map(([id, one]) => [id, { ...one }] as const);
    return { onHand: this.onHand, reserved: this.reserved, reservations: new Map(copies) };
  }
}

/** Takes the units, looks, and puts them back if there were too few: in between others are refused for nothing. */
class TakesThenLooks extends SimulatedService {
  protected override *reserve(input: Reserve): Steps<StockOutput> {
    this.expireDue();
    this.reserved += input.quantity;
    yield;
    this.reserved -= input.quantity;
    return yield* super.reserve(input);
  }
}

/** A new balance from the ERP overwrites the active reservations. */
class SetForgetsReservations extends SimulatedService {
  protected override *setOnHand(onHand: number): Steps<StockOutput> {
    this.reserved = 0;
    return yield* super.setOnHand(onHand);
  }
}

/** Says "gone for good" while others may still give back: the honest 409 is not. */
class WrongReason extends SimulatedService {
  protected override reason(available: number): RefusalReason {
    return available > 0 ? 'insufficient_stock' : 'sold_out';
  }
}

/** The figures of one answer come from two moments. */
class TornRead extends SimulatedService {
  protected override *read(): Steps<StockOutput> {
    this.expireDue();
    const { onHand } = this;
    yield;
    this.expireDue();
    const { reserved } = this;
    return { type: 'level', onHand, reserved, available: Math.max(0, onHand - reserved) };
  }
}

/** The whole deadline check is there, but against the time at which the call arrived. */
class DecidesByArrivalTime extends SimulatedService {
  override *call(input: StockInput): Steps<StockOutput> {
    const arrived = this.now();
    yield;
    const { clock } = this.world;
    const present = clock.now;
    clock.now = arrived;
    const output = yield* this.decide(input);
    clock.now = present;
    yield;
    return output;
  }
}

export const PLANTED_BUGS: Readonly<
  Record<string, new (world: SimulatedWorld) => SimulatedService>
> = {
  'check, then act: the last unit twice': CheckThenAct,
  'a release is lost': LostRelease,
  'sold out for ever': StickySoldOut,
  'confirmed after the deadline': LateConfirm,
  'expired units are not given back': ExpiredUnitsKept,
  'lapsed units wait for the sweep': SweepDecides,
  'stale read': StaleRead,
  'expired before the deadline': EarlyExpiry,
  'releasing twice gives two units': ReleaseTwiceGivesTwice,
  'confirmed after a release': ConfirmAfterRelease,
  'refused while available': RefusesLastUnit,
  'an adjustment overwrites a confirm': LostAdjustment,
  'grants less than requested': GrantsLess,
  'grants more than requested': GrantsMore,
  'the clock runs back': ClockBackwards,
  'confirmed units stay on sale': ConfirmKeepsStock,
  'confirming twice takes two units': ConfirmTwiceTakesTwice,
  'the sweeper does not look again': SweeperDoesNotLookAgain,
  'confirm and release both win': ConfirmRacesRelease,
  'one id for two reservations': DuplicateIds,
  'a retry is applied twice': RetryAppliedTwice,
  'answered before the commit': AnswersBeforeCommit,
  'takes, then looks': TakesThenLooks,
  'a new balance forgets reservations': SetForgetsReservations,
  'the wrong reason for a refusal': WrongReason,
  'torn read': TornRead,
  'decides by the time of arrival': DecidesByArrivalTime,
};
