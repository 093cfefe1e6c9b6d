/** The rush while it runs: one line on stderr, rewritten in place on a terminal, else repeated now and then. */

export type RushPhase = 'preparing' | 'rushing' | 'settling' | 'checking';

export interface RushProgress {
  readonly phase: RushPhase;
  readonly elapsedMs: number;
  readonly round: number;
  readonly rounds: number;
  /** Of this round. */
  readonly buyers: number;
  readonly sent: number;
  /** Of all rounds so far. */
  readonly granted: number;
  readonly refused: number;
  readonly errors: number;
  /** Requests answered per second since the last report. */
  readonly rps: number;
  readonly p99Ms: number;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

const PLAIN_EVERY_MS = 2000;
const BAR_WIDTH = 12;

const PHASES: Readonly<Record<RushPhase, string>> = {
  preparing: 'setting up',
  rushing: 'rushing',
  settling: 'settling what was left open',
  checking: 'checking the books',
};

interface ProgressLine {
  update(progress: RushProgress): void;
  /** Leaves the terminal clean for the report. */
  end(): void;
}

export function progressLine(output: Output): ProgressLine {
  return output.isTTY === true ? rewrittenLine(output) : repeatedLine(output);
}

function rewrittenLine(output: Output): ProgressLine {
  let shown = false;
  return {
    update: (progress) => {
      // A line that wraps cannot be rewritten: better cut than a screen full of remains.
      const width = Math.max(20, (output.columns ?? 80) - 1);
      output.write(`\r\u001b[2K${describeProgress(progress, true).slice(0, width)}`);
      shown = true;
    },
    end: () => {
      if (shown) output.write('\r\u001b[2K');
    },
  };
}

function repeatedLine(output: Output): ProgressLine {
  let nextAt = 0;
  return {
    update: (progress) => {
      if (progress.elapsedMs < nextAt) return;
      nextAt = progress.elapsedMs + PLAIN_EVERY_MS;
      output.write(`${describeProgress(progress, false)}\n`);
    },
    end: () => undefined,
  };
}

function describeProgress(progress: RushProgress, withBar: boolean): string {
  const { sent, buyers } = progress;
  const share = buyers === 0 ? 0 : sent / buyers;
  const filled = Math.round(share * BAR_WIDTH);
  const bar = withBar ? ` ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}` : '';
  const round = progress.rounds > 1 ? ` ${progress.round}/${progress.rounds}` : '';
  return [
    `${(progress.elapsedMs / 1000).toFixed(1)} s ${PHASES[progress.phase]}${round}${bar}`,
    `${sent}/${buyers} sent`,
    `${progress.granted} granted`,
    `${progress.refused} refused`,
    `${progress.errors} errors`,
    `${Math.round(progress.rps)}/s`,
    `p99 ${progress.p99Ms.toFixed(1)} ms`,
  ].join(' · ');
}
