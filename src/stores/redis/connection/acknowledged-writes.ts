/**
 * Answers that wait for replicas. Writes of the same turn share one WAIT, which Redis answers when the replicas have
 * everything that this connection has written so far. While they do not, writes are refused beforehand: better
 * nothing done than one outcome after another that nobody knows.
 */
import type { Redis } from 'ioredis';
import { Fault } from '../../../engine/faults.ts';

const PROBE_EVERY_MS = 100;
/** Commands behind a WAIT wait with it. */
const PROBE_WAIT_MS = 20;
const MOST_UNANSWERED = 20;

export class AcknowledgedWrites {
  readonly #client: Redis;
  readonly #replicas: number;
  #group: { readonly answer: Promise<void>; until: number } | null = null;
  #probe: NodeJS.Timeout | null = null;
  #trouble: string | null = null;

  constructor(client: Redis, replicas: number) {
    this.#client = client;
    this.#replicas = replicas;
  }

  /** Why writes are refused; null while they are not. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /**
   * To be called right after the write was sent; null where nothing is to be waited for. Rejects with a `Fault`,
   * outcome unknown, unless enough replicas have it at `until` (ms, as `performance.now()`).
   */
  acknowledge(until: number): Promise<void> | null {
    if (this.#replicas === 0) return null;
    if (this.#group !== null) {
      this.#group.until = Math.max(this.#group.until, until);
      return this.#group.answer;
    }
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const group = { answer: promise, until };
    this.#group = group;
    // Behind all that this turn writes.
    setImmediate(() => {
      this.#group = null;
      this.#wait(Math.max(1, Math.floor((group.until - performance.now()) / 2))).then(
        resolve,
        reject,
      );
    });
    return promise;
  }

  async #wait(ms: number): Promise<undefined> {
    let have: number;
    try {
      have = Number(await this.#client.call('WAIT', this.#replicas, ms));
    } catch (error) {
      // Also when the server becomes a replica itself in the meantime.
      throw unknown('the connection to Redis was lost before its replicas had acknowledged', error);
    }
    if (have >= this.#replicas) return;
    this.#refuse(have);
    throw unknown(`${have} of ${this.#replicas} replicas have acknowledged in time`);
  }

  #refuse(have: number): void {
    this.#trouble = `${have} replicas acknowledge, and ${this.#replicas} are asked for (HOLDFAST_REDIS_ACK_REPLICAS)`;
    if (this.#probe !== null) return;
    let unanswered = 0;
    this.#probe = setInterval(() => {
      unanswered += 1;
      // Not merely short of replicas: silent.
      if (unanswered === MOST_UNANSWERED) this.#client.disconnect();
      if (unanswered > 1) return;
      this.#client.call('WAIT', this.#replicas, PROBE_WAIT_MS).then(
        (count) => {
          unanswered = 0;
          if (Number(count) >= this.#replicas) this.stop();
        },
        () => null,
      );
    }, PROBE_EVERY_MS);
  }

  stop(): void {
    if (this.#probe !== null) clearInterval(this.#probe);
    this.#probe = null;
    this.#trouble = null;
  }
}

function unknown(message: string, cause?: unknown): Fault {
  return new Fault('STORE_TIMEOUT', message, { retryable: true, outcomeUnknown: true, cause });
}
