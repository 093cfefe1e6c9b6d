/** What SQLite's errors, and those of rows read from it, mean. */
import { RowDamage } from './rows.ts';

export const SQLITE_BUSY = 5;
export const SQLITE_LOCKED = 6;
const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
export const SQLITE_NOTADB = 26;

/** The primary result code of an error thrown by `node:sqlite`; null if it is none. */
export function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

/** What went wrong with the books in `directory`, for people: SQLite's own words do not say where. */
export function describeError(error: unknown, directory: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RowDamage) return `in ${directory}, ${message}`;
  const code = resultCode(error);
  if (code === SQLITE_FULL) {
    return `the disk that holds ${directory} is full. Make room, then start again.`;
  }
  if (code === SQLITE_IOERR) {
    const { errcode } = error as { errcode?: unknown };
    return `the disk that holds ${directory} failed (${message}, SQLite's error ${String(errcode)}). Look at the system's log before starting again.`;
  }
  return code === null ? message : `the books in ${directory} cannot be used: ${message}.`;
}
