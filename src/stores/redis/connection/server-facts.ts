/** What a server says of itself, and what of that forbids to sell on it. */
import type { Ask } from './client.ts';
import type { HostPort, Topology } from './redis-address.ts';

export interface ServerFacts {
  readonly server: string;
  readonly product: 'Redis' | 'Valkey';
  readonly version: string;
  readonly role: string;
  readonly loading: boolean;
  /** Connected now. */
  readonly replicas: number;
  readonly cluster: boolean;
  readonly evictionPolicy: string;
  readonly appendOnly: boolean;
  /** Null where the server does not tell (managed services forbid CONFIG). */
  readonly appendFsync: string | null;
  /** The process and the history of writes that it goes on with: another pair is another primary. */
  readonly identity: string;
}

export async function readFacts(ask: Ask, { host, port }: HostPort): Promise<ServerFacts> {
  const info = fieldsOf(String(await ask('INFO')));
  const field = (name: string): string => info.get(name) ?? '';
  const valkey = info.get('valkey_version');
  return {
    server: `${host}:${port}`,
    product: valkey === undefined ? 'Redis' : 'Valkey',
    version: valkey ?? field('redis_version'),
    role: field('role'),
    loading: field('loading') === '1',
    replicas: Number(field('connected_slaves')),
    cluster: field('cluster_enabled') === '1',
    evictionPolicy: field('maxmemory_policy'),
    appendOnly: field('aof_enabled') === '1',
    appendFsync: await configured(ask, 'appendfsync'),
    identity: `${field('run_id')} ${field('master_replid')}`,
  };
}

async function configured(ask: Ask, name: string): Promise<string | null> {
  try {
    const answer = await ask('CONFIG', 'GET', name);
    return Array.isArray(answer) ? String(answer[1]) : null;
  } catch {
    return null;
  }
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\r\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
}

export interface Requirements {
  readonly topology: Topology;
  /** Refuse a server that forgets what it was told when it stops? Else warn. */
  readonly requirePersistence: boolean;
}

/** Why nothing may be sent to this server; null if it will do. */
export function objectionTo(facts: ServerFacts, needs: Requirements): string | null {
  const { server, product, version } = facts;
  if (!atLeast(version, [7, 0])) {
    return `${server} is ${product} ${version}: 7.0 or newer is needed`;
  }
  if (facts.cluster !== (needs.topology === 'cluster')) {
    return facts.cluster
      ? `${server} is a node of a cluster: write redis+cluster:// instead of redis://`
      : `${server} is not a node of a cluster: write redis:// instead of redis+cluster://`;
  }
  if (facts.loading) return `${server} is still loading its data`;
  if (facts.role !== 'master')
    return `${server} is a replica: the address of the primary is needed`;
  if (facts.evictionPolicy !== 'noeviction') {
    return (
      `${server} would delete reservations when its memory is full (maxmemory-policy ${facts.evictionPolicy}): ` +
      'set maxmemory-policy noeviction'
    );
  }
  if (!facts.appendOnly && needs.requirePersistence) {
    return (
      `${server} keeps no append-only file and forgets what it has acknowledged when it stops: set appendonly yes, ` +
      'or accept the loss with HOLDFAST_REDIS_PERSISTENCE=warn'
    );
  }
  return null;
}

/** The first version of each line in which a known hole (CVE-2025-49844: code run through Lua) is closed. */
const FIXED = {
  Redis: [
    [7, 2, 11],
    [7, 4, 6],
    [8, 0, 4],
    [8, 2, 2],
  ],
  Valkey: [
    [7, 2, 11],
    [8, 0, 6],
    [8, 1, 4],
  ],
} as const;

/** What an operator should know, and nothing that stops the service. `ackReplicas`: who must have a change. */
export function warningsAbout(facts: ServerFacts, ackReplicas: number): string[] {
  const { server, product, version } = facts;
  const warnings = replicaWarnings(facts, ackReplicas);
  if (isVulnerable(product, version)) {
    warnings.push(
      `${server}: ${product} ${version} may be open to CVE-2025-49844 (code run through Lua scripts), unless your ` +
        'distribution has mended it without a new number: check, and let nobody else use EVAL',
    );
  }
  if (!facts.appendOnly) {
    warnings.push(
      `${server} keeps no append-only file: what it acknowledged is lost when it stops`,
    );
  } else if (facts.appendFsync === 'no') {
    warnings.push(
      `${server}: appendfsync is no, so a power cut loses what the system had not written by itself`,
    );
  }
  return warnings;
}

/** Any replica may become the primary, also one that is behind: only when all have a change is it safe. */
function replicaWarnings({ server, replicas }: ServerFacts, ackReplicas: number): string[] {
  const has = `${server} has ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`;
  const asked = `HOLDFAST_REDIS_ACK_REPLICAS is ${ackReplicas}`;
  if (ackReplicas > replicas) return [`${has} and ${asked}: nothing is written until more follow`];
  if (ackReplicas === replicas) return [];
  const lost = 'what it has not, and sells those units again';
  return [`${has} and ${asked}: a failover to one that is behind loses ${lost}`];
}

function isVulnerable(product: 'Redis' | 'Valkey', version: string): boolean {
  const [major = 0, minor = 0] = numbersOf(version);
  const line = FIXED[product].find((fixed) => fixed[0] === major && fixed[1] === minor);
  if (line !== undefined) return !atLeast(version, line);
  // A line that never got a fix of its own, unless it began after the fix.
  const last = FIXED[product].at(-1);
  return last !== undefined && !atLeast(version, last);
}

function numbersOf(version: string): number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10));
}

function atLeast(version: string, wanted: readonly number[]): boolean {
  const have = numbersOf(version);
  for (const [index, number] of wanted.entries()) {
    const own = have[index] ?? 0;
    if (own !== number) return own > number;
  }
  return true;
}
