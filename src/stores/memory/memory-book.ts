/** The books in maps: the reference that every other store must equal. */
import type { Book, RememberedAnswer } from '../../core/book.ts';
import { applyEntry, type EntryDraft, type LedgerEntry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import { emptyLevel, type StockLevel } from '../../core/stock-level.ts';
import { DeadlineQueue, type Deadline } from './deadline-queue.ts';
import { MemoryOutbox } from './memory-outbox.ts';
import { MemoryTrimming } from './memory-trimming.ts';

export class MemoryBook implements Book {
  readonly levels = new Map<string, StockLevel>();
  readonly reservations = new Map<string, Reservation>();
  /** Those after the cut. */
  readonly entries: LedgerEntry[] = [];
  readonly trimming = new MemoryTrimming(this.entries);
  readonly outbox = new MemoryOutbox();
  activeCount = 0;
  readonly #answers = new Map<string, RememberedAnswer & { at: number }>();
  readonly #deadlines = new DeadlineQueue((deadline) => this.#counts(deadline));
  readonly #deadlinesBySku = new Map<string, DeadlineQueue>();
  readonly #byCustomer = new Map<string, Set<string>>();

  #counts({ at, id }: Deadline): boolean {
    const reservation = this.reservations.get(id);
    return reservation?.status === 'active' && reservation.expiresAt === at;
  }

  level(sku: string): StockLevel | undefined {
    return this.levels.get(sku);
  }

  reservation(id: string): Reservation | undefined {
    return this.reservations.get(id);
  }

  customerHeld(sku: string, customerId: string, now: number): number {
    let held = 0;
    for (const id of this.#byCustomer.get(customerId) ?? []) {
      const reservation = this.reservations.get(id);
      const line = reservation?.lines.find((candidate) => candidate.sku === sku);
      if (reservation === undefined || line === undefined) continue;
      if (reservation.status === 'active') held += now < reservation.expiresAt ? line.quantity : 0;
      else held += line.confirmed - line.cancelled;
    }
    return held;
  }

  nextExpiry(sku: string, now: number): number | null {
    const queue = this.#deadlinesBySku.get(sku);
    const first = queue?.peek();
    if (queue === undefined || first === undefined) return null;
    if (first.at > now) return first.at;
    let next = Infinity;
    for (const { at } of queue) if (at > now && at < next) next = at;
    return next === Infinity ? null : next;
  }

  lapsedUnits(sku: string, now: number): number {
    const queue = this.#deadlinesBySku.get(sku);
    const first = queue?.peek();
    if (queue === undefined || first === undefined || first.at > now) return 0;
    let units = 0;
    for (const { at, id } of queue) {
      if (at > now) continue;
      const lines = this.reservations.get(id)?.lines ?? [];
      units += lines.find((line) => line.sku === sku)?.quantity ?? 0;
    }
    return units;
  }

  oldestDue(sku: string, now: number): Reservation | undefined {
    return this.#due(this.#deadlinesBySku.get(sku), now);
  }

  #due(queue: DeadlineQueue | undefined, now: number): Reservation | undefined {
    const first = queue?.peek();
    return first !== undefined && first.at <= now ? this.reservations.get(first.id) : undefined;
  }

  due(now: number, limit: number): Reservation[] {
    return this.#deadlines
      .upTo(now, limit)
      .map(({ id }) => this.reservations.get(id) as Reservation);
  }

  newestUnlatched(sku: string): Reservation | undefined {
    let newest: Reservation | undefined;
    for (const { id } of this.#deadlinesBySku.get(sku) ?? []) {
      const candidate = this.reservations.get(id) as Reservation;
      if (candidate.orderId !== null) continue;
      if (newest === undefined || isNewer(candidate, newest)) newest = candidate;
    }
    return newest;
  }

  endedBefore(time: number, limit: number): string[] {
    const ended: Reservation[] = [];
    for (const reservation of this.reservations.values()) {
      const { status, endedAt } = reservation;
      if (status !== 'confirmed' && endedAt !== null && endedAt < time) ended.push(reservation);
    }
    return ended
      .sort((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0) || (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map(({ id }) => id);
  }

  remembered(key: string): RememberedAnswer | undefined {
    return this.#answers.get(key);
  }

  append(change: EntryDraft, at: number): void {
    this.entries.push({ ...change, seq: this.trimming.headSeq + 1, at });
    this.levels.set(
      change.sku,
      applyEntry(this.level(change.sku) ?? emptyLevel(change.sku), change),
    );
  }

  putReservation(reservation: Reservation): void {
    const { id, customerId, expiresAt } = reservation;
    const before = this.reservations.get(id);
    this.reservations.set(id, reservation);
    const active = reservation.status === 'active';
    this.activeCount += Number(active) - Number(before?.status === 'active');
    if (active && before?.expiresAt !== expiresAt) {
      this.#deadlines.push({ at: expiresAt, id });
      for (const { sku } of reservation.lines) this.#queueOf(sku).push({ at: expiresAt, id });
    }
    if (before === undefined && customerId !== null) {
      const ids = this.#byCustomer.get(customerId) ?? new Set();
      this.#byCustomer.set(customerId, ids.add(id));
    }
  }

  #queueOf(sku: string): DeadlineQueue {
    let queue = this.#deadlinesBySku.get(sku);
    if (queue === undefined) {
      queue = new DeadlineQueue((deadline) => this.#counts(deadline));
      this.#deadlinesBySku.set(sku, queue);
    }
    return queue;
  }

  putLevel(level: StockLevel): void {
    this.levels.set(level.sku, level);
  }

  remember(key: string, record: RememberedAnswer, at: number): void {
    this.#answers.set(key, { ...record, at });
  }

  forgetReservation(id: string): void {
    const { customerId } = this.reservations.get(id) ?? { customerId: null };
    this.reservations.delete(id);
    if (customerId === null) return;
    const ids = this.#byCustomer.get(customerId);
    ids?.delete(id);
    if (ids?.size === 0) this.#byCustomer.delete(customerId);
  }

  forgetAnswers(time: number, limit: number): number {
    let forgotten = 0;
    // Insertion order is age: the first that is young enough ends the search.
    for (const [key, { at }] of this.#answers) {
      if (at >= time || forgotten === limit) break;
      this.#answers.delete(key);
      forgotten += 1;
    }
    return forgotten;
  }
}

function isNewer(a: Reservation, b: Reservation): boolean {
  return a.createdAt > b.createdAt || (a.createdAt === b.createdAt && a.id > b.id);
}
