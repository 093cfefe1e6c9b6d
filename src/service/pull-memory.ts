/** How far the pull of an ERP's SKUs has come, in a small file beside the books. */
import { join } from 'node:path';
import { readIfThere, replaceFile } from '../engine/durable-file.ts';
import type { PullMemory, PullPlace } from '../engine/erp-jobs.ts';

const FILE_NAME = 'erp-pull.json';

/** `onError`: a place that cannot be written costs the next pull its first pages, and nothing else. */
export function openPullMemory(
  dataDir: string,
  erp: string,
  onError: (error: unknown) => void,
): PullMemory {
  const path = join(dataDir, FILE_NAME);
  return {
    load: async () => {
      try {
        return readPlace(JSON.parse((await readIfThere(path)) ?? 'null'), erp);
      } catch {
        return null;
      }
    },
    save: async (place) => {
      try {
        await replaceFile(path, `${JSON.stringify(place === null ? null : { erp, ...place })}\n`);
      } catch (error) {
        onError(error);
      }
    },
  };
}

function readPlace(value: unknown, erp: string): PullPlace | null {
  if (typeof value !== 'object' || value === null) return null;
  const { erp: whose, cursor, ...counts } = value as Record<string, unknown>;
  if (whose !== erp || typeof cursor !== 'string') return null;
  const count = (name: keyof Omit<PullPlace, 'cursor'>): number => Number(counts[name]) || 0;
  return {
    cursor,
    savedAt: count('savedAt'),
    pages: count('pages'),
    compared: count('compared'),
    imported: count('imported'),
    corrected: count('corrected'),
  };
}
