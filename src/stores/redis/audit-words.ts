/** What an audit found, for people. */
import type { AuditReport } from '../../core/audit.ts';

/** Null where it found nothing. */
export function describeAudit({ ok, problemCount, problems }: AuditReport): string | null {
  if (ok) return null;
  const first = problems[0]?.message ?? 'unknown';
  return `${problemCount} ${problemCount === 1 ? 'difference' : 'differences'}, the first: ${first}`;
}
