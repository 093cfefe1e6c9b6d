/**
 * The service over Redis, by HTTP: `node bench/redis-service.ts [--seconds 5] [--rounds 3]`. In one run: embedded, one
 * instance over one Redis, two instances over it, and on a cluster of three one shard and three. Reserves of 1,000 SKUs,
 * 64 connections. On few cores the generator, the instances and the servers take them from each other; the processor
 * time of each for one reserve, and its bytes, tell what a machine for each of them would do.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { RedisServer, startCluster } from '../test/support/redis-servers.ts';
import { load } from './support/load.ts';
import { startHoldfast, type Service } from './support/services.ts';
import { count, median } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);
const CONNECTIONS = 64;
const SKUS = 1_000;
const PLENTY = 2_000_000_000;
const MICROS_PER_TICK = 10_000;

const cleanups: (() => unknown)[] = [];
const lifetime = { after: (done: () => unknown) => cleanups.unshift(done) };

interface Case {
  readonly name: string;
  readonly instances: readonly Service[];
  readonly servers: readonly RedisServer[];
}

interface Result {
  readonly perSecond: number;
  readonly instanceMicros: number;
  readonly serverMicros: number;
  /** Between the instances and Redis, both ways. */
  readonly bytes: number;
  readonly perCall: number;
}

/** User and system time of a process, in µs. */
function processMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
}

interface ServerFigures {
  readonly micros: number;
  readonly bytes: number;
  readonly calls: number;
}

async function figuresOf(server: RedisServer): Promise<ServerFigures> {
  const info = new Map([
    ...(await server.info('cpu')),
    ...(await server.info('stats')),
    ...(await server.info('commandstats')),
  ]);
  const sum = (...names: string[]): number =>
    names.reduce((total, name) => total + Number(info.get(name) ?? 0), 0);
  const calls = /calls=(\d+)/.exec(info.get('cmdstat_evalsha') ?? '')?.[1] ?? 0;
  return {
    micros: sum('used_cpu_user', 'used_cpu_sys') * 1e6,
    bytes: sum('total_net_input_bytes', 'total_net_output_bytes'),
    calls: Number(calls),
  };
}

async function totals({ instances, servers }: Case) {
  const each = await Promise.all(servers.map(figuresOf));
  const sum = (field: keyof ServerFigures): number =>
    each.reduce((total, figures) => total + figures[field], 0);
  return {
    instances: instances.reduce((total, { pid }) => total + processMicros(pid), 0),
    servers: sum('micros'),
    bytes: sum('bytes'),
    calls: sum('calls'),
  };
}

async function measure(each: Case): Promise<Result> {
  const { instances } = each;
  const run = (time: number) =>
    Promise.all(
      instances.map(({ url }) =>
        load({
          url: `${url}/stock/S{n}/reserve`,
          method: 'POST',
          connections: CONNECTIONS / instances.length,
          seconds: time,
          spread: SKUS,
        }),
      ),
    );
  await run(1);
  const before = await totals(each);
  const results = await run(seconds);
  const after = await totals(each);
  if (results.some(({ non2xx }) => non2xx > 0)) throw new Error(`${each.name}: not all granted`);
  const perSecond = results.reduce((sum, result) => sum + result.perSecond, 0);
  const operations = perSecond * seconds;
  return {
    perSecond,
    instanceMicros: (after.instances - before.instances) / operations,
    serverMicros: (after.servers - before.servers) / operations,
    bytes: (after.bytes - before.bytes) / operations,
    perCall: operations / Math.max(1, after.calls - before.calls),
  };
}

async function stocked(service: Service): Promise<Service> {
  const lines = Array.from({ length: SKUS }, (_, n) => `{"sku":"S${n}","on_hand":${PLENTY}}\n`);
  const answer = await fetch(`${service.url}/stock/import`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join(''),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`import: ${answer.status} ${text}`);
  return service;
}

async function start(store: string, settings: Record<string, string> = {}): Promise<Service> {
  const service = await startHoldfast(store, {
    HOLDFAST_LOG_LEVEL: 'warn',
    HOLDFAST_RATE_LIMIT_PER_SECOND: '0',
    ...settings,
  });
  lifetime.after(() => service.stop());
  return service;
}

async function cases(): Promise<Case[]> {
  const settings = { appendonly: 'yes', appendfsync: 'everysec' };
  const server = await RedisServer.start(lifetime, settings);
  const cluster = await startCluster(lifetime, { replicas: 0, settings });
  const servers = cluster.nodes.map((node) => node.server);
  const address = `redis+cluster://${servers.map(({ host, port }) => `${host}:${port}`).join(',')}`;
  const over = (tag: string, shards: number): Promise<Service> =>
    start(address, { HOLDFAST_REDIS_HASH_TAG: tag, HOLDFAST_REDIS_SHARDS: String(shards) });
  const one = await stocked(await start(server.url));
  return [
    { name: 'embedded', instances: [await stocked(await start('embedded'))], servers: [] },
    { name: 'one Redis, one instance', instances: [one], servers: [server] },
    {
      name: 'one Redis, two instances',
      instances: [one, await start(server.url)],
      servers: [server],
    },
    { name: 'cluster of 3, one shard', instances: [await stocked(await over('one', 1))], servers },
    {
      name: 'cluster of 3, three shards',
      instances: [await stocked(await over('three', 3))],
      servers,
    },
  ];
}

try {
  const all = await cases();
  const results = new Map<Case, Result[]>(all.map((each) => [each, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const each of all) results.get(each)?.push(await measure(each));
  }
  const middle = (each: Case | undefined, field: keyof Result): number =>
    median((each ? results.get(each) : [])?.map((result) => result[field]) ?? []);
  console.log(
    '| service | reserves/s | instance CPU, µs | Redis CPU, µs | bytes to and from Redis | reserves per call |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const each of all) {
    const cells = [
      count(middle(each, 'perSecond')),
      middle(each, 'instanceMicros').toFixed(1),
      ...(each.servers.length === 0
        ? ['', '', '']
        : [
            middle(each, 'serverMicros').toFixed(1),
            count(middle(each, 'bytes')),
            middle(each, 'perCall').toFixed(1),
          ]),
    ];
    console.log(`| ${each.name} | ${cells.join(' | ')} |`);
  }
  const [embedded, one, two, oneShard, threeShards] = all;
  const ratio = (a: Case | undefined, b: Case | undefined): string =>
    (middle(a, 'perSecond') / middle(b, 'perSecond')).toFixed(2);
  console.log(`\none instance over Redis ÷ embedded: ${ratio(one, embedded)}`);
  console.log(`two instances ÷ one: ${ratio(two, one)}`);
  console.log(`three shards ÷ one: ${ratio(threeShards, oneShard)}`);
} finally {
  for (const cleanup of cleanups) await cleanup();
}
