/** Composes the HTTP layer. */
import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import {
  createServer as createNodeServer,
  type RequestListener,
  type Server as NodeServer,
} from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import { Gatekeeper } from './access.ts';
import { createDirectLane, type DirectLane } from './direct-lane.ts';
import { createClientErrorHandler } from './client-errors.ts';
import { documentRoutes, registerDocs } from './docs.ts';
import type { Caller } from './exchange.ts';
import { EventStreams } from './event-streams.ts';
import { problemOfFailure } from './failures.ts';
import { guardRoutes } from './guard.ts';
import { readJsonBody } from './json-body.ts';
import { LoadGate } from './load-gate.ts';
import type { AppParts, HttpSettings } from './parts.ts';
import { problem, ProblemError, ProblemRenderer } from './problem.ts';
import { RateWindows } from './rate-windows.ts';
import { createRequestIds } from './request-id.ts';
import { Responder } from './respond.ts';
import { batchRoutes } from './routes/batch.ts';
import { erpRoutes } from './routes/erp.ts';
import { importRoutes } from './routes/import.ts';
import { ledgerCutRoutes } from './routes/ledger-cut.ts';
import { eventRoutes, ledgerRoutes } from './routes/ledger.ts';
import { outboxRoutes } from './routes/outbox.ts';
import { reserveRoutes, resolveRoutes } from './routes/reservations.ts';
import { serviceRoutes } from './routes/service.ts';
import { stockRoutes } from './routes/stock.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import type { Http, Server } from './server.ts';
import { Addresses } from './unmatched.ts';
import { validatorCompiler } from './validator-compiler.ts';

export {
  DEFAULT_HTTP_SETTINGS,
  type AppParts,
  type FinishedRequest,
  type HttpSettings,
} from './parts.ts';

/** How often Node looks for requests that take too long to arrive, in ms. */
const TIMEOUT_CHECK_MS = 1_000;
/** A SKU of 128 characters, each of up to three bytes, percent-encoded. */
const MAX_PARAM_LENGTH = 128 * 9;

export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const { settings, logger } = parts;
  const http = compose(parts);
  const { respond, gate } = http;
  const addresses = new Addresses();

  const app: Server = fastify({
    ...serverOptions(settings),
    serverFactory: (framework) => createServer(settings, createDirectLane(http, logger), framework),
    genReqId: http.requestIds,
    clientErrorHandler: createClientErrorHandler(http),
    frameworkErrors: (error, request, reply) => {
      // Before routing a request has none of what we note on it.
      Object.assign(request, { route: 'unmatched', startedAt: 0, admitted: false });
      respond.problem(request, reply, problemOfFailure(error, request, logger));
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  decorateRequests(app);
  readBodies(app);
  addresses.watch(app);
  app.setErrorHandler((error, request, reply) => {
    respond.problem(request, reply, problemOfFailure(error, request, logger));
  });
  await registerPlugins(app, settings);
  guardRoutes(app, http);
  await registerDocs(app, parts);
  for (const routes of ROUTES) routes(app, http);
  documentRoutes(app, http);
  app.setNotFoundHandler((request, reply) => {
    respond.problem(request, reply, addresses.problemOf(request.method, request.url));
  });

  app.decorate('beginShutdown', () => {
    http.lifecycle.closing = true;
  });
  app.addHook('preClose', (done) => {
    http.lifecycle.closing = true;
    http.streams.closeAll();
    gate.stop();
    done();
  });
  await app.ready();
  gate.start();
  return app;
}

/** Everything but Fastify itself. */
function compose(parts: AppParts): Http {
  const { settings, engine, logger, instruments } = parts;
  const problems = new ProblemRenderer(`${settings.publicUrl ?? ''}/docs/errors#`);
  const lifecycle = { closing: false };
  const gate = new LoadGate(settings, () => engine.store.health().queued, instruments);
  const pluginHeaders = settings.corsOrigins.length > 0 || settings.ratePerSecond !== null;
  return {
    engine,
    settings,
    instruments,
    lifecycle,
    problems,
    gate,
    version: parts.version,
    webhooks: parts.webhooks ?? null,
    erp: parts.erp ?? null,
    requestIds: createRequestIds(),
    gatekeeper: new Gatekeeper(parts.keys, settings.requireKeys),
    respond: new Responder({ problems, gate, pluginHeaders, lifecycle, instruments }),
    patientSockets: new WeakSet(),
    streams: new EventStreams(engine.store, settings, (error) => {
      logger?.error({ err: error }, 'an event stream failed');
    }),
  };
}

/** In the order of the documentation. */
const ROUTES = [
  reserveRoutes,
  resolveRoutes,
  batchRoutes,
  stockRoutes,
  importRoutes,
  ledgerRoutes,
  ledgerCutRoutes,
  eventRoutes,
  webhookRoutes,
  erpRoutes,
  outboxRoutes,
  serviceRoutes,
];

function createServer(
  settings: HttpSettings,
  lane: DirectLane,
  framework: RequestListener,
): NodeServer {
  const server = createNodeServer(
    {
      maxHeaderSize: settings.headerLimit,
      headersTimeout: Math.min(settings.headersTimeoutMs, settings.requestTimeoutMs),
      requestTimeout: settings.requestTimeoutMs,
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    (request, response) => {
      if (!lane(request, response)) framework(request, response);
    },
  );
  server.maxRequestsPerSocket = settings.maxRequestsPerSocket;
  server.maxConnections = settings.maxConnections;
  return server;
}

function serverOptions(settings: HttpSettings) {
  return {
    bodyLimit: settings.bodyLimit,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // What is in flight, and what still arrives on an open connection, is answered as usual.
    return503OnClosing: false,
    trustProxy: settings.trustedProxies.length === 0 ? false : [...settings.trustedProxies],
  };
}

function decorateRequests(app: Server): void {
  app.decorateRequest('route', 'unmatched');
  app.decorateRequest('startedAt', 0);
  app.decorateRequest('admitted', false);
  app.decorateRequest<Caller | null>('caller', null);
}

function readBodies(app: Server): void {
  app.setValidatorCompiler(validatorCompiler);
  // Bodies leave as text; the response schemas are documentation, and what the tests hold answers against.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes, done) => {
    try {
      done(null, readJsonBody(bytes as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addContentTypeParser('*', (request, _payload, done) => {
    // `curl -d ''` names a type for a body that is not there.
    if (request.headers['content-length'] === '0') {
      done(null);
      return;
    }
    done(new ProblemError(problem('unsupported_media_type', { accepted: ['application/json'] })));
  });
}

async function registerPlugins(app: Server, settings: HttpSettings): Promise<void> {
  if (settings.corsOrigins.length > 0) {
    await app.register(cors, {
      origin: settings.corsOrigins.includes('*') ? '*' : [...settings.corsOrigins],
      methods: ['GET', 'HEAD', 'POST', 'PUT'],
      exposedHeaders: [
        'location',
        'retry-after',
        'x-request-id',
        'x-trace-id',
        'idempotency-replayed',
      ],
      maxAge: 600,
    });
  }
  if (settings.ratePerSecond !== null) {
    // The problem says when to come back.
    await app.register(rateLimit, {
      global: false,
      store: RateWindows,
      addHeaders: { 'retry-after': false },
    });
  }
}
