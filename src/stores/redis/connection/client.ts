/**
 * A client of one server that does nothing by itself: it does not connect again, keeps no queue while it is not
 * connected, and never writes a command twice.
 */
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import type { HostPort } from './redis-address.ts';

export interface ClientOptions {
  readonly username: string | null;
  readonly password: string | null;
  readonly tls: ConnectionOptions | null;
  /** To connect, in ms. */
  readonly timeoutMs: number;
}

export type Ask = (command: string, ...args: readonly string[]) => Promise<unknown>;

/** A server that is silent does not answer a goodbye either, and until then nobody looks for another. */
const GOODBYE_MS = 50;

export function newClient(
  { host, port }: HostPort,
  { username, password, tls, timeoutMs }: ClientOptions,
  database = 0,
): Redis {
  return new Redis({
    host,
    port,
    db: database,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(tls === null ? {} : { tls }),
    connectTimeout: timeoutMs,
    disconnectTimeout: GOODBYE_MS,
    connectionName: 'holdfast',
    disableClientInfo: true,
    protocol: 2,
    lazyConnect: true,
    retryStrategy: null,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
  });
}

/** Throws what was in the way; ioredis itself says only that the connection is closed. */
export async function connect(client: Redis): Promise<void> {
  const errors: Error[] = [];
  client.on('error', (error: Error) => errors.push(error));
  try {
    await client.connect();
  } catch (error) {
    throw errors[0] ?? error;
  }
}

/** A few questions over a connection that lasts no longer than they do; each in the time to connect. */
export async function talkTo<T>(
  server: HostPort,
  options: ClientOptions,
  talk: (ask: Ask) => Promise<T>,
): Promise<T> {
  const client = newClient(server, options);
  try {
    return await within(
      options.timeoutMs * 2,
      connect(client).then(() => talk(asking(client))),
    );
  } finally {
    client.disconnect();
  }
}

export function asking(client: Redis): Ask {
  return (command, ...args) => client.call(command, ...args);
}

export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

/** Rejects with `OutOfTime` after `ms`; the work itself goes on. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new OutOfTime('no answer in time')), Math.max(0, ms));
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
