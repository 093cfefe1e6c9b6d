/**
 * The books as `core/book.ts` describes them, word for word: lists that are searched from end to end, nothing counted
 * in advance, no index that could be wrong. Much too slow for a sale, and so simple that it can be believed.
 */
import type { Book, RememberedAnswer } from '../../src/core/book.ts';
import { applyEntry, type EntryDraft, type LedgerEntry } from '../../src/core/ledger.ts';
import type { StoryLine } from '../../src/core/audit-story.ts';
import type { TrimBook } from '../../src/core/trim-book.ts';
import {
  addToOpening,
  addToStory,
  isClosed,
  newOpening,
  newStoryLine,
  UNCUT,
  type Opening,
} from '../../src/core/ledger-cut.ts';
import type { Reservation } from '../../src/core/reservation.ts';
import { NaiveOutbox } from './naive-outbox.ts';
import { emptyLevel, type StockLevel } from '../../src/core/stock-level.ts';

/** Nothing is thrown away; what was cut off is summed up anew each time. */
class NaiveTrimming implements TrimBook {
  readonly #book: NaiveBook;
  cut = UNCUT;

  constructor(book: NaiveBook) {
    this.#book = book;
  }

  get headSeq(): number {
    return this.#book.entries.length;
  }

  entriesAfter(seq: number, limit: number): LedgerEntry[] {
    return this.#book.entries.filter((entry) => entry.seq > seq).slice(0, limit);
  }

  #gone(): LedgerEntry[] {
    return this.#book.entries.filter(({ seq }) => seq <= this.cut.seq);
  }

  opening(sku: string): Opening | undefined {
    const own = this.#gone().filter((entry) => entry.sku === sku);
    const opening = newOpening(sku);
    for (const entry of own) addToOpening(opening, entry);
    return own.length === 0 ? undefined : opening;
  }

  story(reservationId: string): readonly StoryLine[] | undefined {
    const own = this.#gone().filter((entry) => entry.reservationId === reservationId);
    const lines = [...new Set(own.map(({ sku }) => sku))].map((sku) => {
      const line = newStoryLine(sku);
      for (const entry of own) if (entry.sku === sku) addToStory(line, entry);
      return line;
    });
    if (own.length === 0) return undefined;
    const over = isClosed(lines) && this.#book.reservation(reservationId) === undefined;
    return over ? undefined : lines;
  }

  noteExport(exportedThrough: number): void {
    this.cut = { ...this.cut, exportedThrough };
  }

  putOpening(): void {
    // Summed up when it is asked for.
  }

  putStory(): void {
    // As openings.
  }

  cutOff(seq: number, at: number): void {
    this.cut = { ...this.cut, seq, at };
  }
}

export class NaiveBook implements Book {
  readonly trimming = new NaiveTrimming(this);
  readonly outbox = new NaiveOutbox();
  levels: StockLevel[] = [];
  reservations: Reservation[] = [];
  entries: LedgerEntry[] = [];
  answers: (RememberedAnswer & { readonly key: string; readonly at: number })[] = [];

  level(sku: string): StockLevel | undefined {
    return this.levels.find((level) => level.sku === sku);
  }

  reservation(id: string): Reservation | undefined {
    return this.reservations.find((reservation) => reservation.id === id);
  }

  #active(sku: string): Reservation[] {
    return this.reservations.filter(
      ({ status, lines }) => status === 'active' && lines.some((line) => line.sku === sku),
    );
  }

  #unitsOf(sku: string, { lines }: Reservation): number {
    return lines.find((line) => line.sku === sku)?.quantity ?? 0;
  }

  customerHeld(sku: string, customerId: string, now: number): number {
    let held = 0;
    for (const reservation of this.reservations) {
      if (reservation.customerId !== customerId) continue;
      const active = reservation.status === 'active';
      if (active && now < reservation.expiresAt) held += this.#unitsOf(sku, reservation);
      if (active) continue;
      for (const line of reservation.lines) {
        if (line.sku === sku) held += line.confirmed - line.cancelled;
      }
    }
    return held;
  }

  nextExpiry(sku: string, now: number): number | null {
    const deadlines = this.#active(sku)
      .map(({ expiresAt }) => expiresAt)
      .filter((deadline) => deadline > now);
    return deadlines.length === 0 ? null : Math.min(...deadlines);
  }

  lapsedUnits(sku: string, now: number): number {
    return this.#active(sku)
      .filter(({ expiresAt }) => expiresAt <= now)
      .reduce((units, reservation) => units + this.#unitsOf(sku, reservation), 0);
  }

  oldestDue(sku: string, now: number): Reservation | undefined {
    return this.due(now, Infinity).find(({ lines }) => lines.some((line) => line.sku === sku));
  }

  due(now: number, limit: number): Reservation[] {
    return this.reservations
      .filter(({ status, expiresAt }) => status === 'active' && expiresAt <= now)
      .sort((a, b) => a.expiresAt - b.expiresAt || (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  newestUnlatched(sku: string): Reservation | undefined {
    return this.#active(sku)
      .filter(({ orderId }) => orderId === null)
      .sort((a, b) => b.createdAt - a.createdAt || (b.id < a.id ? -1 : 1))[0];
  }

  endedBefore(time: number, limit: number): string[] {
    return this.reservations
      .flatMap(({ id, status, endedAt }) =>
        status !== 'confirmed' && endedAt !== null && endedAt < time ? [{ id, endedAt }] : [],
      )
      .sort((a, b) => a.endedAt - b.endedAt || (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map(({ id }) => id);
  }

  remembered(key: string): RememberedAnswer | undefined {
    return this.answers.find((record) => record.key === key);
  }

  append(change: EntryDraft, at: number): void {
    this.entries.push({ ...change, seq: this.entries.length + 1, at });
    this.putLevel(applyEntry(this.level(change.sku) ?? emptyLevel(change.sku), change));
  }

  putReservation(reservation: Reservation): void {
    this.forgetReservation(reservation.id);
    this.reservations.push(reservation);
  }

  putLevel(level: StockLevel): void {
    this.levels = [...this.levels.filter(({ sku }) => sku !== level.sku), level];
  }

  remember(key: string, record: RememberedAnswer, at: number): void {
    this.answers.push({ ...record, key, at });
  }

  forgetReservation(id: string): void {
    this.reservations = this.reservations.filter((reservation) => reservation.id !== id);
  }

  forgetAnswers(time: number, limit: number): number {
    const old = this.answers.filter(({ at }) => at < time).slice(0, limit);
    this.answers = this.answers.filter((record) => !old.includes(record));
    return old.length;
  }
}
