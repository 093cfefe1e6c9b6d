/**
 * What the HTTP layer is built from, and all that it knows of the rest of the program. `main.ts` composes:
 *
 *     const app = await buildApp({ engine, settings: { ...DEFAULT_HTTP_SETTINGS, … }, keys, instruments, logger, version });
 *     await app.listen({ host, port });
 *     …
 *     app.beginShutdown();      // /readyz answers 503; everything else still works, each answer its connection's last
 *     await app.close();        // stops accepting, finishes what is in flight, ends the event streams
 *     await engine.store.close();
 */
import type { FastifyBaseLogger } from 'fastify';
import type { ApiKeyDirectory } from '../engine/api-keys.ts';
import type { ErpService } from '../engine/erp-service.ts';
import type { ReservationEngine } from '../engine/reservation-engine.ts';
import type { WebhookIntake } from '../engine/webhook-intake.ts';

export interface HttpSettings {
  /** Where callers reach this service, without a trailing slash; null: only relative links are given. */
  readonly publicUrl: string | null;
  /** Refuse every protected call while no key is configured, instead of being open. */
  readonly requireKeys: boolean;
  /** Let anybody read `/metrics` even when keys are configured. */
  readonly openMetrics: boolean;
  /** Proxies (addresses or CIDR ranges) whose `X-Forwarded-For` is believed; empty: none. */
  readonly trustedProxies: readonly string[];
  /** Browser origins that may call; empty: CORS is off. */
  readonly corsOrigins: readonly string[];

  /** Bytes of a request body. */
  readonly bodyLimit: number;
  readonly batchBodyLimit: number;
  readonly importBodyLimit: number;
  readonly webhookBodyLimit: number;
  /** Commands in one batch. */
  readonly maxBatchCommands: number;
  /** Bytes of a request's line and headers together. */
  readonly headerLimit: number;
  /** Open connections; more are refused at once. */
  readonly maxConnections: number;
  readonly maxRequestsPerSocket: number;
  /** To receive the headers of a request, in ms. */
  readonly headersTimeoutMs: number;
  /** To receive a whole request, in ms. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;

  /** Requests per second for each API key (without keys: for each address); null: no limit. */
  readonly ratePerSecond: number | null;

  /** Commands waiting in the store before new ones are shed. */
  readonly maxQueued: number;
  /** Requests being answered before new ones are shed. */
  readonly maxInFlight: number;
  /** Delay of the event loop at which shedding begins, in ms; 0: never. */
  readonly maxEventLoopDelayMs: number;

  /** How long entries of the ledger are kept after they were exported, and how many of the newest; null: for ever. */
  readonly ledgerKeep: { readonly ms: number; readonly entries: number } | null;

  /** Do a cancellation's units go back on sale where the request does not say? */
  readonly restockByDefault: boolean;

  /** Live `/events` streams at the same time. */
  readonly maxEventStreams: number;
  /** Silence on an event stream before a comment is sent, in ms. */
  readonly heartbeatMs: number;
  /** How long a subscriber may leave its stream unread before it is dropped, in ms. */
  readonly slowSubscriberMs: number;
}

export const DEFAULT_HTTP_SETTINGS: HttpSettings = Object.freeze({
  publicUrl: null,
  requireKeys: false,
  openMetrics: false,
  trustedProxies: [],
  corsOrigins: [],
  bodyLimit: 65_536,
  batchBodyLimit: 1_048_576,
  importBodyLimit: 67_108_864,
  webhookBodyLimit: 1_048_576,
  maxBatchCommands: 1_000,
  headerLimit: 16_384,
  maxConnections: 10_000,
  maxRequestsPerSocket: 100_000,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 65_000,
  ratePerSecond: null,
  maxQueued: 5_000,
  maxInFlight: 10_000,
  maxEventLoopDelayMs: 500,
  ledgerKeep: null,
  restockByDefault: true,
  maxEventStreams: 64,
  heartbeatMs: 15_000,
  slowSubscriberMs: 10_000,
});

/** One answered request. `route` is the pattern (`/stock/:sku/reserve`), or `unmatched`; never the address itself. */
export interface FinishedRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** Why a request was turned away before its body was read. */
export type ShedReason = 'store_queue' | 'in_flight' | 'event_loop';

/** What the HTTP layer tells and asks of whoever measures. Its methods must not throw and must not wait. */
export interface HttpInstruments {
  requestFinished(request: FinishedRequest): void;
  requestShed(reason: ShedReason): void;
  /** How late the event loop runs at present, in ms (the recent past, not since the start). */
  eventLoopDelay(): number;
  /** The body of `/metrics`, and its media type. */
  metricsText(): Promise<string>;
  readonly metricsContentType: string;
}

export interface AppParts {
  readonly engine: ReservationEngine;
  readonly settings: HttpSettings;
  readonly keys: ApiKeyDirectory;
  readonly instruments: HttpInstruments;
  /** Takes the ERP's webhooks; null or left out: there is no ERP. */
  readonly webhooks?: Pick<WebhookIntake, 'erp' | 'receive'> | null;
  /** Null or left out: there is no ERP. */
  readonly erp?: ErpService | null;
  /** Without one nothing is logged. */
  readonly logger?: FastifyBaseLogger;
  /** Holdfast's version, for `/openapi.json` and `/healthz`. */
  readonly version: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** `/readyz` answers 503 from now on, so that load balancers look elsewhere before `close()`. */
    beginShutdown(): void;
  }
}
