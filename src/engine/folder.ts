/** Folders that settings name: made where they are missing, or refused with the reason. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes the folder, and those above it that are missing; throws where that cannot be done. Step by step, because
 * Node's own way, `recursive`, tries for ever where a folder is there and takes no new one in, as /proc does.
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  let at = resolve(path);
  for (; !existsSync(at); at = dirname(at)) missing.push(at);
  if (!statSync(at).isDirectory()) throw new Error(`${at} is not a folder`);
  for (const folder of missing.toReversed()) makeOne(folder);
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    // Somebody else was as fast.
    if (existsSync(folder) && statSync(folder).isDirectory()) return;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the folder ${folder} cannot be made: ${reason}`, { cause: error });
  }
}
