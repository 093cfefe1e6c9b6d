import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDir } from '../../../../test/support/temp-dir.ts';
import { loadScripts } from './scripts.ts';

async function folder(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await tempDir(t);
  mkdirSync(join(dir, 'lib'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

void test('a script comes with what it needs, each once, those needed by others first', async (t) => {
  const dir = await folder(t, {
    'lib/values.lua': 'local values',
    'lib/book.lua': '-- Needs: values\nlocal book',
    'lib/answers.lua': '-- Needs: values\nlocal answers',
    'lib/other.lua': 'local other',
    'take.lua': '#!lua\n-- Needs: book answers\nreturn 1',
    'look.lua': '#!lua flags=no-writes,allow-stale\nreturn 1',
  });
  const scripts = loadScripts(dir);
  assert.deepEqual([...scripts.keys()].sort(), ['look', 'take']);
  const code = scripts
    .get('take')
    ?.text.split('\n')
    .filter((line) => !line.startsWith('--'));
  assert.deepEqual(code, ['#!lua', 'local values', 'local book', 'local answers', 'return 1']);
  assert.equal(scripts.get('take')?.readOnly, false);
  assert.equal(scripts.get('look')?.readOnly, true);
});

void test('what a script seldom needs is the body of a function before its own lines', async (t) => {
  const dir = await folder(t, {
    'lib/values.lua': 'local values',
    'lib/book.lua': '-- Needs: values\nlocal book',
    'lib/answers.lua': '-- Needs: book\nlocal answers',
    'take.lua': '#!lua\n-- Needs: values\n-- Later: answers\nreturn later()',
    'lost.lua': '#!lua\nreturn 1',
  });
  const text = loadScripts(dir).get('take')?.text ?? '';
  const code = text.split('\n').filter((line) => !line.startsWith('--'));
  const later = ['local function later()', 'local book', 'local answers', 'end'];
  assert.deepEqual(code, ['#!lua', 'local values', ...later, 'return later()']);
  writeFileSync(join(dir, 'lost.lua'), '#!lua\n-- Later: nothing\nreturn 1');
  assert.throws(() => loadScripts(dir), /lost\.lua needs lib\/nothing\.lua/);
});

void test('a script without a shebang, or without what it needs, is refused', async (t) => {
  assert.throws(() => loadScripts('/nowhere'), /ENOENT/);
  const bare = await folder(t, { 'take.lua': 'return 1' });
  assert.throws(() => loadScripts(bare), /take\.lua has no shebang/);
  const needy = await folder(t, { 'take.lua': '#!lua\n-- Needs: book\nreturn 1' });
  assert.throws(() => loadScripts(needy), /take\.lua needs lib\/book\.lua/);
});
