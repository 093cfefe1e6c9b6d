/** Latencies and live counts of a whole rush, over all its rounds. */
import { build, type Histogram } from 'hdr-histogram-js';

/** Latencies are kept in microseconds, to three significant digits, up to an hour. */
const HIGHEST_MICROS = 3_600_000_000;

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Upper bounds of the bars, in ms: 1, 2, 5 and their tenfolds, so that a long tail keeps its shape. */
export const BAR_BOUNDS_MS: readonly number[] = [-1, 0, 1, 2, 3, 4, 5].flatMap((power) =>
  [1, 2, 5].map((step) => step * 10 ** power),
);

/** Latencies of one kind. */
export class Latencies {
  private readonly histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_MICROS,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
  });

  record(ms: number): void {
    this.histogram.recordValue(Math.min(HIGHEST_MICROS, Math.max(1, Math.round(ms * 1000))));
  }

  /** No more than the slowest: the histogram answers with the upper end of a step. */
  atPercentile(percentile: number): number {
    if (this.histogram.totalCount === 0) return 0;
    const micros = this.histogram.getValueAtPercentile(percentile);
    return Math.min(micros, this.histogram.maxValue) / 1000;
  }

  summary(): LatencySummary {
    return {
      count: this.histogram.totalCount,
      p50Ms: this.atPercentile(50),
      p90Ms: this.atPercentile(90),
      p99Ms: this.atPercentile(99),
      p999Ms: this.atPercentile(99.9),
      maxMs: this.atPercentile(100),
    };
  }
}

export class RushMeter {
  /** From when a buyer meant to ask to the answer that decided: what the buyer felt. */
  readonly answers = new Latencies();
  readonly granted = new Latencies();
  readonly refused = new Latencies();
  /** The same answers, each from when its own request left: blind to a service that keeps others waiting. */
  readonly fromSending = new Latencies();
  readonly follows = new Latencies();
  /** How late this very process was to send although it could have: its own part of the latencies. */
  readonly ownDelay = new Latencies();
  readonly bars = new Float64Array(BAR_BOUNDS_MS.length + 1);

  sent = 0;
  grants = 0;
  refusals = 0;
  errors = 0;
  /** Requests answered, whatever the answer. */
  answered = 0;
  retries = 0;
  settled = 0;

  /** A decision: `meantAt` is when the buyer wanted to ask, `sentAt` when the deciding request left. */
  decided(granted: boolean, meantAt: number, sentAt: number, now: number): void {
    const felt = now - meantAt;
    this.answers.record(felt);
    (granted ? this.granted : this.refused).record(felt);
    this.fromSending.record(now - sentAt);
    const bound = BAR_BOUNDS_MS.findIndex((ms) => felt <= ms);
    const bar = bound < 0 ? BAR_BOUNDS_MS.length : bound;
    this.bars[bar] = (this.bars[bar] ?? 0) + 1;
  }
}
