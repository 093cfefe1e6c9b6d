/** Are books in use by an instance of the service? */
import { Fault } from '../../engine/faults.ts';
import type { RedisConnection } from './connection/redis-connection.ts';
import { shardKeys } from './keys.ts';
import type { Shard } from './shard.ts';

/**
 * Throws `STORE_LOCKED` while an instance of the service serves the books whose first shard this is: of several one has
 * this lease, whether or not anything is sold (commands/lib/leases.lua).
 */
export async function refuseWhileServed(
  connection: RedisConnection,
  shard: Shard,
  hashTag: string,
): Promise<void> {
  const field = 'lease:housekeeping';
  const text = await connection.read('HGET', [shardKeys(hashTag).meta], [field]);
  const [, until = 0, holder] = /^\d+ (\d+) (.*)$/.exec(String(text)) ?? [];
  const { now } = await shard.stats();
  if (Number(until) <= now) return;
  throw new Fault(
    'STORE_LOCKED',
    `the books in Redis under {${hashTag}} are in use by an instance of the service, ${holder} (host/process): stop ` +
      `every instance first; one that was killed counts for ${Number(until) - now} ms more`,
  );
}
