/** Findings become thresholds, each passed, failed or unproven, and these become one verdict. Pure. */
import type { RushCounts } from './rush-log.ts';
import type { LatencySummary } from './rush-meter.ts';
import type { RushPlan } from './rush-plan.ts';
import type { Bounds, RoundFindings } from './rush-verdict.ts';

export type ThresholdStatus = 'pass' | 'fail' | 'unproven';

export interface Threshold {
  readonly name: 'oversold' | 'undersold' | 'books' | 'promises' | 'finished' | 'errors' | 'p99';
  readonly status: ThresholdStatus;
  /** What must hold, and what was found, for a person. */
  readonly rule: string;
  readonly found: string;
}

export type Verdict = 'passed' | 'failed' | 'inconclusive';

/** 0: every threshold holds. 1: one does not, or could not be proven. 2: the rush could not be run. */
export type RushExitCode = 0 | 1 | 2;

interface ThresholdInputs {
  readonly plan: RushPlan;
  readonly rounds: readonly RoundFindings[];
  readonly counts: RushCounts;
  readonly latency: LatencySummary;
}

export function setThresholds(inputs: ThresholdInputs): Threshold[] {
  const { plan, rounds, counts, latency } = inputs;
  const skus = rounds.flatMap((round) => round.skus);
  const broken = rounds.reduce((sum, round) => sum + round.brokenPromises, 0);
  const thresholds: Threshold[] = [
    unitThreshold('oversold', addBounds(skus.map((sku) => sku.oversold))),
    unitThreshold('undersold', addBounds(skus.map((sku) => sku.undersold))),
    booksThreshold(rounds),
    {
      name: 'promises',
      status: broken === 0 ? 'pass' : 'fail',
      rule: 'reservations denied before their deadline = 0',
      found: String(broken),
    },
    errorThreshold(plan, counts),
  ];
  const unsent = counts.buyers - counts.sent;
  if (unsent > 0) {
    const found = `${unsent.toLocaleString('en-US')} of ${counts.buyers.toLocaleString('en-US')} never came to ask`;
    thresholds.push({ name: 'finished', status: 'unproven', rule: 'every buyer asked', found });
  }
  if (plan.maxP99Ms !== null) {
    thresholds.push({
      name: 'p99',
      status: latency.count > 0 && latency.p99Ms <= plan.maxP99Ms ? 'pass' : 'fail',
      rule: `p99 ≤ ${plan.maxP99Ms} ms`,
      found: latency.count === 0 ? 'no answers' : `${latency.p99Ms.toFixed(2)} ms`,
    });
  }
  return thresholds;
}

export function reachVerdict(thresholds: readonly Threshold[]): Verdict {
  if (thresholds.some(({ status }) => status === 'fail')) return 'failed';
  return thresholds.some(({ status }) => status === 'unproven') ? 'inconclusive' : 'passed';
}

export function exitCodeOf(verdict: Verdict): RushExitCode {
  return verdict === 'passed' ? 0 : 1;
}

function addBounds(all: readonly Bounds[]): Bounds {
  return all.reduce(
    (sum, each) => ({ least: sum.least + each.least, most: sum.most + each.most }),
    {
      least: 0,
      most: 0,
    },
  );
}

export function showBounds({ least, most }: Bounds): string {
  return least === most ? String(least) : `${least} to ${most}`;
}

function unitThreshold(name: 'oversold' | 'undersold', units: Bounds): Threshold {
  const status = units.least > 0 ? 'fail' : units.most > 0 ? 'unproven' : 'pass';
  const noun = units.least === 1 && units.most === 1 ? 'unit' : 'units';
  return { name, status, rule: `${name} = 0`, found: `${showBounds(units)} ${noun}` };
}

function booksThreshold(rounds: readonly RoundFindings[]): Threshold {
  const skus = rounds.flatMap((round) => round.skus);
  const differing = skus.filter((sku) => sku.differences.length > 0).length;
  const unread = skus.filter((sku) => sku.after === null).length;
  const rule = "the service's books equal its answers";
  if (differing > 0) {
    const found = `${differing} of ${skus.length} SKUs differ`;
    return { name: 'books', status: 'fail', rule, found };
  }
  return unread > 0
    ? { name: 'books', status: 'unproven', rule, found: `${unread} of ${skus.length} SKUs unread` }
    : {
        name: 'books',
        status: 'pass',
        rule,
        found: `${skus.length} ${skus.length === 1 ? 'SKU' : 'SKUs'} checked`,
      };
}

function errorThreshold(plan: RushPlan, counts: RushCounts): Threshold {
  const asking = counts.turnedAway + counts.failed + counts.unknown;
  const following = counts.followFailed + counts.followUnknown;
  const rate = counts.sent === 0 ? 1 : (asking + following) / counts.sent;
  const apart = following > 0 ? ` (${following} of them confirming or releasing)` : '';
  return {
    name: 'errors',
    status: rate <= plan.maxErrorRate ? 'pass' : 'fail',
    rule: `buyers left without an answer ≤ ${percent(plan.maxErrorRate)}`,
    found: `${asking + following} of ${counts.sent.toLocaleString('en-US')}${apart}`,
  };
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
