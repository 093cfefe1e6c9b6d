/**
 * One writer per data directory. The lock is the operating system's, on a file of its own, so it ends with the
 * process however that ends, and readers of the books are not kept out. It is SQLite's exclusive lock on an otherwise
 * empty database: SQLite also keeps apart two openers inside one process, which file locks alone do not.
 */
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Fault } from '../../engine/faults.ts';
import { makePrivateFile } from '../../engine/folder.ts';
import type { DataFiles } from './data-files.ts';
import { resultCode, SQLITE_BUSY, SQLITE_LOCKED } from './sqlite-error.ts';

export interface Lock {
  release(): void;
}

export function takeLock(files: DataFiles): Lock {
  makePrivateFile(files.lock);
  const db = new DatabaseSync(files.lock);
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    const code = resultCode(error);
    if (code !== SQLITE_BUSY && code !== SQLITE_LOCKED) throw error;
    throw new Fault(
      'STORE_LOCKED',
      `the data in ${files.directory} is in use${holder(files)}. One Holdfast at a time may write it: stop the other one, or give this one another HOLDFAST_DATA_DIR.`,
      { cause: error },
    );
  }
  return {
    release: () => {
      if (db.isOpen) db.close();
    },
  };
}

/** Who says that it is running; for the message only. */
function holder(files: DataFiles): string {
  try {
    const { pid } = JSON.parse(readFileSync(files.running, 'utf8')) as { pid?: unknown };
    return typeof pid === 'number' ? ` by process ${pid}` : '';
  } catch {
    return '';
  }
}
