/** A whole HTTP layer over the memory store, with a clock that tests move. */
import { randomFillSync } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { FastifyBaseLogger, FastifyInstance, LightMyRequestResponse } from 'fastify';
import { DEFAULT_RULES, type Rules } from '../../../src/core/rules.ts';
import type { ApiKeyDirectory } from '../../../src/engine/api-keys.ts';
import type { PullPlace } from '../../../src/engine/erp-jobs.ts';
import { ErpService } from '../../../src/engine/erp-service.ts';
import { RaiseGuard } from '../../../src/engine/raise-guard.ts';
import { createIdSource } from '../../../src/engine/ids.ts';
import type { ErpConnector } from '../../../src/engine/erp-port.ts';
import type { ReservationStore } from '../../../src/engine/ports.ts';
import type { WebhookInbox } from '../../../src/engine/webhook-inbox.ts';
import { WebhookIntake, type WebhookOutcome } from '../../../src/engine/webhook-intake.ts';
import { ReservationEngine } from '../../../src/engine/reservation-engine.ts';
import {
  buildApp,
  DEFAULT_HTTP_SETTINGS,
  type FinishedRequest,
  type HttpSettings,
} from '../../../src/http/app.ts';
import { sleepUntil } from '../../../src/service/sleep.ts';
import { MemoryStore } from '../../../src/stores/memory/memory-store.ts';
import type { FakeErp } from '../../support/fake-erp.ts';

export const START = Date.parse('2026-11-27T12:00:00.000Z');
export const NO_KEYS: ApiKeyDirectory = { find: () => undefined, enabled: () => false };

export interface TestClock {
  time: number;
  now(): number;
}

export interface Service {
  readonly app: FastifyInstance;
  readonly store: ReservationStore;
  readonly clock: TestClock;
  readonly inbox: WebhookInbox;
  /** Of the webhooks that got as far as being read. */
  readonly outcomes: WebhookOutcome[];
  readonly finished: FinishedRequest[];
  readonly shed: string[];
  /** Messages at the levels `warn` and above, with what was thrown. */
  readonly logged: Logged[];
  load: { eventLoopDelay: number };
  call(method: string, url: string, options?: CallOptions): Promise<Answer>;
  put(sku: string, onHand: number, policy?: object): Promise<void>;
}

export interface CallOptions {
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Buffer;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: LightMyRequestResponse['headers'];
  readonly text: string;
  readonly body: unknown;
  /** A value of the body: `at('short.0.sku')`. */
  at(path: string): unknown;
}

export interface ServiceOptions {
  readonly settings?: Partial<HttpSettings>;
  readonly keys?: ApiKeyDirectory;
  readonly rules?: Partial<Rules>;
  /** Stands between the engine and the store. */
  readonly wrap?: (store: ReservationStore) => ReservationStore;
  /** The ERP whose webhooks are taken; without one there is none. */
  readonly erp?: Pick<ErpConnector, 'name' | 'readWebhook'>;
  /** An ERP whose whole loop runs: confirms write to the outbox, and what is sold stays there. */
  readonly loop?: FakeErp;
  /** Its balances do not raise the books. */
  readonly raisesHeld?: boolean;
}

export async function startService(t: TestContext, options: ServiceOptions = {}): Promise<Service> {
  const clock: TestClock = { time: START, now: () => clock.time };
  const acknowledgeOnConfirm = options.loop === undefined;
  const rules = { ...DEFAULT_RULES, acknowledgeOnConfirm, ...options.rules };
  const memory = new MemoryStore(clock, rules);
  const store = options.wrap?.(memory) ?? memory;
  const newId = createIdSource(
    (bytes) => randomFillSync(bytes),
    () => clock.time,
  );
  const engine = new ReservationEngine({ store, newId, observer: { answered: () => undefined } });
  const outcomes: WebhookOutcome[] = [];
  const webhooks =
    options.erp === undefined
      ? null
      : new WebhookIntake({
          erp: options.erp,
          inbox: memory.inbox,
          now: () => clock.time,
          onOutcome: (outcome) => outcomes.push(outcome),
          onStored: () => undefined,
        });
  const finished: FinishedRequest[] = [];
  const shed: string[] = [];
  const logged: Logged[] = [];
  const load = { eventLoopDelay: 0 };
  const app = await buildApp({
    engine,
    settings: { ...DEFAULT_HTTP_SETTINGS, ...options.settings },
    keys: options.keys ?? NO_KEYS,
    instruments: {
      requestFinished: (request) => finished.push(request),
      requestShed: (reason) => shed.push(reason),
      eventLoopDelay: () => load.eventLoopDelay,
      metricsText: () => Promise.resolve('holdfast_up 1\n'),
      metricsContentType: 'text/plain; version=0.0.4; charset=utf-8',
    },
    webhooks,
    logger: logger(logged),
    version: '0.0.0-test',
    erp:
      options.loop === undefined
        ? null
        : await startErp(t, options.loop, {
            store: memory,
            clock,
            held: options.raisesHeld === true,
          }),
  });
  t.after(() => app.close());
  const call = async (method: string, url: string, sent: CallOptions = {}): Promise<Answer> => {
    const payload = sent.raw ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body));
    const type = sent.body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await app.inject({
      method: method as 'GET',
      url,
      headers: { ...type, ...sent.headers },
      ...(payload === undefined ? {} : { payload }),
    });
    return readAnswer(response);
  };
  const put = async (sku: string, onHand: number, policy: object = {}): Promise<void> => {
    const url = `/stock/${encodeURIComponent(sku)}`;
    const answer = await call('PUT', url, { body: { on_hand: onHand, ...policy } });
    if (answer.status > 201) throw new Error(answer.text);
  };
  const { inbox } = memory;
  return { app, store, inbox, outcomes, clock, finished, shed, logged, load, call, put };
}

/** Waits shorter than this are for a free call: they move the clock instead. */
const LONG_MS = 5_000;

/** Its relay looks once, at the start; what is sold later stays where it is. */
async function startErp(
  t: TestContext,
  erp: FakeErp,
  { store, clock, held }: { store: MemoryStore; clock: TestClock; held: boolean },
): Promise<ErpService> {
  erp.check = () => Promise.resolve();
  const record = { state: held ? 'held' : 'allowed', since: START, seq: 0 } as const;
  const raises = { load: () => Promise.resolve(record), save: () => Promise.resolve() };
  let place: PullPlace | null = null;
  const service = new ErpService({
    store,
    erp,
    sleep: (ms, signal) => {
      if (ms >= LONG_MS) return sleepUntil(ms, signal);
      clock.time += ms;
      return Promise.resolve();
    },
    random: () => 0,
    raises: await RaiseGuard.open({ store, memory: raises }, false),
    idleMs: 1_000_000_000,
    reconcileEveryMs: null,
    fix: true,
    memory: {
      load: () => Promise.resolve(place),
      save: (saved) => Promise.resolve(void (place = saved)),
    },
    onDone: () => undefined,
    onError: () => undefined,
    webhooks: {
      now: () => clock.time,
      silenceMs: null,
      onOutcome: () => undefined,
      onSilence: () => undefined,
      onReport: () => undefined,
    },
  });
  t.after(() => service.stop());
  service.start();
  while (!service.works) await new Promise(setImmediate);
  return service;
}

export interface Logged {
  readonly level: 'warn' | 'error';
  readonly message: string;
  readonly err: unknown;
}

/** As much of pino as is used. */
function logger(logged: Logged[]): FastifyBaseLogger {
  const quiet = (): void => undefined;
  const note =
    (level: Logged['level']) =>
    ({ err }: { err: unknown }, message: string): void => {
      logged.push({ level, message, err });
    };
  const made = { trace: quiet, debug: quiet, info: quiet, fatal: quiet, silent: quiet };
  return Object.assign(made, {
    level: 'info',
    warn: note('warn'),
    error: note('error'),
    child: () => logger(logged),
  }) as unknown as FastifyBaseLogger;
}

function readAnswer({ statusCode, headers, body: text }: LightMyRequestResponse): Answer {
  const json = /json/.test(String(headers['content-type'])) && text !== '';
  const body: unknown = json ? JSON.parse(text) : null;
  const at = (path: string): unknown =>
    path
      .split('.')
      .reduce<unknown>((value, step) => (value as Record<string, unknown> | null)?.[step], body);
  return { status: statusCode, headers, text, body, at };
}
