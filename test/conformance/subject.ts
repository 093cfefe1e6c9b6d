/** A store as the suites see it: where its data lives, how it is opened, and what it promises beyond the port. */
import assert from 'node:assert/strict';
import type { Answer, Command, Idempotency } from '../../src/core/command.ts';
import type { LedgerEntry } from '../../src/core/ledger.ts';
import type { Reservation } from '../../src/core/reservation.ts';
import { DEFAULT_RULES, type Rules } from '../../src/core/rules.ts';
import type { LevelView } from '../../src/core/stock-level.ts';
import type { ReservationStore, StoreStats } from '../../src/engine/ports.ts';
import { FakeClock, START } from '../support/fake-clock.ts';
import { levelText, outcome } from '../support/outcome.ts';
import type { Row } from '../support/scenario.ts';
import type { Lifetime } from '../support/temp-dir.ts';

export interface StoreSetup {
  readonly rules: Rules;
  /** What time it is, also where the store decides in another thread or process. */
  readonly clock: FakeClock;
}

/** A place for one store's data, gone after the test. */
export interface StoreHome {
  /** Opens the store on this home's data: none at first; later, if the store is durable, all that it had. */
  open(setup: StoreSetup): Promise<ReservationStore>;
}

export interface StoreSubject {
  readonly name: string;
  /** The store of another subject, reached another way: what is dear at full size need not be done twice. */
  readonly again?: true;
  readonly supports: {
    /** What was answered is still there after the store was closed and opened again. */
    readonly durable: boolean;
    /** It keeps what the ERP is still to be told: it is an `OutboxStore`. */
    readonly outbox: boolean;
    /**
     * Its SKUs share one set of books: entries have the order of their decisions over all SKUs, and whatever is decided
     * records lapses of any SKU in passing. Without it, the order is that of each SKU and of each command.
     */
    readonly oneBook: boolean;
    /**
     * When it is opened again, its entries may have other numbers, and units that moved between books have reservations
     * of their own.
     */
    readonly renumbers?: true;
  };
  home(t: Lifetime): Promise<StoreHome>;
}

/** One store at a time on one home and one clock, closed after the test. */
export class Shop {
  readonly clock: FakeClock;
  readonly rules: Rules;
  readonly #home: StoreHome;
  #store: ReservationStore;

  static async open(t: Lifetime, subject: StoreSubject, rules: Partial<Rules> = {}): Promise<Shop> {
    const setup = { clock: new FakeClock(), rules: { ...DEFAULT_RULES, ...rules } };
    let shop: Shop | null = null;
    // Hooks run in the order they were set: the store is closed before its home is torn down.
    t.after(() => shop?.store.close());
    const home = await subject.home(t);
    shop = new Shop(home, setup, await home.open(setup));
    return shop;
  }

  private constructor(home: StoreHome, { clock, rules }: StoreSetup, store: ReservationStore) {
    this.#home = home;
    this.clock = clock;
    this.rules = rules;
    this.#store = store;
  }

  get store(): ReservationStore {
    return this.#store;
  }

  /** Closes the store and opens it again on what it has kept. */
  async reopen(rules: Rules = this.rules): Promise<void> {
    await this.#store.close();
    this.#store = await this.#home.open({ clock: this.clock, rules });
  }

  /** Submits without waiting for the answer. */
  ask(command: Command, idempotency: Idempotency | null = null): Promise<Answer> {
    return this.store.submit(command, { idempotency });
  }

  /** Submits and gives the answer in words. */
  async words(command: Command, idempotency: Idempotency | null = null): Promise<string> {
    return outcome(await this.ask(command, idempotency));
  }

  /** Walks the table; a line that comes out otherwise shows the whole walk up to it. */
  async walk(rows: readonly Row[]): Promise<this> {
    const walked: string[] = [];
    const expected: string[] = [];
    for (const [seconds, command, words] of rows) {
      this.clock.set(Math.max(this.clock.now(), START + Math.round(seconds * 1000)));
      const label = `${String(seconds).padStart(8)} ${command.type.padEnd(12)} `;
      walked.push(label + (await this.words(command)));
      expected.push(label + words);
      assert.deepEqual(walked, expected);
    }
    return this;
  }

  /** The SKU's level in words; `unknown` if it has none. */
  async level(sku: string): Promise<string> {
    const level = await this.store.level(sku);
    return level === null ? 'unknown' : levelText(level);
  }

  async assertSound(): Promise<void> {
    const { problems, ok } = await this.store.audit();
    assert.deepEqual(problems, []);
    assert.equal(ok, true);
  }
}

/** Everything that a store tells of its books. */
export interface Everything {
  readonly levels: LevelView[];
  readonly reservations: Reservation[];
  readonly ledger: LedgerEntry[];
  readonly stats: StoreStats;
}

/** A limit beyond everything that a test makes. */
export const ALL = 1_000_000;

export async function everything(store: ReservationStore): Promise<Everything> {
  return {
    levels: await store.levels({ after: null, prefix: null, limit: ALL }),
    reservations: await store.reservations(null, ALL),
    ledger: await store.ledger({ sku: null, after: 0, limit: ALL }),
    stats: await store.stats(),
  };
}
