/** The runner in a time of its own: nothing here waits, and every figure is the same on every machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RushAnswer, RushFault, type RushRequest, type RushTransport } from './rush-client.ts';
import type { RushClock } from './rush-clock.ts';
import { planRush } from './rush-plan.ts';
import type { RushProgress } from './rush-progress.ts';
import { runPlan } from './rush-runner.ts';

class TestClock implements RushClock {
  private time = 1000;
  private readonly timers = new Set<{ at: number; call: () => void }>();

  now(): number {
    return this.time;
  }

  wall(): number {
    return 1_700_000_000_000 + this.time;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.time + ms, call };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Lets time pass, from one timer to the next, until the work is done. */
  async runUntil<T>(work: Promise<T>): Promise<T> {
    const state = { done: false };
    const finish = (): void => {
      state.done = true;
    };
    work.then(finish, finish);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (state.done) return work;
      let next: { at: number; call: () => void } | null = null;
      for (const timer of this.timers) if (next === null || timer.at < next.at) next = timer;
      assert.ok(next !== null, 'nothing left to wait for: the rush hangs');
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.call();
    }
  }
}

interface Behaviour {
  /** When an answer leaves, for a request that comes at this moment. */
  readonly answersAt: (now: number) => number;
}

/** A correct service with one SKU at a time, and delays of its own. */
function service(clock: TestClock, behaviour: Behaviour): RushTransport {
  let onHand = 0;
  let reserved = 0;
  const underWay = new Set<(fault: RushFault) => void>();
  const answer = ({ method, path, body }: RushRequest): Omit<RushAnswer, 'stampMs'> => {
    const json = (status: number, value: unknown): Omit<RushAnswer, 'stampMs'> => ({
      status,
      body: JSON.stringify(value),
      retryAfterMs: null,
    });
    if (method === 'PUT') onHand = (JSON.parse(body ?? '{}') as { on_hand: number }).on_hand;
    if (path.endsWith('/confirm')) {
      reserved--;
      onHand--;
      return json(200, {});
    }
    if (method !== 'POST') {
      return json(200, { available: onHand - reserved, on_hand: onHand, reserved, allocated: 0 });
    }
    if (onHand - reserved < 1) return json(409, { code: 'sold_out' });
    reserved++;
    const expires = new Date(clock.wall() + 600_000).toISOString();
    return json(200, { reservation_id: 'r', expires_at: expires });
  };
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        underWay.add(reject);
        const wait = request.path.endsWith('/reserve') ? behaviour.answersAt(clock.now()) : 0;
        clock.after(Math.max(0, wait - clock.now()), () => {
          if (!underWay.delete(reject)) return;
          resolve({ ...answer(request), stampMs: clock.wall() - (clock.wall() % 1000) });
        });
      }),
    abortAll: () => {
      for (const reject of underWay) reject(new RushFault('stopped', 'stopped by us'));
      underWay.clear();
    },
    close: async () => undefined,
  };
}

const URL_OPTION = 'http://127.0.0.1:1';

test('open loop: a stall is felt by all who meant to ask meanwhile', async () => {
  const clock = new TestClock();
  const options = { rate: 1000, arrivals: 'constant', buyers: 2000, connections: 8, stock: 20 };
  const plan = planRush({ url: URL_OPTION, ...options }, () => 1);
  const stalledFrom = clock.now() + 1000;
  const stalledUntil = stalledFrom + 500;
  const transport = service(clock, {
    answersAt: (now) => (now >= stalledFrom && now < stalledUntil ? stalledUntil : now) + 1,
  });
  const result = await clock.runUntil(runPlan({ plan, transport, clock, runId: 'test' }));
  assert.equal(result.verdict, 'passed', JSON.stringify(result.thresholds));
  const { answers, fromSending } = result.latencies;
  assert.equal(answers.count, 2000);
  // A quarter of the buyers came during the stall, but only eight requests were on their way.
  assert.ok(answers.p99Ms > 400, `corrected p99 ${answers.p99Ms}`);
  assert.ok(fromSending.p99Ms < 10, `uncorrected p99 ${fromSending.p99Ms}`);
  assert.ok(fromSending.maxMs > 400, 'the stall was there to be seen');
});

test('closed loop: the next buyer comes when a connection is free', async () => {
  const clock = new TestClock();
  const plan = planRush({ url: URL_OPTION, buyers: 100, connections: 10, stock: 30 }, () => 1);
  const transport = service(clock, { answersAt: (now) => now + 10 });
  const result = await clock.runUntil(runPlan({ plan, transport, clock, runId: 'test' }));
  assert.equal(result.verdict, 'passed');
  assert.equal(result.counts.granted, 30);
  assert.ok(Math.abs(result.rushMs - 100) <= 2, `${result.rushMs} ms`);
});

test('a service that falls silent for good does not hold us up', async () => {
  const clock = new TestClock();
  const plan = planRush({ url: URL_OPTION, buyers: 100, connections: 10, maxSeconds: 60 }, () => 1);
  let reserves = 0;
  const never = 1e12;
  const transport = service(clock, { answersAt: (now) => (++reserves > 40 ? never : now + 5) });
  const startedAt = clock.now();
  const result = await clock.runUntil(runPlan({ plan, transport, clock, runId: 'test' }));
  assert.equal(result.counts.unknown, 10);
  assert.equal(result.counts.sent, 50);
  assert.notEqual(result.verdict, 'passed');
  assert.ok(clock.now() - startedAt < 75_000, `${clock.now() - startedAt} ms`);
});

test('a rush that is called off is still judged', async () => {
  const clock = new TestClock();
  const options = { rate: 100, arrivals: 'constant', buyers: 1000, stock: 50 };
  const plan = planRush({ url: URL_OPTION, ...options }, () => 1);
  const transport = service(clock, { answersAt: (now) => now + 25 });
  const caller = new AbortController();
  clock.after(300, () => caller.abort());
  const { signal } = caller;
  const result = await clock.runUntil(runPlan({ plan, transport, clock, runId: 'test', signal }));
  const status = (name: string): string | undefined =>
    result.thresholds.find((threshold) => threshold.name === name)?.status;
  assert.ok(result.counts.sent > 20 && result.counts.sent < 40);
  assert.equal(status('oversold'), 'pass');
  assert.equal(status('finished'), 'unproven');
});

test('progress is told four times a second, and ends with the rush', async () => {
  const clock = new TestClock();
  const plan = planRush({ url: URL_OPTION, buyers: 200, rate: 100, arrivals: 'constant' }, () => 1);
  const transport = service(clock, { answersAt: (now) => now + 1 });
  const seen: RushProgress[] = [];
  const onProgress = (progress: RushProgress): void => void seen.push(progress);
  await clock.runUntil(runPlan({ plan, transport, clock, runId: 'test', onProgress }));
  assert.ok(seen.length === 7 || seen.length === 8, `${seen.length} ticks in two seconds`);
  const last = seen.at(-1) ?? assert.fail();
  assert.equal(last.granted + last.refused, last.sent);
  assert.ok(last.rps > 50 && last.rps < 250);
});
