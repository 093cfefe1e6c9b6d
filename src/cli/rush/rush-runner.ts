/** Runs a plan, round by round: sets the stock, lets the buyers come, settles, reads the books, judges. */
import { drawBuyers } from './rush-buyers.ts';
import type { RushTransport } from './rush-client.ts';
import { type RushClock, assumedServerClock, pause } from './rush-clock.ts';
import { type EvidenceParts, type RoundEvidence, gatherEvidence } from './rush-evidence.ts';
import { RushFlow } from './rush-flow.ts';
import { FOLLOW, OUTCOME, type RushCounts, RushLog, addCounts, countLog } from './rush-log.ts';
import { RushMeter } from './rush-meter.ts';
import type { RushPlan } from './rush-plan.ts';
import type { RushPhase, RushProgress } from './rush-progress.ts';
import { type RushResult, summariseLatencies } from './rush-result.ts';
import { CannotRush, type Reading, StockDesk } from './rush-stock.ts';
import { reachVerdict, setThresholds } from './rush-thresholds.ts';
import { type RoundFindings, compareBooks, judgeRound } from './rush-verdict.ts';

interface RunnerParts {
  readonly plan: RushPlan;
  readonly transport: RushTransport;
  readonly clock: RushClock;
  /** Makes the SKUs and keys of this run its own. */
  readonly runId: string;
  readonly onProgress?: ((progress: RushProgress) => void) | undefined;
  /** Ends the rush early; what was answered by then is still judged. */
  readonly signal?: AbortSignal | undefined;
}

const TICK_MS = 250;
/** The books may be read this long, and may take this long to catch up with the answers. */
const READ_MS = 10_000;
const CATCH_UP_MS = 2000;
const CATCH_UP_PAUSE_MS = 400;
const SETTLE_PAUSE_MS = 500;
/** Timers may go off a little early. */
const LAPSE_MARGIN_MS = 20;

interface RoundOutcome {
  readonly counts: RushCounts;
  readonly findings: RoundFindings | null;
}

export async function runPlan(parts: RunnerParts): Promise<RushResult> {
  const runner = new RushRunner(parts);
  const stopTicking = runner.startTicking();
  try {
    return await runner.run();
  } finally {
    stopTicking();
  }
}

class RushRunner {
  private readonly parts: RunnerParts;
  private readonly desk: StockDesk;
  private readonly meter = new RushMeter();
  private readonly startedAt: number;
  private readonly deadline: number;
  private phase: RushPhase = 'preparing';
  private round = 1;
  private sentBefore = 0;
  private rushMs = 0;
  private rushAnswers = 0;

  constructor(parts: RunnerParts) {
    this.parts = parts;
    this.desk = new StockDesk(parts);
    this.startedAt = parts.clock.now();
    this.deadline = this.startedAt + parts.plan.maxMs;
  }

  async run(): Promise<RushResult> {
    const { plan, clock } = this.parts;
    const startedAt = new Date(clock.wall()).toISOString();
    const outcomes: RoundOutcome[] = [];
    for (this.round = 1; this.round <= plan.rounds; this.round++) {
      outcomes.push(this.isOver() && this.round > 1 ? this.skipRound() : await this.runRound());
    }
    const counts = addCounts(outcomes.map((outcome) => outcome.counts));
    const rounds = outcomes.flatMap(({ findings }) => findings ?? []);
    const latencies = summariseLatencies(this.meter);
    const thresholds = setThresholds({ plan, rounds, counts, latency: latencies.answers });
    return {
      verdict: reachVerdict(thresholds),
      thresholds,
      plan,
      startedAt,
      rushMs: this.rushMs,
      counts,
      requests: this.meter.answered,
      requestsPerSecond: this.rushMs === 0 ? 0 : (1000 * this.rushAnswers) / this.rushMs,
      retries: this.meter.retries,
      settled: this.meter.settled,
      latencies,
      rounds,
    };
  }

  /** Tells of the progress at a steady beat, whatever else goes on. */
  startTicking(): () => void {
    const { clock, onProgress } = this.parts;
    if (onProgress === undefined) return () => undefined;
    let lastAt = clock.now();
    let lastAnswered = 0;
    let callOff = (): void => undefined;
    const tick = (): void => {
      const now = clock.now();
      const rps = (1000 * (this.meter.answered - lastAnswered)) / Math.max(1, now - lastAt);
      lastAt = now;
      lastAnswered = this.meter.answered;
      onProgress(this.progress(now, rps));
      callOff = clock.after(TICK_MS, tick);
    };
    callOff = clock.after(TICK_MS, tick);
    return () => callOff();
  }

  private progress(now: number, rps: number): RushProgress {
    const { plan } = this.parts;
    return {
      phase: this.phase,
      elapsedMs: now - this.startedAt,
      round: this.round,
      rounds: plan.rounds,
      buyers: plan.buyers,
      sent: this.meter.sent - this.sentBefore,
      granted: this.meter.grants,
      refused: this.meter.refusals,
      errors: this.meter.errors,
      rps,
      p99Ms: this.meter.answers.atPercentile(99),
    };
  }

  private isOver(): boolean {
    const { clock, signal } = this.parts;
    return signal?.aborted === true || clock.now() >= this.deadline;
  }

  private skipRound(): RoundOutcome {
    return { counts: countLog(new RushLog(this.parts.plan.buyers)), findings: null };
  }

  private async runRound(): Promise<RoundOutcome> {
    const { plan, transport, clock, runId } = this.parts;
    this.phase = 'preparing';
    this.sentBefore = this.meter.sent;
    const skus = this.skuNames();
    const before = await this.prepare(skus);
    const buyers = drawBuyers(plan, this.round);
    const log = new RushLog(plan.buyers);
    const keyPrefix = `rush-${runId}-${this.round}`;
    const { meter } = this;
    const flow = new RushFlow({ plan, buyers, skus, log, meter, transport, clock, keyPrefix });
    await this.rush(flow);
    await this.settle(flow, log);
    const known = { skus, quantity: plan.quantity, buyers, log, before, after: null };
    await this.waitForLapses(this.evidence(known));
    this.phase = 'checking';
    const after = await this.readBooks(known);
    const findings = judgeRound(this.evidence({ ...known, after }));
    return { counts: countLog(log), findings };
  }

  private skuNames(): readonly string[] {
    const { plan, runId } = this.parts;
    if (plan.skus.kind === 'existing') return plan.skus.names;
    const digits = String(plan.skus.count).length;
    const round = plan.rounds > 1 ? `-r${this.round}` : '';
    return Array.from(
      { length: plan.skus.count },
      (_, index) => `RUSH-${runId}${round}-${String(index + 1).padStart(digits, '0')}`,
    );
  }

  private async prepare(skus: readonly string[]): Promise<readonly Reading[]> {
    const { plan, clock, signal } = this.parts;
    // Many SKUs may take their time, but a service that does not answer is told of soon.
    const until = Math.min(this.deadline, clock.now() + READ_MS);
    if (plan.stock !== null) await this.desk.setStock(skus, plan.stock, until);
    if (this.round === 1) await this.desk.warmUp(skus[0] ?? '', until);
    const before = await this.desk.read(skus, until);
    if (signal?.aborted === true) throw new CannotRush('stopped before the first buyer came');
    return before;
  }

  private async rush(flow: RushFlow): Promise<void> {
    const { clock, signal } = this.parts;
    this.phase = 'rushing';
    const startedAt = clock.now();
    const answered = this.meter.answered;
    const stop = (): void => flow.stop();
    const callOff = clock.after(Math.max(0, this.deadline - startedAt), stop);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await flow.run();
    } finally {
      callOff();
      signal?.removeEventListener('abort', stop);
    }
    this.rushMs += clock.now() - startedAt;
    this.rushAnswers += this.meter.answered - answered;
    if (this.meter.answered === 0) {
      throw new CannotRush(`${this.parts.plan.origin} did not answer a single buyer`);
    }
  }

  /** Only a request with an Idempotency-Key can be repeated without doing it twice. */
  private async settle(flow: RushFlow, log: RushLog): Promise<void> {
    const { plan, clock, signal } = this.parts;
    if (plan.retries === 0) return;
    this.phase = 'settling';
    const until = clock.now() + plan.settleMs;
    const stop = (): void => flow.stop();
    const callOff = clock.after(plan.settleMs, stop);
    signal?.addEventListener('abort', stop, { once: true });
    while (hasOpenQuestions(log) && clock.now() < until && signal?.aborted !== true) {
      await flow.settle();
      if (hasOpenQuestions(log)) await pause(clock, SETTLE_PAUSE_MS, signal);
    }
    callOff();
    signal?.removeEventListener('abort', stop);
  }

  /** If every open reservation lapses soon, it is worth seeing the units come back. */
  private async waitForLapses({ skus }: RoundEvidence): Promise<void> {
    const { plan, clock, signal } = this.parts;
    let last = 0;
    for (const { holds } of skus) {
      for (const { kind, lapsedBy } of holds) if (kind === 'held') last = Math.max(last, lapsedBy);
    }
    const wait = last - clock.now() + LAPSE_MARGIN_MS;
    if (wait <= 0 || wait > plan.settleMs || signal?.aborted === true) return;
    this.phase = 'settling';
    await pause(clock, wait, signal);
  }

  private async readBooks(known: EvidenceKnown): Promise<readonly Reading[] | null> {
    const { clock } = this.parts;
    const until = clock.now() + READ_MS;
    try {
      const after = await this.desk.read(known.skus, until);
      const patience = clock.now() + CATCH_UP_MS;
      for (;;) {
        const differing = this.evidence({ ...known, after }).skus.flatMap((sku, index) =>
          compareBooks(sku).length > 0 ? [index] : [],
        );
        if (differing.length === 0 || clock.now() >= patience) return after;
        await pause(clock, CATCH_UP_PAUSE_MS);
        const names = differing.map((index) => known.skus[index] ?? '');
        const again = await this.desk.read(names, until);
        differing.forEach((index, position) => {
          const reading = again[position];
          if (reading !== undefined) after[index] = reading;
        });
      }
    } catch (error) {
      if (error instanceof CannotRush) return null;
      throw error;
    }
  }

  private evidence(known: EvidenceKnown): RoundEvidence {
    const serverClock = this.desk.serverClock ?? assumedServerClock(this.parts.clock);
    return gatherEvidence({ ...known, serverClock });
  }
}

type EvidenceKnown = Omit<EvidenceParts, 'serverClock'>;

function hasOpenQuestions(log: RushLog): boolean {
  return log.outcome.includes(OUTCOME.unknown) || log.follow.includes(FOLLOW.unknown);
}
