/** Runs the audit of a data directory in a thread of its own. */
import { Worker } from 'node:worker_threads';
import type { AuditReport } from '../../core/audit.ts';
import { Fault, type FaultCode } from '../../engine/faults.ts';

export type AuditAnswer =
  | { readonly report: AuditReport }
  | { readonly fault: { readonly code: FaultCode; readonly message: string } };

/** Works while a service writes the books, and on the books of a service that is not running. */
export async function auditDataDir(dataDir: string): Promise<AuditReport> {
  const worker = new Worker(new URL('./audit.worker.ts', import.meta.url), {
    workerData: dataDir,
    name: 'holdfast-audit',
  });
  try {
    const answer = await new Promise<AuditAnswer>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    if ('report' in answer) return answer.report;
    throw new Fault(answer.fault.code, answer.fault.message);
  } finally {
    await worker.terminate();
  }
}
