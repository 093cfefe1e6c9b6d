/** What the log says of webhooks: refusals in moderation, corrections, and silence. */
import type { WebhookOptions } from '../engine/webhook-service.ts';
import type { WebhookOutcome } from '../engine/webhook-intake.ts';
import type { WebhookMetrics } from '../observability/webhook-metrics.ts';
import { logDrifts } from './drift-log.ts';
import type { Log } from './log.ts';

/** Anybody can send us forged ones, any number of them. */
const REFUSALS_EVERY_MS = 60_000;

export interface WebhookReporting {
  /** The ERP's name. */
  readonly erp: string;
  readonly logger: Pick<Log['logger'], 'info' | 'warn'>;
  readonly metrics: Pick<WebhookMetrics, 'received'>;
  readonly silenceMs: number | null;
  /** Epoch ms of the wall clock. */
  readonly now: () => number;
}

export function webhookOptions(reporting: WebhookReporting): WebhookOptions {
  const { erp, logger, metrics, silenceMs, now } = reporting;
  const refusals = new Refusals(reporting);
  return {
    now,
    silenceMs,
    onOutcome: (outcome, reason) => {
      metrics.received(outcome);
      if (reason !== null) refusals.note(outcome, reason);
    },
    onReport: (report) => {
      const { drifts, problems } = report;
      if (drifts.length === 0 && problems.length === 0) return;
      const fields = {
        'event.action': 'webhook_read',
        'holdfast.erp.drifts': drifts.length,
        'holdfast.erp.corrected': drifts.filter(({ corrected }) => corrected).length,
        'holdfast.erp.problems': problems.length,
      };
      logger.info(fields, `read what ${erp}'s webhooks are about`);
      logDrifts(report, { logger, erp, run: 'webhook' });
    },
    onSilence: (silent, lastReceivedAt) => {
      const fields = { 'event.action': silent ? 'webhook_silence' : 'webhook_silence_over' };
      if (!silent) {
        logger.info(fields, `${erp}'s webhooks come again`);
        return;
      }
      const since =
        lastReceivedAt === null
          ? 'none has come since the start'
          : `the last came at ${new Date(lastReceivedAt).toISOString()}`;
      logger.warn(
        fields,
        `no webhook of ${erp} for ${(silenceMs ?? 0) / 60_000} minutes (${since}): see in ${erp} whether they are still switched on, and docs/runbook.md`,
      );
    },
  };
}

/** The first of a kind is told at once, the others of the next minute only counted. */
class Refusals {
  readonly #reporting: WebhookReporting;
  readonly #kinds = new Map<WebhookOutcome, { toldAt: number; untold: number }>();

  constructor(reporting: WebhookReporting) {
    this.#reporting = reporting;
  }

  note(outcome: WebhookOutcome, reason: string): void {
    const { erp, logger, now } = this.#reporting;
    const kind = this.#kinds.get(outcome) ?? { toldAt: -Infinity, untold: 0 };
    this.#kinds.set(outcome, kind);
    if (now() - kind.toldAt < REFUSALS_EVERY_MS) {
      kind.untold += 1;
      return;
    }
    const more = kind.untold === 0 ? '' : ` (and ${kind.untold} more since the last such line)`;
    const fields = { 'event.action': 'webhook_refused', 'event.reason': outcome };
    logger.warn(fields, `a webhook for ${erp} was refused as ${outcome}: ${reason}${more}`);
    kind.toldAt = now();
    kind.untold = 0;
  }
}
