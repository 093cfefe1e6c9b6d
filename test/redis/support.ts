/** The connection of the Redis store with scripts that are small enough to know what they must do. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../src/engine/faults.ts';
import {
  openRedisConnection,
  type ConnectionSettings,
  type RedisConnection,
} from '../../src/stores/redis/connection/redis-connection.ts';
import { loadScripts } from '../../src/stores/redis/connection/scripts.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { patient, PROMPT } from './store.ts';

export const FIXTURES = join(import.meta.dirname, 'scripts');

export interface Opened {
  readonly connection: RedisConnection;
  /** What the connection told the operator. */
  readonly reports: readonly string[];
}

export async function open(
  t: Lifetime,
  url: string,
  settings: Partial<ConnectionSettings> = {},
): Promise<Opened> {
  const reports: string[] = [];
  const connection = await openRedisConnection(
    { ...patient(url), ...PROMPT, ...settings },
    loadScripts(FIXTURES),
    (message) => reports.push(message),
  );
  t.after(() => connection.close());
  return { connection, reports };
}

/** Why it cannot be opened. */
export async function refusal(
  t: Lifetime,
  url: string,
  settings: Partial<ConnectionSettings> = {},
): Promise<string> {
  const opening = open(t, url, { startWithinMs: 300, ...settings });
  let message = '';
  await assert.rejects(opening, (error: unknown) => {
    assert.ok(error instanceof Fault && error.code === 'STORE_UNAVAILABLE');
    message = error.message;
    return true;
  });
  return message;
}

export interface Outcomes {
  readonly taken: readonly string[];
  readonly notDone: readonly string[];
  readonly unknown: readonly string[];
  /** From the first failed take to the next that succeeded, in ms; 0 if none failed. */
  readonly longestPauseMs: number;
}

/**
 * Takes one unit after another of `key`, `lanes` at a time, until `stop` says so. Every failure must be a retryable
 * `Fault`: anything else fails the test.
 */
export async function takeUnder(
  connection: RedisConnection,
  key: string,
  stop: () => boolean,
  lanes = 16,
): Promise<Outcomes> {
  const outcomes = { taken: [] as string[], notDone: [] as string[], unknown: [] as string[] };
  let longestPauseMs = 0;
  let failedAt: number | null = null;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (!stop()) {
      const taker = `taker-${(next += 1)}`;
      try {
        const answer = await connection.run('take', [key, `${key}:takers`], [1, taker]);
        if (answer !== 'taken') throw new Error(`unexpected answer ${String(answer)}`);
        outcomes.taken.push(taker);
        if (failedAt !== null)
          longestPauseMs = Math.max(longestPauseMs, performance.now() - failedAt);
        failedAt = null;
      } catch (error) {
        if (!(error instanceof Fault) || !error.retryable) throw error;
        (error.outcomeUnknown ? outcomes.unknown : outcomes.notDone).push(taker);
        failedAt ??= performance.now();
        await sleep(5);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { ...outcomes, longestPauseMs };
}
