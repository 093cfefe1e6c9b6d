/** What the HTTP layer is made of, and what every route is given. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { AnswerTo, Command, Idempotency, Rejected } from '../core/command.ts';
import type { ErpService } from '../engine/erp-service.ts';
import type { ReservationEngine } from '../engine/reservation-engine.ts';
import type { PatientSockets } from './client-errors.ts';
import type { EventStreams } from './event-streams.ts';
import type { Gatekeeper } from './access.ts';
import type { LoadGate } from './load-gate.ts';
import type { AppParts, HttpSettings } from './parts.ts';
import { problemOfRejection, type ProblemRenderer } from './problem.ts';
import type { RequestIds } from './request-id.ts';
import type { Lifecycle, Responder } from './respond.ts';
import type { Answering, Asking } from './exchange.ts';
import { contextOf } from './trace-context.ts';
import './request.ts';

/** Fastify, knowing the types that our schemas describe. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface Http {
  readonly engine: ReservationEngine;
  /** Null: there is none. */
  readonly erp: ErpService | null;
  readonly settings: HttpSettings;
  readonly instruments: AppParts['instruments'];
  /** Null: there is no ERP. */
  readonly webhooks: NonNullable<AppParts['webhooks']> | null;
  readonly version: string;
  readonly lifecycle: Lifecycle;
  readonly problems: ProblemRenderer;
  readonly requestIds: RequestIds;
  readonly gate: LoadGate;
  readonly gatekeeper: Gatekeeper;
  readonly respond: Responder;
  readonly streams: EventStreams;
  readonly patientSockets: PatientSockets;
}

type Granted<C extends Command> = Exclude<AnswerTo<C>, Rejected>;

/** Asks the engine. A refusal is answered here and gives null; what was granted is for the route to put in words. */
export async function ask<C extends Command>(
  { engine, respond }: Http,
  request: Asking,
  reply: Answering,
  command: C,
  idempotency: Idempotency | null,
): Promise<Granted<C> | null> {
  const answer = await engine.submit(command, contextOf(request), idempotency);
  if (answer.ok) return answer as Granted<C>;
  respond.problem(request, reply, problemOfRejection(answer.rejection, engine.store.clock.now()));
  return null;
}
