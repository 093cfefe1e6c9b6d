/** Opens the books for their one writer, ready to use. */
import { DatabaseSync } from 'node:sqlite';
import type { DataFiles } from './data-files.ts';
import { migrate } from './migrate.ts';

/** How much is read before sales begin: see `start-check.ts`. */
export type StartCheck = 'quick' | 'full' | 'off';

/** Pages held in memory, in KiB. */
const CACHE_KIB = 65_536;

export function openDatabase(files: DataFiles): DatabaseSync {
  const db = new DatabaseSync(files.database);
  try {
    // The writer has the lock of the directory; who else writes must fail at once, not wait.
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;`);
    migrate(db, files.database);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
