/** Where the Redis servers are, as one setting says it. What it may hold of a password is never repeated in a message. */

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type Topology = 'standalone' | 'sentinel' | 'cluster';

export interface RedisAddress {
  readonly topology: Topology;
  /** The server; the sentinels; or some nodes of the cluster, which know the others. */
  readonly hosts: readonly HostPort[];
  /** Of the primary, as the sentinels call it; null without sentinels. */
  readonly primaryName: string | null;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  readonly tls: boolean;
}

/** Completes "HOLDFAST_STORE: …". */
export class RedisAddressError extends Error {
  override readonly name = 'RedisAddressError';
}

const FORMS = `expected one of
    redis://user:password@host:6379/0
    redis+sentinel://user:password@host:26379,host:26379/name-of-the-primary/0
    redis+cluster://user:password@host:6379,host:6379
  with rediss instead of redis for TLS; user, password, ports and the database may be left out`;

function wrong(reason: string): RedisAddressError {
  return new RedisAddressError(`${reason}; ${FORMS}`);
}

const DEFAULT_PORT: Readonly<Record<Topology, number>> = {
  standalone: 6_379,
  sentinel: 26_379,
  cluster: 6_379,
};

/** Throws `RedisAddressError`. */
export function parseRedisAddress(text: string): RedisAddress {
  const [, tls, kind = 'standalone', rest = ''] =
    /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(.*)$/i.exec(text) ?? [];
  if (tls === undefined) throw wrong('this is not the address of a Redis server');
  const topology = kind.toLowerCase() as Topology;
  if (/[?#\s]/.test(rest)) {
    throw wrong('an address has no options, fragments or blanks (in a password: %3F, %23, %20)');
  }
  const [authority = '', ...path] = rest.replace(/\/$/, '').split('/');
  const at = authority.lastIndexOf('@');
  const { username, password } = credentials(at === -1 ? null : authority.slice(0, at));
  const hosts = authority
    .slice(at + 1)
    .split(',')
    .map((each) => hostPort(each, DEFAULT_PORT[topology]));
  if (topology === 'standalone' && hosts.length > 1) {
    throw wrong(
      'several servers are a cluster or sentinels: redis+cluster:// or redis+sentinel://',
    );
  }
  const { primaryName, database } = placeOf(topology, path);
  return { topology, hosts, primaryName, username, password, database, tls: tls !== '' };
}

function credentials(text: string | null): { username: string | null; password: string | null } {
  if (text === null) return { username: null, password: null };
  const colon = text.indexOf(':');
  if (colon === -1) throw wrong('a user needs a password: user:password@ (or :password@)');
  const password = decoded(text.slice(colon + 1));
  if (password === '') throw wrong('the password is empty');
  return { username: decoded(text.slice(0, colon)) || null, password };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('in the user or the password, a % is not followed by two hexadecimal digits');
  }
}

function hostPort(text: string, fallback: number): HostPort {
  const [, bracketed, plain, port] =
    /^(?:\[([\da-f:.]+)\]|([^\s:@[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) {
    throw wrong(
      text === ''
        ? 'a host is missing'
        : 'a host is not of the form host or host:port ([…] around IPv6)',
    );
  }
  const number = port === undefined ? fallback : Number(port);
  if (number < 1 || number > 65_535) throw wrong(`port ${number} is not from 1 to 65535`);
  return { host, port: number };
}

function placeOf(
  topology: Topology,
  path: readonly string[],
): { primaryName: string | null; database: number } {
  switch (topology) {
    case 'standalone':
      if (path.length > 1) throw wrong('after the host there is the database and nothing else');
      return { primaryName: null, database: databaseOf(path[0]) };
    case 'cluster':
      if (path.length > 0) throw wrong('a cluster has no databases');
      return { primaryName: null, database: 0 };
    case 'sentinel': {
      const [name = '', database, ...more] = path;
      if (name === '') throw wrong('after the sentinels, the name of the primary is missing');
      if (more.length > 0) throw wrong('after the name there is the database and nothing else');
      return { primaryName: decoded(name), database: databaseOf(database) };
    }
  }
}

function databaseOf(text = '0'): number {
  if (!/^\d{1,6}$/.test(text)) throw wrong('the database is not a number such as 0');
  return Number(text);
}
