/** The Redis store on servers that live as long as the test file; each home is a hash tag of its own. */
import { after, it } from 'node:test';
import { RedisStore } from '../../src/stores/redis/redis-store.ts';
import { hasRedis, isRedisHere, RedisServer, startCluster } from '../support/redis-servers.ts';
import { patient } from '../redis/store.ts';
import type { StoreSubject } from './subject.ts';

/** `after` inside a test would end with that test; here it ends with the file. */
const cleanups: (() => unknown)[] = [];
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});
const lifetime = { after: (done: () => unknown) => cleanups.push(done) };

let homes = 0;

function subject(name: string, start: () => Promise<string>): StoreSubject {
  let started: Promise<string> | null = null;
  return {
    name,
    supports: { durable: true, outbox: true },
    home: async () => {
      const url = await (started ??= start());
      homes += 1;
      const hashTag = `home-${homes}`;
      return {
        open: ({ clock, rules }) =>
          RedisStore.open({
            connection: patient(url),
            rules,
            hashTag,
            clock,
            report: () => undefined,
          }),
      };
    },
  };
}

export const redisSubject = subject('redis', async () => (await RedisServer.start(lifetime)).url);

export const redisClusterSubject = subject('redis cluster', async () => {
  const { nodes } = await startCluster(lifetime, { replicas: 0 });
  return `redis+cluster://${nodes.map(({ server }) => `${server.host}:${server.port}`).join(',')}`;
});

/** Defines the tests where there is a server to start; elsewhere one that says so, skipped. */
export function withRedis(define: () => void): void {
  if (isRedisHere()) define();
  else void it('the Redis store', (t) => void hasRedis(t));
}
