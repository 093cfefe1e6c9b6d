/**
 * A fleet of instances over shards, simulated event by event: requests come at random times to random instances, each
 * instance has one thread and one call under way to each shard, what comes meanwhile shares the next call (at most 256),
 * and each shard has one thread. Times in µs.
 */

export interface Fleet {
  readonly instances: number;
  readonly shards: number;
  /** Of an instance's thread, for each request. */
  readonly instanceMicros: number;
  /** Of a shard's thread, for each call, and for each command in it. */
  readonly callMicros: number;
  readonly commandMicros: number;
  /** There and back between an instance and a shard. */
  readonly roundTripMicros: number;
}

export interface Load {
  readonly perSecond: number;
  readonly seconds: number;
  /** The share of one SKU, which is one shard's; the rest is spread. */
  readonly hotShare: number;
  readonly seed: number;
}

export interface Outcome {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of those that came, how many were answered before the end. */
  readonly answered: number;
  readonly perCall: number;
  /** Of the time, the busiest one. */
  readonly shardBusy: number;
  readonly instanceBusy: number;
}

const COMMANDS_PER_CALL = 256;

type Event = () => void;

/** What comes next, by time. */
class Agenda {
  readonly #heap: { readonly at: number; readonly event: Event }[] = [];
  now = 0;

  get empty(): boolean {
    return this.#heap.length === 0;
  }

  add(at: number, event: Event): void {
    const heap = this.#heap;
    let index = heap.push({ at, event }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#at(parent) <= at) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  next(): void {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return;
    if (heap.length > 0) {
      heap[0] = last;
      this.#sink();
    }
    this.now = first.at;
    first.event();
  }

  #sink(): void {
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const child = this.#at(left + 1) < this.#at(left) ? left + 1 : left;
      if (this.#at(child) >= this.#at(index)) return;
      this.#swap(index, child);
      index = child;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Infinity;
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const [x, y] = [heap[a], heap[b]];
    if (x === undefined || y === undefined) return;
    heap[a] = y;
    heap[b] = x;
  }
}

/** One thread: does one thing after the other, in order of asking. */
class Thread {
  readonly #agenda: Agenda;
  #freeAt = 0;
  busy = 0;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  do(micros: number, then: Event): void {
    this.#freeAt = Math.max(this.#freeAt, this.#agenda.now) + micros;
    this.busy += micros;
    this.#agenda.add(this.#freeAt, then);
  }
}

/** Random numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Lane {
  waiting: number[];
  underWay: boolean;
}

export function simulate(fleet: Fleet, load: Load): Outcome {
  const agenda = new Agenda();
  const random = randomFrom(load.seed);
  const threads = (n: number): Thread[] => Array.from({ length: n }, () => new Thread(agenda));
  const [instances, shards] = [threads(fleet.instances), threads(fleet.shards)];
  const lanes = instances.map(() => shards.map((): Lane => ({ waiting: [], underWay: false })));
  const end = load.seconds * 1e6;
  const half = fleet.roundTripMicros / 2;
  const latencies: number[] = [];
  let [calls, sent, came] = [0, 0, 0];

  const send = (instance: Thread, shard: Thread, lane: Lane): void => {
    const batch = lane.waiting.splice(0, COMMANDS_PER_CALL);
    lane.underWay = batch.length > 0;
    if (!lane.underWay) return;
    calls += 1;
    sent += batch.length;
    const micros = fleet.callMicros + batch.length * fleet.commandMicros;
    agenda.add(agenda.now + half, () =>
      shard.do(micros, () =>
        agenda.add(agenda.now + half, () => {
          // Half of an instance's work comes before the call, half after it.
          instance.do((batch.length * fleet.instanceMicros) / 2, () => {
            for (const at of batch) latencies.push(agenda.now - at);
          });
          send(instance, shard, lane);
        }),
      ),
    );
  };
  const arrive = (): void => {
    const at = agenda.now;
    came += 1;
    const which = Math.floor(random() * fleet.instances);
    const target = random() < load.hotShare ? 0 : Math.floor(random() * fleet.shards);
    const [instance, shard, lane] = [instances[which], shards[target], lanes[which]?.[target]];
    if (instance === undefined || shard === undefined || lane === undefined) return;
    instance.do(fleet.instanceMicros / 2, () => {
      lane.waiting.push(at);
      if (!lane.underWay) send(instance, shard, lane);
    });
    const next = at - Math.log(1 - random()) * (1e6 / load.perSecond);
    if (next < end) agenda.add(next, arrive);
  };
  agenda.add(0, arrive);
  while (!agenda.empty && agenda.now < end) agenda.next();

  latencies.sort((a, b) => a - b);
  const quantile = (share: number): number =>
    (latencies[Math.floor(latencies.length * share)] ?? Number.NaN) / 1000;
  const busiest = (all: readonly Thread[]): number =>
    Math.min(1, Math.max(...all.map(({ busy }) => busy)) / end);
  return {
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    answered: latencies.length / came,
    perCall: sent / calls,
    shardBusy: busiest(shards),
    instanceBusy: busiest(instances),
  };
}
