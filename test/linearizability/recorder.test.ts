import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INFO } from './history.ts';
import { HistoryRecorder } from './recorder.ts';

function recorder(): {
  readonly clock: { now: number };
  readonly it: HistoryRecorder<string, string>;
} {
  const clock = { now: 0 };
  return { clock, it: new HistoryRecorder<string, string>(() => clock.now) };
}

test('overlapping calls keep their times and their order', async () => {
  const { clock, it } = recorder();
  const gate = Promise.withResolvers<string>();
  const slow = it.record(1, 'slow', () => gate.promise);
  await it.record(2, 'fast', () => Promise.resolve('done'));
  clock.now = 5;
  gate.resolve('at last');
  assert.equal(await slow, 'at last');
  assert.deepEqual(it.history(), [
    {
      client: 1,
      input: 'slow',
      output: 'at last',
      invoke: 0,
      return: 5,
      order: { invoke: 0, return: 3 },
    },
    {
      client: 2,
      input: 'fast',
      output: 'done',
      invoke: 0,
      return: 0,
      order: { invoke: 1, return: 2 },
    },
  ]);
});

test('a fault is thrown on; whether the call may have happened is for the caller to say', async () => {
  const { it } = recorder();
  const fault = new Error('reset');
  const fail = (): Promise<string> => Promise.reject(fault);
  await assert.rejects(it.record(1, 'unknown', fail), fault);
  await assert.rejects(
    it.record(2, 'refused at the door', fail, () => 'never'),
    fault,
  );
  const [only, ...others] = it.history();
  assert.deepEqual(others, []);
  assert.equal(only?.input, 'unknown');
  assert.equal(only.output, INFO);
  assert.equal(only.return, Infinity);
});

test('what was under way when the server died can take effect until then, and may still be answered', () => {
  const { clock, it } = recorder();
  const answered = it.invoked(1, 'answer in the socket');
  it.invoked(2, 'lost');
  clock.now = 4;
  it.cutOff();
  it.invoked(3, 'to the next server');
  clock.now = 6;
  it.answered(answered, 'yes');
  const ends = it.history().map(({ output, return: end }) => [output, end]);
  assert.deepEqual(ends, [
    ['yes', 6],
    [INFO, 4],
    [INFO, Infinity],
  ]);
});

test('a call ends once, and the clock does not run back', () => {
  const { clock, it } = recorder();
  const call = it.invoked(1, 'x');
  it.answered(call, 'y');
  assert.throws(() => {
    it.answered(call, 'z');
  }, /not open/);
  clock.now = -1;
  assert.throws(() => it.invoked(1, 'x'), RangeError);
});
