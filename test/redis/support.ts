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
import { until } from '../support/redis-servers.ts';
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

/** What is said as long as nobody has answered. */
const NOT_ASKED_YET = /not connected yet|has answered yet/;

/** Why it cannot be opened. A machine that is too busy to ask in the short time is given it again. */
export async function refusal(
  t: Lifetime,
  url: string,
  settings: Partial<ConnectionSettings> = {},
): Promise<string> {
  let message = '';
  do {
    await assert.rejects(open(t, url, { startWithinMs: 300, ...settings }), (error: unknown) => {
      assert.ok(error instanceof Fault && error.code === 'STORE_UNAVAILABLE');
      message = error.message;
      return true;
    });
  } while (NOT_ASKED_YET.test(message));
  return message;
}

/** Takers at work. */
export interface Load {
  /** Waits until so many more have taken theirs. */
  more(count: number): Promise<void>;
  /** Stops them, and says what became of each. */
  end(): Promise<Outcomes>;
}

export interface Outcomes {
  readonly taken: readonly string[];
  readonly notDone: readonly string[];
  readonly unknown: readonly string[];
  /** From the first failed take to the next that succeeded, in ms; 0 if none failed. */
  readonly longestPauseMs: number;
}

/**
 * Takes one unit after another of `key`, `lanes` at a time, until its end. Every failure must be a retryable `Fault`:
 * anything else fails the test.
 */
export function takeUnder(connection: RedisConnection, key: string, lanes = 16): Load {
  const outcomes = { taken: [] as string[], notDone: [] as string[], unknown: [] as string[] };
  let longestPauseMs = 0;
  let failedAt: number | null = null;
  let next = 0;
  let stopped = false;
  const lane = async (): Promise<void> => {
    while (!stopped) {
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
  const done = Promise.all(Array.from({ length: lanes }, lane));
  return {
    more: async (count) => {
      const enough = outcomes.taken.length + count;
      const reached = async (): Promise<boolean> => outcomes.taken.length >= enough;
      await Promise.race([until(`${count} more are taken`, reached), done]);
    },
    end: async () => {
      stopped = true;
      await done;
      return { ...outcomes, longestPauseMs };
    },
  };
}
