/** Many independent commands in one request. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { BatchResults, Reservation, Reserved } from '../../src/http/schemas/responses.ts';
import { Compile } from 'typebox/compile';
import { conforms, isProblem } from './support/conforms.ts';
import { startService, type Answer, type Service } from './support/service.ts';

const line = (quantity = 1, sku = 'SKU-001'): object => ({ sku, quantity });
const reserve = (...lines: object[]): object => ({ type: 'reserve', lines });

async function batch(
  service: Service,
  commands: unknown[],
  headers: Record<string, string> = {},
): Promise<Answer> {
  return service.call('POST', '/reservations/batch', { body: { commands }, headers });
}

function statuses(answer: Answer): unknown[] {
  const results = answer.at('results') as { status: number; problem?: { code: string } }[];
  return results.map(({ status, problem }) => (problem === undefined ? status : problem.code));
}

test('each command gets its own answer, in order', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 4);
  const first = await batch(service, [reserve(line(3)), reserve(line(2)), reserve(line(1))]);
  assert.equal(first.status, 200);
  conforms(first, BatchResults);
  assert.deepEqual(statuses(first), [201, 'insufficient_stock', 201]);
  assert.ok(Compile(Reserved).Check(first.at('results.0.body')));
  const id = first.at('results.0.body.reservation_id');
  const second = await batch(service, [
    { type: 'extend', reservation_id: id, ttl_seconds: 700 },
    { type: 'confirm', reservation_id: id, order_id: 'o-1' },
    { type: 'release', reservation_id: id },
    { type: 'cancel', reservation_id: id, lines: [line(1)], idempotency_key: 'k' },
    { type: 'cancel', reservation_id: id, lines: [line(1)] },
    { type: 'confirm', reservation_id: 'nope' },
    { type: 'release', reservation_id: first.at('results.2.body.reservation_id') },
  ]);
  assert.deepEqual(statuses(second), [
    200,
    200,
    'already_confirmed',
    200,
    'validation_failed',
    'reservation_not_found',
    200,
  ]);
  assert.ok(Compile(Reservation).Check(second.at('results.1.body')));
});

test('what is wrong with one command is its own problem, in the caller’s language', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 4);
  const commands = [
    reserve(),
    reserve(line(0)),
    reserve(line(1.5)),
    { ...reserve(line()), extra: 1 },
    { type: 'drop_table' },
    { type: 'toString' },
    {},
    null,
    'reserve',
    [reserve(line())],
    reserve(line()),
  ];
  const answer = await batch(service, commands, { 'accept-language': 'pt-BR' });
  assert.equal(answer.status, 200);
  const wrong: unknown[] = new Array(10).fill('validation_failed');
  assert.deepEqual(statuses(answer), [...wrong, 201]);
  assert.equal(answer.at('results.1.problem.title'), 'Requisição inválida');
  assert.equal(answer.at('results.1.problem.errors.0.param'), 'lines[0].quantity');
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('reserved'), 1);
});

test('the batch itself must be a list of 1 to the most commands', async (t) => {
  const service = await startService(t, { settings: { maxBatchCommands: 3 } });
  const bodies = [
    {},
    { commands: [] },
    { commands: {} },
    { commands: Array(4).fill({}) },
    { x: 1 },
  ];
  for (const body of bodies) {
    const answer = await service.call('POST', '/reservations/batch', { body });
    isProblem(answer, 422, 'validation_failed');
  }
});

test('commands that all fail here never reach the store', async (t) => {
  const service = await startService(t, {
    wrap: (store) => {
      store.submitAll = () => Promise.reject(new Error('asked'));
      return store;
    },
  });
  assert.deepEqual(statuses(await batch(service, [{}])), ['validation_failed']);
});

test('an Idempotency-Key of the batch covers each command by its place', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 100);
  const commands = [reserve(line()), reserve(line()), reserve(line(2))];
  const key = { 'idempotency-key': 'batch-1' };
  const first = await batch(service, commands, key);
  const again = await batch(service, commands, key);
  assert.equal(again.text, first.text);
  const changed = await batch(service, [reserve(line(5)), ...commands.slice(1)], key);
  assert.deepEqual(statuses(changed), ['idempotency_key_reused', 201, 201]);
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('reserved'), 4);
});

test('a command’s own key counts before the batch’s', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 100);
  const mine = { ...reserve(line()), idempotency_key: 'mine' };
  const first = await batch(service, [mine], { 'idempotency-key': 'batch-1' });
  const again = await batch(service, [reserve(line()), mine], { 'idempotency-key': 'batch-2' });
  assert.equal(
    again.at('results.1.body.reservation_id'),
    first.at('results.0.body.reservation_id'),
  );
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('reserved'), 2);
});

test('a large batch of one SKU takes every unit once', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 700);
  const answer = await batch(service, new Array(1_000).fill(reserve(line())));
  const granted = statuses(answer).filter((status) => status === 201);
  assert.equal(granted.length, 700);
  assert.equal((await service.call('GET', '/audit')).at('ok'), true);
});
