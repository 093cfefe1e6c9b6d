/** Records what clients asked and were told, as a history for the checker. */
import { INFO, type OperationRecord } from './history.ts';

/** A call under way: pass it to `answered`, or leave it, if its answer never comes. */
export interface PendingCall {
  readonly call: number;
}

/**
 * What a thrown error says of the call. `never`: it certainly had no effect (a refused connection, a validation error)
 * and is left out. `info`: nobody knows; a timeout or a 503 belongs here unless the service promises otherwise.
 */
export type FaultMeaning = typeof INFO | 'never';

interface Call<I, O> {
  readonly client: number;
  readonly input: I;
  readonly invoke: number;
  readonly invokeOrder: number;
  /** The answer, or the end of the time in which it can have taken effect without one. */
  end: { readonly output: O | typeof INFO; readonly time: number; readonly order: number } | null;
  never: boolean;
}

/**
 * `now` must never run back and must be the clock on which the service's deadlines are told (or differ from it by no
 * more than the model's `slack`). The order of events is kept beside the times, so a coarse clock hides nothing.
 *
 * A client that retries one request with one idempotency key makes one call: record the whole of it, first try to last
 * answer.
 */
export class HistoryRecorder<I, O> {
  readonly #now: () => number;
  readonly #calls: Call<I, O>[] = [];
  #events = 0;
  #last = -Infinity;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Runs `call` and records it. What it throws is thrown on, after `meaning` said what to make of it. */
  async record(
    client: number,
    input: I,
    call: () => Promise<O>,
    meaning: (fault: unknown) => FaultMeaning = () => INFO,
  ): Promise<O> {
    const pending = this.invoked(client, input);
    try {
      const output = await call();
      this.answered(pending, output);
      return output;
    } catch (fault) {
      if (meaning(fault) === 'never') this.neverHappened(pending);
      throw fault;
    }
  }

  invoked(client: number, input: I): PendingCall {
    const invoke = this.#time();
    const invokeOrder = this.#events++;
    this.#calls.push({ client, input, invoke, invokeOrder, end: null, never: false });
    return { call: this.#calls.length - 1 };
  }

  answered({ call }: PendingCall, output: O): void {
    this.#open(call).end = { output, time: this.#time(), order: this.#events++ };
  }

  /**
   * Nothing that is under way can take effect any more: the server was seen dead, and what it left behind is decided.
   * Saying so makes a check after a kill far sharper and faster. (An answer may still arrive, out of a socket's buffer.)
   */
  cutOff(): void {
    const time = this.#time();
    for (const call of this.#calls) {
      if (call.end === null && !call.never) {
        call.end = { output: INFO, time, order: this.#events++ };
      }
    }
  }

  neverHappened({ call }: PendingCall): void {
    this.#open(call).never = true;
  }

  /** All calls so far, in the order of their beginning. Those still without an answer are `info`. */
  history(): OperationRecord<I, O>[] {
    return this.#calls
      .filter(({ never }) => !never)
      .map(({ client, input, invoke, invokeOrder, end }) => ({
        client,
        input,
        output: end === null ? INFO : end.output,
        invoke,
        return: end?.time ?? Infinity,
        order: { invoke: invokeOrder, return: end?.order ?? Infinity },
      }));
  }

  #open(call: number): Call<I, O> {
    const found = this.#calls[call];
    const answered = found?.end !== null && found?.end.output !== INFO;
    if (found === undefined || answered || found.never) {
      throw new Error(`call ${String(call)} is not open`);
    }
    return found;
  }

  #time(): number {
    const time = this.#now();
    if (!(time >= this.#last)) {
      throw new RangeError(`the recorder's clock ran back: ${String(this.#last)}, ${String(time)}`);
    }
    this.#last = time;
    return time;
  }
}
