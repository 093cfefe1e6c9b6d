/**
 * The verdict: was a unit sold that was not there, or refused while it was? Pure, and judged from outside: what the
 * service answered, when, and what its books say. It accuses only of what no order of events can excuse.
 *
 * `offered` is what the service said was available before the first buyer came. Nobody else should be buying: units
 * that others held before are allowed to come back, but what others buy meanwhile shows as a difference in the books.
 *
 * Oversold units of a SKU: the most units that were claimed for certain at one moment, less what was offered. A unit
 * is claimed for certain from the answer that granted it until its release was sent, or its deadline came; once
 * confirmed, for good. Or, if more: what the service's own books promise beyond what they hold.
 *
 * Undersold units of a SKU: a refusal is wrong if at every moment from its asking to its answer enough units of every
 * line were free for certain, that is neither claimed nor possibly claimed. The undersold units are the most that
 * were free throughout a wrong refusal, but no more than were wrongly refused. So a unit that nobody ever got, while
 * somebody was told that there was none, is undersold; one that came back after the last refusal is not.
 *
 * An unanswered reserve or confirm may or may not have happened. It widens the figure to `least` … `most`: `least` is
 * proven, and what lies between them makes the verdict `inconclusive`.
 */
import type { Hold, Refusal, RoundEvidence, SkuEvidence } from './rush-evidence.ts';
import type { Level } from './rush-stock.ts';
import { Timeline } from './rush-timeline.ts';

export interface Bounds {
  readonly least: number;
  readonly most: number;
}

export interface BookDifference {
  readonly figure: 'sold' | 'reserved' | 'available';
  /** What the answers imply; one number if they leave nothing open. */
  readonly implied: Bounds;
  readonly found: number;
}

export interface SkuFinding {
  readonly sku: string;
  readonly offered: number;
  /** Units, as the answers have it. */
  readonly granted: number;
  readonly confirmed: number;
  /** Granted, and neither confirmed nor given back, when the levels were read. */
  readonly held: Bounds;
  readonly maybeGranted: number;
  readonly oversold: Bounds;
  readonly undersold: Bounds;
  /** Buyers, not units. */
  readonly wrongRefusals: number;
  readonly differences: readonly BookDifference[];
  readonly before: Level;
  readonly after: Level | null;
}

export interface RoundFindings {
  readonly skus: readonly SkuFinding[];
  readonly brokenPromises: number;
}

export function judgeRound(evidence: RoundEvidence): RoundFindings {
  const undersold = findUndersold(evidence);
  return {
    brokenPromises: evidence.brokenPromises,
    skus: evidence.skus.map((sku, index) => {
      const wrong = undersold[index] ?? { units: { least: 0, most: 0 }, refusals: 0 };
      return {
        ...countUnits(sku),
        oversold: findOversold(sku),
        undersold: wrong.units,
        wrongRefusals: wrong.refusals,
        differences: compareBooks(sku),
        before: sku.before.level,
        after: sku.after?.level ?? null,
      };
    }),
  };
}

function findOversold(sku: SkuEvidence): Bounds {
  // What others held before we came may lapse meanwhile, and then rightly be sold to us.
  const offered = sku.before.level.available + (sku.before.level.reserved ?? 0);
  const never = Number.POSITIVE_INFINITY;
  const certain = sku.holds.map(({ quantity, certainFrom, certainUntil }) => ({
    quantity,
    from: certainFrom,
    until: certainUntil,
  }));
  const doubtful = sku.holds.some(isDoubtful);
  const supposed = sku.holds.map(({ kind, quantity, certainFrom, certainUntil }) => ({
    quantity,
    from: certainFrom,
    until: kind === 'maybe_granted' || kind === 'maybe_confirmed' ? never : certainUntil,
  }));
  const beyond = (claims: typeof certain): number =>
    Math.max(0, new Timeline(claims, 'endsFirst').peak() - offered);
  const least = Math.max(beyond(certain), oversoldByBooks(sku));
  return { least, most: doubtful ? Math.max(least, beyond(supposed)) : least };
}

/** More promised than is there, unless somebody took stock away meanwhile. */
function oversoldByBooks({ before, after, holds }: SkuEvidence): number {
  if (after === null) return 0;
  const short = Math.max(0, shortfall(after.level)) - Math.max(0, shortfall(before.level));
  const gone = (before.level.onHand ?? 0) - (after.level.onHand ?? 0);
  const takenAway = gone > soldUnits(holds).most;
  return takenAway ? 0 : Math.max(0, short);
}

function shortfall({ onHand, reserved, allocated, safetyStock }: Level): number {
  if (onHand === null || reserved === null) return 0;
  return reserved + (allocated ?? 0) + (safetyStock ?? 0) - onHand;
}

function isDoubtful({ kind }: Hold): boolean {
  return kind === 'maybe_granted' || kind === 'maybe_confirmed';
}

interface Undersold {
  readonly units: Bounds;
  readonly refusals: number;
}

function findUndersold({ skus, refusals }: RoundEvidence): Undersold[] {
  const strict = new RefusalJudge(skus, (hold) => hold);
  // As if nothing had come of what was never answered: then more units were free.
  const doubtful = skus.some(({ holds }) => holds.some(isDoubtful));
  const suspicious = doubtful ? new RefusalJudge(skus, asIfNotDone) : null;
  for (const refusal of refusals) {
    strict.judge(refusal);
    suspicious?.judge(refusal);
  }
  return skus.map((_, index) => {
    const least = strict.undersold(index);
    const most = Math.max(least, suspicious?.undersold(index) ?? 0);
    return { units: { least, most }, refusals: strict.wrongRefusals(index) };
  });
}

function asIfNotDone(hold: Hold): Hold | null {
  if (hold.kind === 'maybe_granted') return null;
  return hold.kind === 'maybe_confirmed' ? { ...hold, possibleUntil: hold.lapsedBy } : hold;
}

/** Judges refusals against what was possibly claimed at the time. */
class RefusalJudge {
  private readonly offered: readonly number[];
  private readonly claimed: readonly Timeline[];
  private readonly free: Float64Array;
  private readonly refusedUnits: Float64Array;
  private readonly refusals: Float64Array;

  constructor(skus: readonly SkuEvidence[], view: (hold: Hold) => Hold | null) {
    this.offered = skus.map(({ before }) => before.level.available);
    this.claimed = skus.map(({ holds }) => {
      const claims = holds.flatMap((hold) => {
        const seen = view(hold);
        if (seen === null) return [];
        return { quantity: seen.quantity, from: seen.possibleFrom, until: seen.possibleUntil };
      });
      return new Timeline(claims, 'startsFirst');
    });
    this.free = new Float64Array(skus.length);
    this.refusedUnits = new Float64Array(skus.length);
    this.refusals = new Float64Array(skus.length);
  }

  judge({ skus, quantity, from, until }: Refusal): void {
    let scarcest = -1;
    let leastFree = Number.POSITIVE_INFINITY;
    for (let line = 0; line < skus.length; line++) {
      const index = skus[line] ?? 0;
      const free = (this.offered[index] ?? 0) - (this.claimed[index]?.most(from, until) ?? 0);
      if (free < quantity) return; // this line may have been short, and one is enough
      if (free < leastFree) {
        leastFree = free;
        scarcest = index;
      }
    }
    if (scarcest < 0) return;
    // A cart refused although all its lines were there is held against its scarcest line.
    this.free[scarcest] = Math.max(this.free[scarcest] ?? 0, leastFree);
    this.refusedUnits[scarcest] = (this.refusedUnits[scarcest] ?? 0) + quantity;
    this.refusals[scarcest] = (this.refusals[scarcest] ?? 0) + 1;
  }

  undersold(index: number): number {
    return Math.min(this.free[index] ?? 0, this.refusedUnits[index] ?? 0);
  }

  wrongRefusals(index: number): number {
    return this.refusals[index] ?? 0;
  }
}

type UnitCounts = Pick<
  SkuFinding,
  'sku' | 'offered' | 'granted' | 'confirmed' | 'held' | 'maybeGranted'
>;

function countUnits(evidence: SkuEvidence): UnitCounts {
  const { sku, holds, before } = evidence;
  return {
    sku,
    offered: before.level.available,
    granted: unitsOf(holds, ({ kind }) => kind !== 'maybe_granted' && kind !== 'passing'),
    confirmed: soldUnits(holds).least,
    held: heldUnits(evidence),
    maybeGranted: unitsOf(holds, ({ kind }) => kind === 'maybe_granted'),
  };
}

function unitsOf(holds: readonly Hold[], counts: (hold: Hold) => boolean): number {
  return holds.reduce((sum, hold) => (counts(hold) ? sum + hold.quantity : sum), 0);
}

function soldUnits(holds: readonly Hold[]): Bounds {
  const least = unitsOf(holds, ({ kind }) => kind === 'confirmed');
  return { least, most: least + unitsOf(holds, ({ kind }) => kind === 'maybe_confirmed') };
}

/** What `reserved` must hold at the last reading; without a reading, what it would at the end of time. */
function heldUnits({ holds, after }: SkuEvidence): Bounds {
  const from = after?.askedAt ?? Number.MAX_VALUE;
  const until = after?.answeredAt ?? Number.MAX_VALUE;
  return {
    least: unitsOf(holds, ({ kind, certainUntil }) => kind === 'held' && certainUntil > until),
    most: unitsOf(holds, ({ kind, lapsedBy, possibleUntil }) => {
      if (kind === 'held') return possibleUntil >= from;
      return kind === 'maybe_granted' || (kind === 'maybe_confirmed' && lapsedBy >= from);
    }),
  };
}

/** The service's books against its answers. */
export function compareBooks(evidence: SkuEvidence): BookDifference[] {
  const { before, after, holds } = evidence;
  if (after === null) return [];
  const differences: BookDifference[] = [];
  const check = (figure: BookDifference['figure'], implied: Bounds, found: number): void => {
    if (found < implied.least || found > implied.most) differences.push({ figure, implied, found });
  };
  const held = heldUnits(evidence);
  const sold = soldUnits(holds);
  const soldBefore = unsold(before.level);
  const soldAfter = unsold(after.level);
  if (soldBefore !== null && soldAfter !== null) check('sold', sold, soldBefore - soldAfter);
  if (before.level.reserved !== null && after.level.reserved !== null) {
    const ofOthers = before.level.reserved;
    check('reserved', { ...held, least: held.least - ofOthers }, after.level.reserved - ofOthers);
  }
  check('available', impliedAvailable(evidence, held, sold), after.level.available);
  return differences;
}

/** Confirmed units leave `on_hand` at once or wait in `allocated`; either way this figure falls by them. */
function unsold({ onHand, allocated }: Level): number | null {
  return onHand === null ? null : onHand - (allocated ?? 0);
}

/** By its own equation if the service shows all figures, else by what was taken from the offer. */
function impliedAvailable({ before, after }: SkuEvidence, held: Bounds, sold: Bounds): Bounds {
  const level = after?.level;
  if (level !== undefined && level.onHand !== null && level.reserved !== null) {
    const available = Math.max(0, -shortfall(level));
    return { least: available, most: available };
  }
  const { available } = before.level;
  return {
    least: Math.max(0, available - held.most - sold.most),
    most: Math.max(0, available - held.least - sold.least),
  };
}
