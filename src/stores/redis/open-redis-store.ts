/** Opens the books in Redis, be they one shard or several. */
import type { AuditReport } from '../../core/audit.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { ReservationStore } from '../../engine/ports.ts';
import { openRedisConnection } from './connection/redis-connection.ts';
import { ownScripts } from './own-scripts.ts';
import { RedisStore, type RedisStoreOptions } from './redis-store.ts';
import { claimLayout } from './sharding/layout.ts';
import { ShardedStore } from './sharding/sharded-store.ts';

export interface RedisBooksOptions extends RedisStoreOptions {
  /** 1 to 64; what the books began with. */
  readonly shards: number;
  /** How often entries of several shards are numbered at most, in ms. */
  readonly numberEveryMs?: number;
}

/** What both kinds have beside the port. */
export interface RedisBooks extends ReservationStore {
  readonly warnings: readonly string[];
  audit(): Promise<AuditReport>;
  reservations(after: string | null, limit: number): Promise<Reservation[]>;
}

export function isRedisBooks(store: ReservationStore): store is RedisBooks {
  return store instanceof RedisStore || store instanceof ShardedStore;
}

/** A cart that is undecided for so many deadlines of a command is nobody's any more. */
const DEADLINES_UNTIL_LEFT = 2;
const NUMBER_EVERY_MS = 100;

/** Throws `Fault` where Redis cannot be reached or is not fit for the books. */
export async function openRedisStore(options: RedisBooksOptions): Promise<RedisBooks> {
  const { shards, rules, hashTag, clock = null, report } = options;
  if (shards === 1) return RedisStore.open(options);
  const connection = await openRedisConnection(options.connection, ownScripts(), report);
  try {
    await claimLayout(connection, hashTag, shards);
    const { queueLimit, commandDeadlineMs: deadlineMs } = options.connection;
    return await ShardedStore.open({
      connection,
      rules,
      hashTag,
      shards,
      queueLimit,
      deadlineMs,
      clock,
      afterFailover: options.connection.afterFailover,
      leftAfterMs: DEADLINES_UNTIL_LEFT * deadlineMs,
      numberEveryMs: options.numberEveryMs ?? NUMBER_EVERY_MS,
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}
