/** The first hook of every route: the clock starts, load is shed, the key is checked. All before the body is read. */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { ADMIN, type Access } from './access.ts';
import type { Asking } from './exchange.ts';
import type { HttpSettings } from './parts.ts';
import { jitteredSeconds, problem, ProblemError, type Problem } from './problem.ts';
import type { Http, Server } from './server.ts';

type Hook = (
  request: FastifyRequest,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
) => void | Promise<void>;

/** Guards every route registered from now on. One that does not say who may call it is for `admin` alone. */
export function guardRoutes(app: Server, http: Http): void {
  const limiter = createLimiter(app, http.settings);
  app.addHook('onRoute', (route) => {
    const access = route.config?.access ?? accessOfPlugin(route.url);
    // Plugins answer by themselves: nobody would count their requests out again.
    const vital = route.config?.vital ?? route.config?.access === undefined;
    const guard = guardOf(http, route.url, access, vital);
    const limited = limiter !== null && (access !== 'open' || route.config?.limited === true);
    const rest = route.onRequest ?? [];
    route.onRequest = [
      guard,
      ...(limited ? [limiter as never] : []),
      ...(Array.isArray(rest) ? rest : [rest]),
    ];
  });
}

/** The documentation's own pages are for everybody, and so are preflights, which carry no key. */
function accessOfPlugin(url: string): Access {
  return url === '*' || url === '/docs' || url.startsWith('/docs/') ? 'open' : ADMIN;
}

function guardOf(http: Http, route: string, access: Access, vital: boolean): Hook {
  return (request, reply, done) => {
    try {
      const refused = enter(http, request, route, access, vital);
      if (refused === null) done();
      else http.respond.problem(request, reply, refused);
    } catch (error) {
      done(error as Error);
    }
  };
}

/** Why the request cannot be taken on now; null: it is in. Throws 401 or 403. */
export function enter(
  { gate, gatekeeper }: Pick<Http, 'gate' | 'gatekeeper'>,
  request: Asking,
  route: string,
  access: Access,
  vital: boolean,
): Problem | null {
  request.startedAt = performance.now();
  request.route = route;
  if (!vital) {
    if (gate.refusal() !== null) return overloaded();
    gate.inFlight += 1;
    request.admitted = true;
  }
  request.caller = gatekeeper.admit(request, access);
  return null;
}

function overloaded(): Problem {
  return problem('overloaded', { outcome: 'not_done' }, { retryAfterSeconds: jitteredSeconds() });
}

/** One limit for each key; without keys, for each address. */
function createLimiter(app: Server, { ratePerSecond }: HttpSettings): Hook | null {
  if (ratePerSecond === null) return null;
  return app.rateLimit({
    max: ratePerSecond,
    timeWindow: 1_000,
    keyGenerator: ({ caller, ip }: FastifyRequest) => (caller.keyId === '' ? ip : caller.keyId),
    errorResponseBuilder: () =>
      new ProblemError(problem('rate_limited', { limit: ratePerSecond }, { retryAfterSeconds: 1 })),
  }) as Hook;
}
