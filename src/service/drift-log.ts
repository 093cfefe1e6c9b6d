/** One line in the log for each SKU whose books a comparison found to differ from the ERP's, up to a number for each run. */
import type { Logger } from 'pino';
import { DRIFT_STORIES } from '../core/reconcile.ts';
import type { ExplainedDrift, ReconcileReport } from '../engine/reconciler.ts';

/** After a stocktaking in the ERP every SKU differs. */
export const MOST_DRIFT_LINES = 100;

export interface DriftLogOptions {
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** The ERP's name. */
  readonly erp: string;
  /** What the comparison was for: `schedule`, `webhook`, `pull`, `operator`. */
  readonly run: string;
}

/** A SKU that is new is no drift. What was not corrected is a warning. */
export function logDrifts(report: Pick<ReconcileReport, 'drifts'>, options: DriftLogOptions): void {
  const drifts = report.drifts.filter(({ known }) => known);
  for (const drift of drifts.slice(0, MOST_DRIFT_LINES)) logDrift(drift, options);
  const untold = drifts.length - MOST_DRIFT_LINES;
  if (untold <= 0) return;
  const { logger, run } = options;
  const fields = {
    'event.action': 'erp_drifts_cut',
    'holdfast.erp.run': run,
    'holdfast.erp.drifts': drifts.length,
    'holdfast.erp.drifts_untold': untold,
  };
  logger.warn(
    fields,
    `${untold} more SKUs differed in this run and have no line of their own: \`holdfast reconcile --json\` lists what still differs, and each correction is in the ledger of its SKU`,
  );
}

function logDrift(drift: ExplainedDrift, { logger, erp, run }: DriftLogOptions): void {
  const {
    sku,
    cause,
    corrected,
    held,
    erpOnHand,
    onHand,
    expected,
    units,
    reserved,
    allocated,
    owed,
  } = drift;
  const fields = {
    'event.action': 'erp_drift',
    'event.reason': cause,
    'holdfast.sku': sku,
    'holdfast.on_hand': onHand,
    'holdfast.reserved': reserved,
    'holdfast.allocated': allocated,
    'holdfast.erp.on_hand': erpOnHand,
    'holdfast.erp.owed': owed,
    'holdfast.erp.expected': expected,
    'holdfast.erp.units': units,
    'holdfast.erp.corrected': corrected,
    'holdfast.erp.held': held,
    'holdfast.erp.run': run,
  };
  const end = corrected
    ? 'corrected'
    : held
      ? 'held back until `holdfast erp accept`'
      : 'not corrected';
  const text = `${sku}: ${onHand} on hand here, ${expected} by ${erp}'s balance of ${erpOnHand}: ${DRIFT_STORIES[cause]}; ${end}`;
  if (corrected) logger.info(fields, text);
  else logger.warn(fields, text);
}
