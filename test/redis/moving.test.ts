/** A live shop moves from the embedded store into Redis, and back, as an operator moves it; and what is refused. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { BooksRecord } from '../../src/engine/books-file/whole-books.ts';
import { importBooks } from '../../src/stores/embedded/move-books.ts';
import * as redis from '../../src/stores/redis/move-books.ts';
import { openShard, type OpenShard } from '../../src/stores/redis/open-shard.ts';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { call, holdfast, serve, type Service } from '../cli/support.ts';
import { reserve, setStock, uuid } from '../support/commands.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { openStore, patient, TAG } from './store.ts';

const RUN = ['export', '--what', 'books', '--output', 'books.ndjson'];

/** What buyers and operators see of the shop, but for what tells the time. */
async function seen(service: Service, ids: readonly string[]): Promise<unknown> {
  const paths = ['/stock', '/events?after=0', ...ids.map((id) => `/reservations/${id}`)];
  const answers = await Promise.all(paths.map((path) => call(service, 'GET', path)));
  const text = JSON.stringify(answers, (name, value: unknown) =>
    name === 'as_of' || name === 'expires_in_seconds' ? undefined : value,
  );
  return JSON.parse(text) as unknown;
}

async function sell(service: Service): Promise<string[]> {
  await call(service, 'PUT', '/stock/A', { on_hand: 9, safety_stock: 1, max_per_customer: 3 });
  await call(service, 'PUT', '/stock/B%C3%A7', { on_hand: 2 });
  const ids: string[] = [];
  for (const [customer, quantity] of [
    ['ana', 3],
    ['bia', 2],
    ['caio', 1],
  ] as const) {
    const { body } = await call(
      service,
      'POST',
      '/stock/A/reserve',
      { quantity, customer_id: customer },
      { 'idempotency-key': `cart-of-${customer}` },
    );
    ids.push(String(body['reservation_id']));
  }
  const [, second, third] = ids;
  await call(service, 'POST', `/reservations/${second}/confirm`, { order_id: 'order-1' });
  await call(service, 'POST', `/reservations/${third}/release`);
  return ids;
}

/** The same request once more. */
async function repeat(service: Service): Promise<unknown> {
  const key = { 'idempotency-key': 'cart-of-ana' };
  const body = { quantity: 3, customer_id: 'ana' };
  const { status, body: answer } = await call(service, 'POST', '/stock/A/reserve', body, key);
  return { status, answer };
}

void test('a live shop moves into Redis and back: same audits, same answers', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes' });
  const cwd = await tempDir(t);
  const overRedis = { HOLDFAST_STORE: server.url };
  const first = await serve(t, cwd);
  const ids = await sell(first);
  const running = await holdfast(RUN, { cwd });
  assert.equal(running.code, 2);
  assert.match(running.stderr, /is in use by process \d+/);
  assert.ok(!existsSync(join(cwd, 'books.ndjson')));
  const before = await seen(first, ids);
  const answered = await repeat(first);
  assert.equal((await first.stop()).code, 0);
  const audits = [(await holdfast(['audit', '--json'], { cwd })).stdout];

  const moved = async (settings: Record<string, string>, to: Record<string, string>) => {
    const out = await holdfast([...RUN.slice(0, -1), 'x.ndjson'], { cwd, settings });
    assert.equal(out.code, 0, out.stderr);
    assert.match(out.stderr, /^Wrote \d+ records of books to x\.ndjson\.$/m);
    const tried = await holdfast(['import', 'x.ndjson', '--what', 'books', '--dry-run'], {
      cwd,
      settings: to,
    });
    assert.match(tried.stdout, /pass their audit: 2 SKUs, [34] reservations, .*dry run/);
    const into = await holdfast(['import', 'x.ndjson', '--what', 'books'], { cwd, settings: to });
    assert.equal(into.code, 0, into.stderr + into.stdout);
    assert.match(into.stdout, /^Moved 2 SKUs, [34] reservations, .* Their audit passed\.$/m);
    const again = await holdfast(['import', 'x.ndjson', '--what', 'books'], { cwd, settings: to });
    assert.equal(again.code, 2);
    assert.match(again.stderr, /there are books in .* already/);
    audits.push((await holdfast(['audit', '--json'], { cwd, settings: to })).stdout);
  };

  await moved({}, overRedis);
  const second = await serve(t, cwd, overRedis);
  assert.deepEqual(await seen(second, ids), before);
  assert.deepEqual(await repeat(second), answered);
  const tooMuch = await call(second, 'POST', '/stock/A/reserve', { customer_id: 'ana' });
  assert.equal(tooMuch.body['code'], 'max_per_customer');
  const more = await call(second, 'POST', '/stock/A/reserve', { customer_id: 'duda' });
  assert.equal(more.status, 200);
  ids.push(String(more.body['reservation_id']));
  const between = await seen(second, ids);
  assert.equal((await second.stop()).code, 0);

  await moved(overRedis, { HOLDFAST_DATA_DIR: './home-again' });
  const third = await serve(t, cwd, { HOLDFAST_DATA_DIR: './home-again' });
  assert.deepEqual(await seen(third, ids), between);
  assert.deepEqual(await repeat(third), answered);
  const [embedded, inRedis] = audits.map((text) => JSON.parse(text) as Record<string, unknown>);
  assert.deepEqual(inRedis, embedded);
  assert.equal(embedded?.['ok'], true);
});

/** Books of a small shop as a file, and its lines. */
async function smallShop(t: TestContext, server: RedisServer, cwd: string): Promise<string[]> {
  const store = await openStore(t, server.url, {}, { hashTag: 'small' });
  await store.submit(setStock('A', 10));
  for (let n = 1; n <= 5; n += 1) {
    const idempotency = { key: `key-${n}`, fingerprint: 'as it was' };
    await store.submit(reserve(uuid(n), 'A:2', { customer: 'ana' }), { idempotency });
  }
  await store.close();
  const settings = { HOLDFAST_STORE: server.url, HOLDFAST_REDIS_HASH_TAG: 'small' };
  const { code, stderr } = await holdfast(RUN, { cwd, settings });
  assert.equal(code, 0, stderr);
  return readFileSync(join(cwd, 'books.ndjson'), 'utf8').trimEnd().split('\n');
}

void test('a damaged file is refused with its line, and nothing is imported', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes' });
  const cwd = await tempDir(t);
  const lines = await smallShop(t, server, cwd);
  assert.equal(lines.length, 19);
  const settings = { HOLDFAST_STORE: server.url };
  const told = async (damaged: readonly string[]): Promise<string> => {
    writeFileSync(join(cwd, 'damaged.ndjson'), damaged.map((line) => `${line}\n`).join(''));
    const args = ['import', 'damaged.ndjson', '--what', 'books'];
    const { code, stdout, stderr } = await holdfast(args, { cwd, settings });
    assert.equal(code, 1, stderr);
    assert.match(stdout, /Nothing was imported from damaged\.ndjson/);
    return stdout.split('\n')[0] ?? '';
  };
  const without = (at: number): string[] => lines.filter((_, index) => index !== at);
  const changed = lines.map((line, index) => (index === 6 ? line.replace('2', '3') : line));
  assert.match(await told(changed), /^line 7: this line is not as it was written/);
  assert.match(await told(without(9)), /^line 10: .* a line before it is missing/);
  assert.match(await told(lines.slice(0, -1)), /^line 19: the file ends too early/);
  assert.match(await told([...lines.slice(0, 8), 'sku,on_hand']), /^line 9: expected a line of/);
  assert.match(await told([...lines, lines.at(-1) ?? '']), /^line 20: nothing is expected after/);
  assert.match(await told(lines.slice(1)), /^line 1: this line is not as/);
  const keys = (await server.ask('KEYS', `{${TAG}}:*`)) as string[];
  assert.deepEqual(keys, []);
  // The same file, sound, is taken.
  const sound = await holdfast(['import', 'books.ndjson', '--what', 'books'], { cwd, settings });
  assert.equal(sound.code, 0, sound.stderr);
  const piped = await holdfast(['import', '-', '--what', 'books'], { cwd, settings });
  assert.equal(piped.code, 2);
  const csv = await holdfast([...RUN, '--format', 'csv'], { cwd, settings });
  assert.match(csv.stderr, /whole books are NDJSON/);
});

/** As the small shop's books come, until `after` of them have; then the reading fails. */
async function* brokenOff(
  records: AsyncIterable<BooksRecord>,
  after: number,
): AsyncGenerator<BooksRecord> {
  let given = 0;
  for await (const record of records) {
    if (given === after) throw new Error('the cable was pulled');
    given += 1;
    yield record;
  }
}

async function shardOf(t: TestContext, server: RedisServer, hashTag = TAG): Promise<OpenShard> {
  const connection = patient(server.url);
  const options = { connection, rules: DEFAULT_RULES, hashTag, report: () => undefined };
  const opened = await openShard(options, hashTag);
  t.after(opened.close);
  return opened;
}

void test('an import that fails half way leaves nothing behind, at any record', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const folder = await tempDir(t);
  const store = await openStore(t, server.url);
  await store.submit(setStock('A', 1_000));
  for (let n = 0; n < 1_000; n += 1) {
    await store.submit(reserve(uuid(n), 'A:2', { customer: `customer ${n}` }));
  }
  await store.close();
  const shard = (hashTag: string) => () => shardOf(t, server, hashTag);
  const source = await redis.exportBooks(shard(TAG));
  for (const after of [0, 300, 700, 1_001]) {
    const taken = redis.importBooks(shard('new'), source.head, brokenOff(source.records(), after));
    await assert.rejects(taken, /the cable was pulled/);
    assert.deepEqual(await server.ask('KEYS', '{new}:*'), []);
    const dataDir = join(folder, `after-${after}`);
    const kept = importBooks(dataDir, source.head, brokenOff(source.records(), after));
    await assert.rejects(kept, /the cable was pulled/);
    assert.ok(!existsSync(join(dataDir, 'holdfast.db')));
  }
  const report = await redis.importBooks(shard('new'), source.head, source.records());
  assert.deepEqual([report.ok, report.reservations], [true, 500]);
  await source.close();
});

void test('on books that are half imported nobody decides anything, until an import is whole', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes' });
  const cwd = await tempDir(t);
  await smallShop(t, server, cwd);
  const running = await openStore(t, server.url);
  const { shard } = await shardOf(t, server);
  assert.equal(
    await shard.importStep({ step: 'begin', token: 'interrupted', outboxHead: 0 }),
    'ready',
  );
  const parts = [[1, 1, 1, '[["set","X",null,5,0,0,0,null]]']];
  const nothing = {
    ...{ openings: [], stories: [], messages: [], outboxLevels: [] },
    ...{ reservations: [], levels: [], answers: [] },
  };
  const load = { step: 'load', token: 'interrupted', parts, seqs: [['X', [1]]], ...nothing };
  assert.equal(await shard.importStep(load), 'ready');
  const fault = { code: 'STORE_UNAVAILABLE', outcomeUnknown: false, message: /format importing/ };
  await assert.rejects(running.submit(reserve(uuid(1), 'X:1')), fault);
  await assert.rejects(openStore(t, server.url), { code: 'STORE_VERSION', message: /moved into/ });
  const settings = { HOLDFAST_STORE: server.url };
  const done = await holdfast(['import', 'books.ndjson', '--what', 'books'], { cwd, settings });
  assert.equal(done.code, 0, done.stderr);
  assert.equal(await shard.importStep({ ...load }), 'lost');
  assert.equal((await running.submit(reserve(uuid(1), 'X:1'))).ok, false);
  assert.deepEqual((await running.audit()).problems, []);
});

void test('books that change while they are read are not exported', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  await store.submit(setStock('A', 10));
  const source = await redis.exportBooks(() => shardOf(t, server));
  const read = async (): Promise<number> => {
    let records = 0;
    for await (const record of source.records()) {
      records += 1;
      if (record.kind === 'entry') await store.submit(reserve(uuid(1), 'A:1'));
    }
    return records;
  };
  await assert.rejects(read(), { code: 'STORE_LOCKED', message: /stop every instance/ });
  await source.close();
});

void test('an interrupted import leaves a folder that refuses to open, until it is run again', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes' });
  const cwd = await tempDir(t);
  await smallShop(t, server, cwd);
  mkdirSync(join(cwd, 'data'));
  writeFileSync(join(cwd, 'data', 'holdfast.db.restoring'), 'what a power cut left');
  const refused = await holdfast(['serve', '--port', '0'], { cwd });
  assert.equal(refused.code, 70);
  assert.match(refused.stderr, /import into .* was interrupted: run it again/);
  const { code, stderr } = await holdfast(['import', 'books.ndjson', '--what', 'books'], { cwd });
  assert.equal(code, 0, stderr);
  const audit = await holdfast(['audit'], { cwd });
  assert.match(audit.stdout, /1 SKU, 5 reservations, 6 ledger entries/);
  assert.ok(!existsSync(join(cwd, 'data', 'holdfast.db.restoring')));
});
