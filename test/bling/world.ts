/** A shop on Holdfast before a simulated Bling, in virtual time: the service can be killed and started again on its data. */
import '../faults/compiled.ts';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import { TokenFile } from '../../src/connectors/bling/tokens/token-file.ts';
import { DEFAULT_RULES, type Rules } from '../../src/core/rules.ts';
import { ErpFault } from '../../src/engine/erp-port.ts';
import type { OutboxStore } from '../../src/engine/ports.ts';
import type { ExplainedDrift } from '../../src/engine/reconciler.ts';
import { SharedClock } from '../../src/stores/embedded/anchored-clock.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { startBlingSimulator, type BlingSimulator } from '../../simulators/bling/server.ts';
import type { Switches } from '../../simulators/bling/switches.ts';
import { blingSettings, connect, SECRET_KEY } from '../connectors/bling-bench.ts';
import { openStore } from '../faults/clocked-store.ts';
import { Random } from '../linearizability/random.ts';
import { tempDir, type Lifetime } from '../support/temp-dir.ts';
import { Life, type Wrapping } from './life.ts';
import { VirtualTime } from './virtual-time.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly mode: BlingSettings['orderMode'];
  readonly settings?: Partial<BlingSettings>;
  readonly switches?: Partial<Switches>;
  /** `memory` forgets with the process: only for a world in which nobody is killed. */
  readonly store?: 'embedded' | 'memory';
  readonly startAt?: number;
  readonly latencyMs?: number;
  readonly idleMs?: number;
  /** Between two reconciliations, in ms; null: none by itself. */
  readonly reconcileEveryMs?: number | null;
  readonly wrapping?: Wrapping;
}

const IDLE_MS = 5_000;
const MONDAY_NOON = Date.UTC(2026, 10, 23, 15);

export class World {
  readonly time: VirtualTime;
  readonly simulator: BlingSimulator;
  readonly settings: BlingSettings;
  readonly random: Random;
  /** What reconciliations found so far, and corrected. */
  readonly drifts: ExplainedDrift[] = [];
  /** Webhooks that came, duplicates included. */
  webhooks = 0;
  kills = 0;
  readonly #options: WorldOptions;
  readonly #rules: Rules;
  readonly #clock = new SharedClock();
  readonly #hints: string[] = [];
  #life: Life | null = null;
  #store: OutboxStore | null = null;

  static async open(t: Lifetime, options: WorldOptions): Promise<World> {
    const simulator = await startBlingSimulator({
      seed: options.seed,
      speed: 0,
      startAt: options.startAt ?? MONDAY_NOON,
      switches: options.switches ?? {},
    });
    t.after(() => simulator.stop());
    const { mode: orderMode, settings: changed } = options;
    const dataDir = await tempDir(t);
    const settings = { ...blingSettings(simulator, dataDir), orderMode, ...changed };
    await connect(simulator, new TokenFile(dataDir, SECRET_KEY));
    const world = new World(simulator, settings, options);
    t.after(() => world.#close());
    await world.#listen(t);
    await world.start();
    return world;
  }

  private constructor(simulator: BlingSimulator, settings: BlingSettings, options: WorldOptions) {
    this.simulator = simulator;
    this.settings = settings;
    this.random = new Random(options.seed);
    this.#options = options;
    this.#rules = {
      ...DEFAULT_RULES,
      acknowledgeOnConfirm: false,
      messageGrouping: settings.orderMode === 'movement' ? 'sku' : 'sale',
    };
    this.time = new VirtualTime(simulator);
    this.time.follow((now) => {
      this.#clock.set(now);
    });
  }

  get life(): Life {
    if (this.#life === null) throw new Error('the service is down');
    return this.#life;
  }

  get store(): OutboxStore {
    if (this.#store === null) throw new Error('the service is down');
    return this.#store;
  }

  async start(): Promise<void> {
    const { settings, time, random } = this;
    const { latencyMs = 0, wrapping = {}, idleMs = IDLE_MS, reconcileEveryMs } = this.#options;
    this.#store = watched(await time.during(() => this.#openStore()), time);
    const parts = { store: this.#store, settings, time, random, latencyMs, wrapping };
    const life = new Life(parts);
    this.#life = life;
    life.start(idleMs);
    void this.#takeHints(life, idleMs / 5);
    if (typeof reconcileEveryMs === 'number') void this.#reconcile(life, reconcileEveryMs);
  }

  /** The process is no more; what it had sent arrives, or not. */
  async stop(): Promise<void> {
    const { life, store } = this;
    life.die();
    this.#life = null;
    this.#store = null;
    await this.time.during(async () => {
      await life.bling.exchange.close();
      await store.close();
    });
  }

  /** A person says yes to Bling again. */
  async connectAgain(): Promise<void> {
    const file = new TokenFile(this.settings.dataDir, SECRET_KEY);
    await this.time.during(() => file.locked(() => connect(this.simulator, file)));
  }

  async #openStore(): Promise<OutboxStore> {
    return this.#options.store === 'memory'
      ? new MemoryStore(this.#clock, this.#rules)
      : openStore(this.settings.dataDir, this.#clock, this.#rules);
  }

  async #close(): Promise<void> {
    if (this.#life !== null) await this.stop();
    this.time.close();
  }

  async #reconcile(life: Life, everyMs: number): Promise<void> {
    for (;;) {
      await life.sleep(everyMs);
      await this.#correct(() => life.reconciler.compareAll({ fix: true, cause: 'schedule' }));
    }
  }

  /** What an inbox of webhooks does: each hint is read again, whatever it said, however often it came. */
  async #takeHints(life: Life, everyMs: number): Promise<void> {
    for (;;) {
      await life.sleep(everyMs);
      const hints = this.#hints.splice(0);
      if (hints.length === 0) continue;
      await this.#correct(async () => {
        const skus = new Set<string>();
        for (const hint of hints) {
          for (const sku of await life.connector.resolveHint(hint, life.relay.call('read'))) {
            skus.add(sku);
          }
        }
        return life.reconciler.compare([...skus], { fix: true, cause: 'webhook' });
      });
    }
  }

  async #correct(work: () => ReturnType<Life['reconciler']['compareAll']>): Promise<void> {
    try {
      this.drifts.push(...(await work()).drifts);
    } catch (error) {
      if (!(error instanceof ErpFault)) throw error;
    }
  }

  async #listen(t: Lifetime): Promise<void> {
    const server = createServer((request, response) => {
      void this.#hear(request).then((status) => response.writeHead(status).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    this.simulator.control.setSwitches({ webhookUrl: `http://127.0.0.1:${port}/` });
  }

  /** Down, it answers nothing good, and the webhook comes again. */
  async #hear(request: IncomingMessage): Promise<number> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.#life === null) return 503;
    const { headers } = request;
    const reading = this.#life.connector.readWebhook({
      headers,
      body: Buffer.concat(chunks),
      receivedAt: this.time.now(),
    });
    if (!reading.ok) return 401;
    this.webhooks += 1;
    this.#hints.push(...reading.event.hints);
    return 200;
  }
}

/** Its answers come from another thread: time waits for them. */
function watched(store: OutboxStore, time: VirtualTime): OutboxStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        return result instanceof Promise ? time.during(() => result) : result;
      };
    },
  });
}
