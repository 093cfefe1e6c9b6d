/** Whether the ERP's balances may raise our books, in a small file beside them. */
import { join } from 'node:path';
import { CliFailure, EXIT } from '../cli/exit-codes.ts';
import { readIfThere, replaceFile } from '../engine/durable-file.ts';
import type { RaiseMemory, RaiseRecord } from '../engine/raise-guard.ts';

const FILE_NAME = 'erp-raises.json';
const STATES = ['allowed', 'held', 'away'] as const;

export function openRaiseMemory(dataDir: string): RaiseMemory {
  const path = join(dataDir, FILE_NAME);
  return {
    load: async () => {
      const text = await readIfThere(path);
      return text === null ? null : readRecord(text, path);
    },
    save: (record) => replaceFile(path, `${JSON.stringify(record)}\n`),
  };
}

/** A guess would hold back what is right, or let through what is not: throws `CliFailure`. */
function readRecord(text: string, path: string): RaiseRecord {
  const { state, since, seq } = parsed(text);
  const known = STATES.find((each) => each === state);
  if (known !== undefined && Number.isSafeInteger(since) && Number.isSafeInteger(seq)) {
    return { state: known, since: Number(since), seq: Number(seq) };
  }
  throw new CliFailure(
    `${path} cannot be read: expected {"state": "allowed", "held" or "away", "since": epoch ms, "seq": number}. Without the file nothing is held back: remove it only if the ERP knows of every sale`,
    EXIT.cannot,
  );
}

function parsed(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
