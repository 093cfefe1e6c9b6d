import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectionTo, readFacts, warningsAbout, type ServerFacts } from './server-facts.ts';

const GOOD: ServerFacts = {
  server: 'r:6379',
  product: 'Redis',
  version: '8.2.2',
  role: 'master',
  loading: false,
  replicas: 0,
  cluster: false,
  evictionPolicy: 'noeviction',
  appendOnly: true,
  appendFsync: 'everysec',
  identity: 'a b',
};
const NEEDS = { topology: 'standalone', requirePersistence: true } as const;

void test('each objection, and none', () => {
  const objections: readonly (readonly [Partial<ServerFacts>, RegExp])[] = [
    [{ version: '6.2.19' }, /7\.0 or newer/],
    [{ cluster: true }, /redis\+cluster/],
    [{ loading: true }, /loading/],
    [{ role: 'slave' }, /replica/],
    [{ evictionPolicy: 'volatile-lru' }, /volatile-lru.*noeviction/],
    [{ appendOnly: false }, /HOLDFAST_REDIS_PERSISTENCE=warn/],
  ];
  for (const [facts, reason] of objections) {
    assert.match(objectionTo({ ...GOOD, ...facts }, NEEDS) ?? '', reason);
  }
  assert.match(
    objectionTo(GOOD, { ...NEEDS, topology: 'cluster' }) ?? '',
    /not a node of a cluster/,
  );
  assert.equal(objectionTo(GOOD, NEEDS), null);
  const lax = { ...NEEDS, requirePersistence: false };
  assert.equal(objectionTo({ ...GOOD, appendOnly: false }, lax), null);
});

void test('versions with a known hole are warned of', () => {
  const warned = (product: ServerFacts['product'], version: string): boolean =>
    warningsAbout({ ...GOOD, product, version }, 0).some((each) => each.includes('CVE-2025-49844'));
  for (const version of ['7.0.15', '7.2.10', '7.4.5', '8.0.3', '8.2.1']) {
    assert.ok(warned('Redis', version), version);
  }
  for (const version of ['7.2.11', '7.4.6', '8.0.4', '8.2.2', '8.4.0', '9.0.0']) {
    assert.ok(!warned('Redis', version), version);
  }
  assert.ok(warned('Valkey', '8.1.3') && !warned('Valkey', '8.1.4'));
});

void test('a persistence that loses more than a second is warned of', () => {
  assert.deepEqual(warningsAbout(GOOD, 0), []);
  assert.match(warningsAbout({ ...GOOD, appendFsync: 'no' }, 0)[0] ?? '', /power cut/);
  assert.match(warningsAbout({ ...GOOD, appendOnly: false }, 0)[0] ?? '', /append-only/);
});

void test('replicas that may take over without having a change are warned of', () => {
  const warned = (replicas: number, ackReplicas: number): string =>
    warningsAbout({ ...GOOD, replicas }, ackReplicas).join();
  assert.match(
    warned(2, 1),
    /r:6379 has 2 replicas and HOLDFAST_REDIS_ACK_REPLICAS is 1: a failover/,
  );
  assert.match(warned(1, 0), /has 1 replica and .* is 0: a failover to one that is behind loses/);
  assert.match(warned(1, 2), /nothing is written until more follow/);
  assert.equal(warned(2, 2), '');
});

void test('facts of a server that forbids CONFIG', async () => {
  const info = [
    '# Server',
    'redis_version:7.2.4',
    'valkey_version:8.1.4',
    'run_id:a',
    'role:master',
  ];
  const rest = [
    'aof_enabled:1',
    'maxmemory_policy:noeviction',
    'cluster_enabled:0',
    'connected_slaves:0',
    'master_replid:b',
  ];
  const ask = (command: string): Promise<unknown> =>
    command === 'INFO'
      ? Promise.resolve([...info, ...rest].join('\r\n'))
      : Promise.reject(new Error('NOPERM'));
  const facts = await readFacts(ask, { host: 'r', port: 6379 });
  assert.deepEqual(facts, { ...GOOD, product: 'Valkey', version: '8.1.4', appendFsync: null });
});
