/** The audit's thread: one report, then it ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { Fault } from '../../engine/faults.ts';
import { auditBooks } from './audit-reader.ts';
import type { AuditAnswer } from './audit.ts';

function answer(): AuditAnswer {
  try {
    return { report: auditBooks(workerData as string) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { fault: { code: error instanceof Fault ? error.code : 'STORE_DAMAGED', message } };
  }
}

parentPort?.postMessage(answer());
