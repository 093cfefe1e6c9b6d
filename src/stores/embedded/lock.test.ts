import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { dataFiles, type DataFiles } from './data-files.ts';
import { takeLock } from './lock.ts';

function temporary(t: TestContext): DataFiles {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  return dataFiles(directory);
}

const REFUSED = { code: 'STORE_LOCKED', message: /is in use.*HOLDFAST_DATA_DIR/ };

test('a second opener in the same process is refused until the first lets go', (t) => {
  const files = temporary(t);
  const lock = takeLock(files);
  assert.throws(() => takeLock(files), REFUSED);
  lock.release();
  lock.release();
  takeLock(files).release();
});

test('the lock of another process is seen, and ends with that process however it ends', async (t) => {
  const files = temporary(t);
  const script = `import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
    import { dataFiles } from ${JSON.stringify(join(import.meta.dirname, 'data-files.ts'))};
    const lock = takeLock(dataFiles(process.argv[1]));
    console.log('held');
    // A lock that nobody refers to any more is collected, and with it goes the file's.
    setInterval(() => lock, 1_000);`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, [...args, files.directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  writeFileSync(files.running, JSON.stringify({ pid: child.pid }));
  assert.throws(() => takeLock(files), {
    code: 'STORE_LOCKED',
    message: new RegExp(`by process ${child.pid ?? ''}`),
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  takeLock(files).release();
});
