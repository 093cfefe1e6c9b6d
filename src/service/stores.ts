/** The books: the store of a running service, and what the commands do with books directly. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Books, DataFolder } from '../cli/cli-parts.ts';
import { CliFailure, EXIT } from '../cli/exit-codes.ts';
import type { Config } from '../config.ts';
import type { Rules } from '../core/rules.ts';
import type { ReservationStore } from '../engine/ports.ts';
import { SteadyClock } from '../engine/steady-clock.ts';
import { auditDataDir } from '../stores/embedded/audit.ts';
import { backupBooks, restoreBooks } from '../stores/embedded/backup.ts';
import { dataFiles } from '../stores/embedded/data-files.ts';
import { EmbeddedStore } from '../stores/embedded/embedded-store.ts';
import { readBooks } from '../stores/embedded/export.ts';
import { exportBooks, importBooks } from '../stores/embedded/move-books.ts';
import { MemoryStore } from '../stores/memory/memory-store.ts';
import {
  parseRedisAddress,
  RedisAddressError,
  type RedisAddress,
} from '../stores/redis/connection/redis-address.ts';
import type { RedisBooks, RedisBooksOptions } from '../stores/redis/open-redis-store.ts';
import type { OpenShard } from '../stores/redis/open-shard.ts';
import { wholeBooks } from '../stores/redis/whole-books.ts';

/** A Redis that is being started with us has this long. */
const REDIS_STARTS_WITHIN_MS = 5_000;

/** Loaded only where the books are in Redis. */
const redisStores = () => import('../stores/redis/open-redis-store.ts');
const redisMoves = () => import('../stores/redis/move-books.ts');

async function openRedis(options: RedisBooksOptions): Promise<RedisBooks> {
  return (await redisStores()).openRedisStore(options);
}

export async function openStore(
  config: Config,
  rules: Rules,
  report: (message: string) => void,
): Promise<ReservationStore> {
  const { queueLimit, commandDeadlineMs } = config;
  switch (config.store) {
    case 'memory':
      return new MemoryStore(new SteadyClock(Date.now, () => performance.now()), rules);
    case 'redis':
      return openRedis(redisOptions(config, rules, report));
    case 'embedded':
      return EmbeddedStore.open({
        dataDir: resolve(config.dataDir),
        rules,
        queueLimit,
        commandDeadlineMs,
      });
  }
}

function redisOptions(
  config: Config,
  rules: Rules,
  report: (message: string) => void,
): RedisBooksOptions {
  const { queueLimit, commandDeadlineMs } = config;
  const { address, hashTag, shards, leaseMs: _leaseMs, ...redis } = config.redis;
  const connection = {
    ...redis,
    queueLimit,
    commandDeadlineMs,
    startWithinMs: REDIS_STARTS_WITHIN_MS,
  };
  return {
    connection: { ...connection, address: redisAddress(address) },
    rules,
    hashTag,
    shards,
    report,
  };
}

function redisAddress(text: string): RedisAddress {
  try {
    return parseRedisAddress(text);
  } catch (error) {
    if (!(error instanceof RedisAddressError)) throw error;
    throw new CliFailure(`HOLDFAST_STORE: ${error.message}`, EXIT.config);
  }
}

/** Those that the settings name, unless a folder is given. */
export function openBooks(settings: () => Config, folder: string | undefined): Books {
  if (folder !== undefined) return openDataFolder(folder);
  const config = settings();
  if (config.store !== 'redis') return openDataFolder(config.dataDir);
  const place = placeOf(config);
  const options = redisOptions(config, config.rules, (message) =>
    process.stderr.write(`holdfast: ${message}\n`),
  );
  const shard = async (): Promise<OpenShard> =>
    (await import('../stores/redis/open-shard.ts')).openShard(options, place);
  const one = options.shards === 1;
  return {
    place,
    ...wholeBooks(() => openRedis(options)),
    whole: async () =>
      one
        ? (await redisMoves()).exportBooks(shard)
        : (await redisStores()).exportBooksOfShards(options),
    take: async (head, records) =>
      one
        ? (await redisMoves()).importBooks(shard, head, records)
        : (await redisStores()).importBooksIntoShards(options, place, head, records),
  };
}

/** Where the books are, for people. */
export function placeOf(config: Config): string {
  if (config.store !== 'redis') return config.dataDir;
  const { hosts } = redisAddress(config.redis.address);
  const names = hosts.map(({ host, port }) => `${host}:${port}`).join(', ');
  return `Redis at ${names} under {${config.redis.hashTag}}`;
}

export function openDataFolder(folder: string): DataFolder {
  const dataDir = resolve(folder);
  return {
    place: folder,
    hasBooks: () => existsSync(dataFiles(dataDir).database),
    audit: () => auditDataDir(dataDir),
    read: () => readBooks(dataDir),
    whole: () => Promise.resolve(exportBooks(dataDir)),
    take: (head, records) => importBooks(dataDir, head, records),
    backup: (file, onProgress) =>
      backupBooks(dataDir, resolve(file), ({ totalPages, remainingPages }) => {
        onProgress(totalPages - remainingPages, totalPages);
      }),
    restore: (file, replace) => restoreBooks(resolve(file), dataDir, replace).movedTo,
  };
}

/** What the store found at its start and set right, for the log. */
export function warningsOf(
  store: ReservationStore & { readonly warnings?: readonly string[] },
): readonly string[] {
  return store.warnings ?? [];
}
