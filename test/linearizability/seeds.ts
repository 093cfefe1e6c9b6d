/** Which seeds a test runs, and how a failing one is run again. */

/** 1 to `count` (times `HOLDFAST_HISTORIES`, for long runs); only `HOLDFAST_SEED` where that is set. */
export function seedsToRun(count: number): number[] {
  const { HOLDFAST_SEED: seed, HOLDFAST_HISTORIES: factor = '1' } = process.env;
  if (seed !== undefined) return [Number(seed)];
  return Array.from({ length: Math.ceil(count * Number(factor)) }, (_, index) => index + 1);
}

export function replayHint(file: string, seed: number): string {
  return `replay with: HOLDFAST_SEED=${String(seed)} node --test test/linearizability/${file}`;
}
