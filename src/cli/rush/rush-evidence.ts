/**
 * From the record of a round to what can be sworn to: for every unit that was granted, when at the latest it was
 * claimed, and when at the earliest it was free again, and the other way round. Pure.
 */
import { INTENT, type RushBuyers, wantedBy } from './rush-buyers.ts';
import type { ServerClock } from './rush-clock.ts';
import { FOLLOW, OUTCOME, type RushLog } from './rush-log.ts';
import type { Reading } from './rush-stock.ts';

type HoldKind =
  /** Granted, and neither paid nor known to be given up. */
  | 'held'
  | 'confirmed'
  | 'maybe_confirmed'
  /** Released, or no longer known to the service: in no book. */
  | 'ended'
  /** No answer to the reserve: it may exist, and nobody knows its id. */
  | 'maybe_granted'
  /** Refused in the end, but an earlier request may have held the units for a while. */
  | 'passing';

/** One line's claim on one SKU. All moments are of our clock. */
export interface Hold {
  readonly kind: HoldKind;
  readonly quantity: number;
  /** The units were not claimed before this, */
  readonly possibleFrom: number;
  /** and were claimed for certain between these two, */
  readonly certainFrom: number;
  readonly certainUntil: number;
  /** and were free again by this. */
  readonly possibleUntil: number;
  /** When it has lapsed for certain, unless it was confirmed. */
  readonly lapsedBy: number;
}

/** A cart refused for want of stock, decided at some moment between these two. */
export interface Refusal {
  /** Indexes into `RoundEvidence.skus`. */
  readonly skus: ArrayLike<number>;
  readonly quantity: number;
  readonly from: number;
  readonly until: number;
}

export interface SkuEvidence {
  readonly sku: string;
  readonly before: Reading;
  /** Null if the service could not be read afterwards. */
  readonly after: Reading | null;
  readonly holds: readonly Hold[];
}

export interface RoundEvidence {
  readonly skus: readonly SkuEvidence[];
  readonly refusals: Iterable<Refusal>;
  /** Reservations that the service denied before their deadline. */
  readonly brokenPromises: number;
}

export interface EvidenceParts {
  readonly skus: readonly string[];
  readonly quantity: number;
  readonly buyers: RushBuyers;
  readonly log: RushLog;
  readonly before: readonly Reading[];
  readonly after: readonly Reading[] | null;
  readonly serverClock: ServerClock;
}

export function gatherEvidence(parts: EvidenceParts): RoundEvidence {
  const { skus, buyers, log, before, after } = parts;
  const holds: Hold[][] = skus.map(() => []);
  let brokenPromises = 0;
  for (let buyer = 0; buyer < log.count; buyer++) {
    const hold = holdOf(parts, buyer);
    if (hold === null) continue;
    for (const index of wantedBy(buyers, buyer)) holds[index]?.push(hold);
    if (isBrokenPromise(parts, buyer)) brokenPromises++;
  }
  return {
    brokenPromises,
    refusals: { [Symbol.iterator]: () => refusalsOf(parts) },
    skus: skus.map((sku, index) => {
      const reading = before[index];
      if (reading === undefined) throw new Error(`no level of ${sku} before the rush`);
      return { sku, before: reading, after: after?.[index] ?? null, holds: holds[index] ?? [] };
    }),
  };
}

function holdOf(parts: EvidenceParts, buyer: number): Hold | null {
  const { log, quantity } = parts;
  const outcome = log.outcome[buyer];
  const possibleFrom = log.askedAt[buyer] ?? 0;
  const answeredAt = log.answeredAt[buyer] ?? 0;
  const never = Number.POSITIVE_INFINITY;
  if (outcome === OUTCOME.granted) return grantedHold(parts, buyer);
  const uncertain = { quantity, possibleFrom, certainFrom: answeredAt, certainUntil: answeredAt };
  if (outcome === OUTCOME.unknown) {
    return { kind: 'maybe_granted', ...uncertain, possibleUntil: never, lapsedBy: never };
  }
  if (log.doubtful[buyer] !== 1) return null;
  return { kind: 'passing', ...uncertain, possibleUntil: answeredAt, lapsedBy: answeredAt };
}

/** The deadline is the service's promise, so until its earliest moment the units are the buyer's for certain. */
function grantedHold(parts: EvidenceParts, buyer: number): Hold {
  const { log, buyers, quantity, serverClock } = parts;
  const deadline = log.expiresAt[buyer] ?? 0;
  const earliest = deadline - serverClock.most;
  const lapsedBy = deadline - serverClock.least;
  const askedAt = log.followAskedAt[buyer] ?? 0;
  const answeredAt = log.followAnsweredAt[buyer] ?? 0;
  const never = Number.POSITIVE_INFINITY;
  const paying = buyers.intent[buyer] === INTENT.confirm;
  const base = {
    quantity,
    possibleFrom: log.askedAt[buyer] ?? 0,
    certainFrom: log.answeredAt[buyer] ?? 0,
    lapsedBy,
  };
  switch (log.follow[buyer] ?? FOLLOW.none) {
    case FOLLOW.confirmed:
      return { ...base, kind: 'confirmed', certainUntil: never, possibleUntil: never };
    case FOLLOW.released:
      return { ...base, kind: 'ended', certainUntil: askedAt, possibleUntil: answeredAt };
    case FOLLOW.gone:
      return {
        ...base,
        kind: 'ended',
        certainUntil: paying ? earliest : Math.min(earliest, askedAt),
        possibleUntil: Math.min(lapsedBy, answeredAt),
      };
    case FOLLOW.unknown:
      return paying
        ? { ...base, kind: 'maybe_confirmed', certainUntil: earliest, possibleUntil: never }
        : {
            ...base,
            kind: 'held',
            certainUntil: Math.min(earliest, askedAt),
            possibleUntil: lapsedBy,
          };
    default:
      return { ...base, kind: 'held', certainUntil: earliest, possibleUntil: lapsedBy };
  }
}

function isBrokenPromise({ log, buyers, serverClock }: EvidenceParts, buyer: number): boolean {
  if (log.outcome[buyer] !== OUTCOME.granted || log.follow[buyer] !== FOLLOW.gone) return false;
  // An earlier release without an answer may be what ended it.
  const byUs = buyers.intent[buyer] === INTENT.release && log.followDoubtful[buyer] === 1;
  const earliest = (log.expiresAt[buyer] ?? 0) - serverClock.most;
  return !byUs && (log.followAnsweredAt[buyer] ?? 0) < earliest;
}

function* refusalsOf({ log, buyers, quantity }: EvidenceParts): Generator<Refusal> {
  for (let buyer = 0; buyer < log.count; buyer++) {
    if (log.outcome[buyer] !== OUTCOME.refused) continue;
    const from = log.askedAt[buyer] ?? 0;
    const until = log.answeredAt[buyer] ?? 0;
    yield { skus: wantedBy(buyers, buyer), quantity, from, until };
  }
}
