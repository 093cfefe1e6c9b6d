/**
 * Writes answers. Each goes to the socket in one piece, past Fastify's reply: the bodies are text already, and the
 * same few headers stand on all of them. On the hot path this is a third of the framework's own cost.
 */
import { Departures } from './departures.ts';
import type { Answering, Asking } from './exchange.ts';
import { languageOf, type Language } from './languages.ts';
import type { LoadGate } from './load-gate.ts';
import type { HttpInstruments } from './parts.ts';
import { statusOf, type Problem, type ProblemRenderer } from './problem.ts';
import { traceIdOf } from './trace-context.ts';

/** An API answer is nobody's page, nobody's script and nobody's cache entry. */
export const STATIC_HEADERS = [
  'cache-control',
  'no-store',
  'x-content-type-options',
  'nosniff',
  'content-security-policy',
  "default-src 'none'; frame-ancestors 'none'",
] as const;

const JSON_TYPE = 'application/json; charset=utf-8';
const PROBLEM_TYPE = 'application/problem+json';

export interface Lifecycle {
  closing: boolean;
}

export interface ResponderParts {
  readonly problems: ProblemRenderer;
  readonly instruments: HttpInstruments;
  readonly gate: LoadGate;
  /** Of a service about to stop, no connection is kept. */
  readonly lifecycle: Lifecycle;
  /** Do plugins put headers on replies (CORS, rate limits)? Then they are sent too. */
  readonly pluginHeaders: boolean;
}

export class Responder {
  readonly #parts: ResponderParts;
  readonly #departures = new Departures();

  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  /** `body`: JSON text. `headers`: names and values in turn. */
  json(
    request: Asking,
    reply: Answering,
    status: number,
    body: string,
    headers: readonly string[] = [],
  ): void {
    this.text(request, reply, status, JSON_TYPE, body, headers);
  }

  problem(request: Asking, reply: Answering, of: Problem): void {
    const language = languageOf(request.headers['accept-language']);
    const body = this.problemJson(of, language, request.id);
    const headers = ['content-language', language, 'vary', 'accept-language'];
    if (of.retryAfterSeconds !== undefined) {
      headers.push('retry-after', String(of.retryAfterSeconds));
    }
    if (of.allow !== undefined) headers.push('allow', of.allow);
    if (of.code === 'unauthorized') headers.push('www-authenticate', 'Bearer realm="holdfast"');
    if (leavesMuchUnread(request)) headers.push('connection', 'close');
    this.text(request, reply, statusOf(of), PROBLEM_TYPE, body, headers);
  }

  problemJson(of: Problem, language: Language, requestId: string): string {
    return this.#parts.problems.render(of, language, requestId);
  }

  text(
    request: Asking,
    reply: Answering,
    status: number,
    type: string,
    body: string,
    headers: readonly string[] = [],
  ): void {
    const length = Buffer.byteLength(body);
    const head = [
      'content-type',
      type,
      'content-length',
      String(length),
      'x-request-id',
      request.id,
      ...STATIC_HEADERS,
      ...headers,
    ];
    const traceId = traceIdOf(request);
    if (traceId !== null) head.push('x-trace-id', traceId);
    if (this.#parts.lifecycle.closing) head.push('connection', 'close');
    if (this.#parts.pluginHeaders) addPluginHeaders(reply, head);
    reply.hijack();
    reply.raw.writeHead(status, head);
    // A body of ASCII alone needs no encoding.
    this.#departures.add(reply.raw, body, length === body.length ? 'latin1' : 'utf8');
    this.finished(request, status);
  }

  /** Every admitted request ends here, once: counted, and measured from its first hook. */
  finished(request: Asking, status: number): void {
    if (request.admitted) {
      request.admitted = false;
      this.#parts.gate.inFlight -= 1;
    }
    this.#parts.instruments.requestFinished({
      method: request.method,
      route: request.route,
      status,
      // Without a route no hook has run.
      seconds: request.startedAt === 0 ? 0 : (performance.now() - request.startedAt) / 1000,
    });
  }
}

const WORTH_READING_BYTES = 65_536;

/** The rest of a large body is not worth receiving for the sake of the connection. */
function leavesMuchUnread({ raw, headers }: Asking): boolean {
  if (raw.complete) return false;
  const length = headers['content-length'];
  return length === undefined
    ? headers['transfer-encoding'] !== undefined
    : Number(length) > WORTH_READING_BYTES;
}

function addPluginHeaders(reply: Answering, head: string[]): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    for (const one of Array.isArray(value) ? value : [value]) head.push(name, String(one));
  }
}
