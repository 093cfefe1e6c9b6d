/**
 * Is a recorded history linearizable: can each call be given one moment between its invocation and its answer, so that
 * the calls, taken in the order of these moments, are what a sequential model would have answered?
 *
 * The search is that of J. M. Wing and C. Gong, "Testing and verifying concurrent objects" (Journal of Parallel and
 * Distributed Computing 17, 1993): place any call that began before the first remaining answer, and go back when the
 * model refuses. G. Lowe, "Testing for linearizability" (Concurrency and Computation: Practice and Experience 29(4),
 * 2017), adds the memory of configurations (calls placed, state reached) that makes it usable. Histories are divided
 * by the model's partition first: linearizability is local (Herlihy and Wing, 1990), so each SKU is judged alone.
 *
 * Two additions of ours. Calls without an answer are optional, and each would double the work; so one is placed only
 * right before a call that needs it (see `#worksLater`). And the model is told the window in which the moment must
 * lie, because deadlines make the right answer depend on time.
 */
import { explain, type Blocked } from './explain.ts';
import { INFO, orderEvents, type OperationRecord } from './history.ts';
import type { Model, Window } from './model.ts';
import { narrow } from './narrow.ts';
import { CallSet, EventList, Visited } from './search-structures.ts';

export { INFO, type OperationRecord } from './history.ts';
export type { Model, Window } from './model.ts';

export interface CheckOptions {
  /** Configurations per partition after which the search gives up with `CheckBudgetError`. */
  readonly maxConfigurations?: number;
}

export type CheckResult<I, O> =
  | {
      readonly ok: true;
      /** Per partition, an order that explains the history. Unanswered calls without effect are left out. */
      readonly witness: ReadonlyMap<string, readonly OperationRecord<I, O>[]>;
      readonly configurations: number;
    }
  | {
      readonly ok: false;
      readonly partition: string;
      /** The order that explains the most. */
      readonly prefix: readonly OperationRecord<I, O>[];
      /** The first call that no order explains: the history up to its answer is already wrong. */
      readonly offender: OperationRecord<I, O>;
      /** All of this for a person to read. */
      readonly message: string;
      readonly configurations: number;
    };

/** Neither yes nor no. Thrown, so that nobody can take it for a yes. */
export class CheckBudgetError extends Error {}

const DEFAULT_BUDGET = 5_000_000;

export function check<S, I, O>(
  history: readonly OperationRecord<I, O>[],
  model: Model<S, I, O>,
  options: CheckOptions = {},
): CheckResult<I, O> {
  const partitions = new Map<string, OperationRecord<I, O>[]>();
  for (const record of history) {
    const partition = model.partition(record.input);
    const part = partitions.get(partition);
    if (part === undefined) partitions.set(partition, [record]);
    else part.push(record);
  }
  const witness = new Map<string, readonly OperationRecord<I, O>[]>();
  let configurations = 0;
  for (const [partition, part] of partitions) {
    const search = new Search(part, model, options.maxConfigurations ?? DEFAULT_BUDGET);
    const blocked = search.run(model.init(partition, part));
    configurations += search.configurations;
    if (blocked !== null) {
      const message = explain(partition, part.length, blocked, model);
      const { prefix, offender } = blocked;
      return { ok: false, partition, prefix, offender, message, configurations };
    }
    witness.set(partition, search.placed());
  }
  return { ok: true, witness, configurations };
}

/** One configuration on the current path: the calls placed so far are those of the frames up to this one. */
interface Frame<S> {
  /** The call whose placing led here; −1 at the root. */
  readonly call: number;
  readonly state: S;
  readonly candidates: readonly number[];
  /** The call whose answer comes first among those not placed; −1 if all are. */
  readonly blocker: number;
  /** The rank of the last invocation among the calls placed. */
  readonly newest: number;
  nextCandidate: number;
  trying: number;
  successors: readonly S[];
  nextSuccessor: number;
}

/** The calls are numbered anew: answered ones first, then unanswered ones, each in the order of invocation. */
class Search<S, I, O> {
  configurations = 0;
  readonly #model: Model<S, I, O>;
  readonly #budget: number;
  readonly #records: OperationRecord<I, O>[] = [];
  /** How many calls have an answer. */
  readonly #answered: number;
  readonly #open: EventList;
  readonly #set: CallSet;
  readonly #visited = new Visited();
  /** Places among all events. Without an answer: of the last invocation before the call's time was over. */
  readonly #invokeRank: number[] = [];
  readonly #returnRank: number[] = [];
  /** For an unanswered call, an interchangeable one before it; −1 if none. */
  readonly #twin: number[] = [];
  readonly #frames: Frame<S>[] = [];

  constructor(history: readonly OperationRecord<I, O>[], model: Model<S, I, O>, budget: number) {
    this.#model = model;
    this.#budget = budget;
    const events = narrow(orderEvents(history), history, model);
    const numbers = new Map<number, number>();
    for (const wantInfo of [false, true]) {
      for (const { kind, operation } of events) {
        const record = history[operation] as OperationRecord<I, O>;
        if (kind !== 'invoke' || (record.output === INFO) !== wantInfo) continue;
        numbers.set(operation, this.#records.push(record) - 1);
      }
    }
    const answered = history.filter(({ output }) => output !== INFO).length;
    const nodes: number[] = [];
    let lastInvoke = -1;
    events.forEach(({ kind, operation }, rank) => {
      const call = numbers.get(operation) as number;
      if (kind === 'invoke') this.#invokeRank[call] = lastInvoke = rank;
      else this.#returnRank[call] = kind === INFO ? lastInvoke : rank;
      if (call < answered) nodes.push(2 * call + Number(kind === 'return'));
    });
    this.#answered = answered;
    this.#open = new EventList(this.#answered, nodes);
    this.#set = new CallSet(this.#records.length);
    this.#findTwins();
  }

  /**
   * Two unanswered calls that ask the same, and whose time ends together, are interchangeable: only the earlier one
   * need be tried first. Without this, n lost answers to one question cost a factor of 2ⁿ instead of n.
   */
  #findTwins(): void {
    const last = new Map<string, number>();
    for (let call = this.#answered; call < this.#records.length; call += 1) {
      const { input, return: end } = this.#record(call);
      const alike = JSON.stringify([input, String(end), this.#returnRank[call]]);
      this.#twin[call] = last.get(alike) ?? -1;
      last.set(alike, call);
    }
  }

  /** Null if the history is linearizable. */
  run(initial: S): Blocked<S, I, O> | null {
    let furthest: Blocked<S, I, O> | null = null;
    let reach = { rank: -1, depth: -1 };
    this.#frames.push(this.#frame(-1, initial, -1));
    for (;;) {
      const frame = this.#frames.at(-1);
      if (frame === undefined) return furthest;
      if (frame.blocker === -1) return null;
      if (this.#advance(frame)) continue;
      const rank = this.#returnRank[frame.blocker] as number;
      const depth = this.#frames.length;
      if (rank > reach.rank || (rank === reach.rank && depth > reach.depth)) {
        reach = { rank, depth };
        furthest = this.#blockedAt(frame);
      }
      this.#frames.pop();
      if (frame.call !== -1) this.#unplace(frame.call);
    }
  }

  /** The calls of the current path, in order. */
  placed(): OperationRecord<I, O>[] {
    return this.#frames.slice(1).map(({ call }) => this.#record(call));
  }

  #blockedAt(frame: Frame<S>): Blocked<S, I, O> {
    const rivals = frame.candidates.filter((call) => call !== frame.blocker);
    return {
      prefix: this.placed(),
      state: frame.state,
      offender: this.#record(frame.blocker),
      rivals: rivals.map((call) => this.#record(call)),
    };
  }

  /** Goes one call deeper to a configuration not seen before; false if there is none. */
  #advance(frame: Frame<S>): boolean {
    for (;;) {
      while (frame.nextSuccessor < frame.successors.length) {
        const state = frame.successors[frame.nextSuccessor++] as S;
        if (this.#place(frame, state)) return true;
      }
      const call = frame.candidates[frame.nextCandidate++];
      if (call === undefined) return false;
      frame.trying = call;
      frame.successors = this.#step(frame, call);
      frame.nextSuccessor = 0;
    }
  }

  /** Places the call that the frame is trying, if that leads to anything new. */
  #place(frame: Frame<S>, state: S): boolean {
    const call = frame.trying;
    const key = this.#model.key(state);
    if (this.#worksLater(frame, call, key)) return false;
    const newest = Math.max(frame.newest, this.#invokeRank[call] as number);
    this.#set.flip(call);
    if (!this.#visited.add(this.#decided(newest), key)) {
      this.#set.flip(call);
      return false;
    }
    if (call < this.#answered) this.#open.take(call);
    this.#frames.push(this.#frame(call, state, newest));
    return true;
  }

  /** The calls placed, and with them those that it is too late to place: both matter to the future by the state only. */
  #decided(newest: number): CallSet {
    const decided = this.#set.copy();
    for (let call = this.#answered; call < this.#records.length; call += 1) {
      if (this.#isOver(call, newest) && !decided.has(call)) decided.flip(call);
    }
    return decided;
  }

  #unplace(call: number): void {
    this.#set.flip(call);
    if (call < this.#answered) this.#open.putBack(call);
  }

  /**
   * The frame has just placed an unanswered call; does placing `call` first and that one afterwards lead to the same?
   * Then it was not needed yet, and the other order, which is tried as well, stands for both. Among unanswered calls
   * the order of their numbers stands for both. No configuration is missed: the last steps to it can be exchanged
   * only so often until the last one is not exchanged, for the numbers of the unanswered calls rise on the way.
   */
  #worksLater(frame: Frame<S>, call: number, key: string): boolean {
    const early = frame.call;
    const parent = this.#frames.at(-2);
    if (early < this.#answered || parent === undefined) return false;
    if (call > early || this.#isOver(early, this.#invokeRank[call] as number)) return false;
    return this.#step(parent, call).some((between) => {
      const { input } = this.#record(early);
      const after = this.#model.step(between, input, undefined, this.#window(parent, early));
      return after.some((state) => this.#model.key(state) === key);
    });
  }

  #step(frame: Frame<S>, call: number): readonly S[] {
    const { input, output } = this.#record(call);
    const window = this.#window(frame, call);
    if (output !== INFO) return this.#model.step(frame.state, input, output, window);
    // Placing an unanswered call that changes nothing is the same as leaving it out.
    const before = this.#model.key(frame.state);
    return this.#model
      .step(frame.state, input, undefined, window)
      .filter((state) => this.#model.key(state) !== before);
  }

  #window(frame: Frame<S>, call: number): Window {
    const { invoke, return: returned } = this.#record(call);
    const latest = Math.min(returned, this.#record(frame.blocker).return);
    return { earliest: invoke, latest, end: returned };
  }

  /** Must the call precede every event from this rank on? */
  #isOver(call: number, rank: number): boolean {
    return (this.#returnRank[call] ?? Infinity) < rank;
  }

  #frame(call: number, state: S, newest: number): Frame<S> {
    this.configurations += 1;
    if (this.configurations > this.#budget) {
      throw new CheckBudgetError(
        `undecided after ${String(this.#budget)} configurations of ${String(this.#records.length)} calls`,
      );
    }
    const candidates: number[] = [];
    const blocker = this.#open.collectOpen(candidates);
    if (blocker !== -1) this.#collectUnanswered(blocker, newest, candidates);
    const start = { nextCandidate: 0, trying: -1, successors: [], nextSuccessor: 0 };
    return { call, state, candidates, blocker, newest, ...start };
  }

  #collectUnanswered(blocker: number, newest: number, into: number[]): void {
    const before = this.#returnRank[blocker] as number;
    for (let call = this.#answered; call < this.#records.length; call += 1) {
      if ((this.#invokeRank[call] as number) > before) return;
      const twin = this.#twin[call] as number;
      const waits = twin !== -1 && !this.#set.has(twin);
      if (!waits && !this.#set.has(call) && !this.#isOver(call, newest)) into.push(call);
    }
  }

  #record(call: number): OperationRecord<I, O> {
    return this.#records[call] as OperationRecord<I, O>;
  }
}
