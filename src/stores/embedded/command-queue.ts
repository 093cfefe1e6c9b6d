/**
 * What waits for the writer and what it is at, on the client's thread. Bounded in number and in time: past the bound a
 * job is refused, and one that has waited too long is taken back, both certainly not done; one that the writer has had
 * too long is given up on, and its outcome is unknown.
 */
import { Fault } from '../../engine/faults.ts';
import type { ImportTransfer } from './protocol.ts';
import type { Operation, Result } from './writer.ts';

/** What a command that is not answered yet may do to a refusal: nothing, change what it says of others, take its reason away. */
export type Effect = 'none' | 'words' | 'room';

export interface Job {
  readonly operations: readonly (Operation | ImportTransfer)[];
  readonly effect: Effect;
  /** Monotonic ms. */
  readonly deadline: number;
  readonly resolve: (results: Result[]) => void;
  readonly reject: (fault: Fault) => void;
  /** It has its answer, or has been given up on. */
  settled: boolean;
}

/** Operations that one batch takes, unless a single job has more. */
const OPERATIONS_PER_BATCH = 1_024;

export class CommandQueue {
  readonly #limit: number;
  #waiting: Job[] = [];
  #waitingOperations = 0;
  #inFlight: (readonly Job[])[] = [];
  #inFlightOperations = 0;
  readonly #effects: Record<Effect, number> = { none: 0, words: 0, room: 0 };

  /** `limit`: operations that may wait. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Operations waiting or in flight. */
  get size(): number {
    return this.#waitingOperations + this.#inFlightOperations;
  }

  get waiting(): number {
    return this.#waitingOperations;
  }

  get batchesInFlight(): number {
    return this.#inFlight.length;
  }

  /** Is anything with this effect waiting or in flight? */
  has(effect: Effect): boolean {
    return this.#effects[effect] > 0;
  }

  add(job: Job): void {
    const { length } = job.operations;
    if (this.#waitingOperations > 0 && this.#waitingOperations + length > this.#limit) {
      throw new Fault('STORE_OVERLOADED', `${this.#waitingOperations} commands are waiting`, {
        retryable: true,
      });
    }
    this.#waiting.push(job);
    this.#waitingOperations += length;
    this.#effects[job.effect] += 1;
  }

  /** The next batch, in order of arrival; it is in flight from now on. */
  take(): readonly Job[] {
    let taken = 0;
    let operations = 0;
    for (const { operations: more } of this.#waiting) {
      if (taken > 0 && operations + more.length > OPERATIONS_PER_BATCH) break;
      taken += 1;
      operations += more.length;
    }
    const batch = this.#waiting.splice(0, taken);
    this.#waitingOperations -= operations;
    this.#inFlightOperations += operations;
    if (taken > 0) this.#inFlight.push(batch);
    return batch;
  }

  /** The oldest batch in flight, which has its answers now. */
  answered(): readonly Job[] {
    const batch = this.#inFlight.shift() ?? [];
    for (const job of batch) {
      this.#inFlightOperations -= job.operations.length;
      this.#effects[job.effect] -= 1;
    }
    return batch;
  }

  /** Gives up what has passed its deadline at `time`; returns the jobs that were taken back from the queue. */
  expire(time: number): readonly Job[] {
    for (const job of this.#inFlight.flat()) {
      if (job.deadline > time) continue;
      settle(
        job,
        new Fault('STORE_TIMEOUT', 'the store has not answered in time', {
          retryable: true,
          outcomeUnknown: true,
        }),
      );
    }
    if (!this.#waiting.some((job) => job.deadline <= time)) return [];
    const late = this.#waiting.filter((job) => job.deadline <= time);
    this.#waiting = this.#waiting.filter((job) => job.deadline > time);
    for (const job of late) {
      this.#waitingOperations -= job.operations.length;
      this.#effects[job.effect] -= 1;
      const message = 'the command waited too long for its turn and was not carried out';
      settle(job, new Fault('STORE_OVERLOADED', message, { retryable: true }));
    }
    return late;
  }

  /** The store has stopped: what waits was not done, what is in flight may have been. */
  fail(reason: string): void {
    for (const job of this.#inFlight.flat()) {
      settle(
        job,
        new Fault('STORE_UNAVAILABLE', reason, { retryable: true, outcomeUnknown: true }),
      );
    }
    for (const job of this.#waiting) {
      settle(job, new Fault('STORE_UNAVAILABLE', reason, { retryable: true }));
    }
    this.#waiting = [];
    this.#inFlight = [];
    this.#waitingOperations = 0;
    this.#inFlightOperations = 0;
    for (const effect of ['none', 'words', 'room'] as const) this.#effects[effect] = 0;
  }
}

function settle(job: Job, fault: Fault): void {
  if (job.settled) return;
  job.settled = true;
  job.reject(fault);
}
