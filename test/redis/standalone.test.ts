/** One server: what it is asked, what happens when it is not well, and what is said about it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../../src/engine/faults.ts';
import { hasRedis, RedisServer, until } from '../support/redis-servers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { open, refusal, takeUnder } from './support.ts';

const KEYS = ['{s}stock', '{s}stock:takers'];

async function takersOf(server: RedisServer): Promise<string[]> {
  return ((await server.ask('SMEMBERS', KEYS[1] ?? '')) as string[]).sort();
}

function fault(code: string, outcomeUnknown: boolean) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof Fault, String(error));
    assert.deepEqual(
      { code: error.code, outcomeUnknown: error.outcomeUnknown, retryable: error.retryable },
      { code, outcomeUnknown, retryable: true },
      error.message,
    );
    return true;
  };
}

void test('scripts run, with what they need, also after the server has forgotten them', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const { connection } = await open(t, server.url);
  await server.ask('SET', '{s}stock', 2);
  assert.equal(await connection.run('take', KEYS, [1, 'ana']), 'taken');
  await server.ask('SCRIPT', 'FLUSH');
  assert.equal(await connection.run('take', KEYS, [1, 'beto']), 'taken');
  assert.equal(await connection.run('take', KEYS, [1, 'caio']), 'refused');
  assert.equal(await connection.run('left', ['{s}stock'], []), 0);
  assert.equal(await connection.read('GET', ['{s}stock']), '0');
  assert.deepEqual(await takersOf(server), ['ana', 'beto']);
});

void test('a script with a bug is a bug, not a fault', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const { connection } = await open(t, server.url);
  await assert.rejects(connection.run('broken', ['a'], []), (error: unknown) => {
    assert.ok(error instanceof Error && !(error instanceof Fault));
    return true;
  });
  await assert.rejects(connection.run('missing', ['a'], []), /no script missing/);
});

void test('a silent server: reads and writes end in time, and only the write is of unknown outcome', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const { connection } = await open(t, server.url, { commandDeadlineMs: 1_000 });
  await server.ask('SET', '{s}stock', 6);
  assert.equal(await connection.run('take', KEYS, [1, 'zoe']), 'taken');
  server.pause();
  const write = connection.run('take', KEYS, [1, 'ana']);
  const read = connection.read('GET', ['{s}stock']);
  await assert.rejects(write, fault('STORE_TIMEOUT', true));
  await assert.rejects(read, (error) => error instanceof Fault && !error.outcomeUnknown);
  // The connection was given up, so that this one is known not to have been written.
  await assert.rejects(
    connection.run('take', KEYS, [1, 'beto']),
    fault('STORE_UNAVAILABLE', false),
  );
  server.resume();
  await until('it answers again', async () => (await connection.read('GET', ['a'])) === null);
  // What was written before is carried out late, once; what was not, never.
  await until('the late write', async () => (await server.ask('GET', '{s}stock')) === '4');
  assert.deepEqual(await takersOf(server), ['ana', 'zoe']);
});

void test('a full queue refuses at once and has done nothing', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const { connection } = await open(t, server.url, { queueLimit: 2, commandDeadlineMs: 300 });
  server.pause();
  const waiting = [1, 2].map(() => connection.read('GET', ['a']));
  assert.equal(connection.inFlight, 2);
  await assert.rejects(connection.run('take', KEYS, [1, 'ana']), fault('STORE_OVERLOADED', false));
  await Promise.allSettled(waiting);
  assert.equal(connection.inFlight, 0);
  server.resume();
});

void test('a server that is down: nothing is done, and all goes on when it is back', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes', appendfsync: 'always' });
  const { connection } = await open(t, server.url, { commandDeadlineMs: 1_000 });
  await server.ask('SET', '{s}stock', 5);
  await server.kill();
  await until('the loss is noticed', async () => connection.trouble() !== null);
  await assert.rejects(connection.run('take', KEYS, [1, 'ana']), fault('STORE_UNAVAILABLE', false));
  await server.start();
  await until('it is back', async () => connection.trouble() === null);
  assert.equal(await connection.run('take', KEYS, [1, 'beto']), 'taken');
});

void test(
  'a connection that is closed waits for no server that is down',
  { timeout: 60_000 },
  async (t) => {
    if (!hasRedis(t)) return;
    const server = await RedisServer.start(t);
    const { connection } = await open(t, server.url, { commandDeadlineMs: 600_000 });
    await server.kill();
    const read = assert.rejects(connection.read('GET', ['a']), fault('STORE_UNAVAILABLE', false));
    await until('the loss is noticed', async () => connection.trouble() !== null);
    assert.equal(connection.inFlight, 1);
    await connection.close();
    await read;
  },
);

void test('killed again and again under load: what was acknowledged is there, what was not done is not', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { appendonly: 'yes', appendfsync: 'always' });
  const { connection } = await open(t, server.url);
  await server.ask('SET', '{s}stock', 1_000_000);
  const load = takeUnder(connection, '{s}stock');
  for (let kill = 0; kill < 3; kill += 1) {
    await load.more(50);
    await server.restart();
    await until('it is back', async () => connection.trouble() === null);
  }
  await load.more(50);
  const { taken, notDone, unknown } = await load.end();
  const takers = new Set(await takersOf(server));
  const gone = 1_000_000 - Number(await server.ask('GET', '{s}stock'));
  t.diagnostic(`taken ${taken.length}, not done ${notDone.length}, unknown ${unknown.length}`);
  assert.deepEqual(
    taken.filter((taker) => !takers.has(taker)),
    [],
  );
  assert.deepEqual(
    notDone.filter((taker) => takers.has(taker)),
    [],
  );
  assert.equal(takers.size, gone, 'nothing was carried out twice');
  assert.ok(taken.length > 0);
});

void test('a full memory refuses a write as a whole, and still answers reads', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const { connection } = await open(t, server.url);
  await server.ask('SET', '{s}stock', 5);
  await server.ask('CONFIG', 'SET', 'maxmemory', '1');
  await assert.rejects(connection.run('take', KEYS, [1, 'ana']), fault('STORE_UNAVAILABLE', false));
  assert.equal(await connection.run('left', ['{s}stock'], []), 5);
  await server.ask('CONFIG', 'SET', 'maxmemory', '0');
  assert.equal(await connection.run('take', KEYS, [1, 'beto']), 'taken');
});

void test('a primary that became a replica does nothing, and is used again as a primary', async (t) => {
  if (!hasRedis(t)) return;
  const other = await RedisServer.start(t);
  const server = await RedisServer.start(t);
  const { connection } = await open(t, server.url, { commandDeadlineMs: 1_000 });
  await server.ask('REPLICAOF', other.host, other.port);
  await assert.rejects(connection.run('take', KEYS, [1, 'ana']), fault('STORE_UNAVAILABLE', false));
  await server.ask('REPLICAOF', 'NO', 'ONE');
  await until('it is a primary', async () => connection.trouble() === null);
  assert.equal(await connection.run('take', KEYS, [1, 'ana']), 'refused');
});

void test('user, password and database', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, { requirepass: 's3cret' });
  await server.ask('ACL', 'SETUSER', 'shop', 'on', '>p@ss/', '~*', '+@all');
  const { connection } = await open(t, `redis://shop:p%40ss%2F@127.0.0.1:${server.port}/3`);
  await connection.read('SET', ['a'], ['1']);
  assert.equal(await connection.read('GET', ['a']), '1');
  assert.equal(await server.ask('EXISTS', 'a'), 0);
  for (const login of ['', 'shop:wr0ng@', ':wr0ng@']) {
    const message = await refusal(t, `redis://${login}127.0.0.1:${server.port}`);
    assert.match(message, /NOAUTH|WRONGPASS/, login);
    assert.doesNotMatch(message, /wr0ng/);
  }
});

/** Opens one that is free. */
async function tlsPort(server: RedisServer): Promise<number> {
  for (let port = server.port + 1; ; port += 1) {
    const done = await server.ask('CONFIG', 'SET', 'tls-port', port).catch(() => null);
    if (done === 'OK') return port;
  }
}

void test('TLS, with an authority of our own', async (t) => {
  if (!hasRedis(t)) return;
  const dir = await tempDir(t);
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
  ];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert];
  const made = spawnSync('openssl', [...request, ...subject]);
  assert.equal(made.status, 0, `apt-get install openssl: ${String(made.stderr)}`);
  const server = await RedisServer.start(t, {
    'tls-cert-file': cert,
    'tls-key-file': key,
    'tls-auth-clients': 'no',
  });
  const port = await tlsPort(server);
  const url = `rediss://127.0.0.1:${port}`;
  const { connection } = await open(t, url, { tlsCaFile: cert });
  assert.equal(await connection.read('GET', ['a']), null);
  assert.match(await refusal(t, url), /certificate/);
  assert.match(await refusal(t, `redis://127.0.0.1:${port}`), /Redis cannot be used/);
});

void test('what forbids to sell on a server is said at the start', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  assert.match(await refusal(t, 'redis://127.0.0.1:1'), /ECONNREFUSED/);
  assert.match(await refusal(t, server.url, { requirePersistence: true }), /appendonly yes/);
  assert.match(await refusal(t, `redis+cluster://127.0.0.1:${server.port}`), /cluster/);
  await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  assert.match(await refusal(t, server.url), /maxmemory-policy noeviction/);
  await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  const replica = await RedisServer.start(t, { replicaof: `127.0.0.1 ${server.port}` });
  assert.match(await refusal(t, replica.url), /is a replica/);
  const { connection } = await open(t, server.url);
  assert.match(connection.warnings.join('\n'), /append-only/);
});
