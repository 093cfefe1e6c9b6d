/** Brings a database to the version of the books that this program knows: numbered SQL files, each in one transaction. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Fault } from '../../engine/faults.ts';

/** "Hold", in the header of every database of ours. */
export const APPLICATION_ID = 0x486f6c64;

const DIRECTORY = join(import.meta.dirname, 'migrations');

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

function migrations(): Migration[] {
  return readdirSync(DIRECTORY)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort()
    .map((name) => ({
      version: Number(name.slice(0, 4)),
      name: name.slice(5, -4),
      sql: readFileSync(join(DIRECTORY, name), 'utf8'),
    }));
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

/** Refuses what is not ours, and what is newer than this program; returns its version. `where` is for the message. */
export function checkVersion(db: DatabaseSync, where: string): number {
  const found = Number(pragma(db, 'user_version'));
  const known = migrations().at(-1)?.version ?? 0;
  const id = Number(pragma(db, 'application_id'));
  const [tables] = Object.values(db.prepare('SELECT count(*) FROM sqlite_schema').get() ?? {});
  if (id !== APPLICATION_ID && Number(tables) > 0) {
    throw new Fault('STORE_VERSION', `${where} is a database, but not one of Holdfast's.`);
  }
  if (found > known) {
    throw new Fault(
      'STORE_VERSION',
      `${where} has books of version ${found}; this Holdfast knows up to ${known}. Start a newer Holdfast, or restore a backup made by this one.`,
    );
  }
  return found;
}

export function migrate(db: DatabaseSync, where: string): void {
  const found = checkVersion(db, where);
  for (const { version, name, sql } of migrations()) {
    if (version <= found) continue;
    db.exec('BEGIN IMMEDIATE');
    db.exec(
      'CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT',
    );
    db.exec(sql);
    db.prepare(`INSERT INTO migration VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))`).run(
      version,
      name,
    );
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.exec(`PRAGMA user_version = ${version}`);
    db.exec('COMMIT');
  }
}
