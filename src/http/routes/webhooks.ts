/**
 * `POST /webhooks/{erp}`: the ERP tells that something may have changed. No key is asked for: the signature is on the
 * bytes of the body, so nothing parses them first. Whoever cannot sign is told nothing about why.
 */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import Type from 'typebox';
import type { WebhookReceipt } from '../../engine/webhook-intake.ts';
import { OPEN } from '../access.ts';
import { jitteredSeconds, problem, ProblemError } from '../problem.ts';
import * as operations from '../schemas/webhook-operations.ts';
import type { Http, Server } from '../server.ts';

/** Anybody may send us a body here, and each is held in memory until its signature has been looked at. */
const MAX_AT_ONCE = 128;

const NOTHING = Buffer.alloc(0);

export function webhookRoutes(app: Server, http: Http): void {
  const { respond, settings, webhooks } = http;
  let arriving = 0;

  const enter = (
    { params }: FastifyRequest,
    { raw }: FastifyReply,
    done: HookHandlerDoneFunction,
  ): void => {
    const { erp } = params as { erp: string };
    if (erp !== webhooks?.erp) {
      throw new ProblemError(problem('webhook_unknown_erp', { erp: erp.slice(0, 64) }));
    }
    if (arriving >= MAX_AT_ONCE) {
      const retryAfterSeconds = jitteredSeconds();
      throw new ProblemError(problem('overloaded', { outcome: 'not_done' }, { retryAfterSeconds }));
    }
    arriving += 1;
    raw.once('close', () => {
      arriving -= 1;
    });
    done();
  };

  app.register((scope: Server, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, parsed) => {
      parsed(null, bytes);
    });
    scope.post(
      '/webhooks/:erp',
      {
        config: { access: OPEN, limited: true },
        bodyLimit: settings.webhookBodyLimit,
        onRequest: enter,
        schema: { ...operations.receiveWebhook, params: Type.Object({ erp: Type.String() }) },
      },
      async (request, reply) => {
        if (webhooks === null) throw new Error('a webhook got in without an ERP');
        const { headers } = request;
        const body = Buffer.isBuffer(request.body) ? request.body : NOTHING;
        const receipt = await webhooks.receive({ headers, body });
        if (!receipt.ok) respond.problem(request, reply, refusal(receipt));
        else respond.json(request, reply, 200, JSON.stringify({ status: receipt.outcome }));
      },
    );
    done();
  });
}

function refusal({ fault }: Extract<WebhookReceipt, { readonly ok: false }>) {
  switch (fault) {
    case 'forged':
      return problem('webhook_forged');
    case 'stale':
      return problem('webhook_stale');
    case 'unreadable':
      return problem('webhook_unreadable');
  }
}
