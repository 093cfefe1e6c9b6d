/** What an operator reads in the log of what the ERP does not take: once per SKU and reason, and once per dead letter. */
import type { Logger } from 'pino';
import type { SettleParcelCommand } from '../core/command.ts';
import type { Parcel } from '../core/outbox/message.ts';
import type { ErpJobsParts } from '../engine/erp-jobs.ts';
import { logDrifts } from './drift-log.ts';

type FinishedJob = Parameters<ErpJobsParts['onDone']>[0];

export interface ErpLog {
  /** A pull or a reconciliation has ended. What was told of a SKU before is not told again. */
  readonly done: (job: FinishedJob) => void;
  readonly outcome: (
    parcel: Parcel,
    outcome: SettleParcelCommand['outcome'],
    reason: string | null,
  ) => void;
}

/** SKUs whose latest problem is remembered. */
const MOST_KNOWN = 10_000;

/** `erp`: its name, for people. */
export function openErpLog(logger: Pick<Logger, 'info' | 'warn' | 'error'>, erp: string): ErpLog {
  const known = new Map<string, string>();
  return {
    done: ({ kind, cause, compared, imported, corrected, report }) => {
      const { drifts, moving, problems } = report;
      logger.info(
        {
          'event.action': `erp_${kind}`,
          'event.reason': cause,
          'holdfast.erp.compared': compared,
          'holdfast.erp.imported': imported,
          'holdfast.erp.corrected': corrected,
          'holdfast.erp.drifts': drifts.filter((drift) => drift.known).length,
          'holdfast.erp.moving': moving.length,
          'holdfast.erp.problems': problems.length,
        },
        `${kind} done: ${compared} SKUs compared`,
      );
      logDrifts(report, { logger, erp, run: cause });
      for (const { sku, reason } of problems) {
        if (known.get(sku) === reason) continue;
        if (known.size >= MOST_KNOWN) known.clear();
        known.set(sku, reason);
        logger.warn({ 'event.action': 'erp_problem', 'holdfast.sku': sku }, `${erp}: ${reason}`);
      }
    },
    outcome: ({ messages }, outcome, reason) => {
      const ids = messages.map(({ id }) => id);
      if (outcome === 'applied') {
        logger.info(
          { 'event.action': 'erp_deliver', 'holdfast.erp.messages': ids },
          `${erp} was told`,
        );
      }
      if (outcome !== 'given_up') return;
      logger.error(
        { 'event.action': 'erp_dead_letter', 'holdfast.erp.messages': ids },
        `${erp} was not told of ${ids.length === 1 ? 'a message' : `${ids.length} messages`}, now for a person to decide (holdfast outbox show ${ids[0]}): ${reason}`,
      );
    },
  };
}
