/** A shop moves into several shards and back; and what an import into them leaves that does not come to its end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BooksRecord } from '../../src/engine/books-file/whole-books.ts';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import {
  exportBooksOfShards,
  importBooksIntoShards,
  openRedisStore,
} from '../../src/stores/redis/open-redis-store.ts';
import { call, holdfast, serve, type Service } from '../cli/support.ts';
import { confirm, importStock, reserve, setting, trim, uuid } from '../support/commands.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { patient } from './store.ts';

const SKUS = ['A', 'B', 'C', 'D', 'E', 'F'];
/** A busy machine turns nobody away. */
const PATIENT = { HOLDFAST_COMMAND_DEADLINE_MS: '60000', HOLDFAST_MAX_EVENT_LOOP_DELAY_MS: '0' };

function optionsFor(url: string, hashTag: string) {
  const connection = patient(url);
  return {
    ...{ connection, rules: DEFAULT_RULES, hashTag, shards: 3, numberEveryMs: 0 },
    report: () => undefined,
  };
}

/** A cart over several shards that is bought, one that is given back, one that lives, and one line alone. */
async function sell(service: Service): Promise<string[]> {
  for (const sku of SKUS) await call(service, 'PUT', `/stock/${sku}`, { on_hand: 9 });
  const lines = SKUS.map((sku) => ({ sku, quantity: 2 }));
  const ids: string[] = [];
  for (const [index, body] of [
    { lines },
    { lines },
    { lines },
    { lines: lines.slice(0, 1) },
  ].entries()) {
    const key = { 'idempotency-key': `cart-${index}` };
    const made = await call(service, 'POST', '/reservations', { ...body, customer_id: 'ana' }, key);
    assert.equal(made.status, 201);
    ids.push(String(made.body['reservation_id']));
  }
  await call(service, 'POST', `/reservations/${ids[0]}/confirm`, { order_id: 'o-1' });
  await call(service, 'POST', `/reservations/${ids[1]}/release`);
  return ids;
}

async function seen(service: Service, ids: readonly string[]): Promise<unknown> {
  const paths = ['/stock', ...ids.map((id) => `/reservations/${id}`)];
  const answers = await Promise.all(paths.map((path) => call(service, 'GET', path)));
  const text = JSON.stringify(answers, (name, value: unknown) =>
    name === 'as_of' || name === 'expires_in_seconds' || name === 'ended_at' ? undefined : value,
  );
  return JSON.parse(text) as unknown;
}

void test('a live shop moves into three shards and back: same audits, same answers', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes' });
  const cwd = await tempDir(t);
  const shards = { HOLDFAST_STORE: server.url, HOLDFAST_REDIS_SHARDS: '3' };
  const home = { HOLDFAST_DATA_DIR: './home-again' };
  const first = await serve(t, cwd, PATIENT);
  const ids = await sell(first);
  const before = await seen(first, ids);
  assert.equal((await first.stop()).code, 0);
  const audits = [(await holdfast(['audit', '--json'], { cwd })).stdout];
  const move = async (from: Record<string, string>, to: Record<string, string>) => {
    const out = ['export', '--what', 'books', '--output', 'x.ndjson'];
    const exported = await holdfast(out, { cwd, settings: from });
    assert.equal(exported.code, 0, exported.stderr);
    const into = ['import', 'x.ndjson', '--what', 'books'];
    const imported = await holdfast(into, { cwd, settings: to });
    assert.equal(imported.code, 0, imported.stderr + imported.stdout);
    assert.match(imported.stdout, /^Moved 6 SKUs, [45] reservations, .* Their audit passed\.$/m);
    const again = await holdfast(into, { cwd, settings: to });
    assert.match(again.stderr, /there are books in .* already/);
    audits.push((await holdfast(['audit', '--json'], { cwd, settings: to })).stdout);
  };

  await move({}, shards);
  const second = await serve(t, cwd, { ...shards, ...PATIENT });
  assert.deepEqual(await seen(second, ids), before);
  const events = await call(second, 'GET', '/events?after=0&limit=1000');
  const seqs = (events.body['events'] as { seq: number }[]).map(({ seq }) => seq);
  assert.deepEqual(
    seqs,
    Array.from({ length: seqs.length }, (_, index) => index + 1),
  );
  const lines = SKUS.map((sku) => ({ sku, quantity: 2 }));
  const repeated = await call(
    ...([second, 'POST', '/reservations', { lines, customer_id: 'ana' }] as const),
    { 'idempotency-key': 'cart-2' },
  );
  assert.equal(repeated.body['reservation_id'], ids[2]);
  const bought = await call(second, 'POST', `/reservations/${ids[2]}/confirm`, { order_id: 'o-2' });
  assert.equal(bought.status, 200);
  const more = await call(second, 'POST', '/reservations', { lines: lines.slice(0, 3) });
  ids.push(String(more.body['reservation_id']));
  const between = await seen(second, ids);
  assert.equal((await second.stop()).code, 0);

  await move(shards, home);
  const third = await serve(t, cwd, { ...home, ...PATIENT });
  assert.deepEqual(await seen(third, ids), between);
  assert.equal((await third.stop()).code, 0);
  const [one, two] = audits.map((text) => JSON.parse(text) as { ok: boolean; entries: number });
  assert.deepEqual([one?.ok, two], [true, one]);
  assert.equal((JSON.parse(audits[2] ?? '') as { ok: boolean }).ok, true);
});

/** Books of three shards, as records. */
async function records(url: string, t: { after(done: () => unknown): void }) {
  const options = optionsFor(url, 'from');
  const store = await openRedisStore(options);
  await store.submit(importStock(SKUS.map((sku) => setting(sku, 50))));
  for (let n = 0; n < 6; n += 1) await store.submit(reserve(uuid(n), `A:1 B:1 C:1 D:${n + 1}`));
  await store.submit(confirm(uuid(1)));
  await store.submit(trim(9, { before: store.clock.now() + 1 }));
  const { problems } = await store.audit();
  assert.deepEqual(problems, []);
  await store.close();
  const source = await exportBooksOfShards(options);
  t.after(() => source.close());
  const all: BooksRecord[] = [];
  for await (const record of source.records()) all.push(record);
  return { head: source.head, all };
}

async function* upTo(all: readonly BooksRecord[], count: number): AsyncGenerator<BooksRecord> {
  for (const record of all.slice(0, count)) yield await Promise.resolve(record);
  if (count < all.length) throw new Error('the line went dead');
}

void test('an import that fails leaves nothing behind; one that was killed is begun anew', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const { head, all } = await records(server.url, t);
  const options = optionsFor(server.url, 'to');
  for (const count of [0, 3, Math.floor(all.length / 2), all.length - 1]) {
    const failing = importBooksIntoShards(options, 'there', head, upTo(all, count));
    await assert.rejects(failing, /went dead/);
    const left = (await server.ask('KEYS', '{to*')) as string[];
    assert.deepEqual(left, ['{to}:meta'], `after ${count} records`);
  }
  // As if it had been killed: begun in all shards, some records written.
  for (const tag of await shardTagsIn(server, options)) {
    await server.ask('HSET', `{${tag}}:meta`, 'format', 'importing', 'token', 'dead');
  }
  await assert.rejects(openRedisStore(options), { code: 'STORE_VERSION', message: /moved into/ });
  const report = await importBooksIntoShards(options, 'there', head, upTo(all, all.length));
  assert.deepEqual([report.problems, report.reservations], [[], 6]);
  const store = await openRedisStore(options);
  assert.deepEqual((await store.audit()).problems, []);
  assert.equal((await store.ledgerBeginning(null)).cut.seq, head.cut.seq);
  assert.equal((await store.reservation(uuid(1)))?.status, 'acknowledged');
  await store.close();
});

/** Found by an import that is taken back. */
async function shardTagsIn(
  server: RedisServer,
  options: ReturnType<typeof optionsFor>,
): Promise<string[]> {
  const store = await openRedisStore(options);
  await store.submit(importStock(SKUS.map((sku) => setting(sku, 1))));
  await store.close();
  const keys = (await server.ask('KEYS', '{to-*}:meta')) as string[];
  return keys.map((key) => key.slice(1, key.indexOf('}')));
}

void test('an import that was killed between its last steps is finished, not begun anew', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const { head, all } = await records(server.url, t);
  const options = optionsFor(server.url, 'to');
  await importBooksIntoShards(options, 'there', head, upTo(all, all.length));
  // As if the first shard had not been reached.
  const metas = ((await server.ask('KEYS', '{to-*}:meta')) as string[]).sort();
  const [first = ''] = metas;
  const token = String(await server.ask('HGET', first, 'imported'));
  await server.ask('HSET', first, 'format', 'importing', 'token', token);
  await server.ask('HDEL', first, 'imported');
  await assert.rejects(openRedisStore(options), { code: 'STORE_VERSION' });
  const again = importBooksIntoShards(options, 'there', head, upTo(all, all.length));
  await assert.rejects(again, { code: 'STORE_UNAVAILABLE', message: /it is finished now/ });
  const store = await openRedisStore(options);
  assert.deepEqual((await store.audit()).problems, []);
  assert.equal((await store.stats()).headSeq, head.headSeq);
  await store.close();
});
