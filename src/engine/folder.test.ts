import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeFolder } from './folder.ts';

function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-folder-'));
  t.after(() => {
    rmSync(dir, { recursive: true });
  });
  return dir;
}

test('a folder is made with those above it, and again without complaint', (t) => {
  const path = join(tempDir(t), 'a', 'b', 'c');
  makeFolder(path);
  makeFolder(path);
  assert.ok(statSync(path).isDirectory());
});

test('a file in the way is named', (t) => {
  const file = join(tempDir(t), 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'below')]) {
    assert.throws(
      () => {
        makeFolder(path);
      },
      new RegExp(`${file} is not a folder`),
    );
  }
});

test('where nothing can be made it says so, and comes back', { skip: !existsSync('/proc') }, () => {
  for (const path of ['/proc/holdfast', '/proc/holdfast/data']) {
    assert.throws(() => {
      makeFolder(path);
    }, /the folder \/proc\/holdfast cannot be made/);
  }
});
