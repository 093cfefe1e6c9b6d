import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { dataFiles, type DataFiles } from './data-files.ts';
import { APPLICATION_ID, migrate } from './migrate.ts';
import { openDatabase } from './open-database.ts';
import { openReadOnly } from './read-only.ts';

function temporary(t: TestContext): DataFiles {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-migrate-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  return dataFiles(directory);
}

function value(db: DatabaseSync, sql: string): unknown {
  return Object.values(db.prepare(sql).get() ?? {})[0];
}

test('a new file gets every migration, once, and says whose it is', () => {
  const db = new DatabaseSync(':memory:');
  migrate(db, 'books');
  migrate(db, 'books');
  assert.equal(value(db, 'PRAGMA application_id'), APPLICATION_ID);
  const version = value(db, 'PRAGMA user_version');
  assert.equal(value(db, 'SELECT count(*) FROM migration'), version);
  assert.equal(value(db, 'SELECT max(version) FROM migration'), version);
  for (const view of ['readable_level', 'readable_ledger', 'readable_line']) {
    db.prepare(`SELECT * FROM ${view}`).all();
  }
});

test('books of a later version are refused, with what to do', (t) => {
  const files = temporary(t);
  const db = openDatabase(files);
  db.exec('PRAGMA user_version = 9999');
  db.close();
  const refused = { code: 'STORE_VERSION', message: /version 9999.*newer Holdfast/ };
  assert.throws(() => openDatabase(files), refused);
  assert.throws(() => openReadOnly(files.database), refused);
});

test("somebody else's database is refused and left as it is", (t) => {
  const files = temporary(t);
  const other = new DatabaseSync(files.database);
  other.exec('CREATE TABLE theirs (a); PRAGMA application_id = 7');
  other.close();
  assert.throws(() => openDatabase(files), { code: 'STORE_VERSION', message: /not one of Hold/ });
  const again = new DatabaseSync(files.database);
  assert.equal(value(again, 'PRAGMA journal_mode'), 'delete');
  assert.equal(value(again, 'PRAGMA application_id'), 7);
  again.close();
});

test('a file that is no database is damage, not a crash', (t) => {
  const files = temporary(t);
  writeFileSync(files.database, 'x'.repeat(10_000));
  const damaged = { code: 'STORE_DAMAGED', message: /cannot be read/ };
  assert.throws(() => openDatabase(files), damaged);
  assert.throws(() => openReadOnly(files.database), damaged);
});

test('where there are no books, a reader says so and makes none', (t) => {
  const files = temporary(t);
  assert.throws(() => openReadOnly(files.database), { message: /no books/ });
});
