/**
 * One connection to one server, kept up. A command is written at once or not at all, never twice by itself; whoever
 * calls learns for certain that nothing was done (`Refusal`), or that it is not known (`Fault`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Fault } from '../../../engine/faults.ts';
import { AcknowledgedWrites } from './acknowledged-writes.ts';
import {
  asking,
  connect,
  newClient,
  OutOfTime,
  within,
  type Ask,
  type ClientOptions,
} from './client.ts';
import type { HostPort } from './redis-address.ts';
import { Refusal, refusalOf } from './server-errors.ts';

/** `timeoutMs`: to connect and be admitted. */
export interface LinkOptions extends ClientOptions {
  readonly database: number;
  /** A write is answered when this many replicas have it; 0: at once. */
  readonly ackReplicas: number;
}

/** Asks what is needed to know the server; throws if nothing may be sent to it. */
export type Admission = (ask: Ask, server: HostPort) => Promise<void>;

export interface Call {
  readonly args: readonly (string | number)[];
  /** Then an answer is no longer waited for; in ms, as `performance.now()`. */
  readonly until: number;
  readonly write: boolean;
  /** On a node that is only about to own the slot. */
  readonly asking?: boolean;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

export class ServerLink {
  readonly #locate: () => Promise<HostPort>;
  readonly #admit: Admission;
  readonly #options: LinkOptions;
  #client: Redis | null = null;
  #leaving: Redis | null = null;
  #writes: AcknowledgedWrites | null = null;
  #trouble = 'not connected yet';
  #answeredAt = 0;
  #closed = false;
  readonly #stop = new AbortController();
  readonly #loading = new Map<string, Promise<unknown>>();
  readonly #onChange: () => void;

  /** `onChange`: called when the link has come up, or gone down. */
  constructor(
    locate: () => Promise<HostPort>,
    admit: Admission,
    options: LinkOptions,
    onChange: () => void,
  ) {
    this.#locate = locate;
    this.#admit = admit;
    this.#options = options;
    this.#onChange = onChange;
    void this.#keepUp();
  }

  get up(): boolean {
    return this.#client !== null;
  }

  /** Why it is not up, or why it refuses writes; for people. */
  get trouble(): string | null {
    return this.#client === null ? this.#trouble : (this.#writes?.trouble ?? null);
  }

  async #keepUp(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#closed) {
      const client = await this.#connect();
      if (client !== null) {
        pause = FIRST_PAUSE_MS;
        await new Promise((resolve) => client.once('end', resolve));
        this.#client = null;
        this.#writes?.stop();
        this.#trouble = 'the connection was lost';
        this.#onChange();
      }
      const jittered = pause * (0.5 + Math.random() / 2);
      await sleep(jittered, null, { signal: this.#stop.signal }).catch(() => null);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Connected and admitted, or null and the reason in `#trouble`. */
  async #connect(): Promise<Redis | null> {
    let client: Redis | null = null;
    try {
      const server = await this.#locate();
      client = newClient(server, this.#options, this.#options.database);
      const ask = asking(client);
      const admitted = connect(client).then(() => this.#admit(ask, server));
      await within(this.#options.timeoutMs, admitted);
      if (this.#closed || client.status !== 'ready') throw new Error('the connection was lost');
    } catch (error) {
      client?.disconnect();
      this.#trouble = error instanceof Error ? error.message : String(error);
      return null;
    }
    this.#client = client;
    this.#writes = new AcknowledgedWrites(client, this.#options.ackReplicas);
    this.#onChange();
    return client;
  }

  /**
   * The server's answer. `Refusal`: nothing was done. `Fault`: no answer, or not in time; of a write it is then
   * unknown whether it was done. Any other error is a bug.
   */
  async call(call: Call): Promise<unknown> {
    const client = this.#client;
    if (client === null) throw new Refusal('later', this.#trouble);
    const writes = call.write ? this.#writes : null;
    if (writes?.trouble) throw new Refusal('refused', writes.trouble);
    const [command = '', ...args] = call.args;
    if (call.asking) client.call('ASKING').catch(() => null);
    const sentAt = performance.now();
    const answer = client.call(String(command), ...args);
    const acknowledged = writes?.acknowledge(call.until) ?? null;
    // A refusal is told at once, without waiting for replicas; what becomes of that wait is nobody's concern.
    acknowledged?.catch(() => null);
    const done = async (): Promise<unknown> => {
      const value = await answer;
      this.#answeredAt = performance.now();
      await acknowledged;
      return value;
    };
    try {
      return await within(call.until - sentAt, done());
    } catch (error) {
      throw this.#explain(error, client, call.write, sentAt);
    }
  }

  /** Gives the server a script; those who ask for the same one meanwhile share the errand. */
  async load(text: string, until: number): Promise<void> {
    let loading = this.#loading.get(text);
    if (loading === undefined) {
      loading = this.call({ args: ['SCRIPT', 'LOAD', text], until, write: false }).finally(() =>
        this.#loading.delete(text),
      );
      this.#loading.set(text, loading);
    }
    await loading;
  }

  #explain(error: unknown, client: Redis, write: boolean, sentAt: number): unknown {
    if (!(error instanceof Error) || error instanceof Fault) return error;
    if (error instanceof OutOfTime) {
      // Silent since then: perhaps a dead connection. What else waits on it need not wait as long.
      if (this.#answeredAt < sentAt) this.#cut(client);
      return new Fault('STORE_TIMEOUT', 'Redis has not answered in time', {
        retryable: true,
        outcomeUnknown: write,
      });
    }
    if (error.name === 'ReplyError') {
      this.#answeredAt = performance.now();
      // Not the error itself: it carries the whole command, with what callers told us.
      return refusalOf(error.message) ?? new Error(`Redis refused a command: ${error.message}`);
    }
    // Never written: the connection had ended before.
    if (error.message.startsWith("Stream isn't writeable"))
      return new Refusal('later', 'the connection was lost');
    return new Fault('STORE_UNAVAILABLE', `the connection to Redis was lost: ${error.message}`, {
      retryable: true,
      outcomeUnknown: write,
    });
  }

  /** Cuts the connection and makes it anew, asking again where to. */
  reset(): void {
    if (this.#client !== null) this.#cut(this.#client);
  }

  /** Once: each further time would leave a timer and a listener behind. */
  #cut(client: Redis): void {
    if (this.#leaving === client) return;
    this.#leaving = client;
    client.disconnect();
  }

  close(): void {
    this.#closed = true;
    this.#trouble = 'closed';
    this.#stop.abort();
    this.reset();
  }
}
