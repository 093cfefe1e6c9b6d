/** What lies in a data directory. */
import { join } from 'node:path';

export interface DataFiles {
  readonly directory: string;
  /** The books; SQLite keeps `-wal` and `-shm` beside it. */
  readonly database: string;
  readonly wal: string;
  /** Held locked for as long as a writer lives. */
  readonly lock: string;
  /** There while a writer runs, and after one that did not end cleanly. */
  readonly running: string;
  /** A restore or an import that has not put its file in place yet. */
  readonly restoring: string;
}

export function dataFiles(directory: string): DataFiles {
  const database = join(directory, 'holdfast.db');
  return {
    directory,
    database,
    wal: `${database}-wal`,
    lock: join(directory, 'holdfast.lock'),
    running: join(directory, 'holdfast.running'),
    restoring: join(directory, 'holdfast.db.restoring'),
  };
}
