/** Starts a service and stops it: puts its parts together, in order. */
import { randomFillSync } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningService } from '../cli/cli-parts.ts';
import { CliFailure, EXIT } from '../cli/exit-codes.ts';
import { isLoopback, type Config } from '../config.ts';
import type { ErpService, LeaseOptions } from '../engine/erp-service.ts';
import { makeFolder } from '../engine/folder.ts';
import { startHousekeeping } from '../engine/housekeeping.ts';
import { createIdSource } from '../engine/ids.ts';
import { fenced } from '../engine/fenced-store.ts';
import type { LeaseKeeper } from '../engine/lease-keeper.ts';
import type { ReservationStore } from '../engine/ports.ts';
import { ReservationEngine } from '../engine/reservation-engine.ts';
import type { WebhookIntake } from '../engine/webhook-intake.ts';
import { Metrics } from '../observability/metrics.ts';
import type { ApiKeyFile } from '../stores/api-keys/api-key-file.ts';
import { localUrl } from './address.ts';
import { openConnector, openErpService, rulesWith, withoutErp, heldWarning } from './erp.ts';
import { openKeys } from './keys.ts';
import { keepLease, leaseOptions } from './lease.ts';
import { crashLoudly, openLog, type Log } from './log.ts';
import { openStore, placeOf, warningsOf } from './stores.ts';
import { version } from './version.ts';

/** Lapsed or ended reservations per step of the housekeeping: a few milliseconds of the writer's time. */
const HOUSEKEEPING_STEP = 500;

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
  parts: {
    engine: ReservationEngine;
    keys: ApiKeyFile;
    metrics: Metrics;
    log: Log;
    webhooks: WebhookIntake | null;
    erp: ErpService | null;
    toldByOthers: boolean;
  },
) {
  const { engine, keys, metrics, log, webhooks, erp, toldByOthers } = parts;
  // Half of the time to start is spent here: the commands that serve nobody do without.
  const { buildApp, DEFAULT_HTTP_SETTINGS } = await import('../http/app.ts');
  return buildApp({
    engine,
    erp,
    keys,
    instruments: metrics,
    webhooks,
    logger: log.logger,
    version,
    settings: {
      ...DEFAULT_HTTP_SETTINGS,
      ...config.http,
      // Should the last key be revoked while it runs, a service for others does not become open.
      requireKeys: config.http.requireKeys || !isLoopback(config.host),
      maxQueued: config.queueLimit,
      // Whoever cancels in the ERP by another way may be faster than the call to us: its balance brings them back.
      restockByDefault: !toldByOthers,
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
  return localUrl(host, actual);
}

/** While this instance has the lease. */
function keepHouse(
  store: ReservationStore,
  config: Config,
  log: Log,
  lease: LeaseOptions,
): LeaseKeeper {
  return keepLease(store.leases, 'housekeeping', lease, ({ fence }) =>
    tidyUp(fenced(store, fence), config, log),
  );
}

function tidyUp(store: ReservationStore, config: Config, log: Log): () => Promise<void> {
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

function useDataDir(dataDir: string): void {
  try {
    makeFolder(resolve(dataDir));
  } catch (error) {
    const why = `the data folder (HOLDFAST_DATA_DIR) cannot be used: ${(error as Error).message}`;
    throw new CliFailure(why, EXIT.config, error);
  }
}

/** Throws `CliFailure` with a line for people where the service cannot start. */
export async function startService(config: Config): Promise<RunningService> {
  useDataDir(config.dataDir);
  const keys = await openKeys(config.dataDir);
  refuseExposure(config, keys);
  const connector = openConnector(config);
  const log = openLog(config, resolve(config.dataDir));
  const store = await openStore(config, rulesWith(connector, config.rules), (message) => {
    log.logger.warn(message);
  });
  const metrics = watch(store, log);
  try {
    const failed = failureOf(store, log);
    const lease = leaseOptions(config, log);
    const context = { log, metrics, lease };
    const erp = connector === null ? null : await openErpService(config, connector, store, context);
    const engine = createEngine(store, metrics, log);
    const service = erp?.service ?? null;
    const webhooks = service?.webhooks.intake ?? null;
    const toldByOthers = connector?.toldByOthers ?? false;
    const seen = { engine, keys, metrics, log, webhooks, erp: service, toldByOthers };
    const app = await createApp(config, seen);
    const url = await listen(app, config);
    crashLoudly(log);
    const housekeeper = keepHouse(store, config, log, lease);
    metrics.watchLeases(() => [housekeeper.status, ...(erp === null ? [] : [erp.service.lease])]);
    const stopKeys = keys.watch((error) => log.logger.error({ err: error }, 'API keys: unchanged'));
    const switched =
      erp === null
        ? await withoutErp(config, store)
        : heldWarning(config.erp, erp.service.raisesHeldSince);
    erp?.service.start();
    log.logger.info({ 'event.action': 'start', 'url.full': url }, `serving on ${url}`);
    if (switched !== null) log.logger.warn(switched);
    const stop = async (): Promise<void> => {
      log.logger.info({ 'event.action': 'stop' }, 'stopping');
      app.beginShutdown();
      stopKeys();
      // At once, while callers are still served: another instance takes this work over.
      const handedOver = Promise.all([erp?.service.stop(), housekeeper.stop()]);
      // Closing a connection that its caller is about to use would cost the caller that request.
      await sleep(config.drainMs);
      await app.close();
      await handedOver;
      await store.close();
      metrics.stop();
      log.logger.info({ 'event.action': 'stopped' }, 'stopped');
      log.lines.flush();
      await log.output.close();
    };
    return {
      ...(await describe(store, config)),
      url,
      keys: keys.enabled(),
      logFile: log.file,
      erp: erp === null ? null : { name: config.erp, trouble: erp.trouble },
      notes: [...warningsOf(store), ...(switched === null ? [] : [switched])],
      failed,
      stop,
    };
  } catch (error) {
    metrics.stop();
    await store.close();
    await log.output.close();
    throw error;
  }
}

function failureOf(store: ReservationStore, log: Log): Promise<Error> {
  return new Promise((resolve) => {
    store.onFailure((fault) => {
      log.logger.fatal({ err: fault }, 'the store failed; every call is answered 503');
      resolve(fault);
    });
  });
}

async function describe(store: ReservationStore, config: Config) {
  const { skus } = await store.stats();
  const [some] = await store.levels({ after: null, prefix: null, limit: 1 });
  return {
    store: store.name,
    durable: config.store !== 'memory',
    place: config.store === 'redis' ? placeOf(config) : resolve(config.dataDir),
    skus,
    someSku: some?.sku ?? null,
  };
}
