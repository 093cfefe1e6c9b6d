/**
 * Proves the books against the ledger. Feed it every ledger entry in order of `seq`, every level and every
 * reservation of one moment; `finish` names each kind of damage it found. Works for any store.
 */
import type { EntryKind, LedgerEntry } from './ledger.ts';
import { shapeFault } from './ledger-shape.ts';
import type { Reservation, ReservationLine } from './reservation.ts';
import type { StockLevel } from './stock-level.ts';

export const PROBLEM_KINDS = [
  'ledger_gap',
  'ledger_order',
  'entry_malformed',
  'entry_doubled',
  'entry_stray',
  'level_missing',
  'level_differs',
  'level_negative',
  'reserved_differs',
  'allocated_differs',
  'oversold',
  'reservation_stray',
  'reservation_lost',
  'reservation_differs',
  'reservation_malformed',
  'record_damaged',
  'index_differs',
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

export interface Problem {
  readonly kind: ProblemKind;
  readonly message: string;
  readonly sku: string | null;
  readonly reservationId: string | null;
  readonly seq: number | null;
}

export interface AuditReport {
  readonly ok: boolean;
  readonly skus: number;
  readonly reservations: number;
  readonly entries: number;
  /** All that was found, counted; `problems` holds the first `MAX_PROBLEMS`. */
  readonly problemCount: number;
  readonly problems: readonly Problem[];
}

export const MAX_PROBLEMS = 1_000;

interface Sums {
  onHand: number;
  reserved: number;
  allocated: number;
  safetyStock: number;
  /** A recorded shortfall explains promises beyond the stock. */
  shortfallSeen: boolean;
}

/** What the ledger says of one line of one reservation. */
interface LineStory {
  readonly sku: string;
  reserved: number;
  allocated: number;
  confirmed: number;
  cancelled: number;
  kinds: number;
  lastAt: number;
  next: LineStory | null;
}

/** Kinds that happen to a line at most once, as bits. */
const ONCE: Partial<Record<EntryKind, number>> = {
  reserve: 1,
  confirm: 2,
  acknowledge: 4,
  release: 8,
  expire: 16,
};

type Where = Partial<Pick<Problem, 'sku' | 'reservationId' | 'seq'>>;

export class Audit {
  readonly #purgedBefore: number;
  readonly #sums = new Map<string, Sums>();
  readonly #stories = new Map<string, LineStory>();
  readonly #active = new Map<string, number>();
  readonly #pending = new Map<string, number>();
  readonly #problems: Problem[] = [];
  #problemCount = 0;
  #entries = 0;
  #levels = 0;
  #reservations = 0;
  #lastSeq = 0;
  #lastAt = -Infinity;

  /** `purgedBefore`: reservations that ended before this moment may have been purged (epoch ms; 0: none were). */
  constructor(purgedBefore: number) {
    this.#purgedBefore = purgedBefore;
  }

  report(kind: ProblemKind, message: string, where: Where = {}): void {
    this.#problemCount += 1;
    if (this.#problems.length >= MAX_PROBLEMS) return;
    const { sku = null, reservationId = null, seq = null } = where;
    this.#problems.push({ kind, message, sku, reservationId, seq });
  }

  entry(entry: LedgerEntry): void {
    this.#entries += 1;
    this.#checkOrder(entry);
    const { sku, seq, reservationId } = entry;
    const fault = shapeFault(entry);
    if (fault !== null) this.report('entry_malformed', fault, { sku, seq, reservationId });
    const sums = this.#sumsOf(sku);
    sums.onHand += entry.onHand;
    sums.reserved += entry.reserved;
    sums.allocated += entry.allocated;
    sums.safetyStock += entry.safetyStock;
    if (entry.kind === 'shortfall') sums.shortfallSeen = true;
    if (sums.onHand < 0 || sums.reserved < 0 || sums.allocated < 0 || sums.safetyStock < 0) {
      this.report('level_negative', `the ledger takes ${sku} below 0 at entry ${seq}`, {
        sku,
        seq,
      });
    }
    if (reservationId !== null) this.#tell(reservationId, entry);
  }

  #checkOrder({ seq, at, sku }: LedgerEntry): void {
    if (seq <= this.#lastSeq) {
      this.report('ledger_order', `entry ${seq} follows entry ${this.#lastSeq}`, { sku, seq });
    } else if (seq > this.#lastSeq + 1) {
      const lost = seq - this.#lastSeq - 1;
      const message = `${lost} ledger ${lost === 1 ? 'entry is' : 'entries are'} missing before entry ${seq}`;
      this.report('ledger_gap', message, { seq });
    }
    if (at < this.#lastAt) {
      this.report('ledger_order', `entry ${seq} is dated before the one it follows`, { sku, seq });
    }
    this.#lastSeq = Math.max(this.#lastSeq, seq);
    this.#lastAt = Math.max(this.#lastAt, at);
  }

  #sumsOf(sku: string): Sums {
    let sums = this.#sums.get(sku);
    if (sums === undefined) {
      sums = { onHand: 0, reserved: 0, allocated: 0, safetyStock: 0, shortfallSeen: false };
      this.#sums.set(sku, sums);
    }
    return sums;
  }

  #tell(reservationId: string, entry: LedgerEntry): void {
    const first = this.#stories.get(reservationId) ?? null;
    let story = first;
    while (story !== null && story.sku !== entry.sku) story = story.next;
    if (story === null) {
      story = {
        sku: entry.sku,
        reserved: 0,
        allocated: 0,
        confirmed: 0,
        cancelled: 0,
        kinds: 0,
        lastAt: 0,
        next: first,
      };
      this.#stories.set(reservationId, story);
    }
    const bit = ONCE[entry.kind] ?? 0;
    if ((story.kinds & bit) !== 0) {
      const { sku, seq } = entry;
      const message = `a second ${entry.kind} of reservation ${reservationId} at entry ${seq}`;
      this.report('entry_doubled', message, { sku, seq, reservationId });
    }
    story.kinds |= bit;
    story.reserved += entry.reserved;
    story.allocated += entry.allocated;
    story.lastAt = entry.at;
    if (entry.kind === 'confirm') story.confirmed += entry.allocated;
    if (entry.kind === 'cancel') story.cancelled += Number(entry.detail?.['quantity'] ?? 0);
  }

  /** Call after every entry was given. */
  reservation(reservation: Reservation): void {
    this.#reservations += 1;
    const { id, status } = reservation;
    let story = this.#stories.get(id) ?? null;
    if (story === null) {
      const message = `reservation ${id} (${status}) has no ledger entry`;
      this.report('reservation_stray', message, { reservationId: id });
    }
    const fault = malformed(reservation);
    if (fault !== null) this.report('reservation_malformed', fault, { reservationId: id });
    for (const line of reservation.lines) this.#line(reservation, line);
    for (; story !== null; story = story.next) {
      const { sku } = story;
      if (!reservation.lines.some((line) => line.sku === sku)) {
        const message = `the ledger tells of ${sku} in reservation ${id}, which has no such line`;
        this.report('reservation_differs', message, { sku, reservationId: id });
      }
    }
    this.#stories.delete(id);
  }

  #line({ id, status }: Reservation, line: ReservationLine): void {
    const { sku } = line;
    const reserved = status === 'active' ? line.quantity : 0;
    const allocated = status === 'confirmed' ? line.confirmed - line.cancelled : 0;
    if (reserved > 0) this.#active.set(sku, (this.#active.get(sku) ?? 0) + reserved);
    if (allocated > 0) this.#pending.set(sku, (this.#pending.get(sku) ?? 0) + allocated);
    let story = this.#stories.get(id) ?? null;
    while (story !== null && story.sku !== sku) story = story.next;
    if (story === null) return;
    const expected = { reserved, allocated, confirmed: line.confirmed, cancelled: line.cancelled };
    for (const field of ['reserved', 'allocated', 'confirmed', 'cancelled'] as const) {
      if (story[field] === expected[field]) continue;
      const message = `reservation ${id} (${status}) says ${field} ${expected[field]} of ${sku}, the ledger ${story[field]}`;
      this.report('reservation_differs', message, { sku, reservationId: id });
    }
  }

  /** Call after every entry and reservation was given. */
  level(level: StockLevel): void {
    this.#levels += 1;
    const { sku } = level;
    const sums = this.#sumsOf(sku);
    for (const field of ['onHand', 'reserved', 'allocated', 'safetyStock'] as const) {
      if (level[field] !== sums[field]) {
        const message = `${sku} says ${field} ${level[field]}, the ledger's sum is ${sums[field]}`;
        this.report('level_differs', message, { sku });
      }
      if (level[field] < 0) this.report('level_negative', `${sku}: ${field} is below 0`, { sku });
    }
    this.#promises('reserved_differs', sku, level.reserved, this.#active);
    this.#promises('allocated_differs', sku, level.allocated, this.#pending);
    const short = level.reserved + level.allocated - (level.onHand - level.safetyStock);
    if (short > 0 && level.reserved + level.allocated > 0 && !sums.shortfallSeen) {
      this.report('oversold', `${sku} promises ${short} more than it has`, { sku });
    }
    this.#sums.delete(sku);
  }

  #promises(kind: ProblemKind, sku: string, stated: number, sums: Map<string, number>): void {
    const sum = sums.get(sku) ?? 0;
    sums.delete(sku);
    if (sum === stated) return;
    const what = kind === 'reserved_differs' ? 'active' : 'confirmed, unacknowledged';
    this.report(kind, `${sku} says ${stated}, its ${what} lines sum to ${sum}`, { sku });
  }

  finish(): AuditReport {
    for (const sku of this.#sums.keys()) {
      this.report('level_missing', `the ledger tells of ${sku}, which has no level`, { sku });
    }
    for (const [sku, units] of [...this.#active, ...this.#pending]) {
      this.report('level_missing', `reservations promise ${units} of ${sku}, which has no level`, {
        sku,
      });
    }
    for (const [reservationId, story] of this.#stories) this.#absent(reservationId, story);
    return {
      ok: this.#problemCount === 0,
      skus: this.#levels,
      reservations: this.#reservations,
      entries: this.#entries,
      problemCount: this.#problemCount,
      problems: this.#problems,
    };
  }

  /** A reservation that only the ledger knows: purged, if it had ended long enough ago; else lost. */
  #absent(reservationId: string, first: LineStory): void {
    let open = false;
    let lastAt = 0;
    for (let story: LineStory | null = first; story !== null; story = story.next) {
      open ||= story.reserved !== 0 || story.allocated !== 0;
      lastAt = Math.max(lastAt, story.lastAt);
    }
    const { sku } = first;
    if (open) {
      const message = `the ledger holds units for reservation ${reservationId}, which is not there`;
      this.report('entry_stray', message, { sku, reservationId });
    } else if (lastAt >= this.#purgedBefore) {
      const message = `reservation ${reservationId} is gone, too young to have been purged`;
      this.report('reservation_lost', message, { sku, reservationId });
    }
  }
}

function malformed({
  id,
  lines,
  status,
  endedAt,
  createdAt,
  expiresAt,
}: Reservation): string | null {
  if (lines.length === 0) return `reservation ${id} has no line`;
  if (new Set(lines.map(({ sku }) => sku)).size < lines.length) {
    return `reservation ${id} names a SKU twice`;
  }
  if ((status === 'active') !== (endedAt === null)) {
    return `reservation ${id} is ${status} with ${endedAt === null ? 'no' : 'an'} end`;
  }
  if (expiresAt < createdAt) return `reservation ${id} expires before it was made`;
  for (const { sku, quantity, confirmed, cancelled } of lines) {
    if (
      quantity < 1 ||
      confirmed < 0 ||
      confirmed > quantity ||
      cancelled < 0 ||
      cancelled > confirmed
    ) {
      return `reservation ${id} has impossible figures for ${sku}`;
    }
  }
  return null;
}
