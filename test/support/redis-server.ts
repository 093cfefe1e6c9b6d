/**
 * A real Redis (or Valkey) server for tests: on a free port of 127.0.0.1, in a folder of its own, gone with the test.
 * A test asks `hasRedis(t)` first.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Door, Network } from './network.ts';
import { tempDir, type Lifetime } from './temp-dir.ts';

export const HOST = '127.0.0.1';
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
export async function freePort(): Promise<number> {
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

interface ServerOptions {
  /** Settings are then those of a sentinel. */
  readonly sentinel?: boolean;
  /** A program and its arguments that become the server. */
  readonly through?: readonly string[];
  readonly place?: Place | null;
}

/** Where a server stands in a network. */
interface Place {
  readonly address: string;
  readonly door: Door;
  /** What it must be told of that. */
  readonly settings: RedisSettings;
}

export async function placeIn(
  t: Lifetime,
  network: Network | null,
  kind: 'sentinel ' | 'replica-' | 'cluster-',
): Promise<Place | null> {
  if (network === null) return null;
  const address = network.newAddress();
  const door = await network.door(t, address);
  const settings = {
    'bind-source-addr': address,
    [`${kind}announce-ip`]: HOST,
    [`${kind}announce-port`]: String(door.port),
  };
  return { address, door, settings };
}

/** One server: it can be killed, frozen and started again in the same place. */
export class RedisServer {
  readonly host = HOST;
  readonly port: number;
  /** What others are told to call: its own, or that of its door in a network. */
  readonly publicPort: number;
  /** Its name in that network. */
  readonly address: string;
  readonly dir: string;
  #settings: RedisSettings;
  readonly #sentinel: boolean;
  readonly #through: readonly string[];
  readonly #password: string | undefined;
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(
    dir: string,
    port: number,
    settings: RedisSettings,
    { sentinel = false, through = [], place = null }: ServerOptions,
  ) {
    this.dir = dir;
    this.port = port;
    this.publicPort = place?.door.port ?? port;
    this.address = place?.address ?? HOST;
    place?.door.lead(port);
    this.#sentinel = sentinel;
    this.#through = through;
    this.#password = settings['requirepass'];
    this.#settings = settings;
  }

  static async start(
    t: Lifetime,
    settings: RedisSettings = {},
    options: ServerOptions = {},
  ): Promise<RedisServer> {
    let server: RedisServer | null = null;
    // Before the folder goes: what comes first is done first.
    t.after(() => server?.kill());
    const dir = await tempDir(t);
    for (let attempt = 1; ; attempt += 1) {
      server = new RedisServer(dir, await freePort(), settings, options);
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

  /** Starts it (again) on its own folder and port, and waits until it answers. `more`: settings for this time. */
  async start(more: RedisSettings = {}): Promise<void> {
    const file = join(this.dir, 'server.conf');
    // A sentinel keeps what it has learnt in its file.
    if (!this.#sentinel || this.#output === '') {
      const own = [`port ${this.port}`, `bind ${HOST}`, `dir ${this.dir}`];
      const settings = Object.entries({ ...this.#settings, ...more });
      const given = settings.map(([name, value]) => `${name} ${value}`);
      const lines = [...own, ...(this.#sentinel ? [] : DATA_SETTINGS), ...given, ''];
      writeFileSync(file, lines.join('\n'));
    }
    const command = [...this.#through, redisBinary() ?? 'redis-server', file];
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

  /** From now on, and when it is started again. */
  async set(settings: RedisSettings): Promise<void> {
    this.#settings = { ...this.#settings, ...settings };
    for (const [name, value] of Object.entries(settings)) {
      await this.ask('CONFIG', 'SET', name, value);
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

export function fieldsOf(text: string): ReadonlyMap<string, string> {
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
