/** Calls to Bling's API v3: paced, signed, timed, and their ends told apart. */
import { ErpFault, type ErpCall } from '../../engine/erp-port.ts';
import type { CallBudget } from './call-budget.ts';
import { notReached, type Exchange, type Reply } from './exchange.ts';
import { isObject, readRefusal, type Refusal } from './refusal.ts';
import type { BlingSettings } from './settings.ts';
import type { TokenKeeper } from './tokens/token-keeper.ts';

export type Query = readonly (readonly [name: string, value: string | number])[];

/** What became of a call that changes something. `waitMs`: not before that time; null: Bling has not said. */
export type WriteReply =
  | { readonly kind: 'done'; readonly body: unknown }
  | {
      readonly kind: 'refused';
      readonly reason: string;
      readonly retry: boolean;
      readonly waitMs: number | null;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface ClientParts {
  readonly settings: Pick<BlingSettings, 'apiUrl' | 'timeoutMs'>;
  readonly tokens: TokenKeeper;
  readonly budget: CallBudget;
  readonly exchange: Exchange;
}

const SECOND_MS = 1_000;
/** A token or a right that is missing takes a person. */
const PERSON_MS = 60_000;
/** How long Bling keeps an address out. */
const BLOCK_MS = 600_000;

interface Answered {
  readonly status: number;
  readonly text: string | null;
}

export class BlingClient {
  readonly #parts: ClientParts;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  /** What GET answers; null where there is no such thing (404). Throws `ErpFault` when there is no usable answer. */
  async find(path: string, query: Query, call: ErpCall): Promise<unknown> {
    const reply = await this.#send('GET', withQuery(path, query), null, call);
    if (reply.kind !== 'answer') throw new ErpFault('ERP_UNAVAILABLE', this.#silence(reply));
    if (reply.status === 404) return null;
    if (reply.status === 200) {
      const body = parse(reply.text);
      if (body === undefined) {
        throw new ErpFault('ERP_UNAVAILABLE', `Bling's answer to GET ${path} cannot be read`);
      }
      return body;
    }
    const { refusal, waitMs } = this.#judge(reply);
    const person = reply.status >= 400 && reply.status < 500 && waitMs === null;
    throw new ErpFault(
      person || isForPerson(reply.status, refusal) ? 'ERP_MISCONFIGURED' : 'ERP_UNAVAILABLE',
      hint(reply.status, refusal),
      { waitMs },
    );
  }

  /** The `data` of an answer that is a list. */
  async list(path: string, query: Query, call: ErpCall): Promise<Record<string, unknown>[]> {
    const body = await this.find(path, query, call);
    const data = isObject(body) ? body['data'] : null;
    if (!Array.isArray(data)) {
      throw new ErpFault('ERP_UNAVAILABLE', `Bling's answer to GET ${path} is not a list`);
    }
    return data.filter(isObject);
  }

  /** Never throws `ErpFault`: what goes wrong before sending is a refusal that may be tried again. */
  async write(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    body: unknown,
    call: ErpCall,
  ): Promise<WriteReply> {
    let reply: Reply;
    try {
      reply = await this.#send(method, path, body === null ? null : JSON.stringify(body), call);
    } catch (error) {
      if (!(error instanceof ErpFault)) throw error;
      return refusedBefore(error);
    }
    if (reply.kind === 'lost') return { kind: 'unknown', reason: this.#silence(reply) };
    if (reply.kind === 'not_sent') {
      return { kind: 'refused', reason: this.#silence(reply), retry: true, waitMs: null };
    }
    const { status, text } = reply;
    if (status >= 200 && status < 300) {
      const read = status === 204 || text === '' ? null : parse(text);
      return read === undefined
        ? { kind: 'unknown', reason: `Bling answered ${status} with something unreadable` }
        : { kind: 'done', body: read };
    }
    const { refusal, waitMs } = this.#judge(reply);
    // 408 is a proxy that has lost its patience: what it waited for may yet happen.
    if (status < 400 || status >= 500 || status === 408) {
      return { kind: 'unknown', reason: refusal.text };
    }
    return { kind: 'refused', reason: hint(status, refusal), retry: waitMs !== null, waitMs };
  }

  async #send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH',
    path: string,
    body: string | null,
    call: ErpCall,
  ): Promise<Reply> {
    const { settings, tokens, budget, exchange } = this.#parts;
    for (let again = false; ; again = true) {
      const token = await tokens.current();
      await call.turn();
      await budget.take(method === 'GET' ? 'read' : 'write', call.signal);
      const reply = await exchange.send({
        method,
        url: settings.apiUrl + path,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          'enable-jwt': '1',
          ...(body === null ? {} : { 'content-type': 'application/json' }),
        },
        body,
        timeoutMs: settings.timeoutMs,
        signal: call.signal,
      });
      if (reply.kind !== 'answer' || reply.status !== 401) return reply;
      // Refused before anything was done: with another token it may be sent again, once.
      tokens.refuse(token);
      if (again) return reply;
    }
  }

  #silence({ kind, reason }: Exclude<Reply, { kind: 'answer' }>): string {
    const { apiUrl } = this.#parts.settings;
    const what = kind === 'lost' ? reason : notReached(apiUrl, 'HOLDFAST_BLING_API_URL', reason);
    return `Bling: ${what}`;
  }

  /** Reads a refusal, and leaves Bling alone for as long as it wants to be. `waitMs` null: trying again is no use. */
  #judge({ status, text }: Answered): { refusal: Refusal; waitMs: number | null } {
    const { budget } = this.#parts;
    const refusal = readRefusal(status, text);
    if (status === 429 && refusal.period === 'day') {
      budget.pauseForTheDay(refusal.text);
      return { refusal, waitMs: PERSON_MS };
    }
    if (status === 429 && refusal.period === 'second') {
      budget.pause(SECOND_MS, refusal.text);
      return { refusal, waitMs: SECOND_MS };
    }
    if (status === 429 || (status === 403 && refusal.type === null)) {
      budget.pause(BLOCK_MS, `${refusal.text}: this address is perhaps blocked for a while`);
      return { refusal, waitMs: BLOCK_MS };
    }
    return { refusal, waitMs: isForPerson(status, refusal) ? PERSON_MS : null };
  }
}

/** Is it about who we are, not about what was asked? Then it will pass once somebody has seen to it. */
function isForPerson(status: number, { type }: Refusal): boolean {
  return status === 401 || (status === 403 && type !== null);
}

function hint(status: number, refusal: Refusal): string {
  if (status === 401) return `${refusal.text}; connect again: holdfast bling connect`;
  if (status === 403 && refusal.type !== null) {
    return `${refusal.text}; give the app the scopes it needs, then connect again: holdfast bling connect`;
  }
  return refusal.text;
}

function refusedBefore({ message, waitMs, code }: ErpFault): WriteReply {
  const patience = code === 'ERP_MISCONFIGURED' ? PERSON_MS : null;
  return { kind: 'refused', reason: message, retry: true, waitMs: waitMs ?? patience };
}

/** Undefined where it is not JSON. */
function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    return undefined;
  }
}

function withQuery(path: string, query: Query): string {
  if (query.length === 0) return path;
  const search = new URLSearchParams();
  for (const [name, value] of query) search.append(name, String(value));
  return `${path}?${search.toString()}`;
}

/** The id in `{"data":{"id":…}}`, which is what Bling answers to what it has made; null where there is none. */
export function idOf(body: unknown): number | null {
  const data = isObject(body) ? body['data'] : null;
  return isObject(data) ? asId(data['id']) : null;
}

export function asId(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
