/**
 * Proves the books against the ledger. Feed it every ledger entry in order of `seq`, every level and every
 * reservation of one moment; `finish` names each kind of damage it found. Of a ledger that was trimmed feed it what
 * stands in place of its beginning first. Works for any store.
 */
import { OutboxAudit } from './audit-outbox.ts';
import { contradiction, malformed, type LineStory, type StoryLine } from './audit-story.ts';
import type { LedgerEntry } from './ledger.ts';
import {
  addToOpening,
  addToStory,
  newOpening,
  newStoryLine,
  type LedgerCut,
  type Opening,
} from './ledger-cut.ts';
import { shapeFault } from './ledger-shape.ts';
import type { OutboxLevel, OutboxMessage } from './outbox/message.ts';
import type { Reservation, ReservationLine } from './reservation.ts';
import { POLICY_COLUMNS, shortfall, type Policy, type StockLevel } from './stock-level.ts';

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
  'message_missing',
  'message_stray',
  'message_differs',
  'outbox_differs',
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

type Where = Partial<Pick<Problem, 'sku' | 'reservationId' | 'seq'>>;

export class Audit {
  readonly #purgedBefore: number;
  readonly #sums = new Map<string, Opening>();
  readonly #stories = new Map<string, LineStory>();
  readonly #active = new Map<string, number>();
  readonly #pending = new Map<string, number>();
  readonly #problems: Problem[] = [];
  #outbox: OutboxAudit | null = null;
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

  /** Call first where the store has an outbox: without its messages, what is confirmed looks forgotten. */
  withOutbox(): this {
    this.#outbox = new OutboxAudit((kind, message, where) => {
      this.report(kind, message, where);
    });
    return this;
  }

  /** Call in order of id, before any reservation is given. */
  message(message: OutboxMessage): void {
    this.#outbox?.message(message);
  }

  /** Of a message that is kept with other books, what counts in the figures of these. */
  share(message: Pick<OutboxMessage, 'kind' | 'state' | 'lines'>): void {
    this.#outbox?.share(message);
  }

  /** Call after every message was given. */
  outboxLevel(level: OutboxLevel): void {
    this.#outbox?.level(level);
  }

  /** Of a trimmed ledger: what the SKU's entries up to the cut summed to. */
  opening(opening: Opening): void {
    this.#sums.set(opening.sku, { ...opening });
  }

  /** What entries up to the cut told of a reservation. Call before any entry is given, as `opening`. */
  story(reservationId: string, lines: readonly StoryLine[]): void {
    let first: LineStory | null = null;
    for (const line of lines) first = { ...line, next: first };
    if (first !== null) this.#stories.set(reservationId, first);
  }

  /** Call after every opening and story was given, and before any entry. */
  cut({ seq, at }: LedgerCut): void {
    let entries = 0;
    for (const opening of this.#sums.values()) {
      entries += opening.entries;
      if (opening.lastSeq <= seq) continue;
      const message = `the opening of ${opening.sku} reaches to entry ${opening.lastSeq}, the ledger is cut at ${seq}`;
      this.report('ledger_order', message, { sku: opening.sku, seq });
    }
    if (entries !== seq) {
      const message = `the openings hold ${entries} entries, the ledger is cut at ${seq}`;
      this.report('ledger_gap', message, { seq });
    }
    this.#checkStories();
    this.#lastSeq = seq;
    this.#lastAt = seq === 0 ? -Infinity : at;
  }

  /** Units that an opening counts as promised are promised to somebody. */
  #checkStories(): void {
    const promised = new Map<string, { reserved: number; allocated: number }>();
    for (const first of this.#stories.values()) {
      for (let story: LineStory | null = first; story !== null; story = story.next) {
        const sums = promised.get(story.sku) ?? { reserved: 0, allocated: 0 };
        sums.reserved += story.reserved;
        sums.allocated += story.allocated;
        promised.set(story.sku, sums);
      }
    }
    for (const { sku, reserved, allocated } of this.#sums.values()) {
      const sums = promised.get(sku) ?? { reserved: 0, allocated: 0 };
      promised.delete(sku);
      if (sums.reserved === reserved && sums.allocated === allocated) continue;
      const message = `the opening of ${sku} says ${reserved} reserved and ${allocated} allocated, its reservations ${sums.reserved} and ${sums.allocated}`;
      this.report('level_differs', message, { sku });
    }
    for (const sku of promised.keys()) {
      this.report('level_missing', `reservations had ${sku} at the cut, which has no opening`, {
        sku,
      });
    }
  }

  entry(entry: LedgerEntry): void {
    this.#entries += 1;
    this.#checkOrder(entry);
    const { sku, seq, reservationId } = entry;
    const fault = shapeFault(entry);
    if (fault !== null) this.report('entry_malformed', fault, { sku, seq, reservationId });
    const sums = this.#sumsOf(sku);
    addToOpening(sums, entry);
    if (claims(entry) && sums.reserved + sums.allocated > sums.onHand - sums.safetyStock) {
      const message = `entry ${seq} promises more of ${sku} than there was`;
      this.report('oversold', message, { sku, seq, reservationId });
    }
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

  #sumsOf(sku: string): Opening {
    let sums = this.#sums.get(sku);
    if (sums === undefined) {
      sums = newOpening(sku);
      this.#sums.set(sku, sums);
    }
    return sums;
  }

  #tell(reservationId: string, entry: LedgerEntry): void {
    const first = this.#stories.get(reservationId) ?? null;
    let story = first;
    while (story !== null && story.sku !== entry.sku) story = story.next;
    if (story === null) {
      story = { ...newStoryLine(entry.sku), next: first };
      this.#stories.set(reservationId, story);
    }
    if (addToStory(story, entry)) {
      const { sku, seq } = entry;
      const message = `a second ${entry.kind} of reservation ${reservationId} at entry ${seq}`;
      this.report('entry_doubled', message, { sku, seq, reservationId });
    }
  }

  /** Call after every entry was given. */
  reservation(reservation: Reservation): void {
    this.#outbox?.reservation(reservation);
    this.part(reservation);
  }

  /** What these books keep of a reservation whose messages are proven elsewhere. */
  part(reservation: Reservation): void {
    this.#reservations += 1;
    const { id, status } = reservation;
    const first = this.#stories.get(id) ?? null;
    if (first === null) {
      const message = `reservation ${id} (${status}) has no ledger entry`;
      this.report('reservation_stray', message, { reservationId: id });
    } else {
      const fault = contradiction(reservation, first);
      if (fault !== null) this.report('reservation_differs', fault, { reservationId: id });
    }
    const fault = malformed(reservation);
    if (fault !== null) this.report('reservation_malformed', fault, { reservationId: id });
    for (const line of reservation.lines) this.#line(reservation, line, first);
    for (let story = first; story !== null; story = story.next) {
      const { sku } = story;
      if (!reservation.lines.some((line) => line.sku === sku)) {
        const message = `the ledger tells of ${sku} in reservation ${id}, which has no such line`;
        this.report('reservation_differs', message, { sku, reservationId: id });
      }
    }
    this.#stories.delete(id);
  }

  #line({ id, status }: Reservation, line: ReservationLine, first: LineStory | null): void {
    const { sku } = line;
    const reserved = status === 'active' ? line.quantity : 0;
    const allocated = status === 'confirmed' ? line.confirmed - line.cancelled : 0;
    if (reserved > 0) this.#active.set(sku, (this.#active.get(sku) ?? 0) + reserved);
    if (allocated > 0) this.#pending.set(sku, (this.#pending.get(sku) ?? 0) + allocated);
    if (first === null) return;
    let story: LineStory | null = first;
    while (story !== null && story.sku !== sku) story = story.next;
    if (story === null) {
      const message = `reservation ${id} names ${sku}, of which the ledger tells nothing`;
      this.report('reservation_differs', message, { sku, reservationId: id });
      return;
    }
    const { quantity, confirmed, cancelled } = line;
    const expected = { quantity, reserved, allocated, confirmed, cancelled };
    for (const field of ['quantity', 'reserved', 'allocated', 'confirmed', 'cancelled'] as const) {
      if (story[field] === expected[field]) continue;
      const message = `reservation ${id} (${status}) says ${field} ${expected[field]} of ${sku}, the ledger ${story[field]}`;
      this.report('reservation_differs', message, { sku, reservationId: id });
    }
  }

  /** Call after every entry and reservation was given. */
  level(level: StockLevel): void {
    this.#levels += 1;
    const { sku } = level;
    if (!this.#sums.has(sku)) {
      this.report('level_differs', `${sku} has a level and no ledger entry`, { sku });
    }
    const sums = this.#sumsOf(sku);
    for (const field of ['onHand', 'reserved', 'allocated', 'safetyStock'] as const) {
      if (level[field] !== sums[field]) {
        const message = `${sku} says ${field} ${level[field]}, the ledger's sum is ${sums[field]}`;
        this.report('level_differs', message, { sku });
      }
      if (level[field] < 0) this.report('level_negative', `${sku}: ${field} is below 0`, { sku });
    }
    for (const field of Object.keys(POLICY_COLUMNS) as (keyof Policy)[]) {
      if (level.policy[field] === sums.policy[field]) continue;
      const message = `${sku} says ${field} ${level.policy[field]}, the ledger ${sums.policy[field]}`;
      this.report('level_differs', message, { sku });
    }
    this.#promises('reserved_differs', sku, level.reserved, this.#active);
    this.#promises('allocated_differs', sku, level.allocated, this.#pending);
    const short = shortfall(level);
    if (short > 0 && !sums.shortfallSeen) {
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
    this.#outbox?.finish();
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

/** Does the entry promise units that were free until then? */
function claims({ kind, reserved }: LedgerEntry): boolean {
  return kind === 'reserve' || (kind === 'confirm' && reserved === 0);
}
