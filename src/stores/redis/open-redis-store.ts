/** Opens the books in Redis, be they one shard or several. */
import type { AuditReport } from '../../core/audit.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { BooksHead, BooksRecord, BooksSource } from '../../engine/books-file/whole-books.ts';
import type { ReservationStore } from '../../engine/ports.ts';
import { openRedisConnection } from './connection/redis-connection.ts';
import { ownScripts } from './own-scripts.ts';
import { RedisStore, type RedisStoreOptions } from './redis-store.ts';
import { refuseWhileServed } from './served.ts';
import { Shard } from './shard.ts';
import { claimLayout } from './sharding/layout.ts';
import { exportShards } from './sharding/export-shards.ts';
import { importShards } from './sharding/import-shards.ts';
import { shardTags } from './sharding/placement.ts';
import { ShardedStore, type ShardedOptions } from './sharding/sharded-store.ts';

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

/** A cart that is undecided for so many deadlines of a command is nobody's any more. */
const DEADLINES_UNTIL_LEFT = 2;
const NUMBER_EVERY_MS = 100;

/** Throws `Fault` where Redis cannot be reached or is not fit for the books. */
export async function openRedisStore(options: RedisBooksOptions): Promise<RedisBooks> {
  if (options.shards === 1) return RedisStore.open(options);
  const leftAfterMs = DEADLINES_UNTIL_LEFT * options.connection.commandDeadlineMs;
  return openShards(options, (sharded) => ShardedStore.open({ ...sharded, leftAfterMs }));
}

type BesideOptions = Omit<ShardedOptions, 'leftAfterMs'>;

async function openShards<T>(
  options: RedisBooksOptions,
  use: (options: BesideOptions) => Promise<T>,
): Promise<T> {
  const { shards, rules, hashTag, clock = null, report } = options;
  const connection = await openRedisConnection(options.connection, ownScripts(), report);
  try {
    await claimLayout(connection, hashTag, shards);
    const { queueLimit, commandDeadlineMs: deadlineMs } = options.connection;
    return await use({
      connection,
      rules,
      hashTag,
      shards,
      queueLimit,
      deadlineMs,
      clock,
      afterFailover: options.connection.afterFailover,
      numberEveryMs: options.numberEveryMs ?? NUMBER_EVERY_MS,
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Leases stand in the first shard. */
async function refuseWhileInUse({ connection, rules, hashTag, shards, clock }: BesideOptions) {
  const [tag = hashTag] = shardTags(hashTag, shards);
  const time = clock === null ? null : () => clock.now();
  await refuseWhileServed(connection, new Shard({ connection, rules, tag, time }), tag);
}

/**
 * Whole books out of several shards. What somebody left in the middle is finished first: hence not while an instance
 * serves them, whose carts are still being decided.
 */
export function exportBooksOfShards(options: RedisBooksOptions): Promise<BooksSource> {
  return openShards(options, async (sharded) => {
    await refuseWhileInUse(sharded);
    const store = await ShardedStore.open({ ...sharded, leftAfterMs: 0 });
    await store.submit({ type: 'sweep', limit: 0 });
    return exportShards(store.desks, () => store.close());
  });
}

/** Whole books into several shards that have none, all or nothing. `place`: for people. */
export function importBooksIntoShards(
  options: RedisBooksOptions,
  place: string,
  head: BooksHead,
  records: AsyncIterable<BooksRecord>,
): Promise<AuditReport> {
  return openShards(options, async (sharded) => {
    const store = ShardedStore.beside({ ...sharded, leftAfterMs: 0 });
    const { placement, keys, desks } = store;
    const shards = desks.map(({ shard }) => shard);
    const { connection } = sharded;
    const audit = (): Promise<AuditReport> => store.audit();
    const target = { shards, placement, connection, keys, place, audit };
    const report = await importShards(target, head, records);
    await store.close();
    return report;
  });
}
