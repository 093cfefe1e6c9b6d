/** How the ERP is, and long work with it: started here, carried out beside the sales, asked for until it has ended. */
import type { ErpJob, ErpJobKind, ErpJobRequest } from '../../engine/erp-jobs.ts';
import type { ErpService } from '../../engine/erp-service.ts';
import { keepsOutbox } from '../../engine/ports.ts';
import { ADMIN } from '../access.ts';
import { erpFields, findingsOf, jobFields, raiseFields, withoutErpFields } from '../erp-mapping.ts';
import type { Answering, Asking } from '../exchange.ts';
import { problem, ProblemError } from '../problem.ts';
import { FindingsQuery, PullBody, ReconcileBody } from '../schemas/erp.ts';
import * as operations from '../schemas/erp-operations.ts';
import type { Http, Server } from '../server.ts';
import { isoTime } from '../time.ts';
import { nextPage } from './stock.ts';

const USUAL_PAGE = 100;

export function erpRoutes(app: Server, http: Http): void {
  const { engine, respond, erp } = http;
  const { store } = engine;

  app.get(
    '/erp',
    { config: { access: ADMIN }, schema: operations.getErp },
    async (request, reply) => {
      const stats = erp === null && keepsOutbox(store) ? await store.outboxStats() : null;
      const status = erp === null ? null : await erp.status();
      const now = store.clock.now();
      const fields = status === null ? withoutErpFields(stats, now) : erpFields(status, now);
      respond.json(request, reply, 200, JSON.stringify(fields));
    },
  );

  app.post(
    '/erp/pull',
    { config: { access: ADMIN }, schema: { ...operations.startPull, body: PullBody } },
    (request, reply) => {
      const { restart = false } = request.body;
      const asked = { kind: 'pull', fix: true, cause: 'pull', skus: null, restart } as const;
      accept(http, request, reply, startJob(erp, asked));
    },
  );

  app.post(
    '/erp/reconcile',
    { config: { access: ADMIN }, schema: { ...operations.startReconcile, body: ReconcileBody } },
    (request, reply) => {
      const { fix = false, skus = null } = request.body;
      const asked = { kind: 'reconcile', fix, cause: 'operator', skus, restart: false } as const;
      accept(http, request, reply, startJob(erp, asked));
    },
  );

  app.post(
    '/erp/accept',
    { config: { access: ADMIN }, schema: operations.acceptRaises },
    async (request, reply) => {
      const service = assertErp(erp);
      if (!service.works) throw elsewhere(service);
      await service.acceptRaises();
      const fields = raiseFields(service.raisesHeldSince);
      respond.json(request, reply, 200, JSON.stringify(fields));
    },
  );

  for (const [kind, schema] of [
    ['pull', operations.getPull],
    ['reconcile', operations.getReconcile],
  ] as const) {
    app.get(
      `/erp/${kind}`,
      { config: { access: ADMIN }, schema: { ...schema, querystring: FindingsQuery } },
      (request, reply) => {
        const { after = 0, limit = USUAL_PAGE } = request.query;
        const job = latestJob(erp, kind);
        const found = findingsOf(job);
        const end = after + limit;
        const more = end < found.length ? { after: end, limit } : null;
        const report = {
          ...jobFields(job),
          findings: found.slice(after, end),
          next: nextPage(`/erp/${kind}`, more),
        };
        respond.json(request, reply, 200, JSON.stringify(report));
      },
    );
  }
}

function assertErp(erp: ErpService | null): ErpService {
  if (erp === null) throw new ProblemError(problem('no_erp'));
  return erp;
}

/** Throws where there is no ERP, or another job runs. */
function startJob(erp: ErpService | null, asked: ErpJobRequest): ErpJob {
  const service = assertErp(erp);
  const job = service.startJob(asked);
  if (job !== null) return job;
  const running = service.runningJob();
  if (running === null) throw elsewhere(service);
  const { kind, startedAt } = running;
  throw new ProblemError(problem('erp_busy', { job: kind, started_at: isoTime(startedAt) }));
}

function latestJob(erp: ErpService | null, kind: ErpJobKind): ErpJob {
  const service = assertErp(erp);
  const job = service.job(kind);
  if (job !== null) return job;
  throw service.works
    ? new ProblemError(problem('no_such_job', { job: kind }))
    : elsewhere(service);
}

function elsewhere({ lease }: ErpService): ProblemError {
  return new ProblemError(problem('erp_elsewhere', { holder: lease.holder }));
}

function accept({ respond }: Http, request: Asking, reply: Answering, job: ErpJob): void {
  respond.json(request, reply, 202, JSON.stringify(jobFields(job)));
}
