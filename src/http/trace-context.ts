/** Who asks, for the log: the request's own id, and the trace that it belongs to where its caller keeps one. */
import type { RequestContext } from '../engine/reservation-engine.ts';
import type { Asking } from './exchange.ts';

/** W3C Trace Context, level 1: version 00 in full, later ones as far as they begin alike; never version ff. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}($|-)/;

/** The trace's id, 32 hexadecimal digits; null where `traceparent` is absent or is not one. */
export function traceIdOf({ headers }: Pick<Asking, 'headers'>): string | null {
  const { traceparent } = headers;
  if (typeof traceparent !== 'string') return null;
  const found = TRACEPARENT.exec(traceparent);
  if (found === null || (found[1] === '00' && found[3] !== '')) return null;
  return found[2] ?? null;
}

export function contextOf(request: Pick<Asking, 'id' | 'headers'>): RequestContext {
  return { requestId: request.id, traceId: traceIdOf(request) };
}
