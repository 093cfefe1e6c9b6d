import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault, FaultKind } from './faults.ts';
import { bench, type Bench } from './testing.ts';

/** A simulator with one product of 10 units, a fault ordered, and a call that takes one unit. */
async function struck(t: { after(done: () => unknown): void }, fault: Fault) {
  const bling = await bench(t);
  const [shirt] = bling.control.seed({ count: 1, stock: 10 });
  bling.control.addFault(fault);
  const take = () =>
    bling.call('POST', '/estoques', {
      produto: { id: shirt!.id },
      deposito: { id: bling.depositId },
      operacao: 'S',
      quantidade: 1,
    });
  return { bling, take, left: () => bling.control.balances()[0]!.physical };
}

const lastCall = ({ control }: Bench) => control.calls().at(-1)!;

for (const [kind, status, left] of [
  ['outage', 503, 10],
  ['error_before', 500, 10],
  ['error_after', 500, 9],
  ['unauthorized', 401, 10],
  ['twice', 201, 8],
] satisfies [FaultKind, number, number][]) {
  test(`${kind}: ${status}, and ${left} of 10 units are left`, async (t) => {
    const { take, left: units } = await struck(t, { kind, times: 1 });
    assert.equal((await take()).status, status);
    assert.equal(units(), left);
    assert.equal((await take()).status, 201);
  });
}

test('a 500 has the body of Bling’s', async (t) => {
  const { take } = await struck(t, { kind: 'error_before' });
  assert.deepEqual((await take()).body, {
    error: {
      type: 'SERVER_ERROR',
      message: 'Não foi possível executar a operação',
      description: 'Um erro interno ocorreu.',
    },
  });
});

for (const [kind, left, status, ending] of [
  ['reset_before', 10, null, 'reset'],
  ['reset_after', 9, null, 'reset'],
  ['reset_in_answer', 9, 201, 'half'],
] satisfies [FaultKind, number, number | null, string][]) {
  test(`${kind}: the caller gets no answer, and ${left} of 10 units are left`, async (t) => {
    const { bling, take, left: units } = await struck(t, { kind, times: 1 });
    await assert.rejects(take());
    assert.equal(units(), left);
    const call = lastCall(bling);
    assert.deepEqual([call.status, call.ending, call.fault], [status, ending, kind]);
  });
}

for (const [kind, left] of [
  ['garbage_before', 10],
  ['garbage_after', 9],
] satisfies [FaultKind, number][]) {
  test(`${kind}: a 201 that cannot be read, and ${left} of 10 units are left`, async (t) => {
    const { take, left: units } = await struck(t, { kind });
    const answer = await take();
    assert.equal(answer.status, 201);
    assert.throws(() => JSON.parse(answer.text) as unknown);
    assert.equal(units(), left);
  });
}

for (const [kind, early] of [
  ['delay_before', 10],
  ['delay_after', 9],
] satisfies [FaultKind, number][]) {
  test(`${kind}: ${early} of 10 units are left while the caller waits, 9 in the end`, async (t) => {
    const { bling, take, left } = await struck(t, { kind, delayMs: 300 });
    const answer = take();
    while (bling.control.calls().length === 0)
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal(lastCall(bling).ending, 'open');
    assert.equal(left(), early);
    assert.equal((await answer).status, 201);
    assert.equal(left(), 9);
  });
}

test('late_apply: 504 at once, done when the time has passed', async (t) => {
  const { bling, take, left } = await struck(t, { kind: 'late_apply', delayMs: 5_000, times: 1 });
  assert.equal((await take()).status, 504);
  await bling.control.advance(4_999);
  assert.equal(left(), 10);
  await bling.control.advance(1);
  assert.equal(left(), 9);
});

test('429 of either period on order, and any status with any body', async (t) => {
  const { bling, take, left } = await struck(t, { kind: 'too_many_second', times: 1 });
  bling.control.addFault({ kind: 'too_many_day', times: 1 });
  bling.control.addFault({ kind: 'status', status: 418, body: { tea: true }, times: 1 });
  const periodOf = async () => {
    const { status, body } = await take();
    assert.equal(status, 429);
    return (body as { error: { period: string } }).error.period;
  };
  assert.equal(await periodOf(), 'second');
  assert.equal(await periodOf(), 'day');
  const odd = await take();
  assert.deepEqual([odd.status, odd.body], [418, { tea: true }]);
  assert.equal(left(), 10);
  bling.control.addFault({ kind: 'status_after', status: 400, times: 1 });
  assert.equal((await take()).status, 400);
  assert.equal(left(), 9, 'said no, and did it');
});

test('a fault befalls only what it matches, after what it skips, as often as it says', async (t) => {
  const { bling, take } = await struck(t, {
    kind: 'error_before',
    method: 'POST',
    path: '/est*ques',
    skip: 1,
    times: 2,
  });
  bling.control.addFault({ kind: 'outage', method: 'POST', path: '/depositos' });
  assert.equal((await bling.call('GET', '/depositos')).status, 200);
  const seen = [await take(), await take(), await take(), await take()];
  assert.deepEqual(
    seen.map(({ status }) => status),
    [201, 500, 500, 201],
  );
  assert.equal(bling.control.faults()[0]!.befell, 2);
});

test('a probability strikes the same calls for the same seed', async (t) => {
  const run = async (seed: number) => {
    const bling = await bench(t, { seed });
    bling.control.addFault({ kind: 'error_before', probability: 0.3 });
    const seen: number[] = [];
    for (let i = 0; i < 60; i++) seen.push((await bling.call('GET', '/depositos')).status);
    return seen;
  };
  const first = await run(7);
  assert.deepEqual(await run(7), first);
  assert.notDeepEqual(await run(8), first);
  const struckCalls = first.filter((status) => status === 500).length;
  assert.ok(struckCalls > 5 && struckCalls < 35, `${struckCalls} of 60`);
});

test('faults do not use themselves up on calls that the limit refused', async (t) => {
  const bling = await bench(t, { switches: { limitPerSecond: 1 } });
  await bling.call('GET', '/depositos');
  bling.control.addFault({ kind: 'error_before', times: 1 });
  assert.equal((await bling.call('GET', '/depositos')).status, 429);
  await bling.control.advance(1_000);
  assert.equal((await bling.call('GET', '/depositos')).status, 500);
});
