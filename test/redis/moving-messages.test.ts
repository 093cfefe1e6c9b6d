/** What an ERP is still to be told moves with the books: into several shards, from there into others, and into one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BooksHead, BooksRecord } from '../../src/engine/books-file/whole-books.ts';
import type { ClaimAnswer, Command } from '../../src/core/command.ts';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { keepsOutbox, type OutboxStore } from '../../src/engine/ports.ts';
import { importBooks } from '../../src/stores/redis/move-books.ts';
import {
  exportBooksOfShards,
  importBooksIntoShards,
  openRedisStore,
} from '../../src/stores/redis/open-redis-store.ts';
import { openShard } from '../../src/stores/redis/open-shard.ts';
import {
  cancel,
  confirm,
  importStock,
  reserve,
  setting,
  settleParcel,
  uuid,
} from '../support/commands.ts';
import { messageText, outcome } from '../support/outcome.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import { patient } from './store.ts';

const SKUS = ['A', 'B', 'C', 'D', 'E', 'F'];
const CART = 'A:1 B:2 C:1 D:1 E:2 F:1';
const RULES = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };

function optionsFor(url: string, hashTag: string, shards = 3) {
  const connection = patient(url);
  return {
    ...{ connection, rules: RULES, hashTag, shards, numberEveryMs: 0 },
    report: () => undefined,
  };
}

type Options = ReturnType<typeof optionsFor>;

async function withStore<T>(options: Options, use: (store: OutboxStore) => Promise<T>): Promise<T> {
  const store = await openRedisStore(options);
  try {
    assert.ok(keepsOutbox(store));
    const found = await use(store);
    assert.deepEqual((await store.audit()).problems, []);
    return found;
  } finally {
    await store.close();
  }
}

async function ok(store: OutboxStore, ...commands: readonly Command[]): Promise<void> {
  for (const command of commands) {
    const answer = await store.submit(command);
    assert.ok(answer.ok, outcome(answer));
  }
}

async function claim(store: OutboxStore): Promise<ClaimAnswer['parcels']> {
  const answer = await store.submit({ type: 'claim_messages', limit: 9, messagesPerParcel: 1 });
  return (answer as ClaimAnswer).parcels;
}

async function settleAll(
  store: OutboxStore,
  outcomeOf: (reservationId: string) => 'applied' | 'given_up',
) {
  for (const { id, messages } of await claim(store)) {
    await ok(store, settleParcel(id, outcomeOf(messages[0]?.reservationId ?? '')));
  }
}

/** Without their numbers. */
async function waiting(store: OutboxStore): Promise<string[]> {
  const all = await store.outbox({ state: null, after: 0, limit: 100 });
  return all
    .map((message) => `${message.reservationId} ${messageText({ ...message, id: 0 })}`)
    .sort();
}

async function recordsOf(options: Options): Promise<{ head: BooksHead; all: BooksRecord[] }> {
  const source = await exportBooksOfShards(options);
  const all: BooksRecord[] = [];
  for await (const record of source.records()) all.push(record);
  await source.close();
  return { head: source.head, all };
}

async function* each(all: readonly BooksRecord[]): AsyncGenerator<BooksRecord> {
  for (const record of all) yield await Promise.resolve(record);
}

void test('messages of carts move, and are told where they have come to', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const from = optionsFor(server.url, 'from');
  const [delivered, dead, pending] = [uuid(1), uuid(2), uuid(3)];
  const before = await withStore(from, async (store) => {
    await ok(store, importStock(SKUS.map((sku) => setting(sku, 50))));
    for (const id of [delivered, dead]) await ok(store, reserve(id, CART), confirm(id));
    await settleAll(store, (id) => (id === dead ? 'given_up' : 'applied'));
    await ok(store, reserve(pending, CART), confirm(pending));
    return waiting(store);
  });
  assert.equal(before.length, 2);
  const to = optionsFor(server.url, 'to');
  const moved = await recordsOf(from);
  await importBooksIntoShards(to, 'there', moved.head, each(moved.all));
  await withStore(to, async (store) => {
    assert.deepEqual(await waiting(store), before);
    // Of what was delivered before the move, a cancellation is told still.
    await ok(store, cancel(delivered, { lines: 'A:1 B:1' }), cancel(pending, { lines: 'C:1' }));
    await settleAll(store, () => 'applied');
    for (const id of [delivered, pending]) {
      assert.equal((await store.reservation(id))?.status, 'acknowledged');
    }
    for (const [index, sku] of SKUS.entries()) {
      const level = await store.level(sku);
      const gone = [1, 3, 1, 2, 4, 2][index] ?? 0;
      const held = [1, 2, 1, 1, 2, 1][index];
      assert.deepEqual([level?.onHand, level?.allocated], [50 - gone, held], sku);
    }
  });
});

void test('what the ERP may know by its number goes where it keeps it, and nowhere else', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const from = optionsFor(server.url, 'from');
  const parcel = await withStore(from, async (store) => {
    await ok(store, importStock(SKUS.map((sku) => setting(sku, 50))));
    await ok(store, reserve(uuid(1), CART), confirm(uuid(1)));
    const [claimed] = await claim(store);
    return claimed?.id ?? 0;
  });
  const { head, all } = await recordsOf(from);
  const shards = importBooksIntoShards(optionsFor(server.url, 'to'), 'there', head, each(all));
  await assert.rejects(shards, { message: /may have reached the ERP/ });
  const one = optionsFor(server.url, 'one', 1);
  await importBooks(() => openShard(one, 'there'), head, each(all));
  await withStore(one, async (store) => {
    await ok(store, settleParcel(parcel, 'applied'));
    assert.equal((await store.reservation(uuid(1)))?.status, 'acknowledged');
  });
});
