/** The service and the command line over Redis, as an operator meets them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdfast, serve } from '../cli/support.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import { tempDir } from '../support/temp-dir.ts';

async function ask(method: string, url: string, body?: unknown): Promise<Response> {
  return fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
}

void test('two instances sell one stock; the audit and the export read it', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes', requirepass: 's3cret' });
  const cwd = await tempDir(t);
  const settings = { HOLDFAST_STORE: `redis://:s3cret@127.0.0.1:${server.port}` };
  const one = await serve(t, cwd, settings);
  const two = await serve(t, cwd, settings);
  assert.match(one.stderr, /redis, durable, in Redis at 127\.0\.0\.1:\d+ under \{holdfast\}/);
  assert.doesNotMatch(one.stderr + one.stdout, /s3cret/);
  assert.equal((await ask('PUT', `${one.url}/stock/A`, { on_hand: 2 })).status, 201);
  const statuses = [];
  for (const { url } of [one, two, one]) {
    statuses.push((await ask('POST', `${url}/stock/A/reserve`)).status);
  }
  assert.deepEqual(statuses, [200, 200, 409]);
  const audit = await holdfast(['audit'], { cwd, settings });
  assert.equal(audit.code, 0, audit.stderr);
  assert.match(audit.stdout, /Audited Redis at .*1 SKU, 2 reservations/);
  const stock = await holdfast(['export'], { cwd, settings });
  assert.match(stock.stdout, /^A,2,/m);
  const ledger = await holdfast(['export', '--what', 'ledger', '--format', 'ndjson'], {
    cwd,
    settings,
  });
  assert.equal(ledger.stdout.trim().split('\n').length, 3);
  const plan = await holdfast(['config'], { cwd, settings });
  assert.doesNotMatch(plan.stdout, /s3cret/);
});

void test('Redis that goes away is 503 and not ready, never 409; what was sold is still sold', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes', appendfsync: 'always' });
  const cwd = await tempDir(t);
  const service = await serve(t, cwd, {
    HOLDFAST_STORE: server.url,
    HOLDFAST_COMMAND_DEADLINE_MS: '1500',
  });
  const { url } = service;
  assert.equal((await ask('PUT', `${url}/stock/A`, { on_hand: 1 })).status, 201);
  assert.equal((await ask('POST', `${url}/stock/A/reserve`)).status, 200);
  await server.kill();
  const refused = await ask('POST', `${url}/stock/A/reserve`);
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  const problem = (await refused.json()) as { code: string; outcome: string };
  assert.match(problem.code, /^store_/);
  assert.equal((await ask('GET', `${url}/readyz`)).status, 503);
  assert.match(await (await ask('GET', `${url}/metrics`)).text(), /^holdfast_ready 0$/m);
  const said = (text: string): number => service.stdout.split(text).length - 1;
  // Long enough for many sweeps, each of which fails.
  while (said('housekeeping (sweep) fails') === 0) await sleep(20);
  await sleep(1_000);
  await server.start();
  while ((await ask('GET', `${url}/readyz`)).status !== 200) {
    await sleep(20);
  }
  assert.equal((await ask('POST', `${url}/stock/A/reserve`)).status, 409);
  while (said('Redis is well again') === 0 || said('housekeeping (sweep) works again') === 0) {
    await sleep(20);
  }
  // Both kinds of failure at most: no answer in time, and no connection.
  assert.ok(said('housekeeping (sweep) fails') <= 2, service.stdout);
  for (const text of [
    'Redis is in trouble: ',
    'sales stop until the audit has passed',
    'the audit after the change of the primary has passed',
    'Redis is well again, after ',
  ]) {
    assert.equal(said(text), 1, text);
  }
});

void test('a server that must not be sold on ends the start with one message', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const cwd = await tempDir(t);
  const without = await holdfast(['serve'], { cwd, settings: { HOLDFAST_STORE: server.url } });
  assert.notEqual(without.code, 0);
  assert.match(without.stderr, /^holdfast: .*appendonly yes.*HOLDFAST_REDIS_PERSISTENCE=warn$/m);
  const malformed = { HOLDFAST_STORE: 'redis://ana:s3cret@' };
  const wrong = await holdfast(['serve'], { cwd, settings: malformed });
  assert.equal(wrong.code, 78);
  assert.match(wrong.stderr, /HOLDFAST_STORE: a host is missing/);
  assert.doesNotMatch(wrong.stderr, /s3cret/);
});
