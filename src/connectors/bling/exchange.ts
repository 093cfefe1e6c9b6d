/** One HTTP request and what came of it: the difference between "never sent" and "no answer" is what all else rests on. */
import type { Agent, request } from 'undici';
import { isBeforeSending, isOver } from '../../engine/unsent.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** From sending to the last byte of the answer, in ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * - `answer`: `text` is null where the body broke off.
 * - `not_sent`: no byte of it has left; it can have had no effect.
 * - `lost`: it may have arrived or not.
 */
export type Reply =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string | null }
  | { readonly kind: 'not_sent'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string };

const CONNECT_TIMEOUT_MS = 5_000;
const MOST_BYTES = 16_777_216;

/** Loaded with the first request: whoever makes none starts without it. */
interface Wire {
  readonly request: typeof request;
  readonly agent: Agent;
}

export class Exchange {
  #wire: Wire | null = null;

  async send({ method, url, headers, body, timeoutMs, signal }: HttpRequest): Promise<Reply> {
    const wire = this.#wire ?? (await this.#open());
    if (isOver(signal)) return { kind: 'not_sent', reason: 'stopped before it was sent' };
    const late = AbortSignal.timeout(timeoutMs);
    const progress: { status: number | null } = { status: null };
    try {
      const answer = await wire.request(url, {
        method,
        headers,
        body,
        dispatcher: wire.agent,
        signal: AbortSignal.any([signal, late]),
      });
      progress.status = answer.statusCode;
      return { kind: 'answer', status: progress.status, text: await answer.body.text() };
    } catch (error) {
      if (progress.status !== null) return { kind: 'answer', status: progress.status, text: null };
      if (isOver(late)) return { kind: 'lost', reason: `no answer within ${timeoutMs} ms` };
      if (isOver(signal)) return { kind: 'lost', reason: 'stopped while waiting for the answer' };
      const kind = isBeforeSending(error) ? 'not_sent' : 'lost';
      return { kind, reason: describe(error) };
    }
  }

  async close(): Promise<void> {
    await this.#wire?.agent.destroy();
  }

  async #open(): Promise<Wire> {
    const { Agent, request } = await import('undici');
    this.#wire ??= {
      request,
      agent: new Agent({
        connect: { timeout: CONNECT_TIMEOUT_MS },
        maxResponseSize: MOST_BYTES,
        pipelining: 1,
      }),
    };
    return this.#wire;
  }
}

/** Of a request that never left: where it was to go, and what to do about it. */
export function notReached(url: string, setting: string, reason: string): string {
  return `${url} cannot be reached (${reason}): see to the network, and to ${setting}`;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed';
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error.message.slice(0, 200) : code;
}
