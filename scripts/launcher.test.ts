// What starts on an older Node, which a preloaded script plays.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';

const ROOT = join(import.meta.dirname, '..');

const PRELOAD = `
if (process.env.PLAY_NODE) {
  Object.defineProperty(process, 'versions', {
    value: { ...process.versions, node: process.env.PLAY_NODE },
  });
  delete process.env.PLAY_NODE;
  if (process.env.WITHOUT_EXECVE) process.execve = undefined;
}`;

const MAIN = `
const [verb, code] = process.argv.slice(2);
if (verb === 'wait') {
  const timer = setInterval(() => {}, 1000);
  process.once('SIGTERM', () => { clearInterval(timer); process.exitCode = 7; });
}
console.log(process.versions.node, process.argv.slice(2).join('|'));
if (verb === 'exit') process.exit(Number(code));`;

interface Run {
  readonly args: readonly string[];
  readonly play: string;
  readonly withoutExecve?: boolean;
  readonly script?: string;
  readonly killWhenReady?: NodeJS.Signals;
}

async function createPackage(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-launcher-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(join(ROOT, 'bin'), join(folder, 'app/bin'), { recursive: true });
  await mkdir(join(folder, 'app/scripts'));
  for (const script of ['require-node.js', 'run-tests.js']) {
    await cp(join(ROOT, 'scripts', script), join(folder, 'app/scripts', script));
  }
  await mkdir(join(folder, 'app/src'));
  await writeFile(join(folder, 'app/package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'app/src/main.ts'), MAIN);
  await writeFile(join(folder, 'preload.cjs'), PRELOAD);
  return folder;
}

async function linkNode(folder: string): Promise<void> {
  await mkdir(join(folder, 'node_modules/node/bin'), { recursive: true });
  await symlink(process.execPath, join(folder, 'node_modules/node/bin/node'));
}

async function run(folder: string, { args, play, withoutExecve, script, killWhenReady }: Run) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    ['-r', join(folder, 'preload.cjs'), join(folder, 'app', script ?? 'bin/holdfast.js'), ...args],
    {
      env: { ...env, PLAY_NODE: play, ...(withoutExecve === true ? { WITHOUT_EXECVE: '1' } : {}) },
    },
  );
  if (killWhenReady !== undefined) child.stdout.once('data', () => child.kill(killWhenReady));
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { stdout, stderr, code };
}

for (const script of ['bin/holdfast.js', 'scripts/require-node.js', 'scripts/run-tests.js']) {
  test(`${script} says in one line that Node is too old`, async (t) => {
    const folder = await createPackage(t);
    const { stdout, stderr, code } = await run(folder, {
      args: ['serve'],
      play: '20.20.2',
      script,
    });
    assert.equal(stdout, '');
    assert.match(stderr, /^holdfast needs Node 24 or newer; this is Node 20\.20\.2 .*\n$/);
    assert.equal(code, 1);
  });
}

for (const withoutExecve of [false, true]) {
  const how = withoutExecve ? 'as a child' : 'in place';
  for (const [where, below] of Object.entries({ own: 'app', hoisted: '' })) {
    test(`carries on ${how} with the ${where} Node: arguments and exit code`, async (t) => {
      const folder = await createPackage(t);
      await linkNode(join(folder, below));
      const args = ['exit', '5', 'a b', '--c=1'];
      const { stdout, stderr, code } = await run(folder, { args, play: '18.0.0', withoutExecve });
      assert.equal(stdout, `${process.versions.node} exit|5|a b|--c=1\n`);
      assert.equal(stderr, '');
      assert.equal(code, 5);
    });
  }

  test(`hands a signal on when it carries on ${how}`, async (t) => {
    const folder = await createPackage(t);
    await linkNode(folder);
    const { code } = await run(folder, {
      args: ['wait'],
      play: '20.20.2',
      withoutExecve,
      killWhenReady: 'SIGTERM',
    });
    assert.equal(code, 7);
  });
}

test('starts main itself on a Node that is new enough', async (t) => {
  const folder = await createPackage(t);
  const { stdout, stderr, code } = await run(folder, { args: ['exit', '3'], play: '24.21.0' });
  assert.equal(stdout, '24.21.0 exit|3\n');
  assert.equal(stderr, '');
  assert.equal(code, 3);
});
