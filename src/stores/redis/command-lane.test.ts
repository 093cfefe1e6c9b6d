import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Answer } from '../../core/command.ts';
import { Fault } from '../../engine/faults.ts';
import type { Submission } from '../../engine/ports.ts';
import { CommandLane } from './command-lane.ts';

/** Batches that are answered when the test says so, each sweep with its own limit. */
function laneOf(t: TestContext, limits: { queueLimit?: number; deadlineMs?: number } = {}) {
  const batches: { limits: number[]; end: (error?: Error) => void }[] = [];
  const lane = new CommandLane({
    queueLimit: 10_000,
    deadlineMs: 60_000,
    ...limits,
    run: (batch) => {
      const { promise, resolve, reject } = Promise.withResolvers<Answer[]>();
      const limits = batch.map(limitOf);
      const answers = limits.map((more) => ({ more }) as unknown as Answer);
      batches.push({
        limits,
        end: (error) => (error === undefined ? resolve(answers) : reject(error)),
      });
      return promise;
    },
  });
  t.after(() => {
    for (const { end } of batches) end();
    return lane.close();
  });
  return { lane, batches };
}

function limitOf({ command }: Submission): number {
  return command.type === 'sweep' ? command.limit : -1;
}

function sweeps(...limits: number[]): Submission[] {
  return limits.map((limit) => ({ command: { type: 'sweep', limit }, idempotency: null }));
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function isFault(code: string, outcomeUnknown: boolean) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof Fault);
    const { code: actual, outcomeUnknown: unknown, retryable } = error;
    assert.deepEqual([actual, unknown, retryable], [code, outcomeUnknown, true]);
    return true;
  };
}

void describe('the lane of commands', () => {
  void it('gathers what arrives together, and while a batch is under way, in order', async (t) => {
    const { lane, batches } = laneOf(t);
    const first = [lane.submit(sweeps(1)), lane.submit(sweeps(2, 3))];
    await turn();
    assert.deepEqual(batches[0]?.limits, [1, 2, 3]);
    const second = [lane.submit(sweeps(4)), lane.submit(sweeps(5))];
    await turn();
    assert.equal(batches.length, 1);
    assert.equal(lane.size, 5);
    batches[0].end();
    assert.deepEqual(await Promise.all(first), [[{ more: 1 }], [{ more: 2 }, { more: 3 }]]);
    await turn();
    assert.deepEqual(batches[1]?.limits, [4, 5]);
    batches[1].end();
    assert.deepEqual(await Promise.all(second), [[{ more: 4 }], [{ more: 5 }]]);
    await turn();
    assert.ok(lane.idle);
    assert.equal(lane.size, 0);
  });

  void it('takes so many at once, and never splits what came in one call', async (t) => {
    const { lane, batches } = laneOf(t);
    const counts = Array.from({ length: 300 }, (_, n) => n);
    const asked = [lane.submit(sweeps(...counts)), ...counts.map((n) => lane.submit(sweeps(n)))];
    for (const expected of [300, 256, 44]) {
      await turn();
      assert.equal(batches.at(-1)?.limits.length, expected);
      batches.at(-1)?.end();
    }
    await Promise.all(asked);
  });

  void it('a batch that fails fails all of its commands, and the next goes on', async (t) => {
    const { lane, batches } = laneOf(t);
    const lost = [lane.submit(sweeps(1)), lane.submit(sweeps(2))];
    await turn();
    const next = lane.submit(sweeps(3));
    batches[0]?.end(new Fault('STORE_UNAVAILABLE', 'gone', { retryable: true }));
    for (const each of lost) await assert.rejects(each, isFault('STORE_UNAVAILABLE', false));
    await turn();
    batches[1]?.end();
    assert.deepEqual(await next, [{ more: 3 }]);
  });

  void it('refuses what would wait beyond the limit, but not what is alone', async (t) => {
    const { lane, batches } = laneOf(t, { queueLimit: 2 });
    const asked = [lane.submit(sweeps(1, 2, 3))];
    assert.throws(() => lane.submit(sweeps(4)), isFault('STORE_OVERLOADED', false));
    await turn();
    asked.push(lane.submit(sweeps(5)), lane.submit(sweeps(6)));
    assert.throws(() => lane.submit(sweeps(7)), isFault('STORE_OVERLOADED', false));
    batches[0]?.end();
    await turn();
    batches[1]?.end();
    assert.equal((await Promise.all(asked)).flat().length, 5);
  });

  void it('in time or not at all: what is under way may have been done, what waits was not', async (t) => {
    const { lane, batches } = laneOf(t, { deadlineMs: 40 });
    const underWay = lane.submit(sweeps(1));
    await turn();
    const waiting = lane.submit(sweeps(2));
    await assert.rejects(underWay, isFault('STORE_TIMEOUT', true));
    await assert.rejects(waiting, isFault('STORE_OVERLOADED', false));
    batches[0]?.end();
    await turn();
    assert.equal(batches.length, 1);
    assert.equal(lane.size, 0);
  });

  void it('an import has more time for each of its rows', async (t) => {
    const { lane, batches } = laneOf(t, { deadlineMs: 40 });
    const rows = Array.from({ length: 1_000_000 }, () => ({ sku: 'A', onHand: 1 }));
    const command = { type: 'import_stock', rows, dryRun: true } as const;
    const long = lane.submit([{ command, idempotency: null }]);
    await assert.rejects(lane.submit(sweeps(1)), isFault('STORE_TIMEOUT', true));
    batches[0]?.end();
    assert.deepEqual(await long, [{ more: -1 }]);
  });

  void it('closes after its last answer, and takes nothing more', async (t) => {
    const { lane, batches } = laneOf(t);
    const asked = lane.submit(sweeps(1));
    const closing = lane.close();
    assert.throws(() => lane.submit(sweeps(2)), /closed/);
    await turn();
    batches[0]?.end();
    await closing;
    assert.deepEqual(await asked, [{ more: 1 }]);
  });
});
