/** How many shards the books have is decided once, by who starts first, and written down in Redis. */
import { Fault } from '../../../engine/faults.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import { layoutKey } from '../keys.ts';

/** Throws `Fault` where the books have another number of shards. `tag`: of the setting. */
export async function claimLayout(
  connection: RedisConnection,
  tag: string,
  shards: number,
): Promise<void> {
  const key = layoutKey(tag);
  const found = (await connection.read('HMGET', [key], ['shards', 'seq'])) as (string | null)[];
  const [recorded = null, seq = null] = found;
  if (recorded === null && seq === null) {
    // Of several that start at once one is first; the others read what it wrote.
    await connection.read('HSETNX', [key], ['shards', shards]);
  }
  const written = recorded ?? (await connection.read('HGET', [key], ['shards']));
  // Books older than this setting have one.
  const actual = Number(written ?? 1);
  if (actual === shards) return;
  throw new Fault(
    'STORE_VERSION',
    `the books in Redis under {${tag}} have ${actual} ${actual === 1 ? 'shard' : 'shards'}, and ` +
      `HOLDFAST_REDIS_SHARDS is ${shards}: set it to ${actual}, or use another HOLDFAST_REDIS_HASH_TAG for new books ` +
      '(docs/redis.md tells how to move a shop)',
  );
}
