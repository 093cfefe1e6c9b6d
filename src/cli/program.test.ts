import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { Fault } from '../engine/faults.ts';
import type { Books, CliParts, RunningService } from './cli-parts.ts';
import { CliFailure } from './exit-codes.ts';
import { runWith } from './run.fixture.ts';

const COMMANDS = [
  ...['serve', 'demo', 'import', 'export', 'replay', 'rush', 'audit', 'keys', 'backup', 'restore'],
  ...['config', 'config show', 'config check', 'keys create', 'keys list', 'keys revoke'],
  ...['bling', 'bling connect', 'bling status'],
];

const run = (args: string, parts: Partial<CliParts> = {}) =>
  runWith(args === '' ? [] : args.split(' '), parts);

function auditing(audit: Books['audit']): Partial<CliParts> {
  return { openBooks: () => ({ place: './data', audit }) as Books };
}

test('without a command it says what there is', async () => {
  const { code, stdout } = await run('');
  assert.equal(code, 0);
  for (const command of COMMANDS) {
    assert.match(stdout, new RegExp(`^  ${command.split(' ')[0] ?? ''}\\b`, 'm'));
  }
});

test('every command explains itself with an example, in lines that fit', async () => {
  for (const command of COMMANDS) {
    const { code, stdout, stderr } = await run(`${command} --help`);
    assert.equal(code, 0, command);
    assert.match(stdout, /\nExample\n {2}\S/, command);
    assert.equal(stderr, '', command);
    const tooLong = stdout.split('\n').filter((line) => line.length > 92);
    assert.deepEqual(tooLong, [], command);
  }
});

test('what is wrong decides the exit code', async () => {
  const fail = (error: Error) => auditing(() => Promise.reject(error));
  const damaged = await run('audit', fail(new Fault('STORE_DAMAGED', 'page 7 is damaged')));
  assert.deepEqual([damaged.code, damaged.stderr], [70, 'holdfast: page 7 is damaged\n']);
  const locked = await run('audit', fail(new Fault('STORE_LOCKED', 'in use')));
  assert.equal(locked.code, 2);
  const refused = await run('audit', fail(new CliFailure('not so', 78)));
  assert.deepEqual([refused.code, refused.stderr], [78, 'holdfast: not so\n']);
  const system = Object.assign(new Error('ENOSPC: no space left on device'), { syscall: 'write' });
  assert.equal((await run('audit', fail(system))).code, 2);
  const bug = await run('audit', fail(new TypeError('x is not a function')));
  assert.equal(bug.code, 70);
  assert.match(bug.stderr, /this is a bug in Holdfast, please report it:\nTypeError: x is not/);
});

test('an audit that finds something ends with 1 and says what', async () => {
  const problem = { kind: 'oversold', message: 'HAT promises 1 more than it has' } as const;
  const where = { sku: 'HAT', reservationId: null, seq: null };
  const report = { ok: false, skus: 1, reservations: 2, entries: 3, problemCount: 1 };
  const parts = auditing(() =>
    Promise.resolve({ ...report, problems: [{ ...problem, ...where }] }),
  );
  const people = await run('audit', parts);
  assert.equal(people.code, 1);
  assert.match(people.stdout, /oversold: HAT promises 1 more than it has/);
  assert.match(people.stdout, /FAILED: 1 difference\./);
  const machines = await run('audit --json', parts);
  assert.equal(machines.code, 1);
  assert.equal((JSON.parse(machines.stdout) as { problem_count: number }).problem_count, 1);
});

test('asked to stop while it still starts, a service starts, and then stops well', async () => {
  let stopped = false;
  const service: RunningService = {
    ...{ url: 'http://127.0.0.1:1', store: 'memory', durable: false, place: './data' },
    ...{ skus: 0, someSku: null, keys: false, logFile: null, erp: null, notes: [] },
    failed: new Promise<never>(() => undefined),
    stop: () => Promise.resolve(void (stopped = true)),
  };
  const startService = async (): Promise<RunningService> => {
    const heard = once(process, 'SIGTERM');
    process.kill(process.pid, 'SIGTERM');
    await heard;
    return service;
  };
  const { code, stderr } = await run('serve', { startService });
  assert.deepEqual([code, stopped], [0, true]);
  assert.match(stderr, /SIGTERM: answering what is in flight, then stopping/);
});
