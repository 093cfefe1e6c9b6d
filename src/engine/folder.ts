/** Folders that settings name, and files in them: made where they are missing, or refused with the reason. */
import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes the folder, and those above it that are missing; throws where that cannot be done. Step by step, because
 * Node's own way, `recursive`, tries for ever where a folder is there and takes no new one in, as /proc does.
 * `mode`: of the new ones; our books name customers, so by itself nobody but the owner gets in.
 */
export function makeFolder(path: string, mode = 0o700): void {
  const missing: string[] = [];
  let at = resolve(path);
  for (; !existsSync(at); at = dirname(at)) missing.push(at);
  if (!statSync(at).isDirectory()) throw new Error(`${at} is not a folder`);
  for (const folder of missing.toReversed()) makeOne(folder, mode);
}

/** Empty, and for its owner only; one that is there stays as it is. SQLite's files beside it get its rights. */
export function makePrivateFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
}

function makeOne(folder: string, mode: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Somebody else was as fast.
    if (existsSync(folder) && statSync(folder).isDirectory()) return;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the folder ${folder} cannot be made: ${reason}`, { cause: error });
  }
}
