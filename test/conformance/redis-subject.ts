/** The Redis store on servers that live as long as the test file; each home is a hash tag of its own. */
import { after, it } from 'node:test';
import { openRedisStore } from '../../src/stores/redis/open-redis-store.ts';
import { hasRedis, isRedisHere, RedisServer, startCluster } from '../support/redis-servers.ts';
import type { OutboxStore } from '../../src/engine/ports.ts';
import { Numbers, numberedAsOne } from '../support/numbered-as-one.ts';
import { setting } from '../faults/chance.ts';
import { patient } from '../redis/store.ts';
import type { StoreSubject } from './subject.ts';

/** `after` inside a test would end with that test; here it ends with the file. */
const cleanups: (() => unknown)[] = [];
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});
const lifetime = { after: (done: () => unknown) => cleanups.push(done) };

let homes = 0;

/** `asOne`: messages have the numbers that one book would give them; where commands overlap, nobody can tell these. */
function subject(
  name: string,
  start: () => Promise<string>,
  shards = 1,
  asOne = shards > 1,
): StoreSubject {
  let started: Promise<string> | null = null;
  return {
    name,
    supports: { durable: true, outbox: true, oneBook: shards === 1 },
    home: async () => {
      const url = await (started ??= start());
      homes += 1;
      const hashTag = `home-${homes}`;
      const numbers = new Numbers();
      return {
        open: async ({ clock, rules }) => {
          const store = await openRedisStore({
            connection: patient(url),
            rules,
            hashTag,
            shards,
            numberEveryMs: 0,
            clock,
            report: () => undefined,
          });
          return asOne
            ? numberedAsOne(store as unknown as OutboxStore, numbers, { clock, rules })
            : store;
        },
      };
    },
  };
}

export const redisSubject = subject('redis', async () => (await RedisServer.start(lifetime)).url);

let cluster: Promise<string> | null = null;

function clusterUrl(): Promise<string> {
  cluster ??= startCluster(lifetime, { replicas: 0 }).then(({ nodes }) => {
    const hosts = nodes.map(({ server }) => `${server.host}:${server.port}`);
    return `redis+cluster://${hosts.join(',')}`;
  });
  return cluster;
}

export const redisClusterSubject: StoreSubject = {
  ...subject('redis cluster', clusterUrl),
  again: true,
};

/** Of the books over several shards; more than SKUs make nearly every cart one over several. */
const SHARDS = setting('HOLDFAST_SHARDS', 3);

export const redisShardsSubject = subject(`redis cluster, ${SHARDS} shards`, clusterUrl, SHARDS);

export const redisOverlappingShardsSubject = subject(
  `redis cluster, ${SHARDS} shards`,
  clusterUrl,
  SHARDS,
  false,
);

/** Defines the tests where there is a server to start; elsewhere one that says so, skipped. */
export function withRedis(define: () => void): void {
  if (isRedisHere()) define();
  else void it('the Redis store', (t) => void hasRedis(t));
}
