/** One request and its answer, as much of them as guards and answers need: Fastify's pair has it, and the direct lane's. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Scope } from '../engine/api-keys.ts';

/** Who asks: the key's id, and what it may do. */
export interface Caller {
  readonly keyId: string;
  readonly scopes: readonly Scope[];
}

export interface Asking {
  readonly id: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly raw: IncomingMessage;
  /** See `request.ts` for what is noted here. */
  route: string;
  startedAt: number;
  admitted: boolean;
  caller: Caller;
}

export interface Answering {
  readonly raw: ServerResponse;
  /** From now on nobody else answers. */
  hijack(): unknown;
  /** Those that plugins have put on the answer. */
  getHeaders(): Readonly<Record<string, unknown>>;
}
