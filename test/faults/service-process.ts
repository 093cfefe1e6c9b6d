/** The real service in a process of its own, to be killed, frozen and started again on the same data. */
import './compiled.ts';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = join(import.meta.dirname, '..', '..', 'bin', 'holdfast.js');
const READY_WITHIN_MS = 60_000;

export type Ending = number | NodeJS.Signals;

/** The service ended before it was ready. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly ending: Ending;
  /** What it printed, on either stream. */
  readonly output: string;

  constructor(ending: Ending, output: string) {
    super(`the service ended (${ending}) before it was ready: ${output}`);
    this.ending = ending;
    this.output = output;
  }
}

export interface ServiceProcess {
  readonly url: string;
  readonly pid: number;
  /** From spawning to the first ready answer, in ms. */
  readonly startMs: number;
  /** What it has printed so far, on either stream. */
  readonly output: () => string;
  readonly exited: Promise<Ending>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ending>;
}

export interface ServiceOptions {
  /** Beside the data directory and the level of the log. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A program and its arguments that run Node, such as `strace -D`; it must become Node, or the signals miss it. */
  readonly under?: readonly string[];
}

/** Starts `holdfast serve` on `dataDir`, ready to answer; ended with the test, if it has not ended before. */
export async function startService(
  t: TestContext,
  dataDir: string,
  options: ServiceOptions = {},
): Promise<ServiceProcess> {
  const started = performance.now();
  const [program, ...args] = [
    ...(options.under ?? []),
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    MAIN,
    'serve',
  ];
  const child = spawn(program, args, {
    // Where there is no `.env`.
    cwd: tmpdir(),
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      HOLDFAST_PORT: '0',
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_LOG_LEVEL: 'warn',
      // Tests share the machine with others: a late event loop is no news here.
      HOLDFAST_MAX_EVENT_LOOP_DELAY_MS: '0',
      HOLDFAST_COMMAND_DEADLINE_MS: '30000',
      ...options.settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const exited = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    // Not `exit`: what it printed last may still be on its way.
    child.once('close', (code, signal) => {
      resolve(code ?? signal ?? 'SIGKILL');
    });
  });
  const end = (signal: NodeJS.Signals): Promise<Ending> => {
    child.kill(signal);
    return exited;
  };
  t.after(() => end('SIGKILL'));
  /** It says itself where it listens: no port is taken away from it by another test. */
  const address = (): string | undefined => /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
  while (!(await isReady(address()))) {
    const ending = await Promise.race([exited, sleep(5, null)]);
    if (ending !== null) throw new StartFailure(ending, output);
    if (performance.now() - started > READY_WITHIN_MS) {
      throw new StartFailure(await end('SIGKILL'), output);
    }
  }
  const startMs = performance.now() - started;
  const url = address() ?? '';
  return { url, pid: child.pid ?? 0, startMs, output: () => output, exited, end };
}

async function isReady(url: string | undefined): Promise<boolean> {
  if (url === undefined) return false;
  try {
    const answer = await fetch(`${url}/readyz`);
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
}
