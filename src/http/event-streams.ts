/**
 * The ledger as server-sent events: each subscriber reads pages at its own pace, from where it left off, and is woken
 * by commits. Nothing is buffered for a slow one: it is waited for, and dropped when it stays unread for too long.
 */
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReservationStore } from '../engine/ports.ts';
import { entryJson } from './mapping.ts';
import type { HttpSettings } from './parts.ts';
import { problem, ProblemError } from './problem.ts';

type Limits = Pick<HttpSettings, 'maxEventStreams' | 'heartbeatMs' | 'slowSubscriberMs'>;

/** Entries read and written at once. */
const PAGE = 200;
/** Commits of a busy sale are gathered for this long before the next read, in ms. */
const GATHER_MS = 20;
const GREETING = 'retry: 2000\n\n';
const HEARTBEAT = ': still here\n\n';

export class EventStreams {
  readonly #store: ReservationStore;
  readonly #limits: Limits;
  readonly #onError: (error: unknown) => void;
  readonly #streams = new Set<EventStream>();
  #unsubscribe: (() => void) | null = null;
  #head = 0;

  constructor(store: ReservationStore, limits: Limits, onError: (error: unknown) => void) {
    this.#store = store;
    this.#limits = limits;
    this.#onError = onError;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Throws when there are too many. Call before anything is written to the response. */
  reserveRoom(): void {
    const limit = this.#limits.maxEventStreams;
    if (this.#streams.size < limit) return;
    throw new ProblemError(problem('too_many_streams', { limit }, { retryAfterSeconds: 5 }));
  }

  /** Writes the events after `after` to a response whose headers are written, until it closes. */
  open(response: ServerResponse, after: number): void {
    this.#unsubscribe ??= this.#store.onCommit(({ headSeq }) => {
      this.#head = headSeq;
      for (const stream of this.#streams) stream.wake();
    });
    const stream = new EventStream(response, this.#limits);
    this.#streams.add(stream);
    response.write(GREETING);
    this.#follow(stream, after)
      .catch(this.#onError)
      .finally(() => {
        this.#streams.delete(stream);
        response.end();
        if (this.#streams.size > 0) return;
        this.#unsubscribe?.();
        this.#unsubscribe = null;
      });
  }

  async #follow(stream: EventStream, from: number): Promise<void> {
    let after = from;
    while (!stream.stopped) {
      const entries = await this.#store.ledger({ sku: null, after, limit: PAGE });
      const last = entries.at(-1);
      if (last === undefined) {
        // A commit between the read and here has woken nobody.
        if (this.#head <= after) await stream.rest();
        continue;
      }
      // A slow subscriber whom the trimming of the ledger has overtaken: asked again, it hears 410.
      const [first] = entries;
      if (first !== undefined && first.seq > after + 1) return;
      after = last.seq;
      const text = entries.map((entry) => `id: ${entry.seq}\ndata: ${entryJson(entry)}\n\n`);
      await stream.write(text.join(''));
    }
  }

  closeAll(): void {
    for (const stream of this.#streams) stream.stop();
  }
}

class EventStream {
  readonly #response: ServerResponse;
  readonly #limits: Limits;
  #stopped = false;
  /** Ends the pause that the stream is in, if any. */
  #resume: (() => void) | null = null;

  constructor(response: ServerResponse, limits: Limits) {
    this.#response = response;
    this.#limits = limits;
    response.on('drain', () => this.#resume?.());
    response.once('close', () => this.stop());
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    this.#resume?.();
  }

  wake(): void {
    this.#resume?.();
  }

  /** Until a commit or, with a sign of life, for the length of a heartbeat. */
  async rest(): Promise<void> {
    const woken = await this.#pause(this.#limits.heartbeatMs);
    if (woken) await sleep(GATHER_MS);
    else await this.write(HEARTBEAT);
  }

  /** Written, and taken by the socket; a subscriber that does not read in time is dropped. */
  async write(text: string): Promise<void> {
    if (this.#stopped || this.#response.write(text)) return;
    const deadline = performance.now() + this.#limits.slowSubscriberMs;
    while (this.#response.writableNeedDrain && !this.stopped) {
      const left = deadline - performance.now();
      if (left > 0) {
        await this.#pause(left);
      } else {
        this.stop();
        this.#response.destroy();
      }
    }
  }

  /** True where something ended the pause early, or had ended the stream before it. */
  async #pause(milliseconds: number): Promise<boolean> {
    if (this.#stopped) return true;
    const woken = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, milliseconds, false);
      this.#resume = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    this.#resume = null;
    return woken;
  }
}
