/**
 * T3: the power fails. strace records every write that a store under load asks of the disk, every fsync, and every
 * answer it gives. For a moment of that record, a disk is made that holds what an fsync had made durable by then and,
 * of the rest, whatever chance wants: sectors of it, in no order. Everything answered by then must be in the books.
 * The same with fsync taken out must fail: else the model would prove nothing. `HOLDFAST_POWER_CUTS=500` makes as many.
 */
import './compiled.ts';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { Fault } from '../../src/engine/faults.ts';
import { auditFile } from '../../src/stores/embedded/audit-reader.ts';
import { EmbeddedStore } from '../../src/stores/embedded/embedded-store.ts';
import type { Random } from '../linearizability/random.ts';
import { tempDir } from '../support/temp-dir.ts';
import { seeded, setting } from './chance.ts';
import { hasStrace, readTrace, watching, type Call } from './strace.ts';

const CUTS = setting('HOLDFAST_POWER_CUTS', 20);
const CUTS_PER_RUN = 60;
/** Enough for the log to be carried over into the database file a few times. */
const OPERATIONS = 700;
const SECTOR = 512;
const FIXTURE = join(import.meta.dirname, 'power-cut.fixture.ts');
/** Where the store under load says what it has answered. */
const ANSWERS = 'answers';
const NO_SYNC = join(import.meta.dirname, 'no-sync.fixture.ts');

/** Bytes that grow. */
class Content {
  #bytes: Buffer<ArrayBuffer>;
  #length: number;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = Buffer.from(bytes);
    this.#length = bytes.length;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  truncate(length: number): void {
    this.#bytes.fill(0, Math.min(length, this.#bytes.length));
    this.#reserve(length);
    this.#length = length;
  }

  write(data: Buffer, offset: number): void {
    this.#reserve(offset + data.length);
    data.copy(this.#bytes, offset);
    this.#length = Math.max(this.#length, offset + data.length);
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const roomier = Buffer.alloc(2 * length);
    this.#bytes.copy(roomier);
    this.#bytes = roomier;
  }
}

/** One file as a disk may hold it. */
class DiskFile {
  readonly #durable = new Content();
  #pending: Call[] = [];
  /** Is there a directory entry that survives? */
  #named: boolean;

  constructor(named: boolean) {
    this.#named = named;
  }

  change(call: Call): void {
    this.#pending.push(call);
  }

  name(): void {
    this.#named = true;
  }

  /** Makes durable what had been done before `at`. */
  sync(at: number): void {
    for (const { ended, name, data, offset } of this.#pending) {
      if (ended > at) continue;
      if (name === 'ftruncate') this.#durable.truncate(offset);
      else this.#durable.write(data, offset);
    }
    this.#pending = this.#pending.filter(({ ended }) => ended > at);
    this.#named = true;
  }

  /** What is found after the cut; null: no such file. `kept`: how likely a sector that was not made durable is there. */
  found(kept: number, random: Random): Buffer | null {
    if (!this.#named) return null;
    const content = new Content(this.#durable.bytes);
    for (const { name, data, offset } of this.#pending) {
      if (name === 'ftruncate') {
        if (random.chance(kept)) content.truncate(offset);
        continue;
      }
      for (let from = 0; from < data.length;) {
        const upTo = Math.min(data.length, from + SECTOR - ((offset + from) % SECTOR));
        if (random.chance(kept)) content.write(data.subarray(from, upTo), offset + from);
        from = upTo;
      }
    }
    return content.bytes;
  }
}

/** The files of `directory` as the disk has them when everything up to line `cut` of the trace was asked. */
function diskAt(calls: readonly Call[], cut: number, directory: string): Map<string, DiskFile> {
  const files = new Map<string, DiskFile>();
  for (const call of calls) {
    if (call.at > cut) break;
    const { name, path, at, ended } = call;
    if (path === directory && name === 'fsync') for (const file of files.values()) file.name();
    if (dirname(path) !== directory || !/\.db(-wal|-journal)?$/.test(path)) continue;
    const file = files.get(path) ?? new DiskFile(false);
    if (name === 'unlink') files.delete(path);
    else files.set(path, file);
    // What the disk did after the cut, or was still doing, it need not have done.
    if (name === 'fsync' || name === 'fdatasync') {
      if (ended <= cut) file.sync(at);
    } else if (name === 'pwrite64' || name === 'ftruncate') file.change(call);
  }
  return files;
}

interface Tally {
  cuts: number;
  answers: number;
  lost: number;
  refused: number;
  damaged: number;
}

async function record(
  dataDir: string,
  trace: string,
  seed: number,
  synced: boolean,
): Promise<void> {
  const preload = synced ? [] : ['--import', NO_SYNC];
  const [strace = '', ...options] = watching(trace);
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', ...preload];
  const args = [...options, ...node, FIXTURE, dataDir, String(seed), String(OPERATIONS)];
  const answers = openSync(join(dirname(trace), ANSWERS), 'w');
  const child = spawn(strace, args, { stdio: ['ignore', answers, 'inherit'] });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  closeSync(answers);
  assert.equal(signal, 'SIGKILL', 'the store under load ended by itself');
}

function isAnswer({ name, path }: Pick<Call, 'name' | 'path'>): boolean {
  return name === 'write' && basename(path) === ANSWERS;
}

/** Per reservation, what had been answered last before the cut. */
function answersUpTo(calls: readonly Call[], cut: number): Map<string, string> {
  const answers = new Map<string, string>();
  for (const { name, path, data, at } of calls) {
    if (at > cut || !isAnswer({ name, path })) continue;
    const [id = '', status = ''] = data.toString().trimEnd().split(' ');
    answers.set(id, status);
  }
  return answers;
}

async function statuses(store: EmbeddedStore): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let after: string | null = null; ;) {
    const page = await store.reservations(after, 1_000);
    for (const { id, status } of page) found.set(id, status);
    after = page.at(-1)?.id ?? null;
    if (after === null) return found;
  }
}

/** Pulls the plug at one moment and looks at what is left. */
async function cutAt(
  calls: readonly Call[],
  cut: number,
  from: string,
  to: string,
  random: Random,
  tally: Tally,
): Promise<void> {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to);
  const kept = random.pick([0, 0.1, 0.5, 0.9]) ?? 0;
  for (const [path, file] of diskAt(calls, cut, from)) {
    const content = file.found(kept, random);
    if (content !== null) writeFileSync(join(to, basename(path)), content);
  }
  const answers = answersUpTo(calls, cut);
  tally.cuts += 1;
  tally.answers += answers.size;
  try {
    const store = await EmbeddedStore.open({ dataDir: to, rules: DEFAULT_RULES });
    try {
      const found = await statuses(store);
      for (const [id, status] of answers) {
        const is = found.get(id);
        if (is === undefined || (status !== 'active' && is !== status)) tally.lost += 1;
      }
      if (!auditFile(join(to, 'holdfast.db')).ok) tally.damaged += 1;
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    tally.refused += 1;
  }
}

async function cutOften(t: TestContext, cuts: number, synced: boolean): Promise<Tally> {
  const random = seeded(t, import.meta.filename);
  const dir = await tempDir(t);
  const tally: Tally = { cuts: 0, answers: 0, lost: 0, refused: 0, damaged: 0 };
  let syncs = 0;
  for (let run = 0; tally.cuts < cuts; run += 1) {
    const dataDir = join(dir, `run-${run}`);
    const trace = join(dir, 'trace');
    await record(dataDir, trace, random.between(0, 1_000_000), synced);
    const calls = readTrace(trace);
    syncs += calls.filter(({ name, path }) => name === 'fsync' && path.includes('.db')).length;
    const told = calls.filter(isAnswer);
    assert.ok(told.length >= OPERATIONS, `${told.length} answers in the trace`);
    const first = told[0]?.at ?? 0;
    const last = calls.at(-1)?.at ?? 0;
    for (let cut = 0; cut < CUTS_PER_RUN && tally.cuts < cuts; cut += 1) {
      // Right after an answer is the worst moment; anywhere is the rest.
      const worst = random.pick(told)?.at ?? first;
      const moment = random.chance(0.5) ? worst : random.between(first, last);
      await cutAt(calls, moment, dataDir, join(dir, 'after'), random, tally);
    }
    rmSync(dataDir, { recursive: true });
  }
  t.diagnostic(
    `power cuts ${tally.cuts}, fsyncs in the record ${syncs}, answers checked ${tally.answers}, lost ${tally.lost}, refused to open ${tally.refused}, audits failed ${tally.damaged}`,
  );
  return tally;
}

test(`${CUTS} power cuts: what was answered survives the loss of every write that no fsync covered`, async (t) => {
  if (!hasStrace(t)) return;
  const { lost, refused, damaged, answers } = await cutOften(t, CUTS, true);
  assert.deepEqual({ lost, refused, damaged }, { lost: 0, refused: 0, damaged: 0 });
  assert.ok(answers > 0);
});

test('the control: without fsync the same cuts lose answers', async (t) => {
  if (!hasStrace(t)) return;
  const { lost, refused, damaged } = await cutOften(t, 5, false);
  assert.ok(lost + refused + damaged > 0, 'the model does not notice that fsync is missing');
});
