/** What a rush comes to: the library's result, and the same as one JSON object. */
import type { RushCounts } from './rush-log.ts';
import { BAR_BOUNDS_MS, type LatencySummary, type RushMeter } from './rush-meter.ts';
import { type RushPlan, skuCount } from './rush-plan.ts';
import type { Threshold, Verdict } from './rush-thresholds.ts';
import type { RoundFindings, SkuFinding } from './rush-verdict.ts';

interface RushBar {
  /** Null for what is slower than every bound. */
  readonly upToMs: number | null;
  readonly count: number;
}

interface RushLatencies {
  /** From when a buyer meant to ask: granted and refused together, and apart. */
  readonly answers: LatencySummary;
  readonly granted: LatencySummary;
  readonly refused: LatencySummary;
  /** The same answers from when their request was sent: what a tool without the correction would report. */
  readonly fromSending: LatencySummary;
  readonly follows: LatencySummary;
  readonly ownDelay: LatencySummary;
  readonly bars: readonly RushBar[];
}

export interface RushResult {
  readonly verdict: Verdict;
  readonly thresholds: readonly Threshold[];
  readonly plan: RushPlan;
  readonly startedAt: string;
  /** Time spent rushing, without preparation and checking. */
  readonly rushMs: number;
  readonly counts: RushCounts;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly retries: number;
  /** Buyers whose answer was found out only afterwards, by asking again with the same key. */
  readonly settled: number;
  readonly latencies: RushLatencies;
  readonly rounds: readonly RoundFindings[];
}

export function summariseLatencies(meter: RushMeter): RushLatencies {
  const bars = Array.from(meter.bars, (count, index) => ({
    upToMs: BAR_BOUNDS_MS[index] ?? null,
    count,
  }));
  return {
    answers: meter.answers.summary(),
    granted: meter.granted.summary(),
    refused: meter.refused.summary(),
    fromSending: meter.fromSending.summary(),
    follows: meter.follows.summary(),
    ownDelay: meter.ownDelay.summary(),
    bars,
  };
}

/** Every SKU of a large rush would bury the object; those that something is wrong with are all listed. */
const JSON_SKUS = 100;

export function resultToJson(result: RushResult): Record<string, unknown> {
  const { plan, counts, latencies } = result;
  const skus = result.rounds.flatMap((round, index) =>
    round.skus.map((sku) => ({ round: index + 1, sku })),
  );
  const listed = skus.filter(({ sku }, index) => index < JSON_SKUS || isAtFault(sku));
  return {
    verdict: result.verdict,
    thresholds: result.thresholds,
    plan: planToJson(plan),
    started_at: result.startedAt,
    rush_seconds: result.rushMs / 1000,
    requests: result.requests,
    requests_per_second: result.requestsPerSecond,
    retries: result.retries,
    settled_afterwards: result.settled,
    buyers: {
      total: counts.buyers,
      sent: counts.sent,
      granted: counts.granted,
      refused: counts.refused,
      declined: counts.declined,
      turned_away: counts.turnedAway,
      failed: counts.failed,
      unknown: counts.unknown,
      by_code: counts.byCode,
    },
    reservations: {
      confirmed: counts.confirmed,
      released: counts.released,
      gone: counts.gone,
      failed: counts.followFailed,
      unknown: counts.followUnknown,
    },
    troubles: counts.troubles,
    latency_ms: {
      answers: latencyToJson(latencies.answers),
      granted: latencyToJson(latencies.granted),
      refused: latencyToJson(latencies.refused),
      uncorrected: latencyToJson(latencies.fromSending),
      confirm_or_release: latencyToJson(latencies.follows),
      own_delay: latencyToJson(latencies.ownDelay),
      histogram: latencies.bars.map(({ upToMs, count }) => ({ up_to_ms: upToMs, count })),
    },
    skus_total: skus.length,
    skus: listed.map(({ round, sku }) => skuToJson(round, sku)),
  };
}

export function isAtFault(sku: SkuFinding): boolean {
  return sku.oversold.most > 0 || sku.undersold.most > 0 || sku.differences.length > 0;
}

/** The key stays out: results are kept in files and tickets. */
function planToJson(plan: RushPlan): Record<string, unknown> {
  return {
    url: plan.origin + plan.basePath,
    buyers: plan.buyers,
    connections: plan.connections,
    mode: plan.arrivals.mode,
    rate: plan.arrivals.mode === 'open' ? plan.arrivals.rate : null,
    arrivals: plan.arrivals.mode === 'open' ? plan.arrivals.spacing : null,
    skus: skuCount(plan),
    zipf: plan.zipf,
    stock: plan.stock,
    quantity: plan.quantity,
    lines: plan.lines,
    confirm: plan.shares.confirm,
    release: plan.shares.release,
    abandon: plan.shares.abandon,
    think_ms: plan.thinkMs,
    ttl_seconds: plan.ttlSeconds,
    rounds: plan.rounds,
    seed: plan.seed,
    retries: plan.retries,
  };
}

function latencyToJson(summary: LatencySummary): Record<string, number> {
  return {
    count: summary.count,
    p50: summary.p50Ms,
    p90: summary.p90Ms,
    p99: summary.p99Ms,
    p99_9: summary.p999Ms,
    max: summary.maxMs,
  };
}

function skuToJson(round: number, sku: SkuFinding): Record<string, unknown> {
  const { after } = sku;
  return {
    sku: sku.sku,
    round,
    offered: sku.offered,
    granted: sku.granted,
    confirmed: sku.confirmed,
    held: sku.held,
    maybe_granted: sku.maybeGranted,
    oversold: sku.oversold,
    undersold: sku.undersold,
    wrong_refusals: sku.wrongRefusals,
    differences: sku.differences,
    after:
      after === null
        ? null
        : {
            available: after.available,
            on_hand: after.onHand,
            reserved: after.reserved,
            allocated: after.allocated,
            safety_stock: after.safetyStock,
          },
  };
}
