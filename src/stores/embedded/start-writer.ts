/** Starts the writer's thread and waits for its books to be open. */
import { Worker } from 'node:worker_threads';
import { Fault } from '../../engine/faults.ts';
import { workerFlags } from './audit.ts';
import type { FromWriter, WriterSettings } from './protocol.ts';

/** The writer makes much that is soon forgotten; without a bound its thread holds 100 MB more, and is no faster. */
const YOUNG_GENERATION_MB = 24;

/** Throws the fault that kept it from opening. */
export async function startWriter(
  settings: WriterSettings,
): Promise<{ worker: Worker; opened: FromWriter & { type: 'open' } }> {
  const worker = new Worker(new URL('./writer.worker.ts', import.meta.url), {
    workerData: settings,
    name: 'holdfast-writer',
    ...workerFlags(),
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const opened = await firstMessage(worker);
  if (opened.type === 'open') return { worker, opened };
  await worker.terminate();
  const { code, message } =
    opened.type === 'failed'
      ? opened
      : { code: 'STORE_UNAVAILABLE' as const, message: 'the writer did not open the books' };
  throw new Fault(code, message);
}

function firstMessage(worker: Worker): Promise<FromWriter> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => {
      reject(new Fault('STORE_UNAVAILABLE', 'the writer ended before it had opened the books'));
    });
  });
}
