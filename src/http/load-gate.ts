/**
 * Turns requests away before their bodies are read when taking them on would only make everybody wait.
 *
 * The queue and the requests in flight are hard limits. A late event loop is softer: it is also late for a moment when
 * many requests are being served well, and a request turned away costs nearly as much as one served. So shedding
 * begins at the limit and grows with the delay, and never stops all, or nobody would notice the recovery.
 */
import type { HttpInstruments, HttpSettings, ShedReason } from './parts.ts';

type Limits = Pick<HttpSettings, 'maxQueued' | 'maxInFlight' | 'maxEventLoopDelayMs'>;

const SAMPLE_EVERY_MS = 100;
const MOST_SHED = 0.9;

export class LoadGate {
  /** Requests admitted and not yet answered. */
  inFlight = 0;
  readonly #limits: Limits;
  readonly #queued: () => number;
  readonly #instruments: HttpInstruments;
  #sampler: NodeJS.Timeout | undefined;
  /** The share of requests to shed for the event loop's sake, from 0 to `MOST_SHED`. */
  #share = 0;
  #owed = 0;

  constructor(limits: Limits, queued: () => number, instruments: HttpInstruments) {
    this.#limits = limits;
    this.#queued = queued;
    this.#instruments = instruments;
  }

  start(): void {
    this.#sampler = setInterval(() => this.sample(), SAMPLE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#sampler);
  }

  sample(): void {
    const limit = this.#limits.maxEventLoopDelayMs;
    if (limit === 0) return;
    const delay = this.#instruments.eventLoopDelay();
    this.#share = Math.min(MOST_SHED, Math.max(0, delay / limit - 1));
  }

  /** Why the next request must be turned away; null: take it. */
  refusal(): ShedReason | null {
    const reason = this.#reason();
    if (reason !== null) this.#instruments.requestShed(reason);
    return reason;
  }

  #reason(): ShedReason | null {
    if (this.inFlight >= this.#limits.maxInFlight) return 'in_flight';
    if (this.#queued() >= this.#limits.maxQueued) return 'store_queue';
    if (this.#share === 0) return null;
    this.#owed += this.#share;
    if (this.#owed < 1) return null;
    this.#owed -= 1;
    return 'event_loop';
  }
}
