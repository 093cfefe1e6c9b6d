/** A copy of the books as of one moment, made while the service sells, and its way back. */
import { chmodSync, copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { Fault } from '../../engine/faults.ts';
import { makeFolder, makePrivateFile } from '../../engine/folder.ts';
import { dataFiles, type DataFiles } from './data-files.ts';
import { takeLock } from './lock.ts';
import { syncDirectory, syncFile } from './open-database.ts';
import { openReadOnly } from './read-only.ts';
import { resultCode, SQLITE_NOTADB } from './sqlite-error.ts';
import { structureFindings } from './structure.ts';

export interface BackupProgress {
  readonly totalPages: number;
  readonly remainingPages: number;
}

/** Copied at once; the caller's thread is free in between. */
const PAGES_PER_STEP = 1_000;

/** Copies the books of `dataDir` to `target`, a file that must not exist yet, and verifies the copy. */
export async function backupBooks(
  dataDir: string,
  target: string,
  onProgress: (progress: BackupProgress) => void = () => undefined,
): Promise<void> {
  if (existsSync(target)) {
    throw new Fault('STORE_UNAVAILABLE', `${target} is there already: choose another file.`);
  }
  const partial = `${target}.partial`;
  rmSync(partial, { force: true });
  const source = openReadOnly(dataFiles(dataDir).database);
  try {
    // A transaction that has read keeps what it sees: the copy is of this moment, however long it takes.
    source.exec('BEGIN');
    source.prepare('SELECT clock FROM meta').get();
    makePrivateFile(partial);
    await backup(source, partial, { rate: PAGES_PER_STEP, progress: onProgress });
  } finally {
    source.close();
  }
  intoOneFile(partial);
  verify(partial);
  syncFile(partial);
  renameSync(partial, target);
  syncDirectory(dirname(target));
}

/** A backup needs no log beside it. */
function intoOneFile(file: string): void {
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA journal_mode = DELETE');
  } finally {
    db.close();
  }
}

/** Is this a sound file of books that this program knows? */
function verify(file: string): void {
  const db = openReadOnly(file);
  try {
    const findings = structureFindings(db, 'quick_check');
    if (findings.length === 0) return;
    const found = findings.slice(0, 3).join('; ');
    throw new Fault('STORE_DAMAGED', `${file} is damaged: ${found}.`);
  } finally {
    db.close();
  }
}

/** A person named the file: that it is none of ours is said of the file, not of the store. */
function assertBackup(file: string): void {
  const refuse = (why: string, cause?: unknown): never => {
    throw new Fault('STORE_UNAVAILABLE', `${file} is no backup of Holdfast's books: ${why}`, {
      cause,
    });
  };
  if (!existsSync(file)) refuse('there is no such file');
  if (!statSync(file).isFile()) refuse('it is not a file');
  if (statSync(file).size === 0) refuse('it is empty');
  try {
    openReadOnly(file).close();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.code === 'STORE_VERSION') throw error;
    if (resultCode(error.cause) === SQLITE_NOTADB) refuse('it is not a database', error);
    throw error;
  }
}

export interface Restored {
  /** Where the books that were there before lie now; null: there were none. */
  readonly movedTo: string | null;
}

/**
 * Puts a backup in the place of the books of `dataDir`. Books that are there are only replaced if `replace` says so,
 * and then moved aside. Interrupted at any point, it leaves the old books, or a directory that refuses to open until
 * it is run again.
 */
export function restoreBooks(file: string, dataDir: string, replace = false): Restored {
  assertBackup(file);
  verify(file);
  const files = dataFiles(dataDir);
  makeFolder(dataDir);
  const lock = takeLock(files);
  try {
    const present = existsSync(files.database) || existsSync(files.wal);
    if (present && !replace) {
      throw new Fault(
        'STORE_UNAVAILABLE',
        `there are books in ${dataDir} already. To put the backup in their place, say so; they are moved aside, not deleted.`,
      );
    }
    copyFileSync(file, files.restoring);
    chmodSync(files.restoring, 0o600);
    verify(files.restoring);
    syncFile(files.restoring);
    syncDirectory(dataDir);
    const movedTo = present ? moveAside(files) : null;
    rmSync(files.running, { force: true });
    renameSync(files.restoring, files.database);
    syncDirectory(dataDir);
    return { movedTo };
  } finally {
    lock.release();
  }
}

/** The log goes with its database: SQLite would apply it to the next one. */
function moveAside(files: DataFiles): string {
  const stamp = new Date().toISOString().replaceAll(':', '').replace('.', '-');
  const aside = join(files.directory, `replaced-${stamp}`);
  makeFolder(aside);
  const old = dataFiles(aside);
  for (const [from, to] of [
    [files.database, old.database],
    [files.wal, old.wal],
  ] as const) {
    if (existsSync(from)) renameSync(from, to);
  }
  rmSync(`${files.database}-shm`, { force: true });
  syncDirectory(aside);
  syncDirectory(files.directory);
  return aside;
}
