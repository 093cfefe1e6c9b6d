/**
 * Runs clients against a simulated service under a scheduler that a seed decides: who takes the next step, how far the
 * clock moves, who loses the connection, when the service dies. The same seed gives the same history.
 */
import type { OperationRecord } from './history.ts';
import { Random } from './random.ts';
import { HistoryRecorder, type PendingCall } from './recorder.ts';
import type { SimulatedService, SimulatedWorld, Steps } from './simulated-service.ts';
import type { StockInput, StockOutput } from './stock-operations.ts';

export interface Workload {
  readonly clients: number;
  readonly operations: number;
  readonly initialOnHand: number;
  readonly ttl: number;
  /** The clock moves by up to this much at every step. */
  readonly maxTick: number;
  /** Per step: the client gives up waiting; whether the call goes on without it is open. */
  readonly lostAnswers: number;
  /** Per step: the service dies and starts again; calls under way are lost. */
  readonly crashes: number;
}

/** What T6 asks for: 8 to 16 clients, mixed calls, kills. Scarce stock, lifetimes that end during the run. */
export function randomWorkload(seed: number): Workload {
  const random = new Random(seed ^ 0x5eed);
  const clients = random.between(8, 16);
  return {
    clients,
    operations: clients * random.between(8, 20),
    initialOnHand: random.between(1, 8),
    ttl: random.between(40, 160),
    maxTick: random.between(1, 3),
    lostAnswers: random.chance(0.5) ? 0.003 : 0,
    crashes: random.chance(0.3) ? 0.004 : 0,
  };
}

export function simulate(
  create: (world: SimulatedWorld) => SimulatedService,
  seed: number,
  workload: Workload,
): OperationRecord<StockInput, StockOutput>[] {
  return new Simulation(create, seed, workload).run();
}

interface Running {
  readonly client: number;
  readonly steps: Steps<StockOutput>;
  readonly pending: PendingCall;
}

const SKU = 'sku-1';

class Simulation {
  readonly #random: Random;
  readonly #workload: Workload;
  readonly #clock = { now: 0 };
  readonly #service: SimulatedService;
  readonly #recorder = new HistoryRecorder<StockInput, StockOutput>(() => this.#clock.now);
  /** By client: the call under way, or null. A client that lost an answer is replaced by a new one. */
  readonly #running: (Running | null)[];
  #clients: number;
  /** Calls whose clients are gone, and that the service still works on. */
  #orphans: Steps<StockOutput>[] = [];
  readonly #known: { readonly id: string; readonly expiresAt: number }[] = [];
  #started = 0;

  constructor(
    create: (world: SimulatedWorld) => SimulatedService,
    seed: number,
    workload: Workload,
  ) {
    this.#random = new Random(seed);
    this.#workload = workload;
    const { clients, initialOnHand } = workload;
    this.#service = create({ random: this.#random, clock: this.#clock, initialOnHand });
    this.#running = Array.from({ length: clients }, () => null);
    this.#clients = clients;
  }

  run(): OperationRecord<StockInput, StockOutput>[] {
    const { operations, crashes, maxTick } = this.#workload;
    while (this.#started < operations || this.#running.some((running) => running !== null)) {
      this.#clock.now += this.#random.between(0, maxTick);
      if (this.#random.chance(crashes)) this.#crash();
      const orphan = this.#orphans.at(-1);
      if (orphan !== undefined && this.#random.chance(0.2)) {
        if (orphan.next().done === true) this.#orphans.pop();
        continue;
      }
      this.#turn(this.#random.between(0, this.#running.length - 1));
    }
    return this.#recorder.history();
  }

  #turn(place: number): void {
    const running = this.#running[place] ?? null;
    if (running === null) {
      if (this.#started < this.#workload.operations) this.#running[place] = this.#start(place);
      return;
    }
    if (this.#random.chance(this.#workload.lostAnswers)) {
      if (this.#random.chance(0.5)) this.#orphans.push(running.steps);
      this.#running[place] = null;
      this.#clients += 1;
      return;
    }
    const step = running.steps.next();
    if (step.done !== true) return;
    this.#recorder.answered(running.pending, step.value);
    if (step.value.type === 'granted') this.#known.push(step.value);
    this.#running[place] = null;
  }

  #start(place: number): Running {
    this.#started += 1;
    const input = this.#choose();
    // Every client that lost an answer leaves its place to a new one, so places and clients are told apart by number.
    const client = place + this.#clients;
    return {
      client,
      steps: this.#service.call(input),
      pending: this.#recorder.invoked(client, input),
    };
  }

  #crash(): void {
    this.#running.fill(null);
    this.#orphans = [];
    this.#service.crash();
    this.#recorder.cutOff();
  }

  #choose(): StockInput {
    const random = this.#random;
    const dice = random.fraction();
    if (dice < 0.42) {
      const quantity = random.chance(0.6) ? 1 : random.between(1, 3);
      return { type: 'reserve', sku: SKU, quantity, ttl: this.#workload.ttl };
    }
    if (dice < 0.75) {
      const type = random.chance(0.45) ? 'confirm' : 'release';
      return { type, sku: SKU, id: this.#chooseId() };
    }
    if (dice < 0.92) return { type: 'read', sku: SKU };
    if (dice < 0.98) return { type: 'adjust', sku: SKU, delta: random.between(-2, 3) };
    return { type: 'set_on_hand', sku: SKU, onHand: random.between(0, 8) };
  }

  /** Any reservation, rather a recent one, and with luck one at its deadline: there the races are. */
  #chooseId(): string {
    const random = this.#random;
    if (random.chance(0.02)) return 'unheard-of';
    const due = this.#known.find(({ expiresAt }) => Math.abs(expiresAt - this.#clock.now) < 8);
    if (due !== undefined && random.chance(0.3)) return due.id;
    const recent = random.chance(0.8) ? this.#known.slice(-6) : this.#known;
    return random.pick(recent)?.id ?? 'unheard-of';
  }
}
