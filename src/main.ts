/** Puts the parts together; the only file that knows them all. */
import { randomFillSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import packageJson from '../package.json' with { type: 'json' };
import type {
  Books,
  DataFolder,
  KeyFile,
  Overrides,
  RunningService,
  SettingsView,
} from './cli/cli-parts.ts';
import { CliFailure, EXIT } from './cli/exit-codes.ts';
import { runCli } from './cli/program.ts';
import {
  ConfigError,
  isLoopback,
  readConfig,
  type Config,
  type ConfigReading,
  type Source,
} from './config.ts';
import { BlingDesk } from './connectors/bling/desk.ts';
import { openBling } from './connectors/bling/parts.ts';
import { createApiKey } from './engine/api-keys.ts';
import { makeFolder } from './engine/folder.ts';
import { startHousekeeping } from './engine/housekeeping.ts';
import { createIdSource } from './engine/ids.ts';
import type { ReservationStore } from './engine/ports.ts';
import { ReservationEngine } from './engine/reservation-engine.ts';
import { SteadyClock } from './engine/steady-clock.ts';
import { openLogOutput, type LogOutput } from './observability/log-output.ts';
import { createLogger } from './observability/logger.ts';
import { Metrics } from './observability/metrics.ts';
import { ReservationLog } from './observability/reservation-log.ts';
import { ApiKeyFile, ApiKeyFileError } from './stores/api-keys/api-key-file.ts';
import { auditDataDir } from './stores/embedded/audit.ts';
import { backupBooks, restoreBooks } from './stores/embedded/backup.ts';
import { dataFiles } from './stores/embedded/data-files.ts';
import { EmbeddedStore } from './stores/embedded/embedded-store.ts';
import { readBooks } from './stores/embedded/export.ts';
import { MemoryStore } from './stores/memory/memory-store.ts';
import {
  parseRedisAddress,
  RedisAddressError,
  type RedisAddress,
} from './stores/redis/connection/redis-address.ts';
import { RedisStore } from './stores/redis/redis-store.ts';
import { wholeBooks } from './stores/redis/whole-books.ts';

const { version } = packageJson;

/** Lapsed or ended reservations per step of the housekeeping: a few milliseconds of the writer's time. */
const HOUSEKEEPING_STEP = 500;

const REAL_TIME = {
  now: () => Date.now(),
  sleep: (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }),
};

/** A Redis that is being started with us has this long. */
const REDIS_STARTS_WITHIN_MS = 5_000;

type Sources = ReadonlyMap<string, Source>;

/** Names that `.env` added to the environment; what the environment itself says wins. */
function loadDotEnv(): Sources {
  const before = new Set(Object.keys(process.env));
  try {
    process.loadEnvFile('.env');
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing) throw new CliFailure(`.env cannot be read: ${String(error)}`, EXIT.config);
  }
  const added = Object.keys(process.env).filter((name) => !before.has(name));
  return new Map(added.map((name) => [name, '.env']));
}

function readSettings(fromFile: Sources, overrides: Overrides = {}): ConfigReading {
  const given = Object.keys(overrides).map((name): [string, Source] => [name, 'command line']);
  try {
    return readConfig({ ...process.env, ...overrides }, new Map([...fromFile, ...given]));
  } catch (error) {
    if (error instanceof ConfigError) throw new CliFailure(error.message, EXIT.config);
    throw error;
  }
}

function viewSettings({ config, settings, warnings }: ConfigReading): SettingsView {
  const { dataDir, clientKey } = config;
  return { lines: settings, warnings, dataDir, clientKey };
}

async function openKeys(dataDir: string): Promise<ApiKeyFile> {
  try {
    return await ApiKeyFile.open(resolve(dataDir));
  } catch (error) {
    if (error instanceof ApiKeyFileError) throw new CliFailure(error.message, EXIT.config);
    throw error;
  }
}

/** A service that asks nobody for a key must not be reachable from elsewhere. */
function refuseExposure(config: Config, keys: ApiKeyFile): void {
  if (keys.enabled() || (isLoopback(config.host) && !config.http.requireKeys)) return;
  const why = config.http.requireKeys
    ? 'HOLDFAST_REQUIRE_KEYS is true and there is no API key'
    : `HOLDFAST_HOST=${config.host} lets other machines in, and there is no API key: anyone could take your stock`;
  throw new CliFailure(
    `${why}.\nMake a key first:  holdfast keys create --name admin --scopes admin --data-dir ${config.dataDir}`,
    EXIT.config,
  );
}

async function openStore(config: Config, dataDir: string, log: Log): Promise<ReservationStore> {
  const { rules, queueLimit, commandDeadlineMs } = config;
  switch (config.store) {
    case 'memory':
      return new MemoryStore(new SteadyClock(Date.now, () => performance.now()), rules);
    case 'redis':
      return openRedisStore(config, (message) => log.logger.warn(message));
    case 'embedded':
      return EmbeddedStore.open({ dataDir, rules, queueLimit, commandDeadlineMs });
  }
}

async function openRedisStore(
  config: Config,
  report: (message: string) => void,
): Promise<RedisStore> {
  const { rules, queueLimit, commandDeadlineMs } = config;
  const { address, hashTag, ...redis } = config.redis;
  const connection = {
    ...redis,
    queueLimit,
    commandDeadlineMs,
    startWithinMs: REDIS_STARTS_WITHIN_MS,
  };
  return RedisStore.open({
    connection: { ...connection, address: redisAddress(address) },
    rules,
    hashTag,
    report,
  });
}

function redisAddress(text: string): RedisAddress {
  try {
    return parseRedisAddress(text);
  } catch (error) {
    if (!(error instanceof RedisAddressError)) throw error;
    throw new CliFailure(`HOLDFAST_STORE: ${error.message}`, EXIT.config);
  }
}

function openOutput(target: string): LogOutput {
  const trouble = (error: unknown): string =>
    `the log (HOLDFAST_LOG_FILE) cannot be written: ${error instanceof Error ? error.message : String(error)}`;
  try {
    return openLogOutput(target, (error) => {
      process.stderr.write(`holdfast: warning: ${trouble(error)}\n`);
    });
  } catch (error) {
    throw new CliFailure(trouble(error), EXIT.config, error);
  }
}

function openLog(config: Config, dataDir: string) {
  const { level, file } = config.log;
  const auto = process.stdout.isTTY ? join(dataDir, 'holdfast.log') : 'stdout';
  const target = file === 'auto' ? auto : file;
  const output = openOutput(target);
  const logger = createLogger({ level, version, output });
  const lines = new ReservationLog({
    output,
    version,
    which: logger.isLevelEnabled('info') ? config.log.reservations : 'none',
    now: () => Date.now(),
  });
  const flush = (): void => {
    lines.flush();
    output.flush();
  };
  return { output, logger, lines, flush, file: target === 'stdout' ? null : target };
}

type Log = ReturnType<typeof openLog>;

function watch(store: ReservationStore, log: Log) {
  const metrics = new Metrics({
    version,
    store,
    wallClock: () => Date.now(),
    logDroppedBytes: () => log.output.droppedBytes,
  });
  store.onCommit((notice) => {
    metrics.committed(notice);
    log.lines.expired(notice);
  });
  return metrics;
}

function createEngine(store: ReservationStore, metrics: Metrics, log: Log): ReservationEngine {
  return new ReservationEngine({
    store,
    newId: createIdSource(randomFillSync, () => store.clock.now()),
    observer: {
      answered: (command, answer, context) => {
        metrics.answered(command, answer);
        log.lines.answered(command, answer, context);
      },
    },
  });
}

async function createApp(
  config: Config,
  parts: { engine: ReservationEngine; keys: ApiKeyFile; metrics: Metrics; log: Log },
) {
  const { engine, keys, metrics, log } = parts;
  // Half of the time to start is spent here: the commands that serve nobody do without.
  const { buildApp, DEFAULT_HTTP_SETTINGS } = await import('./http/app.ts');
  return buildApp({
    engine,
    keys,
    instruments: metrics,
    logger: log.logger,
    version,
    settings: {
      ...DEFAULT_HTTP_SETTINGS,
      ...config.http,
      // Should the last key be revoked while it runs, a service for others does not become open.
      requireKeys: config.http.requireKeys || !isLoopback(config.host),
      maxQueued: config.queueLimit,
    },
  });
}

type App = Awaited<ReturnType<typeof createApp>>;

async function listen(app: App, { host, port }: Config): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    const reasons: Record<string, string> = {
      EADDRINUSE: `port ${port} of ${host} is in use, perhaps by another Holdfast: stop that one, or choose another port with --port or HOLDFAST_PORT`,
      EACCES: `port ${port} needs more rights than this user has: choose one above 1023 with --port or HOLDFAST_PORT`,
      EADDRNOTAVAIL: `${host} is not an address of this machine: see HOLDFAST_HOST`,
      ENOTFOUND: `${host} is not an address of this machine: see HOLDFAST_HOST`,
    };
    const reason = reasons[String(code)];
    if (reason === undefined) throw error;
    throw new CliFailure(reason, EXIT.cannot, error);
  }
  const address = app.server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  const name = host.includes(':') ? `[${host.replace(/[[\]]/g, '')}]` : host;
  return `http://${name === '0.0.0.0' || name === '[::]' ? '127.0.0.1' : name}:${actual}`;
}

function keepHouse(store: ReservationStore, config: Config, log: Log): () => Promise<void> {
  const timers = {
    after: (ms: number, callback: () => void) => {
      const timer = setTimeout(callback, ms).unref();
      return () => clearTimeout(timer);
    },
  };
  return startHousekeeping(store, timers, {
    ...config.housekeeping,
    stepLimit: HOUSEKEEPING_STEP,
    onError: (err, job) => log.logger.error({ err }, `housekeeping (${job}) fails and tries on`),
    onRecovery: (job) => log.logger.info(`housekeeping (${job}) works again`),
  });
}

/** What has no other place to go ends the process, with a last line in the log. */
function crashLoudly(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.logger.fatal({ err: error }, 'a bug stopped the service');
    log.flush();
    process.stderr.write(
      `holdfast: this is a bug in Holdfast, please report it:\n${error.stack ?? String(error)}\n`,
    );
    process.exit(EXIT.broken);
  });
  process.on('exit', log.flush);
}

function useDataDir(dataDir: string): void {
  try {
    makeFolder(dataDir);
  } catch (error) {
    const why = `the data folder (HOLDFAST_DATA_DIR) cannot be used: ${(error as Error).message}`;
    throw new CliFailure(why, EXIT.config, error);
  }
}

async function startService(config: Config): Promise<RunningService> {
  const dataDir = resolve(config.dataDir);
  useDataDir(dataDir);
  const keys = await openKeys(dataDir);
  refuseExposure(config, keys);
  const log = openLog(config, dataDir);
  const store = await openStore(config, dataDir, log);
  const metrics = watch(store, log);
  const failed = new Promise<Error>((resolve) => {
    store.onFailure((fault) => {
      log.logger.fatal({ err: fault }, 'the store failed; every call is answered 503');
      resolve(fault);
    });
  });
  try {
    const engine = createEngine(store, metrics, log);
    const app = await createApp(config, { engine, keys, metrics, log });
    const url = await listen(app, config);
    crashLoudly(log);
    const stopHousekeeping = keepHouse(store, config, log);
    const stopKeys = keys.watch((error) => log.logger.error({ err: error }, 'API keys: unchanged'));
    const { skus } = await store.stats();
    const [some] = await store.levels({ after: null, prefix: null, limit: 1 });
    log.logger.info({ 'event.action': 'start', 'url.full': url }, `serving on ${url}`);
    return {
      url,
      store: store.name,
      durable: config.store !== 'memory',
      place: config.store === 'redis' ? placeOf(config) : dataDir,
      skus,
      someSku: some?.sku ?? null,
      keys: keys.enabled(),
      logFile: log.file,
      notes: store instanceof EmbeddedStore || store instanceof RedisStore ? store.warnings : [],
      failed,
      stop: async () => {
        log.logger.info({ 'event.action': 'stop' }, 'stopping');
        app.beginShutdown();
        stopKeys();
        // Closing a connection that its caller is about to use would cost the caller that request.
        await sleep(config.drainMs);
        await app.close();
        await stopHousekeeping();
        await store.close();
        metrics.stop();
        log.logger.info({ 'event.action': 'stopped' }, 'stopped');
        log.lines.flush();
        await log.output.close();
      },
    };
  } catch (error) {
    metrics.stop();
    await store.close();
    await log.output.close();
    throw error;
  }
}

async function openKeyFile(dataDir: string): Promise<KeyFile> {
  const file = await openKeys(dataDir);
  return {
    path: file.path,
    store: file,
    make: (name, scopes) =>
      createApiKey({ name, scopes }, (bytes) => randomFillSync(bytes), Date.now()),
  };
}

/** Those that the settings name, unless a folder is given. */
function openBooks(settings: () => Config, folder: string | undefined): Books {
  if (folder !== undefined) return openDataFolder(folder);
  const config = settings();
  if (config.store !== 'redis') return openDataFolder(config.dataDir);
  const opened = (): Promise<RedisStore> =>
    openRedisStore(config, (message) => process.stderr.write(`holdfast: ${message}\n`));
  return { place: placeOf(config), ...wholeBooks(opened) };
}

/** Where the books are, for people. */
function placeOf(config: Config): string {
  if (config.store !== 'redis') return config.dataDir;
  const { hosts } = redisAddress(config.redis.address);
  const names = hosts.map(({ host, port }) => `${host}:${port}`).join(', ');
  return `Redis at ${names} under {${config.redis.hashTag}}`;
}

function openDataFolder(folder: string): DataFolder {
  const dataDir = resolve(folder);
  return {
    place: folder,
    hasBooks: () => existsSync(dataFiles(dataDir).database),
    audit: () => auditDataDir(dataDir),
    read: () => readBooks(dataDir),
    backup: (file, onProgress) =>
      backupBooks(dataDir, resolve(file), ({ totalPages, remainingPages }) => {
        onProgress(totalPages - remainingPages, totalPages);
      }),
    restore: (file, replace) => restoreBooks(resolve(file), dataDir, replace).movedTo,
  };
}

function openBlingDesk({ bling, dataDir }: Config): BlingDesk {
  if (bling === null) {
    throw new CliFailure(
      'nothing is said about Bling: set HOLDFAST_BLING_CLIENT_ID and what .env.example names beside it',
      EXIT.config,
    );
  }
  return new BlingDesk(openBling({ ...bling, dataDir: resolve(dataDir) }, REAL_TIME));
}

/** Whoever reads our output may stop reading: `holdfast export | head` is no failure. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
  process.stderr.on('error', () => undefined);
}

async function main(): Promise<void> {
  endWithReader();
  const io = { stdout: process.stdout, stderr: process.stderr, env: process.env };
  let fromFile: Sources;
  try {
    fromFile = loadDotEnv();
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    process.stderr.write(`holdfast: ${error.message}\n`);
    process.exitCode = error.exitCode;
    return;
  }
  process.exitCode = await runCli(process.argv.slice(2), {
    io,
    version,
    settings: (overrides) => viewSettings(readSettings(fromFile, overrides)),
    startService: (overrides) => startService(readSettings(fromFile, overrides).config),
    openBooks: (folder) => openBooks(() => readSettings(fromFile).config, folder),
    openDataFolder,
    openKeyFile,
    openBling: (overrides) => openBlingDesk(readSettings(fromFile, overrides).config),
  });
}

await main();
