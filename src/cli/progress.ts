/** How far long work has come: a bar on a terminal's stderr, nothing elsewhere. */
import cliProgress from 'cli-progress';
import type { Output } from './terminal.ts';

export interface Progress {
  step(): void;
  /** So much of the total is done. */
  reach(done: number): void;
  end(): void;
}

const NONE: Progress = {
  step: () => undefined,
  reach: () => undefined,
  end: () => undefined,
};

export function progressBar(output: Output, what: string, total: number): Progress {
  if (output.isTTY !== true || total === 0) return NONE;
  const bar = new cliProgress.SingleBar({
    format: `${what} {bar} {value}/{total} · {eta_formatted} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stream: output as NodeJS.WritableStream,
  });
  bar.start(total, 0);
  return {
    step: () => bar.increment(),
    reach: (done) => bar.update(done),
    end: () => bar.stop(),
  };
}
