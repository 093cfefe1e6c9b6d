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

/**
 * Anybody may send us a body here, and each is held in memory until its signature has been looked at: so many bytes at
 * once, as declared. Not so many bodies: a stocktaking in the ERP is thousands of small ones in a moment, and whoever is
 * told 503 comes again a minute later only.
 */
const MAX_BYTES_AT_ONCE = 64 * 1_048_576;

/** What a request takes beside its body. */
const BYTES_OF_REQUEST = 4_096;

const NOTHING = Buffer.alloc(0);

export function webhookRoutes(app: Server, http: Http): void {
  const { respond, settings, webhooks } = http;
  let arriving = 0;

  const bytesOf = ({ 'content-length': declared }: FastifyRequest['headers']): number =>
    BYTES_OF_REQUEST + Math.min(Number(declared ?? Infinity), settings.webhookBodyLimit);

  const enter = (
    { params, headers }: FastifyRequest,
    { raw }: FastifyReply,
    done: HookHandlerDoneFunction,
  ): void => {
    const { erp } = params as { erp: string };
    if (erp !== webhooks?.erp) {
      throw new ProblemError(problem('webhook_unknown_erp', { erp: erp.slice(0, 64) }));
    }
    const bytes = bytesOf(headers);
    if (arriving + bytes > MAX_BYTES_AT_ONCE) {
      const retryAfterSeconds = jitteredSeconds();
      throw new ProblemError(problem('overloaded', { outcome: 'not_done' }, { retryAfterSeconds }));
    }
    arriving += bytes;
    raw.once('close', () => {
      arriving -= bytes;
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
