/** For those who watch over the service: is it alive, can it take requests, what does it measure. */
import { ADMIN, OPEN } from '../access.ts';
import { problem } from '../problem.ts';
import * as operations from '../schemas/operations.ts';
import type { Http, Server } from '../server.ts';

export function serviceRoutes(app: Server, http: Http): void {
  const { engine, instruments, respond, settings, version } = http;
  const alive = JSON.stringify({ status: 'ok', version });
  const ready = JSON.stringify({ status: 'ready', store: engine.store.name });

  app.get(
    '/healthz',
    { config: { access: OPEN, vital: true }, schema: operations.getHealth },
    (request, reply) => respond.json(request, reply, 200, alive),
  );

  app.get(
    '/readyz',
    { config: { access: OPEN, vital: true }, schema: operations.getReadiness },
    (request, reply) => {
      const reason = notReady(http);
      if (reason === null) respond.json(request, reply, 200, ready);
      else respond.problem(request, reply, problem('not_ready', { reason }));
    },
  );

  app.get(
    '/metrics',
    {
      config: { access: settings.openMetrics ? OPEN : ADMIN, vital: true },
      schema: operations.getMetrics,
    },
    async (request, reply) => {
      const text = await instruments.metricsText();
      respond.text(request, reply, 200, instruments.metricsContentType, text);
    },
  );
}

/** Why not to send requests here; null while all is well. */
function notReady({ engine, lifecycle }: Http): string | null {
  if (lifecycle.closing) return 'shutting down';
  const { ready, reason } = engine.store.health();
  return ready ? null : (reason ?? 'the store is not ready');
}
