import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ErpFault } from '../../engine/erp-port.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { CallBudget } from './call-budget.ts';

const NEVER = new AbortController().signal;
/** 09:00 in Brasília. */
const MORNING = Date.UTC(2026, 10, 22, 12);

/** Sleeping moves the clock: what a call had to wait is seen by when it was let go. */
class SleepyTime {
  at = MORNING;

  now(): number {
    return this.at;
  }

  sleep(ms: number): Promise<void> {
    this.at += ms;
    return Promise.resolve();
  }
}

async function open(t: TestContext, limits: { perSecond?: number; perDay?: number } = {}) {
  const dataDir = await tempDir(t);
  const time = new SleepyTime();
  const options = {
    dataDir,
    time,
    callsPerSecond: limits.perSecond ?? 3,
    callsPerDay: limits.perDay ?? 120_000,
  };
  return { dataDir, time, options, budget: new CallBudget(options) };
}

test('in an hour of calls without a pause, no second has more than three', async (t) => {
  const { budget, time } = await open(t);
  const times: number[] = [];
  while (time.at < MORNING + 3_600_000) {
    await budget.take('read', NEVER);
    times.push(time.at);
  }
  for (let index = 3; index < times.length; index += 1) {
    assert.ok(times[index]! - times[index - 3]! > 1_000, `call ${index} came too early`);
  }
  assert.ok(times.length > 3_600 * 2.8, `${times.length} calls: slower than it need be`);
});

test('who is woken late, as on a busy machine, holds up those behind: still no second has more than three', async (t) => {
  const { budget, time, options } = await open(t);
  let sleeps = 0;
  options.time.sleep = (ms) => {
    sleeps += 1;
    time.at += ms + (sleeps % 3 === 0 ? 180 : 0);
    return Promise.resolve();
  };
  const times: number[] = [];
  for (let call = 0; call < 200; call += 1) {
    await budget.take('read', NEVER);
    times.push(time.at);
  }
  assert.ok(sleeps > 10);
  for (let index = 3; index < times.length; index += 1) {
    assert.ok(times[index]! - times[index - 3]! > 1_000, `call ${index} came too early`);
  }
});

test('of calls that wait together, those behind one that was woken late wait on', async (t) => {
  const { budget, time, options } = await open(t);
  const sleepers: { at: number; wake: () => void }[] = [];
  options.time.sleep = (ms) => new Promise((wake) => sleepers.push({ at: time.at + ms, wake }));
  const times: number[] = [];
  const all = Promise.all(
    Array.from({ length: 12 }, () => budget.take('read', NEVER).then(() => times.push(time.at))),
  );
  for (let turns = 0; times.length < 12; turns += 1) {
    await new Promise(setImmediate);
    sleepers.sort((a, b) => a.at - b.at);
    const next = sleepers.shift();
    if (next === undefined) continue;
    time.at = Math.max(time.at, next.at + (turns % 4 === 1 ? 300 : 0));
    next.wake();
  }
  await all;
  for (let index = 3; index < times.length; index += 1) {
    assert.ok(times[index]! - times[index - 3]! > 1_000, times.map((at) => at - MORNING).join());
  }
});

test('calls that come together are let go in turn', async (t) => {
  const { budget, time, options } = await open(t);
  const waits: number[] = [];
  options.time.sleep = (ms) => {
    waits.push(ms);
    return Promise.resolve();
  };
  await Promise.all(Array.from({ length: 7 }, () => budget.take('read', NEVER)));
  assert.deepEqual(waits, [1_050, 1_050, 1_050, 2_100]);
  assert.equal(time.at, MORNING);
});

test("the day's calls end, first for writing; they begin again at midnight in Brasília", async (t) => {
  const { budget, time } = await open(t, { perSecond: 1_000, perDay: 120 });
  for (let call = 0; call < 110; call += 1) await budget.take('write', NEVER);
  const spent = (error: unknown): boolean => {
    assert.ok(error instanceof ErpFault);
    assert.match(error.message, /the day's 120 calls to Bling are used up/);
    assert.ok(Math.abs((error.waitMs ?? 0) - 15 * 3_600_000) < 60_000, String(error.waitMs));
    return true;
  };
  await assert.rejects(budget.take('write', NEVER), spent);
  await assert.rejects(budget.assertWritable(), spent);
  for (let call = 0; call < 10; call += 1) await budget.take('read', NEVER);
  await assert.rejects(budget.take('read', NEVER), spent);
  time.at = Date.UTC(2026, 10, 23, 2, 59, 59);
  await assert.rejects(budget.take('read', NEVER), ErpFault);
  time.at = Date.UTC(2026, 10, 23, 3);
  await budget.take('write', NEVER);
  assert.equal(await budget.usedToday(), 1);
});

test('a restart forgets no call, and a damaged count stops nothing', async (t) => {
  const { budget, options, dataDir } = await open(t);
  for (let call = 0; call < 250; call += 1) await budget.take('read', NEVER);
  const restarted = new CallBudget(options);
  const used = await restarted.usedToday();
  assert.ok(used >= 250 && used <= 350, `${used} counted of 250`);
  writeFileSync(join(dataDir, 'bling-calls.json'), '{"day":');
  const damaged = new CallBudget(options);
  assert.equal(await damaged.usedToday(), 0);
  await damaged.take('read', NEVER);
  assert.match(readFileSync(join(dataDir, 'bling-calls.json'), 'utf8'), /"used":100/);
});

test('a short pause is waited out, a long one is told', async (t) => {
  const { budget, time } = await open(t);
  budget.pause(1_000, 'too many');
  await budget.take('read', NEVER);
  assert.equal(time.at, MORNING + 1_000);
  budget.pause(600_000, 'this address is blocked');
  await assert.rejects(budget.take('read', NEVER), /this address is blocked/);
  time.at += 600_000;
  await budget.take('read', NEVER);
  budget.pauseForTheDay('spent by others');
  await assert.rejects(budget.assertWritable(), (error) => {
    assert.ok(error instanceof ErpFault);
    assert.equal(error.waitMs, 3_600_000);
    return true;
  });
});

test('a clock that is set back by an hour holds nothing up for an hour', async (t) => {
  const { budget, time } = await open(t);
  for (let call = 0; call < 3; call += 1) await budget.take('read', NEVER);
  time.at -= 3_600_000;
  const before = time.at;
  await budget.take('read', NEVER);
  assert.equal(time.at, before);
});
