/**
 * A shop that moves each time it is opened again: from the embedded store into Redis, and back, by a file of whole
 * books. Whatever a suite asks of it, it asks across moves.
 */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import type { AuditReport } from '../../src/core/audit.ts';
import { formatBooks, parseBooks } from '../../src/engine/books-file/books-file.ts';
import { proveBooks } from '../../src/engine/books-file/prove-books.ts';
import type {
  BooksHead,
  BooksRecord,
  BooksSource,
} from '../../src/engine/books-file/whole-books.ts';
import type { ReservationStore } from '../../src/engine/ports.ts';
import { SharedClock } from '../../src/stores/embedded/anchored-clock.ts';
import { EmbeddedStore } from '../../src/stores/embedded/embedded-store.ts';
import * as embedded from '../../src/stores/embedded/move-books.ts';
import * as redis from '../../src/stores/redis/move-books.ts';
import {
  exportBooksOfShards,
  importBooksIntoShards,
  openRedisStore,
} from '../../src/stores/redis/open-redis-store.ts';
import { openShard } from '../../src/stores/redis/open-shard.ts';
import { RedisStore } from '../../src/stores/redis/redis-store.ts';
import { patient } from '../redis/store.ts';
import { RedisServer } from '../support/redis-servers.ts';
import { tempDir } from '../support/temp-dir.ts';
import type { StoreSetup, StoreSubject } from './subject.ts';

const cleanups: (() => unknown)[] = [];
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});
let started: Promise<RedisServer> | null = null;

/** One place after the other. */
interface Place {
  open(setup: StoreSetup): Promise<ReservationStore>;
  give(setup: StoreSetup): Promise<BooksSource>;
  take(
    setup: StoreSetup,
    head: BooksHead,
    records: AsyncIterable<BooksRecord>,
  ): Promise<AuditReport>;
}

function embeddedPlace(dataDir: string): Place {
  return {
    open: ({ clock, rules }) =>
      EmbeddedStore.open({ dataDir, rules, clock: new SharedClock(clock.shared) }),
    give: () => Promise.resolve(embedded.exportBooks(dataDir)),
    take: (_setup, head, records) => embedded.importBooks(dataDir, head, records),
  };
}

function redisPlace(url: string, hashTag: string): Place {
  const options = ({ clock, rules }: StoreSetup) => ({
    connection: patient(url),
    rules,
    hashTag,
    clock,
    report: () => undefined,
  });
  const shard = (setup: StoreSetup) => () => openShard(options(setup), hashTag);
  return {
    open: (setup) => RedisStore.open(options(setup)),
    give: (setup) => redis.exportBooks(shard(setup)),
    take: (setup, head, records) => redis.importBooks(shard(setup), head, records),
  };
}

/** Through a file, as an operator does it; both audits are the same. */
async function move(from: Place, to: Place, setup: StoreSetup, file: string): Promise<void> {
  const source = await from.give(setup);
  const lines = [];
  for await (const line of formatBooks(source)) lines.push(line);
  await source.close();
  await writeFile(file, lines.join(''));
  const { head, report } = await proveBooks(createReadStream(file));
  assert.deepEqual(report.problems, []);
  assert.deepEqual(await to.take(setup, head, recordsOf(file)), report);
}

async function* recordsOf(file: string): AsyncGenerator<BooksRecord> {
  for await (const item of parseBooks(createReadStream(file))) {
    if (item.kind !== 'head' && item.kind !== 'end') yield item;
  }
}

function shardsPlace(url: string, hashTag: string, shards: number): Place {
  const options = ({ clock, rules }: StoreSetup) => ({
    connection: patient(url),
    rules,
    hashTag,
    shards,
    numberEveryMs: 0,
    clock,
    report: () => undefined,
  });
  return {
    open: (setup) => openRedisStore(options(setup)),
    give: (setup) => exportBooksOfShards(options(setup)),
    take: (setup, head, records) => importBooksIntoShards(options(setup), hashTag, head, records),
  };
}

let places = 0;

export const movingSubject = moving('moving', { durable: true, outbox: true, oneBook: true }, 1);

export const movingShardsSubject = moving(
  'moving into 3 shards',
  { durable: true, outbox: false, oneBook: false, renumbers: true },
  3,
);

function moving(name: string, supports: StoreSubject['supports'], shards: number): StoreSubject {
  const home: StoreSubject['home'] = async (t) => {
    started ??= RedisServer.start({ after: (done) => cleanups.push(done) });
    const { url } = await started;
    const folder = await tempDir(t);
    let current: Place | null = null;
    let moves = 0;
    return {
      open: async (setup) => {
        places += 1;
        const next =
          moves % 2 === 0
            ? embeddedPlace(join(folder, `books-${moves}`))
            : shards === 1
              ? redisPlace(url, `place-${places}`)
              : shardsPlace(url, `place-${places}`, shards);
        if (current !== null) await move(current, next, setup, join(folder, `${moves}.ndjson`));
        current = next;
        moves += 1;
        return next.open(setup);
      },
    };
  };
  return { name, supports, home };
}
