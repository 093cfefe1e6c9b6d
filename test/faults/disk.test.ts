/**
 * T4: the disk fails. EIO from fsync and from write, given to the real service by strace at a random call, and a file
 * system that is really full. From the error on nothing is acknowledged any more: 503, then the process stops with a
 * clear message; started again on a disk that works, it has everything that it acknowledged.
 * `HOLDFAST_DISK_ERRORS=50` makes as many of each kind.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditDataDir } from '../../src/stores/embedded/audit.ts';
import { Random } from '../linearizability/random.ts';
import { tempDir } from '../support/temp-dir.ts';
import { seeded, setting } from './chance.ts';
import { Client, type Reply } from './client.ts';
import { StartFailure, startService, type Ending, type ServiceProcess } from './service-process.ts';
import { failing, hasStrace, type Injection } from './strace.ts';

const ERRORS = setting('HOLDFAST_DISK_ERRORS', 2);
const AT_ONCE = 3;
const SKU = 'DISK-1';
/** No disk that fails may keep a process for longer. */
const STOPS_WITHIN_MS = 30_000;
const BROKEN = 70;

/** What the buyers heard, by the wall clock in ms. */
class Witness {
  /** Per reservation, the states that its answers allow. */
  readonly allowed = new Map<string, readonly string[]>();
  readonly acknowledged: { readonly asked: number; readonly heard: number }[] = [];
  unavailable = 0;
  firstUnavailable = Infinity;

  refused(): void {
    this.unavailable += 1;
    this.firstUnavailable = Math.min(this.firstUnavailable, Date.now());
  }

  /** Asks until it is done; null if there is nobody to answer any more. */
  async ask(client: Client, path: string): Promise<Reply | null> {
    for (;;) {
      const asked = Date.now();
      const reply = await client.ask('POST', path, {});
      const heard = Date.now();
      if (reply === null) return null;
      if (reply.status === 503) {
        this.refused();
        assert.ok(reply.headers['retry-after'] !== undefined, 'a 503 says when to try again');
        await sleep(50);
        continue;
      }
      assert.equal(reply.status, 200, JSON.stringify(reply.body));
      this.acknowledged.push({ asked, heard });
      return reply;
    }
  }

  async buyer(client: Client, random: Random): Promise<void> {
    for (;;) {
      const reserved = await this.ask(client, `/stock/${SKU}/reserve`);
      if (reserved === null) return;
      const id = String(reserved.body['reservation_id']);
      this.allowed.set(id, ['active']);
      if (random.chance(0.5)) continue;
      const [verb, after] = random.chance(0.5)
        ? (['confirm', 'acknowledged'] as const)
        : (['release', 'released'] as const);
      this.allowed.set(id, ['active', after]);
      if ((await this.ask(client, `/reservations/${id}/${verb}`)) === null) return;
      this.allowed.set(id, [after]);
    }
  }
}

interface Outcome {
  readonly ending: Ending;
  readonly output: string;
  readonly witness: Witness;
}

/** Sells until the service has stopped by itself. */
async function sellUntilItStops(
  t: TestContext,
  service: ServiceProcess,
  buyers: number,
  random: Random,
): Promise<Outcome> {
  const witness = new Witness();
  const client = new Client(t, service.url, buyers);
  const set = await client.ask('PUT', `/stock/${SKU}`, { on_hand: 1_000_000 });
  const crowd: Promise<void>[] = [];
  if (set?.status === 503) witness.refused();
  if (set?.status === 201) {
    for (let buyer = 0; buyer < buyers; buyer += 1) crowd.push(witness.buyer(client, random));
  }
  const over = Promise.all([service.exited, ...crowd]).then(([ending]) => ending);
  const stopped = await Promise.race([over, sleep(STOPS_WITHIN_MS, null, { ref: false })]);
  assert.ok(stopped !== null, `it has not stopped: ${service.output()}`);
  return { ending: stopped, output: service.output(), witness };
}

/** After the error, on a disk that works: everything that was acknowledged is there, and the books agree. */
async function startAgain(t: TestContext, dataDir: string, { allowed }: Witness): Promise<number> {
  const service = await startService(t, dataDir);
  const client = new Client(t, service.url, 4);
  let lost = 0;
  for (const [id, statuses] of allowed) {
    const { body } = await client.must('GET', `/reservations/${id}`);
    if (!statuses.includes(String(body['status']))) lost += 1;
  }
  assert.equal(await service.end('SIGTERM'), 0);
  assert.deepEqual((await auditDataDir(dataDir)).problems, []);
  return lost;
}

class Tally {
  errors = 0;
  atStart = 0;
  acknowledged = 0;
  late = 0;
  unavailable = 0;
  lost = 0;
  /** Syncs of the books that were asked for after one had failed. */
  syncsAfter = 0;

  text(): string {
    return `errors ${this.errors} (${this.atStart} at the start), acknowledged ${this.acknowledged}, late acks ${this.late}, lost ${this.lost}, 503s ${this.unavailable}, syncs after the error ${this.syncsAfter}`;
  }
}

/** `failedAt`: when the disk failed, by the wall clock in ms, as far as it is known. */
function count(
  tally: Tally,
  { ending, output, witness }: Outcome,
  failedAt: number,
  alone: boolean,
): void {
  assert.equal(ending, BROKEN, output);
  assert.match(
    output,
    /holdfast: the store failed: the disk that holds \S+ (failed|is full)/,
    output,
  );
  tally.errors += 1;
  tally.acknowledged += witness.acknowledged.length;
  tally.unavailable += witness.unavailable;
  const from = Math.min(failedAt, witness.firstUnavailable);
  // Others may have their answer on its way; who is alone has had it, or asked for what failed.
  const late = ({ asked, heard }: { asked: number; heard: number }): boolean =>
    asked > from || (alone && heard > failedAt);
  tally.late += witness.acknowledged.filter(late).length;
}

interface Failure {
  readonly at: number;
  readonly syncsAfter: number;
}

function readFailure(trace: string): Failure | null {
  let at: number | null = null;
  let syncsAfter = 0;
  for (const line of existsSync(trace) ? readFileSync(trace, 'utf8').split('\n') : []) {
    const [, seconds = '', call = ''] = line.split(/\s+/, 3);
    if (at !== null && /^f(data)?sync\(\d+<[^>]*holdfast\.db/.test(call)) syncsAfter += 1;
    if (line.includes('(INJECTED)')) at ??= Number(seconds) * 1000;
  }
  return at === null ? null : { at, syncsAfter };
}

async function failOnce(
  t: TestContext,
  kind: Omit<Injection, 'files'>,
  seed: number,
  tally: Tally,
): Promise<void> {
  const random = new Random(seed);
  const dir = await tempDir(t);
  const [dataDir, trace] = [join(dir, 'data'), join(dir, 'trace')];
  const books = join(dataDir, 'holdfast.db');
  const files = [books, `${books}-wal`, `${books}-journal`];
  const under = failing(trace, { ...kind, files });
  const buyers = random.pick([1, 1, 8]) ?? 1;
  let witness = new Witness();
  try {
    const service = await startService(t, dataDir, { under });
    const outcome = await sellUntilItStops(t, service, buyers, random);
    const failure = readFailure(trace);

    assert.ok(failure !== null, `${kind.calls} did not fail: ${outcome.output}`);
    tally.syncsAfter += failure.syncsAfter;
    count(tally, outcome, failure.at, buyers === 1);
    assert.ok(outcome.witness.unavailable > 0, 'nobody heard a 503');
    ({ witness } = outcome);
  } catch (error) {
    if (!(error instanceof StartFailure)) throw error;
    assert.ok(typeof error.ending === 'number' && error.ending !== 0, error.output);
    assert.match(error.output, new RegExp(`^holdfast: the disk that holds ${dataDir} `));
    tally.errors += 1;
    tally.atStart += 1;
  }
  tally.lost += await startAgain(t, dataDir, witness);
}

/** `range`: of the call that fails first. Some fail once, and would succeed if it were tried again. */
async function failOften(
  t: TestContext,
  kind: Pick<Injection, 'calls' | 'error'>,
  range: [number, number],
): Promise<void> {
  if (!hasStrace(t)) return;
  const random = seeded(t, import.meta.filename);
  const tally = new Tally();
  for (let begun = 0; begun < ERRORS; begun += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, ERRORS - begun) }, () => {
      const injection = { ...kind, from: random.between(...range), lasting: random.chance(0.5) };
      return failOnce(t, injection, random.between(0, 1_000_000), tally);
    });
    await Promise.all(some);
  }
  t.diagnostic(`${kind.error} on ${kind.calls}: ${tally.text()}`);
  assert.deepEqual([tally.errors, tally.late, tally.lost], [ERRORS, 0, 0]);
  assert.equal(tally.syncsAfter, 0, 'a sync after a failed one proves nothing');
}

test(`fsync fails with EIO, ${ERRORS} times: nothing is acknowledged after it, nothing before it is lost`, (t) =>
  failOften(t, { calls: 'fsync,fdatasync', error: 'EIO' }, [1, 50]));

test(`write fails with EIO, ${ERRORS} times: nothing is acknowledged after it, nothing before it is lost`, (t) =>
  failOften(t, { calls: 'pwrite64', error: 'EIO' }, [1, 500]));

function mount(...args: readonly string[]): boolean {
  return spawnSync('mount', args).status === 0;
}

/** On a file system of its own with little room; more is given before the second start. */
async function fillOnce(
  t: TestContext,
  dataDir: string,
  seed: number,
  tally: Tally,
): Promise<void> {
  const random = new Random(seed);
  const buyers = random.pick([1, 8]) ?? 1;
  const service = await startService(t, dataDir);
  const outcome = await sellUntilItStops(t, service, buyers, random);
  count(tally, outcome, Infinity, false);
  assert.ok(outcome.witness.unavailable > 0, 'nobody heard a 503');
  assert.ok(mount('-o', 'remount,size=64m', dataDir), 'the file system did not grow');
  tally.lost += await startAgain(t, dataDir, outcome.witness);
}

async function fillOften(t: TestContext): Promise<void> {
  const random = seeded(t, import.meta.filename);
  const tally = new Tally();
  for (let done = 0; done < ERRORS; done += 1) {
    const dataDir = join(await tempDir(t), 'full');
    await mkdir(dataDir);
    const size = `size=${random.between(500, 1_500)}k`;
    if (!mount('-t', 'tmpfs', '-o', size, 'holdfast-full', dataDir)) {
      t.diagnostic('no file system can be mounted here (root may): ENOSPC is injected instead');
      await failOften(t, { calls: 'pwrite64', error: 'ENOSPC' }, [1, 500]);
      return;
    }
    try {
      await fillOnce(t, dataDir, random.between(0, 1_000_000), tally);
    } finally {
      spawnSync('umount', ['-l', dataDir]);
    }
  }
  t.diagnostic(`a full file system: ${tally.text()}`);
  assert.deepEqual([tally.errors, tally.late, tally.lost], [ERRORS, 0, 0]);
}

test(
  `the file system is full, ${ERRORS} times: nothing is acknowledged after it, nothing before it is lost`,
  fillOften,
);
