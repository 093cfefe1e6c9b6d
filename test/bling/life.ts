/** One life of the service: connector, relay and reconciliation over a store, until it is killed in the middle of a step. */
import diagnostics from 'node:diagnostics_channel';
import { BlingConnector } from '../../src/connectors/bling/bling-connector.ts';
import { openBling, type BlingParts } from '../../src/connectors/bling/parts.ts';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import type { ErpCall, ErpConnector, PushCall } from '../../src/engine/erp-port.ts';
import { OutboxRelay } from '../../src/engine/outbox-relay.ts';
import type { OutboxStore } from '../../src/engine/ports.ts';
import { Reconciler } from '../../src/engine/reconciler.ts';
import type { Random } from '../linearizability/random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Dies at the so many-th command to the store, not carried out or just carried out, or with a request on its way. */
export interface Fate {
  readonly at: 'before_command' | 'after_command' | 'request';
  readonly after: number;
}

/** Builds with a planted fault wrap a port. */
export interface Wrapping {
  readonly erp?: (erp: ErpConnector, time: VirtualTime) => ErpConnector;
  readonly store?: (store: OutboxStore) => OutboxStore;
}

export interface LifeParts {
  readonly store: OutboxStore;
  readonly settings: BlingSettings;
  readonly time: VirtualTime;
  readonly random: Random;
  /** The longest that an answer of the connector takes to be acted on, in ms. */
  readonly latencyMs: number;
  readonly wrapping: Wrapping;
}

/** What a process that is no more would have done next never happens. */
const NEVER = new Promise<never>(() => undefined);

export class Life {
  readonly relay: OutboxRelay;
  readonly reconciler: Reconciler;
  readonly bling: BlingParts;
  readonly connector: ErpConnector;
  isDead = false;
  readonly #parts: LifeParts;
  readonly #unwatch: () => void;
  /** Calls of the connector that do not sleep. */
  #atWork = 0;
  #fate: Fate['at'] | null = null;
  #left = 0;

  constructor(parts: LifeParts) {
    this.#parts = parts;
    const { settings, time, random, wrapping } = parts;
    this.#unwatch = time.watch(() => this.#atWork > 0);
    const rest = (ms: number, signal: AbortSignal) => this.#rest(() => this.sleep(ms, signal));
    this.bling = openBling(settings, { now: () => time.now(), sleep: rest });
    const erp = this.#mortalErp(this.#slow(new BlingConnector(this.bling)));
    this.connector = wrapping.erp?.(erp, time) ?? erp;
    const mine = this.#mortalStore(parts.store);
    const store = wrapping.store?.(mine) ?? mine;
    this.relay = new OutboxRelay({
      store,
      erp: this.connector,
      sleep: this.sleep,
      random: () => random.fraction(),
    });
    const call = () => this.relay.call('read');
    this.reconciler = new Reconciler({ store, erp: this.connector, call });
    diagnostics.subscribe('undici:request:create', this.#onRequest);
  }

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    this.#step(() => this.#parts.time.sleep(ms, signal));

  /** Rounds of the relay until death or `stop`. */
  start(idleMs: number): void {
    this.relay.start(idleMs);
  }

  /** From now on it dies as told. */
  befall({ at, after }: Fate): void {
    this.#fate = at;
    this.#left = after;
  }

  spare(): void {
    this.#fate = null;
  }

  /** Nothing of it goes on; what was sent is on its way. */
  die(): void {
    this.isDead = true;
    this.#unwatch();
    diagnostics.unsubscribe('undici:request:create', this.#onRequest);
  }

  readonly #onRequest = (): void => {
    if (this.#isTime('request')) this.die();
  };

  #isTime(at: Fate['at']): boolean {
    if (this.#fate !== at) return false;
    this.#left -= 1;
    return this.#left < 0;
  }

  async #step<T>(work: () => Promise<T>): Promise<T> {
    if (this.isDead) return NEVER;
    try {
      const result = await work();
      return this.#living() ? result : await NEVER;
    } catch (error) {
      if (!this.#living()) return NEVER;
      throw error;
    }
  }

  #living(): boolean {
    return !this.isDead;
  }

  async #does<T>(work: () => Promise<T>): Promise<T> {
    this.#atWork += 1;
    try {
      return await work();
    } finally {
      this.#atWork -= 1;
    }
  }

  async #rest<T>(work: () => Promise<T>): Promise<T> {
    this.#atWork -= 1;
    try {
      return await work();
    } finally {
      this.#atWork += 1;
    }
  }

  #mortalStore(store: OutboxStore): OutboxStore {
    const step = <T>(work: () => Promise<T>, isCommand: boolean): Promise<T> => {
      if (isCommand && this.#isTime('before_command')) this.die();
      return this.#step(async () => {
        const result = await work();
        if (isCommand && this.#isTime('after_command')) this.die();
        return result;
      });
    };
    return new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        const isCommand = name === 'submit' || name === 'submitAll';
        return (...args: unknown[]): unknown =>
          step(() => Reflect.apply(value, target, args) as Promise<unknown>, isCommand);
      },
    });
  }

  #mortalErp(erp: ErpConnector): ErpConnector {
    const mortal = <C extends ErpCall>(call: C): C => ({
      ...call,
      turn: () => this.#rest(() => this.#step(() => call.turn())),
    });
    const does = <T>(work: () => Promise<T>) => this.#does(() => this.#step(work));
    return {
      name: erp.name,
      grouping: erp.grouping,
      toldByOthers: erp.toldByOthers,
      limits: erp.limits,
      check: (call) => does(() => erp.check(mortal(call))),
      readPage: (cursor, call) => does(() => erp.readPage(cursor, mortal(call))),
      readLevels: (skus, call) => does(() => erp.readLevels(skus, mortal(call))),
      push: (parcel, call: PushCall) => does(() => erp.push(parcel, mortal(call))),
      settle: (parcel, call) => does(() => erp.settle(parcel, mortal(call))),
      readWebhook: (request) => erp.readWebhook(request),
      usedToday: () => erp.usedToday(),
      close: () => erp.close(),
      resolveHint: (hint, call) => does(() => erp.resolveHint(hint, mortal(call))),
    };
  }

  /** What Bling has done is known here a moment later, and meanwhile other things happen. */
  #slow(erp: ErpConnector): ErpConnector {
    const { random, latencyMs } = this.#parts;
    const late = async <T>(answer: Promise<T>): Promise<T> => {
      const result = await answer;
      if (latencyMs > 0) await this.#rest(() => this.sleep(random.between(0, latencyMs)));
      return result;
    };
    return new Proxy(erp, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const answer: unknown = Reflect.apply(value, target, args);
          return answer instanceof Promise ? late(answer) : answer;
        };
      },
    });
  }
}
