/** Runs a program under strace: to watch what it asks of the disk, and to make the disk refuse. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';

/** Everything by which a database changes what is on a disk, and what a program says on a pipe or socket. */
const WATCHED = 'openat,unlink,write,pwrite64,ftruncate,fsync,fdatasync';

export interface Injection {
  /** Calls on other files are left alone. (SQLite does not mind when the directory cannot be synced.) */
  readonly files: readonly string[];
  readonly calls: string;
  readonly error: 'EIO' | 'ENOSPC';
  /** The first call of a thread that fails, counted from 1. */
  readonly from: number;
  /** Does every later call fail too? */
  readonly lasting: boolean;
}

/** True if strace can be used. Where it cannot, the test is skipped; CI takes that for a failure. */
export function hasStrace(t: TestContext): boolean {
  const { status } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']);
  if (status === 0) return true;
  t.skip(
    'strace does not work here: apt-get install strace, and allow ptrace (in Docker: --cap-add SYS_PTRACE)',
  );
  return false;
}

/** The command line before the program; strace stays out of the way, so that the program is the direct child. */
export function watching(file: string): string[] {
  const strings = ['-xx', '-s', '1048576'];
  return [
    'strace',
    '-D',
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-y',
    ...strings,
    '-e',
    `trace=${WATCHED}`,
    '-o',
    file,
  ];
}

/** The same, with a disk that fails; only the calls that do are recorded. */
export function failing(file: string, { files, calls, error, from, lasting }: Injection): string[] {
  const when = `${from}${lasting ? '+' : ''}`;
  const paths = files.flatMap((path) => ['-P', path]);
  const inject = `inject=${calls}:error=${error}:when=${when}`;
  return [
    'strace',
    '-D',
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-y',
    '-s',
    '0',
    ...paths,
    '-ttt',
    '-e',
    `trace=${calls}`,
    '-e',
    inject,
    '-o',
    file,
  ];
}

/** The same, with a disk that takes `ms` for each fdatasync. */
export function slowly(ms: number): string[] {
  const inject = `inject=fdatasync:delay_enter=${ms * 1_000}`;
  const calls = ['-e', 'trace=fdatasync', '-e', inject, '-o', '/dev/null'];
  return ['strace', '-D', '-f', '--seccomp-bpf', '-qq', ...calls];
}

/** One system call that succeeded. `at` and `ended` are lines of the trace: when it was asked and when it was done. */
export interface Call {
  readonly name: string;
  readonly path: string;
  readonly data: Buffer;
  /** Of `pwrite64`: where; of `ftruncate`: how long. */
  readonly offset: number;
  readonly at: number;
  readonly ended: number;
}

const CALL = /^(\w+)\((?:AT_FDCWD(?:<[^>]*>)?|\d+<([^>]*)>)?(?:, )?(?:"([^"]*)")?(.*)$/;

function unescape(text: string): Buffer {
  return Buffer.from(text.replaceAll(String.raw`\x`, ''), 'hex');
}

function callOf(text: string, at: number, ended: number): Call | null {
  const [, name = '', path = '', quoted = '', rest = ''] = CALL.exec(text) ?? [];
  const result = Number(/\)\s+= (-?\d+)/.exec(rest)?.[1] ?? -1);
  if (result < 0) return null;
  const numbers = rest
    .slice(0, rest.lastIndexOf(')'))
    .split(', ')
    .filter((word) => word !== '');
  const named = name === 'openat' || name === 'unlink';
  return {
    name,
    path: unescape(named ? quoted : path).toString(),
    data: named ? Buffer.alloc(0) : unescape(quoted).subarray(0, result === 0 ? undefined : result),
    offset: name === 'pwrite64' || name === 'ftruncate' ? Number(numbers.at(-1)) : 0,
    at,
    ended,
  };
}

/** The calls of a trace made by `watching`, in the order in which they were asked. */
export function readTrace(file: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, { text: string; at: number }>();
  readFileSync(file, 'latin1')
    .split('\n')
    .forEach((line, at) => {
      const [, thread = '', text = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
      if (text.endsWith(' <unfinished ...>')) {
        unfinished.set(thread, { text: text.slice(0, -' <unfinished ...>'.length), at });
        return;
      }
      const [, resumed] = /^<\.\.\. \w+ resumed>(.*)$/.exec(text) ?? [];
      const begun = resumed === undefined ? undefined : unfinished.get(thread);
      const call = callOf(`${begun?.text ?? ''}${resumed ?? text}`, begun?.at ?? at, at);
      if (call !== null) calls.push(call);
    });
  return calls.sort((a, b) => a.at - b.at);
}
