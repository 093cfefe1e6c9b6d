/**
 * The call that a rush is made of, `POST /stock/{sku}/reserve` without a body, past the framework: routing, content
 * types, validation and reply objects cost more than the decision. What it does stays the route's own code
 * (`reserveOne`), behind the same guard; whatever is not plainly this call goes the usual way.
 */
import type { FastifyBaseLogger } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ANYBODY, STOREFRONT } from './access.ts';
import type { Answering, Asking, Caller } from './exchange.ts';
import { problemOfFailure } from './failures.ts';
import { enter } from './guard.ts';
import { RESERVE_ONE_ROUTE, reserveOne } from './routes/reservations.ts';
import type { Http } from './server.ts';

/** No character that an address could write in another way. */
const ADDRESS = /^\/stock\/([A-Za-z0-9_-]{1,128})\/reserve$/;

/** Takes the request if it is one for this lane, and says so. */
export type DirectLane = (raw: IncomingMessage, response: ServerResponse) => boolean;

export function createDirectLane(http: Http, logger: FastifyBaseLogger | undefined): DirectLane {
  const { settings } = http;
  // Rates and CORS are plugins' work, on the usual way.
  if (settings.ratePerSecond !== null || settings.corsOrigins.length > 0) return () => false;
  return (raw, response) => {
    const sku = directSku(raw);
    if (sku === null) return false;
    void serve(http, logger, raw, response, sku);
    return true;
  };
}

/** The SKU of a request for this lane; null for any other. */
export function directSku({
  method,
  url = '',
  headers,
}: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): string | null {
  if (method !== 'POST' || headers['transfer-encoding'] !== undefined) return null;
  const length = headers['content-length'];
  if (length !== undefined && length !== '0') return null;
  return ADDRESS.exec(url)?.[1] ?? null;
}

async function serve(
  http: Http,
  logger: FastifyBaseLogger | undefined,
  raw: IncomingMessage,
  response: ServerResponse,
  sku: string,
): Promise<void> {
  const request = new DirectRequest(http.requestIds(raw), raw);
  const reply = new DirectReply(response);
  try {
    const refused = enter(http, request, RESERVE_ONE_ROUTE, STOREFRONT, false);
    if (refused === null) await reserveOne(http, request, reply, sku, {});
    else http.respond.problem(request, reply, refused);
  } catch (error) {
    http.respond.problem(request, reply, problemOfFailure(error, request, logger));
  }
}

class DirectRequest implements Asking {
  readonly id: string;
  readonly method = 'POST';
  readonly headers: IncomingMessage['headers'];
  readonly raw: IncomingMessage;
  route = RESERVE_ONE_ROUTE;
  startedAt = 0;
  admitted = false;
  caller: Caller = ANYBODY;

  constructor(id: string, raw: IncomingMessage) {
    this.id = id;
    this.headers = raw.headers;
    this.raw = raw;
  }
}

class DirectReply implements Answering {
  readonly raw: ServerResponse;

  constructor(raw: ServerResponse) {
    this.raw = raw;
  }

  hijack(): void {
    // Nobody else would answer.
  }

  getHeaders(): Readonly<Record<string, unknown>> {
    return {};
  }
}
