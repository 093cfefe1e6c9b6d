// Everything CI runs. The static checks go first, two at a time, and each prints its output only
// if it fails; then the tests, whose own summary is the last thing printed.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs, stripVTControlCharacters } from 'node:util';

/** The slowest first, so that they do not trail behind the others. */
const STATIC_CHECKS = [
  'lint',
  'typecheck',
  'typecheck:core',
  'format:check',
  'unused',
  'deps:check',
  'tidy',
];

/** A test file that never ends is a failure too, and nothing else would end it. */
const MAY_TAKE_MS = 20 * 60_000;

interface Outcome {
  readonly code: number;
  readonly output: string;
}

function run(script: string, options: { readonly live: boolean }): Promise<Outcome> {
  // The tests get the environment as it is: some of them are about colours.
  const colour = process.stdout.isTTY
    ? { FORCE_COLOR: '1' }
    : { NO_COLOR: '1', FORCE_COLOR: undefined };
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const child = spawn('npm', ['run', '--silent', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...(options.live ? {} : colour) },
    detached: true,
  });
  const chunks: string[] = [];
  const take = (chunk: string): void => {
    chunks.push(chunk);
    if (options.live) process.stdout.write(chunk);
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take);
  const endGroup = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
  };
  const timer = setTimeout(() => {
    take(`\n${script} did not end by itself and was ended after ${MAY_TAKE_MS / 1000} s.\n`);
    endGroup('SIGKILL');
  }, MAY_TAKE_MS);
  process.once('SIGINT', endGroup).once('SIGTERM', endGroup);
  child.once('error', reject);
  child.once('exit', () => {
    // A process that a test left behind may hold the pipes open.
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, 2_000).unref();
  });
  child.once('close', (code) => {
    clearTimeout(timer);
    process.off('SIGINT', endGroup).off('SIGTERM', endGroup);
    resolve({ code: code ?? 1, output: chunks.join('') });
  });
  return promise;
}

async function runStaticChecks(): Promise<boolean> {
  const waiting = [...STATIC_CHECKS];
  let passed = true;
  const worker = async (): Promise<void> => {
    for (let script = waiting.shift(); script !== undefined; script = waiting.shift()) {
      const startedAt = performance.now();
      const { code, output } = await run(script, { live: false });
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${script} (${seconds} s)`);
      if (code !== 0) {
        passed = false;
        console.log(output.trimEnd());
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
  return passed;
}

/** Reads one figure of the closing lines that node's test runner prints. */
export function closingFigure(output: string, name: string): number | undefined {
  const line = new RegExp(String.raw`^(?:#|ℹ) ${name} (\d+)$`, 'gm');
  const last = [...stripVTControlCharacters(output).matchAll(line)].at(-1);
  return last === undefined ? undefined : Number(last[1]);
}

/** What is wrong with a run of the tests that ended well by its exit code, if anything. */
export function complaintAbout(output: string, inCi: boolean): string | undefined {
  const tests = closingFigure(output, 'tests');
  if (tests === undefined) return 'the test runner printed no summary';
  if (tests === 0) return 'no test was found';
  const skipped = closingFigure(output, 'skipped') ?? 0;
  if (inCi && skipped > 0) {
    return `${skipped} skipped: in CI every component a test needs must be there`;
  }
  return undefined;
}

async function runTests(): Promise<boolean> {
  const { code, output } = await run('test', { live: true });
  if (code !== 0) return false;
  const complaint = complaintAbout(output, process.env['CI'] === 'true');
  if (complaint !== undefined) console.log(`FAILED test: ${complaint}`);
  return complaint === undefined;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { static: { type: 'boolean', default: false } } });
  const passed = (await runStaticChecks()) && (values.static || (await runTests()));
  process.exitCode = passed ? 0 : 1;
}

if (import.meta.main) await main();
