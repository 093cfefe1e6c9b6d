/** What there is to say of the ERP, as the wire says it. */
import type { OutboxMessage } from '../core/outbox/message.ts';
import { DRIFT_STORIES } from '../core/reconcile.ts';
import type { ErpJob } from '../engine/erp-jobs.ts';
import type { ErpStatus } from '../engine/erp-service.ts';
import type { OutboxStats } from '../engine/ports.ts';
import type { ExplainedDrift, ReconcileReport } from '../engine/reconciler.ts';
import { isoTime, isoTimeOrNull } from './time.ts';

export function messageFields(message: OutboxMessage) {
  const { id, kind, state, key, reservationId, orderId, lines, createdAt, attempts } = message;
  const waits = state === 'pending' || state === 'unknown';
  return {
    message_id: id,
    kind,
    state,
    key,
    reservation_id: reservationId,
    order_id: orderId,
    lines,
    created_at: isoTime(createdAt),
    attempts,
    next_attempt_at: waits ? isoTime(message.nextAttemptAt) : null,
    may_have_arrived: message.unknownAt !== null,
    reference: message.reference,
    last_error: message.lastError,
  };
}

export function countFields({ pending, inFlight, unknown, dead }: OutboxStats) {
  return { pending, in_flight: inFlight, unknown, dead };
}

export function jobFields(job: ErpJob) {
  const { kind, state, fix, cause, startedAt, endedAt, report } = job;
  const { pages, compared, imported, corrected, total, resumed, problem } = job;
  return {
    ...{ job: kind, state, fix, cause },
    started_at: isoTime(startedAt),
    ended_at: isoTimeOrNull(endedAt),
    ...{ pages, compared, imported, corrected, total, resumed, problem },
    drifts: report === null ? 0 : knownDrifts(report).length,
    held: report?.drifts.filter(({ held }) => held).length ?? 0,
    moving: report?.moving.length ?? 0,
    problems: report?.problems.length ?? 0,
  };
}

/** A SKU that is new is what a pull is for, not a difference to look into. */
function knownDrifts({ drifts }: ReconcileReport): ExplainedDrift[] {
  return drifts.filter(({ known }) => known);
}

const NO_FIGURES = {
  cause: null,
  erp_on_hand: null,
  on_hand: null,
  expected: null,
  units: null,
  reserved: null,
  allocated: null,
  owed: null,
  corrected: null,
  held: null,
};

/** In an order that stays: what differs, what moves, what cannot be sold. */
export function findingsOf({ report }: ErpJob) {
  if (report === null) return [];
  const moving = 'its sales were on their way at each reading: it is compared the next time';
  return [
    ...knownDrifts(report).map(driftFields),
    ...report.moving.map((sku) => ({ finding: 'moving', sku, reason: moving, ...NO_FIGURES })),
    ...report.problems.map(({ sku, reason }) => ({
      finding: 'problem',
      sku,
      reason,
      ...NO_FIGURES,
    })),
  ];
}

function driftFields(drift: ExplainedDrift) {
  const { sku, cause, erpOnHand, onHand, expected, units, reserved, allocated, owed } = drift;
  return {
    finding: 'drift',
    sku,
    reason: DRIFT_STORIES[cause],
    cause,
    erp_on_hand: erpOnHand,
    on_hand: onHand,
    expected,
    units,
    reserved,
    allocated,
    owed,
    corrected: drift.corrected,
    held: drift.held,
  };
}

const NO_ERP = {
  erp: 'none',
  connection: null,
  lease: null,
  outbox: null,
  relay: null,
  calls: null,
  reconciliation: null,
  next_reconciliation_at: null,
  job: null,
  webhooks: null,
  raises: null,
};

/** `stats`: what waits for an ERP, where there is none now and the store keeps an outbox. */
export function withoutErpFields(stats: OutboxStats | null, now: number) {
  return stats === null ? NO_ERP : { ...NO_ERP, outbox: backlogFields(stats, null, now) };
}

function backlogFields(stats: OutboxStats, drainedAt: number | null, now: number) {
  const { oldestAt } = stats;
  return {
    ...countFields(stats),
    oldest_at: isoTimeOrNull(oldestAt),
    oldest_seconds: oldestAt === null ? null : seconds(now - oldestAt),
    drained_at: isoTimeOrNull(drainedAt),
    drain_seconds: drainedAt === null ? null : seconds(drainedAt - now),
  };
}

function seconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000));
}

export function raiseFields(heldSince: number | null) {
  return {
    state: heldSince === null ? ('allowed' as const) : ('held' as const),
    held_since: isoTimeOrNull(heldSince),
  };
}

export function erpFields(status: ErpStatus, now: number) {
  const { connection, callsPerSecond, callsPerDay, callsToday, reconciliation, job } = status;
  return {
    erp: status.erp,
    connection: {
      state: connection.state,
      checked_at: isoTimeOrNull(connection.checkedAt),
      problem: connection.problem,
    },
    lease: { ours: status.lease.ours, holder: status.lease.holder },
    outbox: backlogFields(status, status.drainedAt, now),
    relay: {
      breaker: status.breaker,
      paused_until: isoTimeOrNull(status.pausedUntil),
      last_error: status.lastError,
    },
    calls: {
      per_second: callsPerSecond,
      per_day: callsPerDay,
      today: callsToday,
      left_today: callsPerDay === null ? null : Math.max(0, callsPerDay - callsToday),
    },
    reconciliation: reconciliation === null ? null : jobFields(reconciliation),
    next_reconciliation_at: isoTimeOrNull(status.nextReconciliationAt),
    job: job === null ? null : jobFields(job),
    webhooks: {
      pending: status.webhooks.pending,
      oldest_at: isoTimeOrNull(status.webhooks.oldestAt),
      last_received_at: isoTimeOrNull(status.webhooks.lastReceivedAt),
      silent: status.webhooks.silent,
    },
    raises: raiseFields(status.raisesHeldSince),
  };
}
