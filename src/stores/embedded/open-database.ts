/** Opens the books for their one writer: checks what it can before SQLite touches anything, and says what it found. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Fault } from '../../engine/faults.ts';
import { makePrivateFile } from '../../engine/folder.ts';
import { auditFile } from './audit-reader.ts';
import type { DataFiles } from './data-files.ts';
import { checkVersion, migrate } from './migrate.ts';
import { resultCode, SQLITE_CORRUPT, SQLITE_NOTADB } from './sqlite-error.ts';
import { structureFindings } from './structure.ts';
import { checkWal } from './wal-check.ts';

/**
 * What is read before sales begin. `quick`: the log, and the file's structure if it is small; a larger one is read
 * beside the sales, which stop if it is damaged. `full`: all that an audit reads. `off`: the log only.
 */
export type StartCheck = 'quick' | 'full' | 'off';

export interface OpenedBooks {
  readonly db: DatabaseSync;
  readonly warnings: readonly string[];
  /** Is the structure still to be checked? */
  readonly unchecked: boolean;
}

/** Pages held in memory, in KiB. */
const CACHE_KIB = 65_536;
/** Files up to this are read in about 0.1 s. */
const CHECKED_AT_ONCE_BYTES = 32 * 1024 * 1024;

export function openBooks(files: DataFiles, check: StartCheck): OpenedBooks {
  const warnings: string[] = [];
  refuseHalfRestored(files);
  const dropped = checkWal(files.wal);
  if (dropped !== null) warnings.push(dropped);
  if (existsSync(files.running) && existsSync(files.database) && !existsSync(files.wal)) {
    warnings.push(
      `The last run in ${files.directory} did not end cleanly, and its log ${files.wal} is not there. Unless another program has opened and closed the database since, what was committed last is lost: run an audit, compare with a backup.`,
    );
  }
  const db = openDatabase(files);
  try {
    const unchecked = startCheck(db, files, check);
    mark(files);
    return { db, warnings, unchecked };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Without the checks: for those who have just made the file, or know it. */
export function openDatabase(files: DataFiles): DatabaseSync {
  makePrivateFile(files.database);
  const db = new DatabaseSync(files.database);
  try {
    checkVersion(db, files.database);
    // The writer has the lock of the directory; who else writes must fail at once, not wait.
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;`);
    migrate(db, files.database);
    // A log that was cut short must not be written on: what is left of it would look like damage at the next start.
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return db;
  } catch (error) {
    db.close();
    const code = resultCode(error);
    if (code !== SQLITE_CORRUPT && code !== SQLITE_NOTADB) throw error;
    throw new Fault(
      'STORE_DAMAGED',
      `${files.database} cannot be read: ${error instanceof Error ? error.message : ''}. Restore a backup.`,
      { cause: error },
    );
  }
}

function refuseHalfRestored(files: DataFiles): void {
  if (existsSync(files.database) || !existsSync(files.restoring)) return;
  throw new Fault(
    'STORE_DAMAGED',
    `a restore or import into ${files.directory} was interrupted: run it again, or remove ${files.restoring} to begin with empty books.`,
  );
}

/** Says whether the structure remains to be checked. */
function startCheck(db: DatabaseSync, files: DataFiles, check: StartCheck): boolean {
  if (check === 'off') return false;
  if (check === 'quick' && statSync(files.database).size > CHECKED_AT_ONCE_BYTES) return true;
  const findings =
    check === 'quick'
      ? structureFindings(db, 'quick_check')
      : auditFile(files.database).problems.map(({ message }) => message);
  if (findings.length === 0) return false;
  throw new Fault(
    'STORE_DAMAGED',
    `${files.database} is damaged: ${findings.slice(0, 3).join('; ')}. Restore a backup; do not sell on this.`,
  );
}

/** Leaves a mark that a writer runs here. */
function mark(files: DataFiles): void {
  writeFileSync(files.running, `${JSON.stringify({ pid: process.pid })}\n`, { mode: 0o600 });
  syncDirectory(files.directory);
}

/** Everything is in the database file: the log may go. */
export function closeBooks(db: DatabaseSync, files: DataFiles): void {
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  rmSync(files.running, { force: true });
  syncDirectory(files.directory);
  db.close();
}

export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function syncFile(file: string): void {
  const fd = openSync(file, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
