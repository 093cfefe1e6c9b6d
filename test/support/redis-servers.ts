/**
 * Real Redis (or Valkey) servers for tests: on free ports of 127.0.0.1, in folders of their own, gone with the test.
 * A test asks `hasRedis(t)` first.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { tempDir, type Lifetime } from './temp-dir.ts';

const HOST = '127.0.0.1';
const STARTS_WITHIN_MS = 60_000;

function onPath(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

function redisBinary(): string | null {
  const given = process.env['REDIS_SERVER_BIN'];
  if (given !== undefined && given !== '') return given;
  return onPath('redis-server') ?? onPath('valkey-server');
}

/** Is there a server to start? */
export function isRedisHere(): boolean {
  return redisBinary() !== null;
}

/** True if there is a server to start. Where there is none, the test is skipped; CI takes that for a failure. */
export function hasRedis(t: TestContext): boolean {
  if (isRedisHere()) return true;
  t.skip(
    'NOT TESTED: no redis-server. apt-get install redis-server, or name one with REDIS_SERVER_BIN',
  );
  return false;
}

/** Names and values as in redis.conf, such as `{ appendonly: 'yes' }`. */
export type RedisSettings = Readonly<Record<string, string>>;

/**
 * Ports below those that the system gives to outgoing connections, so that none of these takes one
 * between our looking and the server's listening.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer()
        .once('error', () => resolve(false))
        .listen(port, HOST, () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Whatever ends this process ends the servers too: where the system can promise that, it does. */
const DIES_WITH_US = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** No snapshots unless asked for; replicas that are in step at once. */
const DATA_SETTINGS = [
  'save ""',
  'enable-debug-command yes',
  'repl-diskless-sync-delay 0',
  'repl-ping-replica-period 1',
];

/** One server: it can be killed, frozen and started again in the same place. */
export class RedisServer {
  readonly host = HOST;
  readonly port: number;
  readonly dir: string;
  readonly #settings: readonly string[];
  readonly #sentinel: boolean;
  readonly #password: string | undefined;
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(dir: string, port: number, settings: RedisSettings, sentinel: boolean) {
    this.dir = dir;
    this.port = port;
    this.#sentinel = sentinel;
    this.#password = settings['requirepass'];
    this.#settings = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  }

  /** `sentinel`: settings are then those of a sentinel. */
  static async start(
    t: Lifetime,
    settings: RedisSettings = {},
    sentinel = false,
  ): Promise<RedisServer> {
    let server: RedisServer | null = null;
    // Before the folder goes: what comes first is done first.
    t.after(() => server?.kill());
    const dir = await tempDir(t);
    for (let attempt = 1; ; attempt += 1) {
      server = new RedisServer(dir, await freePort(), settings, sentinel);
      try {
        await server.start();
        return server;
      } catch (error) {
        // Another test was quicker to take the port.
        if (attempt === 5 || !server.#output.includes('Address already in use')) throw error;
      }
    }
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  /** Starts it (again) on its own folder and port, and waits until it answers. */
  async start(): Promise<void> {
    const file = join(this.dir, 'server.conf');
    // A sentinel keeps what it has learnt in its file.
    if (!this.#sentinel || this.#output === '') {
      const own = [`port ${this.port}`, `bind ${HOST}`, `dir ${this.dir}`];
      const lines = [...own, ...(this.#sentinel ? [] : DATA_SETTINGS), ...this.#settings, ''];
      writeFileSync(file, lines.join('\n'));
    }
    const command = [redisBinary() ?? 'redis-server', file];
    if (this.#sentinel) command.push('--sentinel');
    const [program = '', ...args] = DIES_WITH_US
      ? ['setpriv', '--pdeathsig', 'KILL', ...command]
      : command;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#output = '';
    running.add(child);
    child.once('exit', () => running.delete(child));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.#output = (this.#output + chunk).slice(-20_000);
      });
    }
    await this.#untilReady(child);
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    const until = performance.now() + STARTS_WITHIN_MS;
    while (performance.now() < until) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      try {
        await this.ask('PING');
        return;
      } catch (error) {
        // Up, and asking for a password that this helper was not told of.
        if (error instanceof Error && error.message.includes('NOAUTH')) return;
        await sleep(10);
      }
    }
    throw new Error(`the server did not start: ${this.#output}`);
  }

  /** One command over a connection of its own; errors of the server are thrown. */
  async ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    const client = this.client();
    try {
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }

  /** Text such as INFO's, as a map. */
  async info(section: string): Promise<ReadonlyMap<string, string>> {
    return fieldsOf(String(await this.ask('INFO', section)));
  }

  /** A connection for a test's own commands, ended by it with `disconnect()`; as the default user, unless told. */
  client(user?: { readonly username: string; readonly password: string }): Redis {
    const password = this.#password === undefined ? {} : { password: this.#password };
    const client = new Redis({
      host: this.host,
      port: this.port,
      ...password,
      ...user,
      disableClientInfo: true,
      enableReadyCheck: false,
      retryStrategy: null,
    });
    // What matters rejects the command.
    client.on('error', () => undefined);
    return client;
  }

  /** Sends the signal and waits for the end. A dead server is left alone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  /** Alive and silent, as after a cut cable; what reaches it meanwhile is carried out after `resume`. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }
}

function fieldsOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const [, name, value] = /^([^:#]+):(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value ?? '']];
    }),
  );
}

/** Waits for something that servers bring about by themselves. */
export async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + STARTS_WITHIN_MS;
  for (;;) {
    if (await check().catch(() => false)) return;
    if (performance.now() > end) throw new Error(`not in ${STARTS_WITHIN_MS} ms: ${what}`);
    await sleep(25);
  }
}

async function isSynced(replica: RedisServer): Promise<boolean> {
  return (await replica.info('replication')).get('master_link_status') === 'up';
}

export interface SentinelGroup {
  readonly name: string;
  readonly nodes: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  /** As the first sentinel that answers says now. */
  primary(): Promise<RedisServer>;
}

/** One primary, two replicas, three sentinels that need two to agree. */
export async function startSentinelGroup(
  t: Lifetime,
  { settings = {}, downAfterMs = 700 }: { settings?: RedisSettings; downAfterMs?: number } = {},
): Promise<SentinelGroup> {
  const name = 'holdfast';
  const first = await RedisServer.start(t, settings);
  const follow = { ...settings, replicaof: `${HOST} ${first.port}` };
  const replicas = await Promise.all([0, 1].map(() => RedisServer.start(t, follow)));
  await until('replicas follow', async () =>
    (await Promise.all(replicas.map(isSynced))).every(Boolean),
  );
  const watch = {
    'sentinel monitor': `${name} ${HOST} ${first.port} 2`,
    'sentinel down-after-milliseconds': `${name} ${downAfterMs}`,
    'sentinel failover-timeout': `${name} 2000`,
  };
  const sentinels = await Promise.all([0, 1, 2].map(() => RedisServer.start(t, watch, true)));
  const ask = async (sentinel: RedisServer): Promise<unknown[]> => {
    const answer = await sentinel.ask('SENTINEL', 'MASTER', name);
    return answer as unknown[];
  };
  const field = (fields: unknown[], wanted: string): unknown => fields[fields.indexOf(wanted) + 1];
  await until('sentinels know each other and the replicas', async () => {
    const views = await Promise.all(sentinels.map(ask));
    return views.every(
      (view) => field(view, 'num-other-sentinels') === '2' && field(view, 'num-slaves') === '2',
    );
  });
  const nodes = [first, ...replicas];
  const primary = async (): Promise<RedisServer> => {
    for (const sentinel of sentinels) {
      const port = await ask(sentinel).then(
        (view) => Number(field(view, 'port')),
        () => null,
      );
      const node = nodes.find((each) => each.port === port);
      if (node !== undefined) return node;
    }
    throw new Error('no sentinel answers');
  };
  return { name, nodes, sentinels, primary };
}

export interface ClusterNode {
  readonly server: RedisServer;
  readonly id: string;
}

export interface RedisCluster {
  /** Primaries of the beginning first, then the replica of each. */
  readonly nodes: readonly ClusterNode[];
  /** The primary that owns this slot now, as `asking` (else any node that answers) sees it. */
  ownerOf(slot: number, asking?: RedisServer): Promise<ClusterNode>;
  /** Waits until every running node says that the cluster is whole. */
  whole(): Promise<void>;
}

const SLOTS = 16_384;

/** Three primaries with an equal share of the slots each, and `replicas` (1) replicas of each. */
export async function startCluster(
  t: Lifetime,
  {
    settings = {},
    nodeTimeoutMs = 1_000,
    replicas = 1,
  }: { settings?: RedisSettings; nodeTimeoutMs?: number; replicas?: number } = {},
): Promise<RedisCluster> {
  const primaries = 3;
  const servers = await Promise.all(
    Array.from({ length: primaries * (1 + replicas) }, async () =>
      RedisServer.start(t, {
        ...settings,
        'cluster-enabled': 'yes',
        'cluster-port': String(await freePort()),
        'cluster-node-timeout': String(nodeTimeoutMs),
        'cluster-allow-replica-migration': 'no',
      }),
    ),
  );
  const nodes = await Promise.all(
    servers.map(async (server) => ({ server, id: String(await server.ask('CLUSTER', 'MYID')) })),
  );
  await form(nodes, primaries);
  const whole = (): Promise<void> => until('the cluster is whole', () => isWhole(nodes));
  await whole();
  const ownerOf = async (slot: number, asking?: RedisServer): Promise<ClusterNode> => {
    for (const { server } of nodes) {
      if (server.pid === null || (asking !== undefined && asking !== server)) continue;
      const ranges = await server.ask('CLUSTER', 'SLOTS').catch(() => []);
      for (const [from, to, [, , id]] of ranges as [number, number, [string, number, string]][]) {
        const owner = nodes.find((each) => each.id === id);
        if (slot >= from && slot <= to && owner !== undefined) return owner;
      }
    }
    throw new Error(`no node knows the owner of slot ${slot}`);
  };
  return { nodes, ownerOf, whole };
}

async function form(nodes: readonly ClusterNode[], primaries: number): Promise<void> {
  const [first, ...others] = nodes;
  for (const [index, { server }] of nodes.entries()) {
    await server.ask('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    if (index >= primaries) continue;
    const from = Math.ceil((SLOTS / primaries) * index);
    const to = Math.ceil((SLOTS / primaries) * (index + 1)) - 1;
    await server.ask('CLUSTER', 'ADDSLOTSRANGE', from, to);
  }
  for (const { server } of others) {
    const bus = String(await server.ask('CONFIG', 'GET', 'cluster-port')).split(',')[1] ?? '';
    await first?.server.ask('CLUSTER', 'MEET', HOST, server.port, bus);
  }
  for (const [index, replica] of nodes.slice(primaries).entries()) {
    const id = nodes[index % primaries]?.id ?? '';
    // Refused until the news of the meeting has reached this one.
    await until('the replica knows its primary', async () => {
      await replica.server.ask('CLUSTER', 'REPLICATE', id);
      return true;
    });
    await until('the replica follows', () => isSynced(replica.server));
  }
}

async function isWhole(nodes: readonly ClusterNode[]): Promise<boolean> {
  const up = nodes.filter(({ server }) => server.pid !== null);
  const states = await Promise.all(
    up.map(async ({ server }) => {
      const state = fieldsOf(String(await server.ask('CLUSTER', 'INFO')));
      return (
        state.get('cluster_state') === 'ok' &&
        state.get('cluster_slots_ok') === String(SLOTS) &&
        state.get('cluster_known_nodes') === String(nodes.length)
      );
    }),
  );
  return states.every(Boolean);
}
