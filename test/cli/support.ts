/** Runs `bin/holdfast.js` as a person would, in a folder of its own and without the settings of whoever runs the tests. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');
const BIN = join(ROOT, 'bin', 'holdfast.js');
/** Nothing here takes long at its usual size; a machine that is busy with other tests may. */
const PATIENCE_MS = Number(process.env['HOLDFAST_PATIENCE_MS'] ?? 240_000);

export type Settings = Readonly<Record<string, string>>;

/** Tests share the machine with others: a late event loop, or a late answer of the store, is no news to a service here. */
const UNHURRIED: Settings = {
  HOLDFAST_MAX_EVENT_LOOP_DELAY_MS: '0',
  HOLDFAST_COMMAND_DEADLINE_MS: '30000',
};

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Real input that is not ours to copy. */
export function sharedFile(name: string): string {
  const path = join(ROOT, '..', 'shared', 'data', name);
  assert.ok(existsSync(path), `this test reads ${path}, which is not there`);
  return path;
}

function start(
  args: readonly string[],
  cwd: string,
  settings: Settings,
): ChildProcessWithoutNullStreams {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(HOLDFAST_|NODE_TEST_|FORCE_COLOR)/.test(name),
  );
  return spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { ...Object.fromEntries(clean), ...settings },
  });
}

function follow(child: ChildProcessWithoutNullStreams): Ended & { readonly ended: Promise<Ended> } {
  const all = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (all.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (all.stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ ...all, code });
    });
  });
  return {
    code: null,
    ended,
    get stdout() {
      return all.stdout;
    },
    get stderr() {
      return all.stderr;
    },
  };
}

/** Runs one command to its end. */
export function holdfast(
  args: readonly string[],
  options: { cwd?: string; settings?: Settings; input?: string } = {},
): Promise<Ended> {
  const child = start(args, options.cwd ?? tmpdir(), options.settings ?? {});
  const { ended } = follow(child);
  child.stdin.end(options.input ?? '');
  return ended;
}

/** Runs a command that is talked with. `said`: what it says on stderr, awaited. */
export function converse(
  args: readonly string[],
  options: { cwd: string; settings: Settings },
): {
  said(words: RegExp): Promise<RegExpExecArray>;
  type(line: string): void;
  readonly ended: Promise<Ended>;
} {
  const child = start(args, options.cwd, options.settings);
  const seen = follow(child);
  return {
    ended: seen.ended,
    type: (line) => child.stdin.write(`${line}\n`),
    said: (words) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = words.exec(seen.stderr);
          if (found !== null) resolve(found);
        };
        child.stderr.on('data', look);
        child.on('close', () => {
          reject(new Error(`it ended without saying ${words.source}: ${seen.stderr}`));
        });
        look();
      }),
  };
}

export interface Service {
  readonly url: string;
  /** What it has said so far. */
  readonly stdout: string;
  readonly stderr: string;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
  /** SIGTERM, and the end. */
  stop(): Promise<Ended>;
}

/** Starts `holdfast serve` on a free port and waits for its greeting; it ends with the test at the latest. */
export async function serve(
  t: TestContext,
  cwd: string,
  settings: Settings = {},
  args: readonly string[] = [],
): Promise<Service> {
  const child = start(['serve', '--port', '0', ...args], cwd, { ...UNHURRIED, ...settings });
  const said = follow(child);
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  t.after(async () => {
    if (!isOver()) child.kill('SIGKILL');
    await said.ended;
  });
  const deadline = Date.now() + PATIENCE_MS;
  let url: string | undefined;
  while ((url = /listens on (http\S+)/.exec(said.stderr)?.[1]) === undefined) {
    assert.ok(!isOver() && Date.now() < deadline, `the service did not start:\n${said.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url,
    ended: said.ended,
    get stdout() {
      return said.stdout;
    },
    get stderr() {
      return said.stderr;
    },
    signal: (signal) => child.kill(signal),
    stop: () => {
      child.kill('SIGTERM');
      return said.ended;
    },
  };
}

export async function call(
  service: { readonly url: string },
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(service.url + path, {
    method,
    headers: { ...type, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: JSON.parse(text || '{}') as Record<string, unknown> };
}
