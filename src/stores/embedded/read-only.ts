/** Opens books to read them, beside their writer if there is one. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Fault } from '../../engine/faults.ts';
import { checkVersion } from './migrate.ts';
import { resultCode, SQLITE_CORRUPT, SQLITE_NOTADB } from './sqlite-error.ts';

/** How long to wait for a moment in which the file can be opened, in ms. */
const PATIENCE_MS = 5_000;

export function openReadOnly(database: string): DatabaseSync {
  if (!existsSync(database)) {
    throw new Fault('STORE_UNAVAILABLE', `there are no books at ${database}.`);
  }
  const db = new DatabaseSync(database, { readOnly: true, timeout: PATIENCE_MS });
  try {
    checkVersion(db, database);
    return db;
  } catch (error) {
    db.close();
    const code = resultCode(error);
    if (code !== SQLITE_CORRUPT && code !== SQLITE_NOTADB) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    throw new Fault('STORE_DAMAGED', `${database} cannot be read: ${cause}.`, { cause: error });
  }
}
