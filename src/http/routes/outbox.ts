/** What the ERP is still to be told, and what a person decides about what was given up on. */
import type { DiscardMessageCommand, RetryMessageCommand } from '../../core/command.ts';
import { skusOf, type MessageState, type OutboxMessage } from '../../core/outbox/message.ts';
import { keepsOutbox, type OutboxStore, type ReservationStore } from '../../engine/ports.ts';
import { ADMIN } from '../access.ts';
import { countFields, messageFields } from '../erp-mapping.ts';
import { idempotencyOf } from '../idempotency.ts';
import { problem, ProblemError } from '../problem.ts';
import { DiscardBody, MessageParams, OutboxQuery, RetryBody } from '../schemas/erp.ts';
import * as operations from '../schemas/erp-operations.ts';
import { ask, type Http, type Server } from '../server.ts';
import { nextPage } from './stock.ts';

const USUAL_PAGE = 100;
/** Messages looked through for one page of a SKU's: the next page goes on from there. */
const MOST_LOOKED_AT = 5_000;
const LOOK = 1_000;

export function outboxRoutes(app: Server, http: Http): void {
  const { engine, respond } = http;

  app.get(
    '/outbox',
    {
      config: { access: ADMIN },
      schema: { ...operations.listOutbox, querystring: OutboxQuery },
    },
    async (request, reply) => {
      const { state = null, sku = null, after = 0, limit = USUAL_PAGE } = request.query;
      const store = outboxOf(engine.store);
      const { items, next } =
        sku === null
          ? await page(store, state, after, limit)
          : await pageOfSku(store, state, sku, after, limit);
      const body = {
        items: items.map(messageFields),
        counts: countFields(await store.outboxStats()),
        next: nextPage('/outbox', next === null ? null : { state, sku, after: next, limit }),
      };
      respond.json(request, reply, 200, JSON.stringify(body));
    },
  );

  app.get(
    '/outbox/:message_id',
    { config: { access: ADMIN }, schema: { ...operations.getMessage, params: MessageParams } },
    async (request, reply) => {
      const id = Number(request.params.message_id);
      const message = await outboxOf(engine.store).message(id);
      if (message === null) {
        respond.problem(request, reply, problem('message_not_found', { message_id: id }));
      } else respond.json(request, reply, 200, JSON.stringify(messageFields(message)));
    },
  );

  app.post(
    '/outbox/:message_id/retry',
    {
      config: { access: ADMIN },
      schema: { ...operations.retryMessage, params: MessageParams, body: RetryBody },
    },
    async (request, reply) => {
      outboxOf(engine.store);
      const command: RetryMessageCommand = {
        type: 'retry_message',
        messageId: Number(request.params.message_id),
        reason: request.body.reason,
      };
      const answer = await ask(http, request, reply, command, idempotencyOf(request, command));
      if (answer === null) return;
      respond.json(request, reply, 200, JSON.stringify(messageFields(answer.message)));
    },
  );

  app.post(
    '/outbox/:message_id/discard',
    {
      config: { access: ADMIN },
      schema: { ...operations.discardMessage, params: MessageParams, body: DiscardBody },
    },
    async (request, reply) => {
      outboxOf(engine.store);
      const { reason, units = null } = request.body;
      const messageId = Number(request.params.message_id);
      const command: DiscardMessageCommand = { type: 'discard_message', messageId, reason, units };
      const answer = await ask(http, request, reply, command, idempotencyOf(request, command));
      if (answer === null) return;
      respond.json(request, reply, 200, JSON.stringify(messageFields(answer.message)));
    },
  );
}

function outboxOf(store: ReservationStore): OutboxStore {
  if (!keepsOutbox(store)) throw new ProblemError(problem('no_erp'));
  return store;
}

interface Page {
  readonly items: readonly OutboxMessage[];
  /** What the next page is after; null: there is none. */
  readonly next: number | null;
}

async function page(
  store: OutboxStore,
  state: MessageState | null,
  after: number,
  limit: number,
): Promise<Page> {
  const found = await store.outbox({ state, after, limit: limit + 1 });
  const items = found.slice(0, limit);
  return { items, next: found.length > limit ? (items.at(-1)?.id ?? null) : null };
}

async function pageOfSku(
  store: OutboxStore,
  state: MessageState | null,
  sku: string,
  after: number,
  limit: number,
): Promise<Page> {
  const items: OutboxMessage[] = [];
  let at = after;
  for (let looked = 0; looked < MOST_LOOKED_AT; looked += LOOK) {
    const found = await store.outbox({ state, after: at, limit: LOOK });
    for (const message of found) {
      at = message.id;
      if (skusOf(message).includes(sku)) items.push(message);
      if (items.length === limit) return { items, next: at };
    }
    if (found.length < LOOK) return { items, next: null };
  }
  return { items, next: at };
}
