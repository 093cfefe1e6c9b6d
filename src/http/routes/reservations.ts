/** Reserving, and what becomes of a reservation. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { ReserveCommand, ReservedAnswer } from '../../core/command.ts';
import { ORDERS, READ, STOREFRONT } from '../access.ts';
import {
  cancelCommand,
  confirmCommand,
  extendCommand,
  reserveOneRequest,
  reserveRequest,
} from '../commands.ts';
import type { Answering, Asking } from '../exchange.ts';
import { idempotencyKeyOf, idempotencyOf } from '../idempotency.ts';
import { languageOf } from '../languages.ts';
import {
  purchasedJson,
  reservationAtJson,
  reservationJson,
  reservedJson,
  reservedOneJson,
} from '../mapping.ts';
import { problem } from '../problem.ts';
import { isReservationId } from '../reservation-id.ts';
import { ReservationParams, SkuParams } from '../schemas/common.ts';
import {
  CancelBody,
  ConfirmBody,
  ConfirmByIdBody,
  ExtendBody,
  NoBody,
  ReserveBody,
  ReserveOneBody,
} from '../schemas/requests.ts';
import { ask, type Http, type Server } from '../server.ts';
import * as operations from '../schemas/operations.ts';

/** A replay carries the id that was made the first time. */
const REPLAYED = ['idempotency-replayed', 'true'] as const;
const FIRST: readonly string[] = [];

function replayHeader(command: ReserveCommand, { reservation }: ReservedAnswer): readonly string[] {
  return reservation.id === command.reservationId ? FIRST : REPLAYED;
}

export const RESERVE_ONE_ROUTE = '/stock/:sku/reserve';

export async function reserveOne(
  http: Http,
  request: Asking,
  reply: Answering,
  sku: string,
  asked: Static<typeof ReserveOneBody>,
): Promise<void> {
  const command = http.engine.reserveCommand(reserveOneRequest(sku, asked));
  const answer = await ask(http, request, reply, command, idempotencyOf(request, command));
  if (answer === null) return;
  const body = reservedOneJson(answer.reservation);
  http.respond.json(request, reply, 200, body, replayHeader(command, answer));
}

export function reserveRoutes(app: Server, http: Http): void {
  const { engine, respond } = http;

  app.post(
    RESERVE_ONE_ROUTE,
    {
      config: { access: STOREFRONT },
      schema: { ...operations.reserveOne, params: SkuParams, body: ReserveOneBody },
    },
    (request, reply) => reserveOne(http, request, reply, request.params.sku, request.body),
  );

  app.post(
    '/reservations',
    { config: { access: STOREFRONT }, schema: { ...operations.reserve, body: ReserveBody } },
    async (request, reply) => {
      const command = engine.reserveCommand(reserveRequest(request.body));
      const answer = await ask(http, request, reply, command, idempotencyOf(request, command));
      if (answer === null) return;
      const location = `/reservations/${answer.reservation.id}`;
      const headers = ['location', location, ...replayHeader(command, answer)];
      respond.json(request, reply, 201, reservedJson(answer), headers);
    },
  );

  app.get(
    '/reservations/:reservation_id',
    {
      config: { access: READ },
      schema: { ...operations.getReservation, params: ReservationParams },
    },
    async (request, reply) => {
      const { reservation_id: id } = request.params;
      const reservation = isReservationId(id) ? await engine.store.reservation(id) : null;
      if (reservation === null) {
        notFound(http, request, reply, id);
        return;
      }
      respond.json(request, reply, 200, reservationAtJson(reservation, engine.store.clock.now()));
    },
  );
}

function notFound(http: Http, request: FastifyRequest, reply: FastifyReply, id: string): void {
  http.respond.problem(request, reply, problem('reservation_not_found', { reservation_id: id }));
}

export function resolveRoutes(app: Server, http: Http): void {
  const { respond } = http;

  app.post(
    '/stock/confirm',
    {
      config: { access: ORDERS },
      schema: { ...operations.confirmById, body: ConfirmByIdBody },
    },
    async (request, reply) => {
      const { reservation_id: id, ...body } = request.body;
      if (!isReservationId(id)) {
        notFound(http, request, reply, id);
        return;
      }
      const command = confirmCommand(id, body);
      const answer = await ask(http, request, reply, command, idempotencyOf(request, command));
      if (answer === null) return;
      const language = languageOf(request.headers['accept-language']);
      const headers = ['content-language', language, 'vary', 'accept-language'];
      respond.json(request, reply, 200, purchasedJson(answer.reservation, language), headers);
    },
  );

  app.post(
    '/reservations/:reservation_id/confirm',
    {
      config: { access: ORDERS },
      schema: { ...operations.confirm, params: ReservationParams, body: ConfirmBody },
    },
    (request, reply) => resolve(http, request, reply, (id) => confirmCommand(id, request.body)),
  );

  app.post(
    '/reservations/:reservation_id/release',
    {
      config: { access: STOREFRONT },
      schema: { ...operations.release, params: ReservationParams, body: NoBody },
    },
    (request, reply) =>
      resolve(http, request, reply, (reservationId) => ({ type: 'release', reservationId })),
  );

  app.post(
    '/reservations/:reservation_id/extend',
    {
      config: { access: STOREFRONT },
      schema: { ...operations.extend, params: ReservationParams, body: ExtendBody },
    },
    (request, reply) => resolve(http, request, reply, (id) => extendCommand(id, request.body)),
  );

  app.post(
    '/reservations/:reservation_id/cancel',
    {
      config: { access: ORDERS },
      schema: { ...operations.cancel, params: ReservationParams, body: CancelBody },
    },
    (request, reply) =>
      resolve(http, request, reply, (id) =>
        cancelCommand(id, request.body, idempotencyKeyOf(request), http.settings),
      ),
  );
}

type Resolution =
  | ReturnType<typeof confirmCommand | typeof extendCommand | typeof cancelCommand>
  | { readonly type: 'release'; readonly reservationId: string };

/** A command on the reservation that the address names, answered with the reservation as it then stands. */
async function resolve(
  http: Http,
  request: FastifyRequest<{ Params: { reservation_id: string } }>,
  reply: FastifyReply,
  commandOn: (reservationId: string) => Resolution,
): Promise<void> {
  const { reservation_id: id } = request.params;
  const command = commandOn(id);
  if (!isReservationId(id)) {
    notFound(http, request, reply, id);
    return;
  }
  const answer = await ask(http, request, reply, command, idempotencyOf(request, command));
  if (answer === null) return;
  http.respond.json(request, reply, 200, reservationJson(answer.reservation));
}
