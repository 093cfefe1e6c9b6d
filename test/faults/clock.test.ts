/**
 * T8: the clock. The wall clock steps an hour forward or back, or a millisecond back, the process is frozen, the
 * machine starts again in the past: no reservation lapses early, none lives on, and what has lapsed and been sold
 * again never comes back. `HOLDFAST_CLOCK_STEPS=100` makes as many steps of each kind in the real service too;
 * `HOLDFAST_REOPENINGS=100` and `HOLDFAST_FREEZES=100` are for the others.
 */
import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { cp, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import type { Clock } from '../../src/engine/ports.ts';
import { SteadyClock } from '../../src/engine/steady-clock.ts';
import { AnchoredClock, anchorClock } from '../../src/stores/embedded/anchored-clock.ts';
import { auditDataDir } from '../../src/stores/embedded/audit.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { confirm, release, reserve, setStock } from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import { outcome } from '../support/outcome.ts';
import { tempDir } from '../support/temp-dir.ts';
import { quantile, seeded, setting, shuffled } from './chance.ts';
import { Client } from './client.ts';
import { openStore, startClock } from './clocked-store.ts';
import { startService } from './service-process.ts';

const HOUR = 3_600_000;
const STEPS = [HOUR, -HOUR, -1];
const STEPS_OF_EACH = 100;
const REOPENINGS = setting('HOLDFAST_REOPENINGS', 8);
const FREEZES = setting('HOLDFAST_FREEZES', 1);
/** The proof that the steps reach the service: it says how far its clock is from the wall. */
const DRIFT_OF_AN_HOUR = /^holdfast_clock_drift_seconds (3599|3600)[.\d]*$/m;
const STEPS_IN_SERVICE = setting('HOLDFAST_CLOCK_STEPS', 10);

/** A wall clock that is stepped and a monotonic one that is not, as a machine has them. */
class Machine {
  wall = START;
  monotonic = 5_000;

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

/** Steps the wall in the middle of reservations' lives, and looks at each a millisecond before its deadline and at it. */
async function stepWall(t: TestContext, machine: Machine, clock: Clock): Promise<void> {
  const random = seeded(t, import.meta.filename);
  const store = new MemoryStore(clock, DEFAULT_RULES);
  const ask = async (id: string): Promise<boolean> =>
    (await store.submit(reserve(id, 'W', { ttl: 2 }))).ok;
  await store.submit(setStock('W', 1));
  let last = clock.now();
  const tick = (ms: number): void => {
    machine.pass(ms);
    const now = clock.now();
    assert.ok(now >= last, `the clock ran back from ${last} to ${now}`);
    last = now;
  };
  let [early, late, back] = [0, 0, 0];
  const steps = shuffled(Array<number[]>(STEPS_OF_EACH).fill(STEPS).flat(), random);
  for (const [index, step] of steps.entries()) {
    assert.ok(await ask(`buyer-${index}`));
    const before = random.between(0, 1_999);
    tick(before);
    machine.wall += step;
    tick(1_999 - before);
    if (await ask(`early-${index}`)) early += 1;
    tick(1);
    if (!(await ask(`next-${index}`))) late += 1;
    if ((await store.submit(confirm(`buyer-${index}`))).ok) back += 1;
    await store.submit(release(`next-${index}`));
  }
  t.diagnostic(`steps of the wall ${steps.length}, early ${early}, late ${late}, back ${back}`);
  assert.deepEqual([early, late, back], [0, 0, 0]);
  assert.deepEqual((await store.audit()).problems, []);
}

test('the wall clock steps an hour and a millisecond: the steady clock does not care', async (t) => {
  const machine = new Machine();
  const clock = new SteadyClock(
    () => machine.wall,
    () => machine.monotonic,
  );
  await stepWall(t, machine, clock);
});

test('the wall clock steps an hour and a millisecond: the clock of the embedded store does not care', async (t) => {
  const machine = new Machine();
  t.mock.method(Date, 'now', () => machine.wall);
  t.mock.method(process, 'hrtime', (): [number, number] => {
    const seconds = Math.floor(machine.monotonic / 1000);
    return [seconds, Math.round((machine.monotonic - seconds * 1000) * 1e6)];
  });
  await stepWall(t, machine, new AnchoredClock(anchorClock(0)));
});

test(`started again with the wall set back, ${REOPENINGS} times: what lapsed and was sold again stays sold`, async (t) => {
  const random = seeded(t, import.meta.filename);
  const dataDir = await tempDir(t);
  let now = START;
  let dir = join(dataDir, 'books');
  let twice = 0;
  for (let round = 0; round < REOPENINGS; round += 1) {
    const clock = startClock(now);
    const store = await openStore(dir, clock);
    t.after(() => store.close());
    clock.set(store.clock.now());
    const [sku, ana, beto] = [`SKU-${round}`, `ana-${round}`, `beto-${round}`];
    await store.submit(setStock(sku, 1));
    assert.ok((await store.submit(reserve(ana, sku, { ttl: 10 }))).ok);
    clock.advance(10_000);
    assert.ok((await store.submit(reserve(beto, sku))).ok, 'a lapsed unit is sold again');
    const sold = random.chance(0.5);
    if (sold) assert.ok((await store.submit(confirm(beto))).ok);
    // As after a crash, or as after a clean end.
    const crash = random.chance(0.5);
    const next = join(dataDir, `books-${round}`);
    if (crash) await cp(dir, next, { recursive: true });
    await store.close();
    if (crash) dir = next;

    const back = random.pick([HOUR, 24 * HOUR, 10_000, 1]) ?? HOUR;
    const past = startClock(clock.now() - back);
    const again = await openStore(dir, past);
    t.after(() => again.close());
    const anew = outcome(await again.submit(confirm(ana)));
    assert.match(anew, /^reservation_expired/, `${back} ms back`);
    assert.equal((await again.reservation(ana))?.status, 'expired');
    assert.equal((await again.reservation(beto))?.status, sold ? 'acknowledged' : 'active');
    const third = outcome(await again.submit(reserve(`caio-${round}`, sku)));
    if (!third.startsWith(sold ? 'sold_out' : 'all_reserved')) twice += 1;
    const late = await again.submit(confirm(ana, { order: 'order-1', late: 'reacquire' }));
    if (late.ok) twice += 1;
    assert.ok(again.clock.now() >= clock.now(), 'it starts no earlier than it ended');
    assert.deepEqual((await again.audit()).problems, []);
    await again.close();
    now = clock.now() + random.between(-HOUR, HOUR);
  }
  t.diagnostic(`started again in the past ${REOPENINGS} times, sold twice ${twice}`);
  assert.equal(twice, 0);
});

async function until(time: number): Promise<void> {
  while (Date.now() < time) await sleep(Math.max(1, time - Date.now()));
}

async function hold(
  client: Client,
  sku: string,
  seconds: number,
): Promise<{ id: string; expiresAt: number }> {
  await client.must('PUT', `/stock/${sku}`, { on_hand: 1 });
  const ask = { ttl_seconds: seconds };
  const { status, body } = await client.must('POST', `/stock/${sku}/reserve`, ask);
  assert.equal(status, 200, JSON.stringify(body));
  const expiresAt = Date.parse(String(body['expires_at']));
  const off = expiresAt - Date.now() - seconds * 1000;
  // A clock that has followed a step is off by an hour, and these tests would wait as long before they failed.
  assert.ok(Math.abs(off) < HOUR / 2, `the deadline of ${sku} is off by ${off} ms`);
  return { id: String(body['reservation_id']), expiresAt };
}

/** Stops the process in its tracks for two seconds, in which one reservation lapses and another does not. */
async function freeze(client: Client, pid: number, round: number): Promise<void> {
  const short = await hold(client, `SHORT-${round}`, 1);
  const long = await hold(client, `LONG-${round}`, 60);
  process.kill(pid, 'SIGSTOP');
  // Asked of a service that does not hear: the answer comes when it wakes, and is that moment's.
  const meanwhile = client.must('POST', `/reservations/${short.id}/confirm`, {});
  await sleep(2_000);
  process.kill(pid, 'SIGCONT');
  const late = await meanwhile;
  assert.equal(late.status, 410, JSON.stringify(late.body));
  const next = await client.must('POST', `/stock/SHORT-${round}/reserve`);
  assert.equal(next.status, 200, JSON.stringify(next.body));
  const kept = await client.must('POST', `/reservations/${long.id}/confirm`, {});
  assert.equal(kept.status, 200, JSON.stringify(kept.body));
}

test(`frozen for two seconds, ${FREEZES} times: on waking, what lapsed meanwhile is on sale and its confirm gets 410`, async (t) => {
  const service = await startService(t, await tempDir(t));
  const client = new Client(t, service.url, 4);
  for (let round = 0; round < FREEZES; round += 1) await freeze(client, service.pid, round);
});

/** The library that steps the wall clock of one process; null, and the test skipped, where it is missing. */
function fakeTime(t: TestContext): string | null {
  const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
  if (library === undefined) t.skip('libfaketime is missing: apt-get install faketime');
  return library ?? null;
}

/** Follows one unit through its life, asking for it shortly before and shortly after its deadline. */
async function watch(
  client: Client,
  sku: string,
): Promise<{ early: boolean; late: boolean; lag: number }> {
  const { id, expiresAt } = await hold(client, sku, 1);
  await until(expiresAt - 150);
  const before = await client.must('POST', `/stock/${sku}/reserve`);
  const granted = before.status === 200;
  const early = granted && Date.now() < expiresAt;
  await until(expiresAt + 5);
  const lag = Date.now() - expiresAt;
  const after = granted ? before : await client.must('POST', `/stock/${sku}/reserve`);
  const confirmed = await client.must('POST', `/reservations/${id}/confirm`, {});
  return { early, late: after.status !== 200 || confirmed.status !== 410, lag };
}

test(`the wall clock of the real service steps ${3 * STEPS_IN_SERVICE} times: nothing lapses early or late`, async (t) => {
  const library = fakeTime(t);
  if (library === null) return;
  const random = seeded(t, import.meta.filename);
  const dataDir = await tempDir(t);
  const stepFile = join(await tempDir(t), 'step');
  let offsetMs = 0;
  /** Renamed into place: never read half-written. */
  const step = async (ms: number): Promise<void> => {
    offsetMs += ms;
    const seconds = (offsetMs / 1000).toFixed(3);
    await writeFile(`${stepFile}.new`, `${offsetMs < 0 ? '' : '+'}${seconds}\n`);
    await rename(`${stepFile}.new`, stepFile);
  };
  await step(0);
  const settings = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: stepFile,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    HOLDFAST_SWEEP_INTERVAL_MS: '60000',
  };
  const service = await startService(t, dataDir, { settings });
  const client = new Client(t, service.url, 16);
  const lives: Promise<{ early: boolean; late: boolean; lag: number }>[] = [];
  const steps = shuffled(Array<number[]>(STEPS_IN_SERVICE).fill(STEPS).flat(), random);
  for (const [index, ms] of steps.entries()) {
    lives.push(watch(client, `STEP-${index}`));
    await sleep(random.between(20, 60));
    await step(ms);
  }
  const seen = await Promise.all(lives);
  await step(HOUR - offsetMs);
  assert.match(await (await fetch(`${service.url}/metrics`)).text(), DRIFT_OF_AN_HOUR);
  const early = seen.filter((one) => one.early).length;
  const late = seen.filter((one) => one.late).length;
  const lags = seen.map(({ lag }) => lag);

  // It ends, and starts again a day in the past.
  const sold = await hold(client, 'PAST', 1);
  await until(sold.expiresAt + 5);
  const beto = await client.must('POST', '/stock/PAST/reserve');
  assert.equal(beto.status, 200, JSON.stringify(beto.body));
  await service.end('SIGKILL');
  await step(-24 * HOUR);
  const past = await startService(t, dataDir, { settings });
  const again = new Client(t, past.url);
  const ana = await again.must('POST', `/reservations/${sold.id}/confirm`, {});
  assert.equal(ana.status, 410, JSON.stringify(ana.body));
  const caio = await again.must('POST', '/stock/PAST/reserve');
  assert.equal(caio.status, 409, 'the unit is there once');
  const paid = await again.must(
    'POST',
    `/reservations/${String(beto.body['reservation_id'])}/confirm`,
    {},
  );
  assert.equal(paid.status, 200, JSON.stringify(paid.body));
  assert.equal(await past.end('SIGTERM'), 0);
  assert.deepEqual((await auditDataDir(dataDir)).problems, []);
  t.diagnostic(
    `steps ${steps.length}, early ${early}, late ${late}, asked after the deadline p50 ${quantile(lags, 0.5)} ms, max ${Math.max(...lags)} ms`,
  );
  assert.deepEqual([early, late], [0, 0]);
});
