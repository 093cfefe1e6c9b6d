/** The ERP's side of the service: which connector, and what runs on it. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliFailure, EXIT } from '../cli/exit-codes.ts';
import type { Config } from '../config.ts';
import { BlingConnector } from '../connectors/bling/bling-connector.ts';
import { BlingDesk } from '../connectors/bling/desk.ts';
import { openBling, type BlingParts } from '../connectors/bling/parts.ts';
import { WebhookConnector } from '../connectors/webhook/webhook-connector.ts';
import type { Rules } from '../core/rules.ts';
import type { ErpConnector } from '../engine/erp-port.ts';
import { ErpService, findForeignSale, type LeaseOptions } from '../engine/erp-service.ts';
import { noteAway, RaiseGuard } from '../engine/raise-guard.ts';
import { keepsOutbox, type OutboxStore, type ReservationStore } from '../engine/ports.ts';
import { observed } from '../engine/observed-connector.ts';
import type { Metrics } from '../observability/metrics.ts';
import { openErpLog } from './erp-log.ts';
import type { Log } from './log.ts';
import { openPullMemory } from './pull-memory.ts';
import { openRaiseMemory } from './raise-memory.ts';
import { sleepUntil } from './sleep.ts';
import { webhookOptions } from './webhooks.ts';

const REAL_TIME = {
  now: () => Date.now(),
  sleep: (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }),
};

/** Null: there is no ERP. Touches neither the disk nor the network. */
export function openConnector(config: Config): ErpConnector | null {
  switch (config.erp) {
    case 'none':
      return null;
    case 'bling':
      return new BlingConnector(blingParts(config));
    case 'webhook': {
      const { webhook } = config;
      if (webhook === null) throw new Error('the settings of the webhook connector are missing');
      return new WebhookConnector({ settings: webhook, now: Date.now, newId: randomUUID });
    }
  }
}

export function openBlingDesk(config: Config): BlingDesk {
  return new BlingDesk(blingParts(config));
}

function blingParts({ bling, dataDir }: Config): BlingParts {
  if (bling === null) {
    throw new CliFailure(
      'nothing is said about Bling: set HOLDFAST_BLING_CLIENT_ID and what .env.example names beside it',
      EXIT.config,
    );
  }
  return openBling({ ...bling, dataDir: resolve(dataDir) }, REAL_TIME);
}

/** With an ERP a confirm waits for its acknowledgement, and is told as that ERP wants to be told. */
export function rulesWith(connector: ErpConnector | null, rules: Rules): Rules {
  if (connector === null) return rules;
  return { ...rules, acknowledgeOnConfirm: false, messageGrouping: connector.grouping };
}

interface ErpServiceContext {
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'measureErp' | 'measureWebhooks'>;
  readonly lease: LeaseOptions;
}

/** Throws `CliFailure` where this ERP cannot work on these books. Not started yet. `trouble`: what its first check found. */
export async function openErpService(
  config: Config,
  connector: ErpConnector,
  store: ReservationStore,
  { log, metrics, lease }: ErpServiceContext,
): Promise<{ readonly service: ErpService; readonly trouble: Promise<string | null> }> {
  const { logger } = log;
  const erpLog = openErpLog(logger, connector.name);
  const first = Promise.withResolvers<string | null>();
  const outbox = await assertFit(config, connector, store);
  const raises = await openRaises(config, outbox);
  const webhookMetrics = metrics.measureWebhooks(() => service.webhooks.status(), Date.now);
  const erpMetrics = metrics.measureErp(() => service.status(), outbox.clock);
  const watched = observed(
    connector,
    (operation, outcome, seconds) => erpMetrics.called(operation, outcome, seconds),
    () => performance.now(),
  );
  const service = new ErpService({
    store: outbox,
    erp: watched,
    lease,
    raises,
    idleMs: config.relay.idleMs,
    reconcileEveryMs: config.reconcile.everyMs,
    fix: config.reconcile.fix,
    memory: openPullMemory(resolve(config.dataDir), connector.name, (err) => {
      logger.warn({ err }, 'how far the pull is cannot be saved');
    }),
    sleep: sleepUntil,
    random: Math.random,
    webhooks: webhookOptions({
      erp: connector.name,
      logger,
      metrics: webhookMetrics,
      silenceMs: config.webhookSilenceMs,
      now: Date.now,
    }),
    onDone: erpLog.done,
    onOutcome: (parcel, outcome, reason) => {
      erpMetrics.delivered(outcome);
      erpLog.outcome(parcel, outcome, reason);
    },
    onError: (error) => logger.error({ err: error }, 'the ERP loop failed; it is tried again'),
    onConnection: ({ problem }) => {
      const event = { 'event.action': 'erp_check', 'holdfast.erp.name': connector.name };
      const trouble =
        problem === null
          ? null
          : `${connector.name} cannot be used, and sales wait for it: ${problem}`;
      if (trouble === null) logger.info(event, `${connector.name} answers`);
      else logger.error(event, trouble);
      first.resolve(trouble);
    },
  });
  return { service, trouble: first.promise };
}

async function assertFit(
  config: Config,
  { grouping }: ErpConnector,
  store: ReservationStore,
): Promise<OutboxStore> {
  if (!keepsOutbox(store)) {
    throw new CliFailure(
      `HOLDFAST_ERP=${config.erp} needs a store that keeps what the ERP is still to be told, and ${store.name} does not in this version: set HOLDFAST_STORE=embedded, or HOLDFAST_ERP=none`,
      EXIT.config,
    );
  }
  const foreign = await findForeignSale(store, grouping);
  if (foreign !== null) {
    const [before, now] =
      grouping === 'sale'
        ? ['one message for the units of each SKU', 'whole sales']
        : ['one message for each sale', 'the units of each SKU'];
    throw new CliFailure(
      `sales wait in the outbox as ${before} (message ${foreign.id} is one), and HOLDFAST_ERP=${config.erp} as it is set now is told ${now}: run with the former settings until they are delivered or discarded, then change them`,
      EXIT.config,
    );
  }
  return store;
}

async function openRaises({ dataDir }: Config, store: OutboxStore): Promise<RaiseGuard> {
  const { head } = await store.outboxStats();
  const memory = openRaiseMemory(resolve(dataDir));
  return RaiseGuard.open({ store, memory }, head > 0);
}

/** Of a start without an ERP: notes it, and says what an operator should know; null where there is nothing to say. */
export async function withoutErp(
  { dataDir }: Config,
  store: ReservationStore,
): Promise<string | null> {
  if (!keepsOutbox(store)) return null;
  const { head, pending, inFlight, unknown, dead } = await store.outboxStats();
  await noteAway({ store, memory: openRaiseMemory(resolve(dataDir)) }, head > 0);
  const waiting = pending + inFlight + unknown + dead;
  return waiting === 0
    ? null
    : `${waiting} messages wait for an ERP, and HOLDFAST_ERP is none: their units stay allocated until an ERP has taken them, and sales made now will never be told to it`;
}

/** Of a start with one; null where nothing is held back. */
export function heldWarning(erp: string, heldSince: number | null): string | null {
  return heldSince === null
    ? null
    : `sales were made here without an ERP, and ${erp} was never told of them: where it has more than these books, nothing is taken over. Enter those sales in ${erp}, then say so: holdfast erp accept`;
}
