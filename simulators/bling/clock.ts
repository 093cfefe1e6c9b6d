/** The simulator's own time: it can stand still, run faster, and be put forward. */

interface Task {
  readonly due: number;
  readonly order: number;
  readonly run: () => unknown;
}

/** The longest delay that a timer of Node's keeps to. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class SimulatedClock {
  #time: number;
  #realTime = performance.now();
  #speed: number;
  #tasks: Task[] = [];
  #order = 0;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param start milliseconds since 1970 */
  constructor(start: number, speed = 1) {
    this.#time = start;
    this.#speed = speed;
  }

  now(): number {
    return Math.floor(this.#time + (performance.now() - this.#realTime) * this.#speed);
  }

  /** Simulated milliseconds per real one; 0 while it stands still. */
  get speed(): number {
    return this.#speed;
  }

  /** 0 freezes it, 1 is the speed of the world, 60 makes a minute last a second. */
  setSpeed(speed: number): void {
    this.#moveTo(this.now());
    this.#speed = speed;
    this.#wait();
  }

  /** Runs something when `delay` simulated milliseconds have passed, never before this call returns. */
  after(delay: number, run: () => unknown): void {
    const task = { due: this.now() + delay, order: this.#order++, run };
    const place = this.#tasks.findIndex(({ due }) => due > task.due);
    this.#tasks.splice(place === -1 ? this.#tasks.length : place, 0, task);
    this.#wait();
  }

  /**
   * Puts it forward. What falls due on the way is done in its order and at its own time, each
   * thing finished before the next: also what it scheduled itself, if that falls due too. Who
   * advances while another does waits for what is left of it: two sleepers of 5 s sleep 5 s.
   */
  async advance(milliseconds: number): Promise<void> {
    const target = this.now() + milliseconds;
    const turn = this.#turn.then(() => this.#advanceTo(target));
    this.#turn = turn.catch(() => undefined);
    await turn;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#tasks = [];
  }

  async #advanceTo(target: number): Promise<void> {
    const speed = this.#speed;
    this.setSpeed(0);
    try {
      for (let task = this.#next(target); task !== undefined; task = this.#next(target)) {
        this.#moveTo(Math.max(this.now(), task.due));
        await task.run();
      }
      this.#moveTo(Math.max(this.now(), target));
    } finally {
      this.setSpeed(speed);
    }
  }

  #moveTo(time: number): void {
    this.#time = time;
    this.#realTime = performance.now();
  }

  #next(until: number): Task | undefined {
    const [first] = this.#tasks;
    return first !== undefined && first.due <= until ? this.#tasks.shift() : undefined;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const [first] = this.#tasks;
    if (first === undefined || this.#speed === 0) return;
    const delay = Math.max(0, Math.ceil((first.due - this.now()) / this.#speed));
    this.#timer = setTimeout(() => this.#runDue(), Math.min(delay, LONGEST_TIMER_MS));
    this.#timer.unref();
  }

  #runDue(): void {
    const until = this.now();
    for (let task = this.#next(until); task !== undefined; task = this.#next(until)) task.run();
    this.#wait();
  }
}
