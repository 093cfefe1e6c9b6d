/** Where the ledger begins, and the cutting off of what somebody has exported. */
import type { TrimAnswer, TrimLedgerCommand } from '../../core/command.ts';
import { ADMIN } from '../access.ts';
import { problem, ProblemError } from '../problem.ts';
import * as operations from '../schemas/operations.ts';
import { TrimBody } from '../schemas/requests.ts';
import { ask, type Http, type Server } from '../server.ts';
import { ValidationError } from '../validation.ts';

const DAY_MS = 86_400_000;
/** Entries that one step cuts off: a few milliseconds of the store's time. */
const STEP = 500;
/** Steps of one request; the caller asks again while there is more. */
const MOST_STEPS = 20;

export function ledgerCutRoutes(app: Server, http: Http): void {
  const { engine, respond, settings } = http;
  const { store } = engine;

  app.get(
    '/ledger',
    { config: { access: ADMIN }, schema: operations.getLedgerBeginning },
    async (request, reply) => {
      const { cut } = await store.ledgerBeginning(null);
      const { headSeq } = await store.stats();
      const keep = settings.ledgerKeep;
      const body = {
        first_seq: cut.seq + 1,
        head_seq: headSeq,
        trimmed_through: cut.seq,
        exported_through: cut.exportedThrough,
        keep: keep === null ? null : { days: keep.ms / DAY_MS, entries: keep.entries },
      };
      respond.json(request, reply, 200, JSON.stringify(body));
    },
  );

  app.post(
    '/ledger/trim',
    { config: { access: ADMIN }, schema: { ...operations.trimLedger, body: TrimBody } },
    async (request, reply) => {
      const { exported_through: exportedThrough } = request.body;
      const { headSeq } = await store.stats();
      if (exportedThrough > headSeq) throw beyond(headSeq);
      const keep = settings.ledgerKeep;
      const command: TrimLedgerCommand = {
        type: 'trim_ledger',
        exportedThrough,
        before: keep === null ? null : store.clock.now() - keep.ms,
        keepEntries: keep?.entries ?? 1,
        limit: STEP,
      };
      let trimmed = 0;
      let answer: TrimAnswer | null = null;
      for (let step = 0; step < MOST_STEPS && answer?.more !== false; step += 1) {
        answer = await ask(http, request, reply, command, null);
        if (answer === null) return;
        trimmed += answer.trimmed;
      }
      if (answer === null) return;
      const { cut, more } = answer;
      const body = {
        trimmed,
        trimmed_through: cut.seq,
        exported_through: cut.exportedThrough,
        more: more && keep !== null,
      };
      respond.json(request, reply, 200, JSON.stringify(body));
    },
  );
}

function beyond(headSeq: number): ValidationError {
  const expected = {
    en: `an entry that was written: at most ${headSeq}`,
    'pt-BR': `um lançamento que foi escrito: no máximo ${headSeq}`,
  };
  return new ValidationError([{ param: 'exported_through', reason: 'invalid', expected }]);
}

/**
 * Who follows the ledger must not miss entries without knowing: throws where those right after `after` have been cut
 * off. `first`: the `seq` of the first entry that was found after it, null where none was.
 */
export async function refuseGap(
  store: Http['engine']['store'],
  after: number,
  first: number | null,
): Promise<void> {
  if (first === after + 1) return;
  const { cut } = await store.ledgerBeginning(null);
  if (after >= cut.seq) return;
  throw new ProblemError(
    problem('ledger_trimmed', { trimmed_through: cut.seq, first_seq: cut.seq + 1 }),
  );
}
