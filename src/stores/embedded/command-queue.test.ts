import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '../../engine/faults.ts';
import { CommandQueue, type Effect, type Job } from './command-queue.ts';

class Probe {
  fault: Fault | null = null;
  readonly job: Job;

  constructor(size = 1, deadline = 1_000, effect: Effect = 'none') {
    this.job = {
      operations: Array.from({ length: size }, () => ({ kind: 'stats' }) as const),
      effect,
      deadline,
      resolve: () => undefined,
      reject: (fault) => {
        this.fault = fault;
      },
      settled: false,
    };
  }
}

const OVERLOADED = { code: 'STORE_OVERLOADED', retryable: true, outcomeUnknown: false };

function told({ fault }: Probe): object {
  return {
    code: fault?.code,
    retryable: fault?.retryable,
    outcomeUnknown: fault?.outcomeUnknown,
  };
}

test('batches keep the order of arrival and are filled up to their size', () => {
  const queue = new CommandQueue(10_000);
  const probes = [700, 300, 100, 2_000, 1].map((size) => new Probe(size));
  for (const { job } of probes) queue.add(job);
  const jobs = probes.map(({ job }) => job);
  assert.deepEqual(queue.take(), jobs.slice(0, 2));
  assert.deepEqual(queue.take(), jobs.slice(2, 3), 'what does not fit waits, whole');
  assert.deepEqual(queue.take(), jobs.slice(3, 4), 'a job larger than a batch goes alone');
  assert.equal(queue.size, 3_101);
  assert.equal(queue.waiting, 1);
  assert.deepEqual(queue.answered(), jobs.slice(0, 2));
  assert.equal(queue.batchesInFlight, 2);
  assert.equal(queue.size, 2_101);
});

test('past the limit a command is refused at once; one that is larger than the limit waits for an empty queue', () => {
  const queue = new CommandQueue(3);
  queue.add(new Probe(5).job);
  assert.throws(() => queue.add(new Probe(1).job), OVERLOADED);
  queue.take();
  queue.add(new Probe(3).job);
  assert.throws(() => queue.add(new Probe(1).job), OVERLOADED);
});

test('one that has waited too long is taken back, not done; one in flight too long has an unknown outcome', () => {
  const queue = new CommandQueue(10);
  const inFlight = new Probe(1, 1_000);
  queue.add(inFlight.job);
  queue.take();
  const late = new Probe(2, 1_000);
  const early = new Probe(1, 2_000);
  queue.add(late.job);
  queue.add(early.job);
  assert.deepEqual(queue.expire(999), []);
  assert.deepEqual(queue.expire(1_000), [late.job]);
  assert.deepEqual(told(late), OVERLOADED);
  assert.deepEqual(told(inFlight), {
    code: 'STORE_TIMEOUT',
    retryable: true,
    outcomeUnknown: true,
  });
  assert.equal(early.fault, null);
  assert.equal(queue.size, 2, 'what is in flight still is');
  assert.deepEqual(queue.answered(), [inFlight.job]);
  assert.ok(inFlight.job.settled);
  assert.deepEqual(queue.take(), [early.job]);
});

test('it knows whether anything may give units back, until that is answered or taken back', () => {
  const queue = new CommandQueue(10);
  queue.add(new Probe(1, 1_000).job);
  assert.equal(queue.has('room'), false);
  queue.add(new Probe(1, 1_000, 'room').job);
  assert.ok(queue.has('room'));
  queue.take();
  queue.expire(5_000);
  assert.ok(queue.has('room'), 'given up on, but the writer may still do it');
  queue.answered();
  assert.equal(queue.has('room'), false);
  queue.add(new Probe(1, 1_000, 'room').job);
  queue.expire(5_000);
  assert.equal(queue.has('room'), false);
});

test('when the store stops, what waits was not done, and what is in flight may have been', () => {
  const queue = new CommandQueue(10);
  const inFlight = new Probe();
  const waiting = new Probe();
  queue.add(inFlight.job);
  queue.take();
  queue.add(waiting.job);
  queue.fail('the disk is gone');
  assert.deepEqual(told(inFlight), {
    code: 'STORE_UNAVAILABLE',
    retryable: true,
    outcomeUnknown: true,
  });
  assert.deepEqual(told(waiting), {
    code: 'STORE_UNAVAILABLE',
    retryable: true,
    outcomeUnknown: false,
  });
  assert.equal(queue.size, 0);
});
