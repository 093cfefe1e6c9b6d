/**
 * The record of one round: what was asked and answered for every buyer, and when. Columns rather than
 * objects, since a rush may have millions of buyers and shares two cores with the service.
 *
 * At every moment the record tells the truth as if nothing more were to come: a request on its way stands as
 * `unknown` until its answer overwrites that. So a rush can be stopped anywhere and still be judged.
 */
export const OUTCOME = {
  unsent: 0,
  granted: 1,
  /** Refused for want of stock. */
  refused: 2,
  /** Refused for another reason. */
  declined: 3,
  /** 429 or 503 to the last, with nothing done. */
  turnedAway: 4,
  failed: 5,
  /** The service may or may not have reserved. */
  unknown: 6,
} as const;

/** What came of confirming or releasing. */
export const FOLLOW = {
  none: 0,
  confirmed: 1,
  released: 2,
  gone: 3,
  /** It was not done, for certain: turned away, or a mistake in the asking. */
  failed: 4,
  unknown: 5,
} as const;

export class RushLog {
  readonly count: number;
  readonly outcome: Uint8Array;
  /** When the first request left, by our clock: the service cannot have acted before. */
  readonly askedAt: Float64Array;
  /** When the last answer (or the giving up) came: what it says was decided before. */
  readonly answeredAt: Float64Array;
  /** 1 if some request of the buyer may have been acted on without our being told. */
  readonly doubtful: Uint8Array;
  /** The deadline of a granted reservation, by the service's clock. */
  readonly expiresAt: Float64Array;
  readonly follow: Uint8Array;
  /** 1 if some confirm or release may have been acted on without our being told. */
  readonly followDoubtful: Uint8Array;
  readonly followAskedAt: Float64Array;
  readonly followAnsweredAt: Float64Array;
  /** Index into `codes` of the answer's code, for refused and declined. */
  readonly code: Uint16Array;
  readonly codes: string[] = [];
  /** Ids of granted reservations, until nothing more is to be asked of them. */
  readonly ids = new Map<number, string>();
  /** How often each reason for having no decision, or a failure, was met. */
  readonly troubles = new Map<string, number>();

  constructor(count: number) {
    this.count = count;
    this.outcome = new Uint8Array(count);
    this.askedAt = new Float64Array(count);
    this.answeredAt = new Float64Array(count);
    this.doubtful = new Uint8Array(count);
    this.expiresAt = new Float64Array(count);
    this.follow = new Uint8Array(count);
    this.followDoubtful = new Uint8Array(count);
    this.followAskedAt = new Float64Array(count);
    this.followAnsweredAt = new Float64Array(count);
    this.code = new Uint16Array(count);
  }

  setCode(buyer: number, code: string): void {
    let index = this.codes.indexOf(code);
    if (index < 0) index = this.codes.push(code) - 1;
    this.code[buyer] = Math.min(index, 65_535);
  }

  addTrouble(reason: string): void {
    this.troubles.set(reason, (this.troubles.get(reason) ?? 0) + 1);
  }
}

export interface RushCounts {
  readonly buyers: number;
  readonly sent: number;
  readonly granted: number;
  readonly refused: number;
  readonly declined: number;
  readonly turnedAway: number;
  readonly failed: number;
  readonly unknown: number;
  readonly confirmed: number;
  readonly released: number;
  readonly gone: number;
  readonly followFailed: number;
  readonly followUnknown: number;
  /** Refusals and declines by code. */
  readonly byCode: Readonly<Record<string, number>>;
  readonly troubles: Readonly<Record<string, number>>;
}

export function countLog(log: RushLog): RushCounts {
  const outcomes = countValues(log.outcome);
  const follows = countValues(log.follow);
  const outcome = (value: number): number => outcomes.get(value) ?? 0;
  const follow = (value: number): number => follows.get(value) ?? 0;
  const byCode: Record<string, number> = {};
  for (let buyer = 0; buyer < log.count; buyer++) {
    const is = log.outcome[buyer];
    if (is !== OUTCOME.refused && is !== OUTCOME.declined) continue;
    const code = log.codes[log.code[buyer] ?? 0] ?? 'no_code';
    byCode[code] = (byCode[code] ?? 0) + 1;
  }
  return {
    buyers: log.count,
    sent: log.count - outcome(OUTCOME.unsent),
    granted: outcome(OUTCOME.granted),
    refused: outcome(OUTCOME.refused),
    declined: outcome(OUTCOME.declined),
    turnedAway: outcome(OUTCOME.turnedAway),
    failed: outcome(OUTCOME.failed),
    unknown: outcome(OUTCOME.unknown),
    confirmed: follow(FOLLOW.confirmed),
    released: follow(FOLLOW.released),
    gone: follow(FOLLOW.gone),
    followFailed: follow(FOLLOW.failed),
    followUnknown: follow(FOLLOW.unknown),
    byCode,
    troubles: Object.fromEntries(log.troubles),
  };
}

function countValues(values: Uint8Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

type NumberKey = {
  [Key in keyof RushCounts]: RushCounts[Key] extends number ? Key : never;
}[keyof RushCounts];

export function addCounts(all: readonly RushCounts[]): RushCounts {
  const sum = (key: NumberKey): number => all.reduce((total, counts) => total + counts[key], 0);
  const merge = (key: 'byCode' | 'troubles'): Record<string, number> => {
    const merged: Record<string, number> = {};
    for (const counts of all) {
      for (const [name, count] of Object.entries(counts[key])) {
        merged[name] = (merged[name] ?? 0) + count;
      }
    }
    return merged;
  };
  return {
    buyers: sum('buyers'),
    sent: sum('sent'),
    granted: sum('granted'),
    refused: sum('refused'),
    declined: sum('declined'),
    turnedAway: sum('turnedAway'),
    failed: sum('failed'),
    unknown: sum('unknown'),
    confirmed: sum('confirmed'),
    released: sum('released'),
    gone: sum('gone'),
    followFailed: sum('followFailed'),
    followUnknown: sum('followUnknown'),
    byCode: merge('byCode'),
    troubles: merge('troubles'),
  };
}
