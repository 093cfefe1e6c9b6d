/** The books name customers: what is made for them is the owner's alone, whatever the umask of whoever starts it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { DEFAULT_RULES } from '../../core/rules.ts';
import { Fault } from '../../engine/faults.ts';
import { backupBooks, restoreBooks } from './backup.ts';
import { EmbeddedStore } from './embedded-store.ts';

function modesIn(folder: string): string[] {
  const modes = readdirSync(folder).map((name) => modeOf(join(folder, name), name));
  return [modeOf(folder, '.'), ...modes].sort();
}

function modeOf(path: string, name: string): string {
  return `${name} ${(statSync(path).mode & 0o777).toString(8)}`;
}

function open(dataDir: string): Promise<EmbeddedStore> {
  return EmbeddedStore.open({ dataDir, rules: DEFAULT_RULES });
}

test('the data folder is 0700 and its files are 0600, those of a backup and a restore too', async (t) => {
  const above = mkdtempSync(join(tmpdir(), 'holdfast-private-'));
  t.after(() => rmSync(above, { recursive: true, force: true }));
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  const dataDir = join(above, 'deep', 'data');
  const store = await open(dataDir);
  t.after(() => store.close());
  const [folder, ...inside] = modesIn(dataDir);
  assert.equal(folder, '. 700');
  assert.ok(inside.length >= 5, inside.join());
  assert.deepEqual(
    inside.filter((file) => !file.endsWith(' 600')),
    [],
  );
  assert.equal(modeOf(join(above, 'deep'), 'deep'), 'deep 700');
  const file = join(above, 'copy.db');
  await backupBooks(dataDir, file);
  assert.equal(modeOf(file, 'copy'), 'copy 600');
  await store.close();
  const other = join(above, 'other');
  restoreBooks(file, other);
  assert.deepEqual(modesIn(other), ['. 700', 'holdfast.db 600', 'holdfast.lock 600']);
  await (await open(other)).close();
  const { movedTo } = restoreBooks(file, other, true);
  assert.equal(modeOf(movedTo ?? '', 'replaced'), 'replaced 700');
});

test('a file that is no backup is refused before anything is made or moved', (t) => {
  const above = mkdtempSync(join(tmpdir(), 'holdfast-no-backup-'));
  t.after(() => rmSync(above, { recursive: true, force: true }));
  const file = join(above, 'notes.db');
  const refusal = (): string => {
    try {
      restoreBooks(file, join(above, 'data'));
    } catch (error) {
      if (error instanceof Fault && error.code === 'STORE_UNAVAILABLE') return error.message;
      throw error;
    }
    return 'restored';
  };
  const no = `${file} is no backup of Holdfast's books`;
  assert.equal(refusal(), `${no}: there is no such file`);
  writeFileSync(file, '');
  assert.equal(refusal(), `${no}: it is empty`);
  writeFileSync(file, 'these are notes, and no database at all'.repeat(99));
  assert.equal(refusal(), `${no}: it is not a database`);
  assert.deepEqual(readdirSync(above), ['notes.db']);
});
