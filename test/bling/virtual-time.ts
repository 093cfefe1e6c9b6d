/**
 * The simulator's time, moved by the test: hours of waiting take as long as the work in them. It stands still while
 * anything is being done, a request on its way included, and goes on to the earliest sleeper once nothing is.
 */
import diagnostics from 'node:diagnostics_channel';
import type { BlingSimulator } from '../../simulators/bling/server.ts';

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Turns of the event loop without any work after which there is none: answers take a few to reach who waits. */
const QUIET_TURNS = 4;
/** Some work with files is not seen, only that somebody is at work; who is after so long waits for a sleeper. */
const UNSEEN_MS = 100;
const FILE_MS = 5;
const STUCK_AFTER_MS = 60_000;

export class VirtualTime {
  readonly #simulator: BlingSimulator;
  readonly #clocks: ((now: number) => void)[] = [];
  readonly #requests = new Set<object>();
  readonly #workers = new Set<() => boolean>();
  #work = 0;
  #sleepers: Sleeper[] = [];
  #order = 0;
  #lastCall = 0;
  #whenDone: (() => void) | null = null;

  constructor(simulator: BlingSimulator) {
    this.#simulator = simulator;
    diagnostics.subscribe('undici:request:create', this.#begins);
    diagnostics.subscribe('undici:request:trailers', this.#ends);
    diagnostics.subscribe('undici:request:error', this.#ends);
  }

  close(): void {
    diagnostics.unsubscribe('undici:request:create', this.#begins);
    diagnostics.unsubscribe('undici:request:trailers', this.#ends);
    diagnostics.unsubscribe('undici:request:error', this.#ends);
  }

  readonly #begins = (message: unknown): void => {
    const { request } = message as { request: { origin: unknown } };
    if (String(request.origin) === this.#simulator.url) this.#requests.add(request);
  };

  readonly #ends = (message: unknown): void => {
    this.#requests.delete((message as { request: object }).request);
    this.#lessToDo();
  };

  now(): number {
    return this.#simulator.control.now();
  }

  /** Another clock that is to show the same; set at once, and whenever time goes on. */
  follow(set: (now: number) => void): void {
    this.#clocks.push(set);
    set(this.now());
  }

  /** Somebody who can tell whether it is at work, and not only waiting for time to go on; returns the way to end it. */
  watch(isAtWork: () => boolean): () => void {
    this.#workers.add(isAtWork);
    return () => this.#workers.delete(isAtWork);
  }

  /** Work that is not seen by itself, as requests and files are. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#work += 1;
    try {
      return await work();
    } finally {
      this.#work -= 1;
      this.#lessToDo();
    }
  }

  #lessToDo(): void {
    if (this.#work > 0 || this.#requests.size > 0) return;
    this.#whenDone?.();
    this.#whenDone = null;
  }

  /** Resolves after so long, or when the signal is aborted. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    const at = this.now() + Math.max(0, Math.ceil(ms));
    await new Promise<void>((resolve) => {
      this.#order += 1;
      const sleeper = { at, order: this.#order, wake: resolve };
      const place = this.#sleepers.findIndex((other) => other.at > at);
      this.#sleepers.splice(place === -1 ? this.#sleepers.length : place, 0, sleeper);
      signal?.addEventListener('abort', () => {
        resolve();
      });
    });
  }

  /** Lets time go on until the work has ended. */
  async run<T>(work: Promise<T>): Promise<T> {
    const state = { isOver: false };
    const over = (): void => {
      state.isOver = true;
    };
    work.then(over, over);
    await this.#quiet();
    while (!state.isOver) {
      await this.#wakeNext();
      await this.#quiet();
    }
    return work;
  }

  async #wakeNext(): Promise<void> {
    const next = this.#sleepers.shift();
    if (next === undefined) return;
    const wait = next.at - this.now();
    if (wait > 0) await this.#simulator.control.advance(wait);
    for (const set of this.#clocks) set(this.now());
    next.wake();
  }

  async #quiet(): Promise<void> {
    const began = performance.now();
    let patience = UNSEEN_MS;
    for (let turns = 0; turns < QUIET_TURNS; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      const isBusy = this.#isBusy();
      if (!isBusy && (patience <= 0 || !this.#isAnybodyAtWork())) continue;
      turns = -1;
      patience = isBusy ? UNSEEN_MS : patience - FILE_MS;
      await this.#done();
      if (performance.now() - began > STUCK_AFTER_MS) {
        throw new Error(`stuck: ${this.#work} at work, ${this.#requests.size} requests`);
      }
    }
    if (this.#sleepers.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  #isAnybodyAtWork(): boolean {
    return [...this.#workers].some((isAtWork) => isAtWork());
  }

  /** Until what is counted has ended; a moment where it is not. */
  async #done(): Promise<void> {
    await new Promise<void>((resolve) => {
      const isCounted = this.#work > 0 || this.#requests.size > 0;
      const timer = setTimeout(resolve, isCounted ? 1_000 : FILE_MS);
      this.#whenDone = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #isBusy(): boolean {
    if (this.#work > 0 || this.#requests.size > 0) return true;
    if (process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))) return true;
    // A caller that lost its patience is gone; what it asked for is still being done.
    const calls = this.#simulator.control.calls(this.#lastCall);
    const open = calls.find(({ ending }) => ending === 'open');
    this.#lastCall = (open === undefined ? calls.at(-1)?.seq : open.seq - 1) ?? this.#lastCall;
    return open !== undefined;
  }
}
