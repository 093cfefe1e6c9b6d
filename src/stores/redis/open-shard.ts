/** A shard by itself, for commands that read or move its books beside the services. */
import { openRedisConnection } from './connection/redis-connection.ts';
import { ownScripts } from './own-scripts.ts';
import type { RedisStoreOptions } from './redis-store.ts';
import { refuseWhileServed } from './served.ts';
import { claimLayout } from './sharding/layout.ts';
import { Shard } from './shard.ts';

export interface OpenShard {
  readonly shard: Shard;
  /** Where it is, for people. */
  readonly place: string;
  readonly close: () => Promise<void>;
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
