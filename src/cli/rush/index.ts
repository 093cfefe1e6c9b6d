/**
 * `holdfast rush`: a crowd of buyers against a running service, and a verdict. `runRush` is the command without its
 * wiring, and a library for whoever wants a rush in process; the table for a command-line parser is rush-options.ts.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { type RushTransport, connectTransport } from './rush-client.ts';
import { type RushClock, systemClock } from './rush-clock.ts';
import type { RushOptions } from './rush-options.ts';
import { type RushPlan, RushOptionsError, planRush } from './rush-plan.ts';
import { type Output, type RushProgress, progressLine } from './rush-progress.ts';
import { formatReport, wantsColour } from './rush-report.ts';
import { type RushResult, resultToJson } from './rush-result.ts';
import { runPlan } from './rush-runner.ts';
import { CannotRush } from './rush-stock.ts';
import { type RushExitCode, exitCodeOf } from './rush-thresholds.ts';

export type { RushOptions } from './rush-options.ts';
export type { Output, RushProgress } from './rush-progress.ts';
export { type RushResult, resultToJson } from './rush-result.ts';

export interface RushIo {
  /** Takes the report, or with `json` the one object. */
  readonly stdout: Output;
  /** Takes the live progress, and what is wrong. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the rush early, with a verdict on what was answered by then. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: RushProgress) => void) | undefined;
}

/** What a rush stands on; tests put their own in place. */
export interface RushGround {
  readonly clock: RushClock;
  readonly connect: (plan: RushPlan) => RushTransport;
  readonly drawSeed: () => number;
  readonly drawRunId: () => string;
}

const GROUND: RushGround = {
  clock: systemClock,
  connect: connectTransport,
  drawSeed: () => randomInt(1_000_000_000),
  drawRunId: () => randomBytes(4).toString('hex'),
};

export interface RushEnd {
  readonly exitCode: RushExitCode;
  /** Null if the rush could not be run; stderr has been told why. */
  readonly result: RushResult | null;
}

/** What is wrong with the options, for people; null where nothing is. */
export function rushOptionsFault(options: RushOptions): string | null {
  try {
    planRush(options, () => 0);
    return null;
  } catch (error) {
    if (error instanceof RushOptionsError) return error.message;
    throw error;
  }
}

export async function runRush(
  options: RushOptions,
  io: RushIo,
  ground: Partial<RushGround> = {},
): Promise<RushEnd> {
  const { clock, connect, drawSeed, drawRunId } = { ...GROUND, ...ground };
  const line = progressLine(io.stderr);
  let transport: RushTransport | null = null;
  try {
    const plan = planRush(options, drawSeed);
    transport = connect(plan);
    const result = await runPlan({
      plan,
      transport,
      clock,
      runId: drawRunId(),
      signal: io.signal,
      onProgress: (progress) => {
        line.update(progress);
        io.onProgress?.(progress);
      },
    });
    line.end();
    io.stdout.write(
      options.json === true
        ? `${JSON.stringify(resultToJson(result), null, 2)}\n`
        : formatReport(result, { colour: wantsColour(io.stdout, io.env) }),
    );
    return { exitCode: exitCodeOf(result.verdict), result };
  } catch (error) {
    line.end();
    if (!(error instanceof RushOptionsError || error instanceof CannotRush)) throw error;
    io.stderr.write(`rush: ${error.message}\n`);
    return { exitCode: 2, result: null };
  } finally {
    await transport?.close();
  }
}
