/**
 * When the last connection to a database closes, SQLite carries the log over, syncs, and removes it. After an error
 * nothing of the kind may happen: a sync that follows a failed one proves nothing. So, before the writer's connection
 * goes, one is opened that cannot write; while it is there the other is not the last, and when it goes it may not.
 */
import { DatabaseSync } from 'node:sqlite';

export interface LastConnection {
  close(): void;
}

/** Never throws: it is wanted when things have gone wrong. */
export function openLastConnection(database: string): LastConnection {
  try {
    const db = new DatabaseSync(database, { readOnly: true });
    // It takes its lock with the first read.
    db.exec('SELECT count(*) FROM sqlite_schema');
    return db;
  } catch {
    return { close: () => undefined };
  }
}
