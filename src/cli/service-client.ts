/** Talks to a running service over HTTP, for the commands that do. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher, Pool } from 'undici';
import { CliFailure } from './exit-codes.ts';

export interface ServiceAnswer {
  readonly status: number;
  /** An object, or empty where the answer was none. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ServiceRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly json?: unknown;
  /** Sent as it is; `contentType` says what it is. */
  readonly body?: Dispatcher.DispatchOptions['body'];
  readonly contentType?: string;
  readonly idempotencyKey?: string;
}

export interface ServiceAddress {
  readonly url: string;
  readonly key: string | null;
}

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** An import of a million rows, or an audit of as many, takes its time. */
const PATIENCE_MS = 10 * 60_000;

const NOBODY_THERE = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
];

export class ServiceClient {
  readonly url: string;
  /** From the first request on: most commands make none, and need not load what makes them. */
  #pool: Pool | null = null;
  readonly #origin: string;
  readonly #connections: number;
  readonly #basePath: string;
  readonly #headers: Record<string, string>;

  constructor({ url, key }: ServiceAddress, connections = 1) {
    const parsed = URL.parse(url);
    if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
      throw new CliFailure(`--url: expected an address such as http://127.0.0.1:8000, not ${url}`);
    }
    this.url = parsed.origin + parsed.pathname.replace(/\/+$/, '');
    this.#basePath = parsed.pathname.replace(/\/+$/, '');
    this.#headers = {
      accept: 'application/json',
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    };
    this.#origin = parsed.origin;
    this.#connections = connections;
  }

  /** Any answer but those that say "not now", which are asked again; throws `CliFailure` where there is none. */
  async ask(request: ServiceRequest): Promise<ServiceAnswer> {
    // Twice must be as good as once, and a stream can be sent only once.
    const harmless = request.method !== 'POST' || request.idempotencyKey !== undefined;
    const repeatable = harmless && (request.body === undefined || typeof request.body === 'string');
    for (let attempt = 1; ; attempt += 1) {
      const last = attempt === ATTEMPTS || !repeatable;
      let pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
      try {
        const { answer, retryAfterMs } = await this.#send(request);
        if (answer.status !== 503 && answer.status !== 429) return this.#allowed(request, answer);
        if (last) throw this.#failure(request, answer);
        pauseMs = Math.max(pauseMs, Math.min(LONGEST_PAUSE_MS, retryAfterMs));
      } catch (error) {
        if (error instanceof CliFailure) throw error;
        if (last || isRefusedConnection(error)) throw this.#unreachable(error);
      }
      await sleep(pauseMs);
    }
  }

  /** An answer of 2xx, or a `CliFailure` that says what the service said. */
  async must(request: ServiceRequest): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.ask(request);
    if (answer.status >= 300) throw this.#failure(request, answer);
    return answer.body;
  }

  /** Throws `CliFailure` where nobody answers at all. */
  async reach(): Promise<void> {
    try {
      await this.#send({ method: 'GET', path: '/healthz' });
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }

  async #openPool(): Promise<Pool> {
    const { Pool } = await import('undici');
    this.#pool ??= new Pool(this.#origin, {
      connections: this.#connections,
      headersTimeout: PATIENCE_MS,
      bodyTimeout: PATIENCE_MS,
    });
    return this.#pool;
  }

  async #send(request: ServiceRequest): Promise<{ answer: ServiceAnswer; retryAfterMs: number }> {
    const headers: Record<string, string> = { ...this.#headers };
    if (request.json !== undefined) headers['content-type'] = 'application/json';
    if (request.contentType !== undefined) headers['content-type'] = request.contentType;
    if (request.idempotencyKey !== undefined) headers['idempotency-key'] = request.idempotencyKey;
    const pool = this.#pool ?? (await this.#openPool());
    const response = await pool.request({
      method: request.method,
      path: this.#basePath + request.path,
      headers,
      body: request.json === undefined ? (request.body ?? null) : JSON.stringify(request.json),
    });
    const body = parseObject(await response.body.text());
    const retryAfterMs = 1000 * (Number(response.headers['retry-after']) || 0);
    return { answer: { status: response.statusCode, body }, retryAfterMs };
  }

  #allowed(request: ServiceRequest, answer: ServiceAnswer): ServiceAnswer {
    if (answer.status !== 401 && answer.status !== 403) return answer;
    const why = detailOf(answer);
    throw new CliFailure(
      `${this.url} does not allow ${request.method} ${request.path}${why}\n` +
        'Give an API key with --key or HOLDFAST_KEY; `holdfast keys create` makes one.',
    );
  }

  #failure(request: ServiceRequest, answer: ServiceAnswer): CliFailure {
    const { method, path } = request;
    return new CliFailure(
      `${this.url} answered ${answer.status} to ${method} ${path}${detailOf(answer)}`,
    );
  }

  #unreachable(error: unknown): CliFailure {
    const reason = isRefusedConnection(error)
      ? `nobody answers at ${this.url}. Start the service with \`holdfast serve\`, or say where it is with --url`
      : `the connection to ${this.url} failed: ${error instanceof Error ? error.message : String(error)}`;
    return new CliFailure(reason, undefined, error);
  }
}

/** What the service says of itself, where it says something. */
export function detailOf({ body }: ServiceAnswer): string {
  const { detail, code } = body;
  if (typeof detail === 'string') return `: ${detail}`;
  return typeof code === 'string' ? `: ${code}` : '';
}

function isRefusedConnection(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return NOBODY_THERE.includes(String(code));
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
