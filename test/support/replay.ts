/**
 * How many random histories a test runs, and how a failing one is run again: the failure prints the line to type.
 * `HOLDFAST_RUNS` sets the number of histories; `HOLDFAST_SEED` and `HOLDFAST_PATH` replay one of them.
 */
import fc from 'fast-check';

interface Replay {
  /** How many histories, unless the environment says otherwise. */
  readonly runs: number;
  /** The test file, as the line to type names it. */
  readonly file: string;
}

function fromEnvironment(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === '' ? undefined : value;
}

/** Searching for a smaller history that fails too ends after this. */
const SHRINK_FOR_MS = 30_000;

/** The predicate, until it has failed and some time has passed: from then on it finds nothing more. */
export function untilTired<T>(predicate: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let failedAt = Infinity;
  return async (value) => {
    if (performance.now() - failedAt > SHRINK_FOR_MS) return;
    try {
      await predicate(value);
    } catch (error) {
      failedAt = Math.min(failedAt, performance.now());
      throw error;
    }
  };
}

/** Is one history replayed, instead of many run? Then nothing can be said of what they cover together. */
export function isReplay(): boolean {
  return fromEnvironment('HOLDFAST_PATH') !== undefined;
}

/**
 * Chosen anew for each run on a developer's machine, where new histories find new faults. The same always in CI, where
 * a change is to be refused for what it changed and not for a history that nobody drew before.
 */
function seed(): number {
  const chosen = fromEnvironment('HOLDFAST_SEED');
  if (chosen !== undefined) return Number(chosen);
  return fromEnvironment('CI') === undefined ? Math.floor(Math.random() * 2 ** 31) : 20_261_127;
}

/** Does what `fc.assert` does; where it fails, the message ends in the command that replays the failure. */
export async function assertProperty<T>(
  property: fc.IProperty<T> | fc.IAsyncProperty<T>,
  { runs, file }: Replay,
): Promise<void> {
  const path = fromEnvironment('HOLDFAST_PATH');
  const details = await fc.check<T>(property, {
    numRuns: Number(fromEnvironment('HOLDFAST_RUNS') ?? runs),
    seed: seed(),
    ...(path === undefined ? {} : { path }),
  });
  if (!details.failed) return;
  const { counterexamplePath } = details;
  const replay = `HOLDFAST_SEED=${details.seed} HOLDFAST_PATH=${counterexamplePath} npx node --test ${file}`;
  const message = `${fc.defaultReportMessage(details)}\n\nReplay exactly this one:\n  ${replay}\n`;
  throw new Error(message, { cause: details.errorInstance });
}
