/** Chance with a seed that is printed, and how many of a thing a test does, so that a failure can be run again as it was. */
import { relative } from 'node:path';
import type { TestContext } from 'node:test';
import { Random } from '../linearizability/random.ts';

export function seeded(t: TestContext, file: string): Random {
  const seed = setting('HOLDFAST_SEED', Math.floor(Math.random() * 1_000_000));
  t.diagnostic(
    `seed ${seed}; again: HOLDFAST_SEED=${seed} node --test ${relative(process.cwd(), file)}`,
  );
  return new Random(seed);
}

/** A whole number from the environment, or what is quick enough for every run. */
export function setting(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name}: ${text} is not a number`);
  return value;
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = random.between(0, last);
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}

/** The value below which `share` (0 to 1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
