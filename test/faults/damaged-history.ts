/**
 * A history that a store has acknowledged batch by batch, and what its books must say after any part of it: the memory
 * store is asked the same. Every kind of command, carts, customers, policies, idempotency keys.
 */
import type { Answer, Command, Idempotency } from '../../src/core/command.ts';
import type { LedgerEntry } from '../../src/core/ledger.ts';
import type { Reservation } from '../../src/core/reservation.ts';
import { DEFAULT_RULES, type Rules } from '../../src/core/rules.ts';
import type { LevelView } from '../../src/core/stock-level.ts';
import type { ReservationStore, Submission } from '../../src/engine/ports.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import type { Random } from '../linearizability/random.ts';
import {
  acknowledge,
  adjust,
  cancel,
  confirm,
  extend,
  release,
  reserve,
  setStock,
  sweep,
  uuid,
} from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import { startClock } from './clocked-store.ts';

/** Under which units are allocated until the ERP acknowledges. */
export const RULES: Rules = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };

export interface Batch {
  readonly at: number;
  readonly submissions: readonly Submission[];
}

const SKUS = Array.from({ length: 24 }, (_, index) => `SKU-${String(index).padStart(3, '0')}`);
const CUSTOMERS = Array.from({ length: 10 }, (_, index) => `customer-${index}`);

export class Historian {
  readonly #random: Random;
  #now = START;
  #reservations = 0;
  #keys = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  opening(): Batch {
    return this.#batch(SKUS.map((sku) => setStock(sku, this.#random.between(5, 2_000))));
  }

  batch(): Batch {
    const commands = Array.from({ length: this.#random.between(1, 4) }, () => this.#command());
    this.#now += this.#random.between(0, 4_000);
    return this.#batch(commands);
  }

  /** As small as a transaction gets. */
  single(): Batch {
    return this.#batch([this.#reserve(1)]);
  }

  #batch(commands: readonly Command[]): Batch {
    const submissions = commands.map((command) => ({ command, idempotency: this.#key(command) }));
    return { at: this.#now, submissions };
  }

  #key(command: Command): Idempotency | null {
    if (!this.#random.chance(0.2)) return null;
    this.#keys += 1;
    return { key: `key-${this.#keys}`, fingerprint: `${command.type}-${this.#keys}` };
  }

  #sku(): string {
    return this.#random.pick(SKUS) ?? '';
  }

  #reserve(lines: number): Command {
    this.#reservations += 1;
    const random = this.#random;
    const text = Array.from({ length: lines }, () => `${this.#sku()}:${random.between(1, 3)}`);
    return reserve(uuid(this.#reservations), text.join(' '), {
      ...(random.chance(0.6) ? { customer: random.pick(CUSTOMERS) ?? '' } : {}),
      ...(random.chance(0.7) ? { ttl: random.between(5, 600) } : {}),
      partial: random.chance(0.2),
    });
  }

  #command(): Command {
    const random = this.#random;
    const choice = random.fraction();
    if (choice < 0.45) return this.#reserve(random.between(1, 3));
    const id = uuid(Math.max(1, this.#reservations - random.between(0, 30)));
    const order = random.chance(0.5) ? { order: `order-${random.between(1, 50)}` } : {};
    if (choice < 0.62)
      return confirm(id, random.chance(0.2) ? { ...order, late: 'reacquire' } : order);
    if (choice < 0.7) return release(id);
    if (choice < 0.76) return extend(id, { ttl: 900, ...order });
    if (choice < 0.82)
      return cancel(id, { restock: random.chance(0.5), as: `cancel-${random.between(1, 99)}` });
    if (choice < 0.9) return acknowledge(id);
    if (choice < 0.93)
      return setStock(this.#sku(), random.between(0, 2_000), { safety: random.between(0, 5) });
    if (choice < 0.95) {
      const policy = { maxPerOrder: random.between(1, 9), ttlSeconds: random.between(5, 900) };
      return setStock(this.#sku(), null, { policy });
    }
    if (choice < 0.98) return adjust(this.#sku(), random.between(-5, 50), 'counted again');
    return sweep(random.between(1, 20));
  }
}

/** All that can be read of a store, at one moment. Rows of the ledger and remembered answers stand apart: see below. */
export interface Books {
  readonly levels: readonly LevelView[];
  readonly reservations: readonly Reservation[];
}

export interface Records {
  readonly ledger: readonly LedgerEntry[];
  readonly ledgers: readonly (readonly LedgerEntry[])[];
  readonly answers: readonly Answer[];
}

const ALL = 1_000_000;

/** What sales are decided on. */
export async function readBooks(store: ReservationStore): Promise<Books> {
  const [levels, each, reservations] = await Promise.all([
    store.levels({ after: null, prefix: null, limit: ALL }),
    Promise.all(SKUS.map((sku) => store.level(sku))),
    store.reservations(null, ALL),
  ]);
  const found = await Promise.all(reservations.map(({ id }) => store.reservation(id)));
  return {
    levels: [...levels, ...each.flatMap((level) => level ?? [])],
    reservations: [...reservations, ...found.flatMap((reservation) => reservation ?? [])],
  };
}

/** What is kept beside it: why the figures are as they are, and what was answered to requests with a key. */
export async function readRecords(
  store: ReservationStore,
  batches: readonly Batch[],
): Promise<Records> {
  const keyed = batches
    .flatMap(({ submissions }) => submissions)
    .filter(({ idempotency }) => idempotency !== null);
  const [ledger, ledgers] = await Promise.all([
    store.ledger({ sku: null, after: 0, limit: ALL }),
    Promise.all(SKUS.map((sku) => store.ledger({ sku, after: 0, limit: ALL }))),
  ]);
  return { ledger, ledgers, answers: await store.submitAll(keyed) };
}

/** When every reservation of a history has lapsed. */
export const LONG_AFTER = START + 30 * 86_400_000;

/** The books when all that can lapse has been recorded as lapsed, one small sweep after the other. */
export async function lapsed(store: ReservationStore): Promise<Books> {
  for (;;) {
    const answer = await store.submit(sweep(20));
    if (!answer.ok || !answer.more) return readBooks(store);
  }
}

export interface Truth {
  readonly books: Books;
  readonly records: Records;
  /** The books at `LONG_AFTER`. */
  readonly lapsed: Books;
}

/** What a store must say at `now` after these batches. */
export async function truthOf(batches: readonly Batch[], now: number): Promise<Truth> {
  const clock = startClock();
  const store = new MemoryStore(clock, RULES);
  for (const { at, submissions } of batches) {
    clock.set(at);
    await store.submitAll(submissions);
  }
  clock.set(now);
  const books = await readBooks(store);
  const records = await readRecords(store, batches);
  clock.set(LONG_AFTER);
  return { books, records, lapsed: await lapsed(store) };
}
