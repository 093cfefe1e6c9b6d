/** Composes the HTTP layer. */
import fastify, { type FastifyInstance } from 'fastify';
import type { AppParts } from './parts.ts';

export {
  DEFAULT_HTTP_SETTINGS,
  type AppParts,
  type FinishedRequest,
  type HttpInstruments,
  type HttpSettings,
  type ShedReason,
} from './parts.ts';

export async function buildApp(_parts: AppParts): Promise<FastifyInstance> {
  const app = fastify();
  app.decorate('beginShutdown', () => undefined);
  await app.ready();
  return app;
}
