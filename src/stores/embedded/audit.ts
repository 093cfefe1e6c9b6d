/** Runs the audit of a data directory, or a look at its file's structure, in a thread of its own. */
import { Worker } from 'node:worker_threads';
import type { AuditReport } from '../../core/audit.ts';
import { Fault, type FaultCode } from '../../engine/faults.ts';
import { dataFiles } from './data-files.ts';

/** A thread inherits the process's flags, which do not suit it where the program was given in place of a file. */
export function workerFlags(): { execArgv?: string[] } {
  const inline = process.execArgv.some((flag) =>
    /^(-e|-p|--eval|--print|--input-type)\b/.test(flag),
  );
  return inline ? { execArgv: ['--disable-warning=ExperimentalWarning'] } : {};
}

export interface AuditTask {
  readonly task: 'audit' | 'structure';
  readonly database: string;
}

export type AuditAnswer =
  | { readonly report: AuditReport }
  | { readonly findings: readonly string[] }
  | { readonly fault: { readonly code: FaultCode; readonly message: string } };

/** Works while a service writes the books, and on the books of a service that is not running. */
export async function auditDataDir(dataDir: string): Promise<AuditReport> {
  const answer = await run({ task: 'audit', database: dataFiles(dataDir).database });
  if ('report' in answer) return answer.report;
  throw new Error('the audit gave no report');
}

/** What is wrong with the file's pages and trees; nothing, if all is well. */
export async function checkStructure(dataDir: string): Promise<readonly string[]> {
  const answer = await run({ task: 'structure', database: dataFiles(dataDir).database });
  return 'findings' in answer ? answer.findings : [];
}

async function run(task: AuditTask): Promise<AuditAnswer> {
  const worker = new Worker(new URL('./audit.worker.ts', import.meta.url), {
    workerData: task,
    name: 'holdfast-audit',
    ...workerFlags(),
  });
  try {
    const answer = await new Promise<AuditAnswer>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    if (!('fault' in answer)) return answer;
    throw new Fault(answer.fault.code, answer.fault.message);
  } finally {
    await worker.terminate();
  }
}
