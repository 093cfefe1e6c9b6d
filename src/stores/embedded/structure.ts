/** SQLite's own look at a file: pages, trees, constraints, indexes. */
import type { DatabaseSync } from 'node:sqlite';

const FINDINGS = 100;

/** `quick_check` leaves out whether indexes agree with their tables. */
export function structureFindings(
  db: DatabaseSync,
  check: 'quick_check' | 'integrity_check',
): string[] {
  return db
    .prepare(`PRAGMA ${check}(${FINDINGS})`)
    .all()
    .map((row) => Object.values(row)[0] as string)
    .filter((finding) => finding !== 'ok');
}
