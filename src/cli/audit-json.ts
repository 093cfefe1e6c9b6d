/** An audit's report as the service gives it, and back. */
import type { AuditReport, Problem } from '../core/audit.ts';

type Json = Readonly<Record<string, unknown>>;

export function reportToJson(report: AuditReport): Json {
  const { ok, skus, reservations, entries, problemCount, problems } = report;
  return {
    ok,
    skus,
    reservations,
    entries,
    problem_count: problemCount,
    problems: problems.map(({ kind, message, sku, reservationId, seq }) => ({
      kind,
      message,
      sku,
      reservation_id: reservationId,
      seq,
    })),
  };
}

/** What is not a report at all is a failed one: silence proves nothing. */
export function reportFromJson(body: Json): AuditReport {
  const problems = Array.isArray(body['problems']) ? (body['problems'] as Json[]) : [];
  return {
    ok: body['ok'] === true,
    skus: Number(body['skus'] ?? 0),
    reservations: Number(body['reservations'] ?? 0),
    entries: Number(body['entries'] ?? 0),
    problemCount: Number(body['problem_count'] ?? problems.length),
    problems: problems.map((each) => ({
      kind: each['kind'] as Problem['kind'],
      message: String(each['message']),
      sku: (each['sku'] ?? null) as string | null,
      reservationId: (each['reservation_id'] ?? null) as string | null,
      seq: (each['seq'] ?? null) as number | null,
    })),
  };
}
