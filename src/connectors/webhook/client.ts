/** Signed requests to the service at the other end, and how each ended. */
import type { Agent, request } from 'undici';
import type { ErpCall } from '../../engine/erp-port.ts';
import { isBeforeSending, isOver } from '../../engine/unsent.ts';
import { isPrivate, numberIn, publicLookup } from './public-lookup.ts';
import type { WebhookSettings } from './settings.ts';
import { signedHeaders } from './signature.ts';

export interface ClientParts {
  readonly settings: WebhookSettings;
  readonly now: () => number;
  /** A name for a request that has none of its own. */
  readonly newId: () => string;
}

/**
 * - `answer`: `json` is undefined where the body is none. `retryAfterMs`: what the answer asks for.
 * - `not_sent`: it can have had no effect. `lost`: it may have arrived or not.
 */
export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly json: unknown;
      readonly retryAfterMs: number | null;
    }
  | { readonly kind: 'not_sent'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string };

const CONNECT_TIMEOUT_MS = 5_000;
const MOST_BYTES = 16_777_216;

/** Loaded with the first request: whoever makes none starts without it. */
interface Wire {
  readonly request: typeof request;
  readonly agent: Agent;
}

export class WebhookClient {
  readonly #parts: ClientParts;
  #wire: Wire | null = null;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  /** What is signed is the path with its query, as there is no body. */
  async get(path: string, call: ErpCall): Promise<Reply> {
    const { pathname, search } = new URL(this.#parts.settings.url + path);
    return this.#send('GET', path, pathname + search, this.#parts.newId(), call);
  }

  /** `id`: the same for the same message, however often it is sent. */
  async post(path: string, id: string, body: unknown, call: ErpCall): Promise<Reply> {
    return this.#send('POST', path, JSON.stringify(body), id, call);
  }

  async close(): Promise<void> {
    await this.#wire?.agent.destroy();
  }

  async #open(): Promise<Wire> {
    const { Agent, request } = await import('undici');
    const lookup = this.#parts.settings.allowPrivate ? {} : { lookup: publicLookup };
    this.#wire ??= {
      request,
      agent: new Agent({
        connect: { timeout: CONNECT_TIMEOUT_MS, ...lookup },
        maxResponseSize: MOST_BYTES,
        pipelining: 1,
      }),
    };
    return this.#wire;
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    payload: string,
    id: string,
    call: ErpCall,
  ): Promise<Reply> {
    const { settings, now } = this.#parts;
    const refusal = this.#whyNot();
    if (refusal !== null) return { kind: 'not_sent', reason: refusal };
    const wire = this.#wire ?? (await this.#open());
    await call.turn();
    if (isOver(call.signal)) return { kind: 'not_sent', reason: 'stopped before it was sent' };
    const late = AbortSignal.timeout(settings.timeoutMs);
    const timestamp = String(Math.floor(now() / 1_000));
    try {
      const answer = await wire.request(settings.url + path, {
        method,
        headers: {
          accept: 'application/json',
          ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
          ...signedHeaders({ id, timestamp, payload }, settings.secrets),
        },
        body: method === 'POST' ? payload : null,
        dispatcher: wire.agent,
        signal: AbortSignal.any([call.signal, late]),
      });
      const text = await answer.body.text().catch(() => null);
      return {
        kind: 'answer',
        status: answer.statusCode,
        json: parse(text),
        retryAfterMs: readRetryAfter(answer.headers['retry-after'], now()),
      };
    } catch (error) {
      if (isOver(late))
        return { kind: 'lost', reason: `no answer within ${settings.timeoutMs} ms` };
      if (isOver(call.signal)) return { kind: 'lost', reason: 'stopped while waiting' };
      return { kind: isBeforeSending(error) ? 'not_sent' : 'lost', reason: describe(error) };
    }
  }

  /** A number is not looked up, so it is looked at here. */
  #whyNot(): string | null {
    const { url, allowPrivate } = this.#parts.settings;
    const number = numberIn(url);
    if (allowPrivate || number === null || !isPrivate(number)) return null;
    return `${number} is in a private network: see HOLDFAST_WEBHOOK_ALLOW_PRIVATE`;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'the request failed';
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    return undefined;
  }
}

/** In seconds, or as a date. */
function readRetryAfter(value: string | string[] | undefined, now: number): number | null {
  if (typeof value !== 'string') return null;
  const ms = /^\d{1,7}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return ms >= 0 ? ms : null;
}
