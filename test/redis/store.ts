/** The Redis store with settings that suit a test: nothing is late, nothing is refused for want of persistence. */
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { parseRedisAddress } from '../../src/stores/redis/connection/redis-address.ts';
import type { ConnectionSettings } from '../../src/stores/redis/connection/redis-connection.ts';
import { RedisStore, type RedisStoreOptions } from '../../src/stores/redis/redis-store.ts';
import type { Lifetime } from '../support/temp-dir.ts';

export const TAG = 'holdfast';

/** Longer than any test may take: what is slow here is the machine. */
const PATIENCE_MS = 120_000;

/** For tests of what is late and what is lost. */
export const PROMPT = {
  commandDeadlineMs: 2_000,
  queueLimit: 5_000,
  startWithinMs: 30_000,
} satisfies Partial<ConnectionSettings>;

/** Its settings, for an address such as `redis://127.0.0.1:6379`. */
export function patient(url: string): ConnectionSettings {
  return {
    address: parseRedisAddress(url),
    sentinelPassword: null,
    tlsCaFile: null,
    requirePersistence: false,
    ackReplicas: 0,
    afterFailover: 'safety',
    commandDeadlineMs: PATIENCE_MS,
    queueLimit: 10_000,
    startWithinMs: PATIENCE_MS,
  };
}

/** Closed after the test. */
export async function openStore(
  t: Lifetime,
  url: string,
  settings: Partial<ConnectionSettings> = {},
  options: Partial<RedisStoreOptions> = {},
): Promise<RedisStore> {
  const store = await RedisStore.open({
    connection: { ...patient(url), ...settings },
    rules: DEFAULT_RULES,
    hashTag: TAG,
    report: () => undefined,
    ...options,
  });
  t.after(() => store.close());
  return store;
}
