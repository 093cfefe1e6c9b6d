/** The books, an ERP in memory, and webhooks between them, on a clock that a test moves. */
import { setImmediate as turn } from 'node:timers/promises';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { ErpFault, type ErpCall } from '../../src/engine/erp-port.ts';
import { OutboxRelay } from '../../src/engine/outbox-relay.ts';
import { Reconciler } from '../../src/engine/reconciler.ts';
import { WebhookIntake, type WebhookOutcome } from '../../src/engine/webhook-intake.ts';
import { WebhookWorker } from '../../src/engine/webhook-worker.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { setStock } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeErp } from '../support/fake-erp.ts';

export const MINUTE = 60_000;
export const DAY = 86_400_000;
export const SKUS = ['A', 'B', 'C', 'D'];

export class World {
  readonly clock = new FakeClock();
  readonly erp = new FakeErp({ limits: { callsPerSecond: 1_000, callsPerDay: null } });
  readonly store: MemoryStore;
  readonly relay: OutboxRelay;
  readonly reconciler: Reconciler;
  readonly outcomes: WebhookOutcome[] = [];
  readonly errors: string[] = [];
  /** SKUs of each reading. */
  readonly readings: string[][] = [];
  /** Set: no reading of levels can be understood. */
  garbled = false;
  readonly intake: WebhookIntake;
  worker: WebhookWorker;

  constructor() {
    const rules = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };
    const { clock, erp } = this;
    this.store = new MemoryStore(clock, rules);
    const parts = { store: this.store, erp, sleep: () => Promise.resolve(), random: () => 0.5 };
    this.relay = new OutboxRelay(parts);
    const call = (): ErpCall => this.relay.call('read');
    this.reconciler = new Reconciler({ store: this.store, erp, call });
    const read = erp.readLevels.bind(erp);
    erp.readLevels = async (skus, erpCall) => {
      this.readings.push([...skus]);
      if (this.garbled) throw new ErpFault('ERP_UNAVAILABLE', 'garbled');
      return read(skus, erpCall);
    };
    this.worker = this.newWorker();
    this.intake = new WebhookIntake({
      erp,
      inbox: this.store.inbox,
      now: () => clock.now(),
      onOutcome: (outcome) => this.outcomes.push(outcome),
      onStored: () => this.worker.nudge(),
    });
  }

  /** As after a restart: it knows nothing but what the inbox has. */
  newWorker(fix = true): WebhookWorker {
    const { clock, erp, reconciler } = this;
    return new WebhookWorker({
      inbox: this.store.inbox,
      erp,
      reconciler,
      call: () => this.relay.call('read'),
      fix,
      sleep: async (ms) => {
        clock.advance(ms);
        await turn();
      },
      now: () => clock.now(),
      random: () => 0.5,
      idleMs: 1_000,
      onReport: () => undefined,
      onError: (error) => this.errors.push((error as Error).message),
    });
  }

  async stock(units: number): Promise<this> {
    for (const sku of SKUS) {
      await this.store.submit(setStock(sku, units));
      this.erp.balances.set(sku, units);
    }
    return this;
  }

  /** A signed webhook with these hints. */
  async deliver(eventId: string, ...hints: readonly string[]): Promise<string> {
    return this.receive([eventId, ...hints].join(' '), 'secret');
  }

  async receive(body: string, signature: string): Promise<string> {
    const headers = { 'x-fake-signature': signature };
    const receipt = await this.intake.receive({ headers, body: new TextEncoder().encode(body) });
    return receipt.ok ? receipt.outcome : receipt.fault;
  }

  async onHand(sku: string): Promise<number | undefined> {
    return (await this.store.level(sku))?.onHand;
  }

  async pending(): Promise<number> {
    return (await this.store.inbox.stats()).pending;
  }
}
