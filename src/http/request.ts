/** What this layer notes on each request. */
import type { Access } from './access.ts';
import type { Caller } from './exchange.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The route's pattern, or `unmatched`. */
    route: string;
    /** When its first hook ran, by the monotonic clock in ms. */
    startedAt: number;
    /** Counted by the load gate, and not yet answered. */
    admitted: boolean;
    /** Known from the route's first hook on. */
    caller: Caller;
  }

  interface FastifyContextConfig {
    /** Who may call the route; without it only `admin` may. */
    readonly access?: Access;
    /** Held to the rate limit, although it needs no key. */
    readonly limited?: boolean;
    /** Never turned away for load: for those who watch over us. */
    readonly vital?: boolean;
  }
}
