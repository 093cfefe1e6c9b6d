/** A server of its own for a suite of tests, and a connection to it. */
import { after, before } from 'node:test';
import {
  openRedisConnection,
  type RedisConnection,
} from '../../../src/stores/redis/connection/redis-connection.ts';
import { ownScripts } from '../../../src/stores/redis/own-scripts.ts';
import { RedisServer } from '../../support/redis-servers.ts';
import { patient } from '../store.ts';

/** To be called in a `describe`; the connection is there while its tests run. */
export function ownConnection(): () => RedisConnection {
  const cleanups: (() => unknown)[] = [];
  let connection: RedisConnection;
  before(async () => {
    const lifetime = { after: (done: () => unknown) => cleanups.push(done) };
    const server = await RedisServer.start(lifetime);
    connection = await openRedisConnection(patient(server.url), ownScripts(), () => undefined);
  });
  after(async () => {
    await connection.close();
    for (const cleanup of cleanups) await cleanup();
  });
  return () => connection;
}
