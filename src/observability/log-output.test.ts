import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { openLogOutput } from './log-output.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const unexpected = (error: Error): never => assert.fail(error);

test('every line arrives, in order, appended to what is there', async (t) => {
  const path = join(folder(t), 'a', 'b', 'holdfast.log');
  let expected = '';
  for (const run of ['one', 'two']) {
    const output = openLogOutput(path, unexpected);
    for (let n = 0; n < 5_000; n += 1) {
      const line = `${run} ${n} é\n`;
      expected += line;
      output.write(line);
      if (n % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await output.close();
    assert.equal(output.droppedBytes, 0);
  }
  assert.equal(readFileSync(path, 'utf8'), expected);
});

test('a process that ends here and now puts out what waits', (t) => {
  const path = join(folder(t), 'holdfast.log');
  const output = openLogOutput(path, unexpected);
  output.write('the last words\n');
  output.flush();
  assert.equal(readFileSync(path, 'utf8'), 'the last words\n');
});

test('a full disk is complained of once, counted, and waited for by nobody', async () => {
  const troubles: Error[] = [];
  const output = openLogOutput('/dev/full', (error) => troubles.push(error));
  const line = `${'x'.repeat(9_999)}\n`;
  for (let n = 0; n < 5; n += 1) {
    output.write(line);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  output.write(line);
  output.flush();
  await output.close();
  assert.deepEqual(
    troubles.map((error) => 'code' in error && error.code),
    ['ENOSPC'],
  );
  assert.ok(output.droppedBytes >= 4 * line.length);
});

test('what cannot be opened is told at once', (t) => {
  const path = join(folder(t), 'file');
  writeFileSync(path, '');
  assert.throws(() => openLogOutput(join(path, 'x.log'), unexpected), /is not a folder/);
});

test('after its end, lines are counted as lost', async (t) => {
  const output = openLogOutput(join(folder(t), 'holdfast.log'), unexpected);
  await output.close();
  output.write('too late\n');
  assert.equal(output.droppedBytes, 9);
  await output.close();
});
