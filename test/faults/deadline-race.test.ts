/**
 * T9: at the deadline, one millisecond before it and one after, a confirm, a release, a late confirm that reacquires,
 * the sweeper and the next buyer race for one unit, while the clock moves under them. One of them wins; each of the
 * others hears exactly why it did not. `HOLDFAST_RACES=100000` runs as many on each store.
 */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import type { Answer, Command } from '../../src/core/command.ts';
import type { ReservationStatus } from '../../src/core/reservation.ts';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import type { ReservationStore } from '../../src/engine/ports.ts';
import type { SharedClock } from '../../src/stores/embedded/anchored-clock.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import type { Random } from '../linearizability/random.ts';
import { confirm, release, reserve, setStock, sweep, uuid } from '../support/commands.ts';
import { seeded, setting, shuffled } from './chance.ts';
import { newStore, startClock } from './clocked-store.ts';

const RACES = setting('HOLDFAST_RACES', 10_000);
/** Races with one deadline: more than are swept in passing, so that some lapses are not recorded yet. */
const RACES_AT_ONCE = 160;
const TTL_SECONDS = 10;

type Verb = 'confirm' | 'reacquire' | 'release' | 'rival';
/** What else happens in the middle of it: the clock ticks past the deadline, and the writer gets its turns. */
const OTHERS = [
  ...Array<'sweep'>(2).fill('sweep'),
  ...Array<'tick'>(2).fill('tick'),
  ...Array<'yield'>(3).fill('yield'),
  ...Array<'wait'>(2).fill('wait'),
];
const VERBS: readonly Verb[] = ['confirm', 'reacquire', 'release', 'rival'];

/** Where a reservation stands, as its answers so far tell. `refund`: lapsed, and paid for too late. */
type Stand = 'held' | 'confirmed' | 'released' | 'lapsed' | 'reacquired' | 'refund';

interface Race {
  readonly id: string;
  readonly rivalId: string;
  readonly sku: string;
  stand: Stand;
  rivalHasIt: boolean;
  /** The first answer by which it was held no longer. */
  end: Heard | null;
  /** Answers that took the unit, and answers that resolved the reservation; more than one of either is a double. */
  sales: number;
  resolutions: number;
}

/** One command of a race and its answer, with the clock when it was asked and when it was answered. */
interface Heard {
  readonly race: Race | null;
  readonly verb: Verb | 'sweep';
  readonly asked: number;
  answered: number;
  /** When, counted in questions and answers. */
  readonly askedAs: number;
  answeredAs: number;
  answer: Answer | null;
}

class Racecourse {
  readonly winners: Record<string, number> = {};
  readonly statuses = new Map<string, ReservationStatus>();
  doubles = 0;
  commands = 0;
  readonly #store: ReservationStore;
  readonly #clock: SharedClock;
  readonly #random: Random;
  #ids = 0;
  #told = 0;

  constructor(store: ReservationStore, clock: SharedClock, random: Random) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
  }

  #newId(): string {
    this.#ids += 1;
    return uuid(this.#ids);
  }

  async run(count: number): Promise<void> {
    const races = await this.#prepare(count);
    const deadline = this.#clock.now() + TTL_SECONDS * 1000;
    this.#clock.set(deadline - 1);
    const heard = await this.#race(races);
    for (const one of heard) {
      if (one.verb === 'sweep') this.#judgeSweep(one, races, deadline);
      else judge(one as Heard & { race: Race; verb: Verb }, deadline);
    }
    for (const race of races) this.#count(race, deadline);
    await this.#tidy(races);
  }

  async #prepare(count: number): Promise<Race[]> {
    const races = Array.from({ length: count }, (_, lane): Race => ({
      id: this.#newId(),
      rivalId: this.#newId(),
      sku: `LANE-${lane}`,
      stand: 'held',
      rivalHasIt: false,
      end: null,
      sales: 0,
      resolutions: 0,
    }));
    const commands = races.flatMap(({ id, sku }): Command[] => [
      setStock(sku, 1),
      reserve(id, sku, { ttl: TTL_SECONDS }),
    ]);
    const answers = await this.#store.submitAll(
      commands.map((command) => ({ command, idempotency: null })),
    );
    assert.ok(
      answers.every(({ ok }) => ok),
      'every lane begins with its one unit reserved',
    );
    return races;
  }

  /** Asks everything without waiting for answers, lets the clock tick in between, and hears in the order of asking. */
  async #race(races: readonly Race[]): Promise<Heard[]> {
    const random = this.#random;
    const asks: { race: Race | null; verb: Verb | (typeof OTHERS)[number] }[] = races.flatMap(
      (race) => VERBS.filter(() => random.chance(0.85)).map((verb) => ({ race, verb })),
    );
    for (const verb of OTHERS) {
      if (random.chance(0.8)) asks.push({ race: null, verb });
    }
    const heard: Heard[] = [];
    const answers: Promise<void>[] = [];
    for (const { race, verb } of shuffled(asks, random)) {
      if (verb === 'tick') this.#clock.advance(1);
      if (verb === 'yield') await nextTurn();
      if (verb === 'wait') await answers.at(-1);
      if (verb === 'tick' || verb === 'yield' || verb === 'wait') continue;
      const asked = this.#clock.now();
      const askedAs = (this.#told += 1);
      const one = { race, verb, asked, askedAs, answered: 0, answeredAs: 0, answer: null };
      heard.push(one);
      answers.push(this.#ask(one));
    }
    await Promise.all(answers);
    this.commands += heard.length;
    return heard;
  }

  async #ask(one: Heard): Promise<void> {
    one.answer = await this.#store.submit(commandOf(one));
    one.answered = this.#clock.now();
    one.answeredAs = this.#told += 1;
  }

  #judgeSweep(one: Heard, races: readonly Race[], deadline: number): void {
    const { answer, answered } = one;
    assert.ok(answer?.ok === true && answer.type === 'sweep');
    for (const { id } of answer.expired) {
      const race = races.find((candidate) => candidate.id === id);
      if (race === undefined) continue;
      race.resolutions += 1;
      assert.equal(race.stand, 'held', `${id} was swept after it had been resolved`);
      assert.ok(answered >= deadline, `${id} was swept early`);
      race.stand = 'lapsed';
      race.end = one;
    }
  }

  #count(race: Race, deadline: number): void {
    if (race.stand === 'held' && this.#clock.now() >= deadline) race.stand = 'lapsed';
    const next = race.rivalHasIt ? ', next buyer' : '';
    const kind = `${race.stand}${next}`;
    this.winners[kind] = (this.winners[kind] ?? 0) + 1;
    if (race.sales > 1 || race.resolutions > 1) this.doubles += 1;
    const { stand } = race;
    const status =
      stand === 'held'
        ? 'active'
        : stand === 'confirmed' || stand === 'reacquired'
          ? 'acknowledged'
          : stand === 'released'
            ? 'released'
            : 'expired';
    // A race whose clock stayed before the deadline lapses when the next one begins.
    this.statuses.set(race.id, status === 'active' ? 'expired' : status);
    if (race.rivalHasIt) this.statuses.set(race.rivalId, 'released');
  }

  /** Empties the lanes: the next buyers give back what they got. */
  async #tidy(races: readonly Race[]): Promise<void> {
    this.#clock.advance(2);
    const rivals = races.filter(({ rivalHasIt }) => rivalHasIt);
    const answers = await this.#store.submitAll([
      { command: sweep(), idempotency: null },
      ...rivals.map(({ rivalId }) => ({ command: release(rivalId), idempotency: null })),
    ]);
    assert.ok(answers.every(({ ok }) => ok));
  }
}

function commandOf({ race, verb }: Heard): Command {
  if (race === null || verb === 'sweep') return sweep();
  switch (verb) {
    case 'confirm':
      return confirm(race.id, { order: 'order-1' });
    case 'reacquire':
      return confirm(race.id, { order: 'order-2', late: 'reacquire' });
    case 'release':
      return release(race.id);
    case 'rival':
      return reserve(race.rivalId, race.sku);
  }
}

/** What the answer says, in the words of the table below. */
function said(answer: Answer | null): string {
  assert.ok(answer !== null);
  if (!answer.ok) {
    const { rejection } = answer;
    const refund = 'refundRequired' in rejection && rejection.refundRequired;
    return refund ? `${rejection.code}, refund` : rejection.code;
  }
  if (answer.type === 'confirm') return answer.reservation.reacquired ? 'reacquired' : 'confirmed';
  return answer.type === 'release' ? 'released' : 'granted';
}

/** By where the reservation stands: what each command must hear. Written from the rules' text, not from their code. */
function expected(verb: Verb, race: Race): string {
  const { stand, rivalHasIt } = race;
  const taken = stand === 'confirmed' || stand === 'reacquired';
  if (verb === 'rival') {
    if (stand === 'held') return 'all_reserved';
    return taken ? 'sold_out' : 'granted';
  }
  if (taken) return 'already_confirmed';
  if (stand === 'released') return verb === 'release' ? 'released' : 'reservation_released';
  if (stand === 'held') return verb === 'release' ? 'released' : 'confirmed';
  if (verb === 'reacquire') {
    if (stand === 'lapsed' && !rivalHasIt) return 'reacquired';
    return 'reservation_expired, refund';
  }
  if (stand === 'lapsed') return 'reservation_expired';
  // The late payment, to be refunded, has bound it to its own order.
  return verb === 'confirm' ? 'order_mismatch' : 'reservation_expired, refund';
}

/** Follows the race by one answer. The clock at the asking and at the answer bound the moment of the decision. */
function judge(one: Heard & { race: Race; verb: Verb }, deadline: number): void {
  const { race, verb, asked, answered } = one;
  const heard = said(one.answer);
  if (race.stand === 'held') {
    const late = asked >= deadline;
    const mayBeLate = answered >= deadline;
    if (late || (mayBeLate && heard !== expected(verb, race))) race.stand = 'lapsed';
  }
  if (heard === 'all_reserved' && refusedAhead(one, deadline)) return;
  if (race.stand !== 'held') race.end ??= one;
  const words = `${verb} of ${race.id} (${race.stand}, ${asked - deadline} to ${answered - deadline} ms after its deadline)`;
  assert.equal(heard, expected(verb, race), words);
  switch (heard) {
    case 'confirmed':
    case 'reacquired':
      race.sales += 1;
      if (heard === 'confirmed') race.resolutions += 1;
      race.stand = heard;
      break;
    case 'released':
      race.resolutions += 1;
      race.stand = 'released';
      break;
    case 'granted':
      race.sales += 1;
      race.rivalHasIt = true;
      break;
    case 'reservation_expired, refund':
      race.stand = 'refund';
      break;
    default:
      break;
  }
  if (race.stand !== 'held') race.end ??= one;
}

/**
 * A refusal may overtake what is still on its way: it does not wait for a commit, and tells what was true when it was
 * asked. Never at or past the deadline, never past an answer that was given, never past a release.
 */
function refusedAhead(
  { race: { end, stand }, asked, askedAs }: Heard & { race: Race },
  deadline: number,
): boolean {
  const onItsWay = end !== null && end.answeredAs > askedAs;
  return asked < deadline && onItsWay && stand !== 'released';
}

async function race(t: TestContext, store: ReservationStore, clock: SharedClock): Promise<void> {
  const random = seeded(t, import.meta.filename);
  const course = new Racecourse(store, clock, random);
  const begun = performance.now();
  for (let left = RACES; left > 0;) {
    const count = Math.min(left, random.between(1, RACES_AT_ONCE));
    await course.run(count);
    left -= count;
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const audit = await store.audit();
  assert.deepEqual(audit.problems, []);
  let compared = 0;
  for (let after: string | null = null; ;) {
    const page = await store.reservations(after, 1_000);
    for (const { id, status } of page) {
      assert.equal(status, course.statuses.get(id), id);
      compared += 1;
    }
    after = page.at(-1)?.id ?? null;
    if (after === null) break;
  }
  assert.equal(compared, course.statuses.size);
  const winners = Object.entries(course.winners)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${count}`)
    .join('; ');
  t.diagnostic(
    `races ${RACES}, commands ${course.commands}, doubles ${course.doubles}; winners: ${winners}; ${seconds} s`,
  );
  assert.equal(course.doubles, 0);
}

test('at the deadline one of confirm, release, reacquire, sweep and the next buyer wins: memory', async (t) => {
  const clock = startClock();
  await race(t, new MemoryStore(clock, DEFAULT_RULES), clock);
});

test('at the deadline one of confirm, release, reacquire, sweep and the next buyer wins: embedded', async (t) => {
  const clock = startClock();
  await race(t, await newStore(t, clock), clock);
});
