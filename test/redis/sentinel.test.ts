/** Sentinels: they say who the primary is, and we believe most of them only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  hasRedis,
  startSentinelGroup,
  until,
  type SentinelGroup,
} from '../support/redis-servers.ts';
import { open, refusal, takeUnder } from './support.ts';

const KEY = 'stock';

const isWellAgain = (report: string): boolean => report.startsWith('Redis is well again');

function urlOf({ sentinels, name }: SentinelGroup): string {
  return `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${name}`;
}

void test('the primary dies under load: with acknowledged replicas, nothing that was taken is lost', async (t) => {
  if (!hasRedis(t)) return;
  const group = await startSentinelGroup(t);
  const { connection, reports } = await open(t, urlOf(group), { ackReplicas: 2 });
  let audits = 0;
  connection.guardSales(async () => {
    audits += 1;
    return null;
  });
  await connection.read('SET', [KEY], [1_000_000]);
  const load = takeUnder(connection, KEY);
  await load.more(100);
  const old = await group.primary();
  await old.kill();
  await until('another took over', async () => audits > 0 && (await group.primary()) !== old);
  // One replica is left, and two are asked for: it is taken on only when the old primary is back as a replica.
  await until('too few acknowledge', async () => /ACK_REPLICAS/.test(connection.trouble() ?? ''));
  const { host, port } = await group.primary();
  await old.start({ replicaof: `${host} ${port}` });
  await until('it is told', async () => connection.trouble() === null && reports.some(isWellAgain));
  await load.more(1);
  const { taken, notDone, unknown, longestPauseMs } = await load.end();
  t.diagnostic(
    `taken ${taken.length}, not done ${notDone.length}, unknown ${unknown.length}, pause ${Math.round(longestPauseMs)} ms`,
  );
  const takers = new Set((await connection.read('SMEMBERS', [`${KEY}:takers`])) as string[]);
  assert.ok(longestPauseMs > 0, 'nothing was taken after the pause');
  assert.deepEqual(
    taken.filter((taker) => !takers.has(taker)),
    [],
  );
  assert.deepEqual(
    notDone.filter((taker) => takers.has(taker)),
    [],
  );
  assert.match(reports.join('\n'), /sales stop until the audit has passed[^]*has passed/);
  const told = reports.filter((report) => report.startsWith('Redis is'));
  assert.match(told.join('\n'), /^Redis is in trouble: .*\nRedis is well again, after \d+\.\d s/);
});

void test('a primary that only seems dead is left, and grants nothing when it wakes up', async (t) => {
  if (!hasRedis(t)) return;
  const group = await startSentinelGroup(t);
  const { connection } = await open(t, urlOf(group), { commandDeadlineMs: 1_000, ackReplicas: 2 });
  connection.guardSales(async () => null);
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  await connection.read('SET', [KEY], [1_000_000]);
  const load = takeUnder(connection, KEY);
  await load.more(50);
  const old = await group.primary();
  old.pause();
  await until('another is primary', async () => (await group.primary()) !== old);
  old.resume();
  // Left to themselves, the sentinels look at it for 8 s.
  await sleep(300);
  const { host, port } = await group.primary();
  await old.ask('REPLICAOF', host, port);
  await until('all is well', async () => connection.trouble() === null);
  await until(
    'the old one follows',
    async () => (await old.info('replication')).get('role') === 'slave',
  );
  await load.more(1);
  const { taken, unknown } = await load.end();
  const takers = new Set((await connection.read('SMEMBERS', [`${KEY}:takers`])) as string[]);
  t.diagnostic(`taken ${taken.length}, unknown ${unknown.length}`);
  assert.deepEqual(warnings, []);
  assert.ok(taken.length > 0);
  assert.deepEqual(
    taken.filter((taker) => !takers.has(taker)),
    [],
  );
});

void test('replicas that are missing: nothing is done, until they are back', async (t) => {
  if (!hasRedis(t)) return;
  const group = await startSentinelGroup(t, { downAfterMs: 60_000 });
  const { connection } = await open(t, urlOf(group), { ackReplicas: 2, commandDeadlineMs: 2_000 });
  await connection.read('SET', [KEY], [100]);
  const take = (taker: string) => connection.run('take', [KEY, `${KEY}:takers`], [1, taker]);
  assert.equal(await take('ana'), 'taken');
  const primary = await group.primary();
  const [replica] = group.nodes.filter((node) => node !== primary);
  replica?.pause();
  // The first learns it the hard way; those after it are refused beforehand.
  await assert.rejects(take('beto'), { code: 'STORE_TIMEOUT', outcomeUnknown: true });
  await assert.rejects(take('caio'), { code: 'STORE_UNAVAILABLE', outcomeUnknown: false });
  assert.match(connection.trouble() ?? '', /HOLDFAST_REDIS_ACK_REPLICAS/);
  replica?.resume();
  await until('they are back', async () => connection.trouble() === null);
  assert.equal(await take('davi'), 'taken');
  const takers = (await connection.read('SMEMBERS', [`${KEY}:takers`])) as string[];
  assert.deepEqual(takers.sort(), ['ana', 'beto', 'davi']);
});

void test('without most of the sentinels there is no primary', async (t) => {
  if (!hasRedis(t)) return;
  const group = await startSentinelGroup(t);
  const url = urlOf(group);
  assert.match(
    await refusal(t, url.replace(/holdfast$/, 'other')),
    /knows no primary of the name "other"/,
  );
  const { connection } = await open(t, url);
  await group.sentinels[0]?.kill();
  await sleep(1_500);
  assert.equal(connection.trouble(), null);
  await group.sentinels[1]?.kill();
  await until('it is left', async () => connection.trouble() !== null);
  assert.match(await refusal(t, url), /of 3 sentinels, 2 must agree/);
});
