/** A shard by itself, for commands that read or move its books beside the services. */
import { Fault } from '../../engine/faults.ts';
import { openRedisConnection, type RedisConnection } from './connection/redis-connection.ts';
import { shardKeys } from './keys.ts';
import { ownScripts } from './own-scripts.ts';
import type { RedisStoreOptions } from './redis-store.ts';
import { claimLayout } from './sharding/layout.ts';
import { Shard } from './shard.ts';

export interface OpenShard {
  readonly shard: Shard;
  /** Where it is, for people. */
  readonly place: string;
  readonly close: () => Promise<void>;
}

/** Of several instances one has this lease, whether or not anything is sold (commands/lib/leases.lua). */
async function refuseWhileServed(
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

/** Throws `Fault` where Redis cannot be reached or is not fit for the books, or while an instance serves them. */
export async function openShard(
  { connection: settings, rules, hashTag, report, clock }: RedisStoreOptions,
  place: string,
): Promise<OpenShard> {
  const connection = await openRedisConnection(settings, ownScripts(), report);
  try {
    await claimLayout(connection, hashTag, 1);
    const time = clock === undefined ? null : () => clock.now();
    const shard = new Shard({ connection, rules, tag: hashTag, time });
    await refuseWhileServed(connection, shard, hashTag);
    return { shard, place, close: () => connection.close() };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
