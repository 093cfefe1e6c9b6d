/** What was called, in its order of arrival, and what came of it. */
import type { FaultKind } from './faults.ts';

/** whole: answered; half: cut off in the answer; reset: not answered; open: not yet. */
export type Ending = 'whole' | 'half' | 'reset' | 'open';

export interface LoggedCall {
  readonly seq: number;
  /** Milliseconds since 1970, of the simulator's clock. */
  readonly at: number;
  readonly method: string;
  /** Without /Api/v3 and query. */
  readonly path: string;
  /** As in the list of routes: with :id for ids. */
  readonly route: string;
  readonly query: string;
  readonly body: string;
  status: number | null;
  ending: Ending;
  fault: FaultKind | null;
}

export interface CallCount {
  readonly method: string;
  readonly route: string;
  readonly status: number | null;
  readonly calls: number;
}

export class CallLog {
  readonly #kept: number;
  #calls: LoggedCall[] = [];
  #seq = 0;
  readonly #counts = new Map<string, CallCount>();

  /** @param kept how many of the latest calls are remembered one by one */
  constructor(kept = 20_000) {
    this.#kept = kept;
  }

  begin(call: Pick<LoggedCall, 'at' | 'method' | 'path' | 'route' | 'query' | 'body'>): LoggedCall {
    this.#seq++;
    const logged: LoggedCall = {
      ...call,
      seq: this.#seq,
      status: null,
      ending: 'open',
      fault: null,
    };
    this.#calls.push(logged);
    if (this.#calls.length > 2 * this.#kept) this.#calls = this.#calls.slice(-this.#kept);
    return logged;
  }

  end(logged: LoggedCall, status: number | null, ending: Ending): void {
    logged.status = status;
    logged.ending = ending;
    const { method, route } = logged;
    const key = `${method} ${route} ${status ?? '-'}`;
    const calls = (this.#counts.get(key)?.calls ?? 0) + 1;
    this.#counts.set(key, { method, route, status, calls });
  }

  /** @param after only the calls with a greater `seq` */
  since(after = 0): readonly LoggedCall[] {
    return this.#calls.slice(-this.#kept).filter(({ seq }) => seq > after);
  }

  counts(): CallCount[] {
    return [...this.#counts.values()];
  }

  clear(): void {
    this.#calls = [];
    this.#counts.clear();
  }
}
