/** The audit's thread: one answer, then it ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { Fault } from '../../engine/faults.ts';
import { auditFile } from './audit-reader.ts';
import type { AuditAnswer, AuditTask } from './audit.ts';
import { openReadOnly } from './read-only.ts';
import { structureFindings } from './structure.ts';

function answer({ task, database }: AuditTask): AuditAnswer {
  try {
    if (task === 'audit') return { report: auditFile(database) };
    return { findings: structureFindings(openReadOnly(database), 'quick_check') };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { fault: { code: error instanceof Fault ? error.code : 'STORE_DAMAGED', message } };
  }
}

parentPort?.postMessage(answer(workerData as AuditTask));
