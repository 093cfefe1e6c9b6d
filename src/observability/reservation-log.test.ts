import assert from 'node:assert/strict';
import test from 'node:test';
import type { Command } from '../core/command.ts';
import { DEFAULT_RULES } from '../core/rules.ts';
import { Fault } from '../engine/faults.ts';
import { MemoryStore } from '../stores/memory/memory-store.ts';
import type { LogOutput } from './log-output.ts';
import { createLogger } from './logger.ts';
import { ReservationLog } from './reservation-log.ts';

const CUSTOMER = 'maria@example.com';
const ORDER = 'order-of-maria';
const NOW = Date.parse('2026-11-27T12:00:00.007Z');

function recorder(): LogOutput & { readonly lines: () => Record<string, unknown>[] } {
  let text = '';
  return {
    write: (lines) => (text += lines),
    flush: () => undefined,
    close: () => Promise.resolve(),
    droppedBytes: 0,
    lines: () => {
      assert.ok(!text.includes(CUSTOMER), 'a customer is named in the log');
      assert.ok(!text.includes(ORDER), 'an order is named in the log');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

const id = (n: number): string => `0190a0b0-0000-7000-8000-${String(n).padStart(12, '0')}`;

function reserve(n: number, sku: string, quantity: number, more: object = {}): Command {
  return {
    type: 'reserve',
    reservationId: id(n),
    lines: [{ sku, quantity }],
    customerId: CUSTOMER,
    ttlSeconds: 1,
    allowPartial: false,
    ...more,
  };
}

const whole = { orderId: ORDER, lines: null, onExpired: 'reject' } as const;
const HISTORY: readonly Command[] = [
  { type: 'set_stock', sku: 'HAT "RED"', onHand: 5 },
  { type: 'set_stock', sku: 'CAP', onHand: 3, policy: { maxPerCustomer: 1 } },
  { type: 'adjust_stock', sku: 'HAT "RED"', delta: -1, reason: `broken by ${CUSTOMER}` },
  reserve(1, 'HAT "RED"', 2),
  reserve(2, 'HAT "RED"', 9),
  reserve(3, 'HAT "RED"', 9, { allowPartial: true }),
  reserve(4, 'NONE', 1),
  reserve(5, 'CAP', 2),
  { type: 'confirm', reservationId: id(1), ...whole },
  { type: 'confirm', reservationId: id(1), ...whole },
  { type: 'extend', reservationId: id(3), ttlSeconds: 1, orderId: ORDER, paymentMethod: 'pix' },
  { type: 'release', reservationId: id(3) },
  { type: 'cancel', reservationId: id(1), lines: null, restock: true, cancellationId: 'c' },
  { type: 'confirm', reservationId: `{"odd":"${id(9)}"}`, ...whole },
  { type: 'import_stock', rows: [{ sku: 'CAP', onHand: 9 }], dryRun: false },
];

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

async function play(which: 'all' | 'refusals' | 'none') {
  const output = recorder();
  const log = new ReservationLog({ output, version: '1.2.3', which, now: () => NOW });
  let now = NOW;
  const store = new MemoryStore({ now: () => now }, DEFAULT_RULES);
  store.onCommit((notice) => log.expired(notice));
  for (const command of HISTORY) {
    log.answered(command, await store.submit(command), {
      requestId: 'req-"1"',
      traceId: command.type === 'reserve' ? TRACE : null,
    });
  }
  await store.submit(reserve(6, 'CAP', 1));
  now += 5_000;
  await store.submit({ type: 'sweep', limit: 10 });
  log.flush();
  return output.lines();
}

test('each decision is one line of ECS JSON without a word about the customer', async () => {
  const lines = await play('all');
  for (const line of lines) {
    assert.match(String(line['@timestamp']), /^2026-11-27T12:00:00\.007Z$/);
    assert.equal(line['log.level'], 'info');
    assert.equal(line['ecs.version'], '8.10.0');
    assert.equal(line['service.name'], 'holdfast');
    assert.equal(line['service.version'], '1.2.3');
    assert.equal(line['event.dataset'], 'holdfast.reservations');
    assert.ok(['success', 'failure'].includes(String(line['event.outcome'])));
    assert.equal(typeof line['message'], 'string');
    if (line['event.action'] !== 'expire') assert.equal(line['http.request.id'], 'req-"1"');
    assert.equal(line['trace.id'], line['event.action'] === 'reserve' ? TRACE : undefined);
  }
  const summary = lines.map((line) => [
    line['event.action'],
    line['event.outcome'],
    line['event.reason'],
    line['holdfast.sku'],
    line['holdfast.quantity'],
  ]);
  const none = undefined;
  assert.deepEqual(summary, [
    ['set_stock', 'success', none, 'HAT "RED"', none],
    ['set_stock', 'success', none, 'CAP', none],
    ['adjust_stock', 'success', none, 'HAT "RED"', none],
    ['reserve', 'success', none, 'HAT "RED"', 2],
    ['reserve', 'failure', 'insufficient_stock', 'HAT "RED"', none],
    ['reserve', 'success', 'insufficient_stock', 'HAT "RED"', 2],
    ['reserve', 'failure', 'unknown_sku', 'NONE', none],
    ['reserve', 'failure', 'max_per_customer', 'CAP', none],
    ['confirm', 'success', none, 'HAT "RED"', 2],
    ['confirm', 'success', 'already_done', 'HAT "RED"', 2],
    ['extend', 'success', none, 'HAT "RED"', 2],
    ['release', 'success', none, 'HAT "RED"', 2],
    ['cancel', 'success', none, 'HAT "RED"', 2],
    ['confirm', 'failure', 'reservation_not_found', none, none],
    ['import_stock', 'success', none, none, none],
    ['expire', 'success', none, none, none],
  ]);
  assert.equal(lines[3]?.['holdfast.reservation.id'], id(1));
  assert.equal(lines.at(-1)?.['holdfast.reservation.id'], id(6));
});

test('refusals only, or nothing, if the operator says so', async () => {
  const refusals = await play('refusals');
  assert.equal(refusals.length, 4);
  assert.ok(refusals.every((line) => line['event.outcome'] === 'failure'));
  assert.deepEqual(await play('none'), []);
});

test('a cart of many lines names the first of them and counts all', async () => {
  const output = recorder();
  const log = new ReservationLog({ output, version: '1', which: 'all', now: () => NOW });
  const store = new MemoryStore({ now: () => NOW }, DEFAULT_RULES);
  const lines = Array.from({ length: 300 }, (_, n) => ({ sku: `S${n}`, quantity: 2 }));
  await store.submit({
    type: 'import_stock',
    rows: lines.map(({ sku }) => ({ sku, onHand: 5 })),
    dryRun: false,
  });
  const cart = reserve(1, '', 1, { lines });
  log.answered(cart, await store.submit(cart), { requestId: 'r', traceId: null });
  log.flush();
  const [line] = output.lines();
  assert.equal((line?.['holdfast.sku'] as string[]).length, 20);
  assert.equal(line?.['holdfast.lines'], 300);
  assert.equal(line['holdfast.quantity'], 600);
});

test("the general log is ECS too, and drops what a framework's request object carries", () => {
  const output = recorder();
  const logger = createLogger({ level: 'info', version: '1.2.3', output });
  const request = { remoteAddress: CUSTOMER, headers: { authorization: CUSTOMER } };
  logger.warn({ req: request, res: {} }, 'slow');
  logger.error(
    { err: new Error('disk full'), request_id: 'r-2', trace_id: TRACE },
    'the store failed',
  );
  logger.debug('not at this level');
  const fault = new Fault('STORE_OVERLOADED', 'the queue is full');
  logger.warn({ err: fault, code: fault.code, request_id: 'r-3', trace_id: null }, 'no answer');
  const [slow, failed, full, ...rest] = output.lines();
  assert.deepEqual(rest, []);
  assert.equal(slow?.['log.level'], 'warn');
  assert.equal(slow['message'], 'slow');
  assert.equal(slow['req'], undefined);
  assert.equal(
    failed?.['error.message'] ?? (failed?.['error'] as { message: string }).message,
    'disk full',
  );
  assert.equal(failed?.['http.request.id'], 'r-2');
  assert.equal(failed['trace.id'], TRACE);
  assert.equal(full?.['error.code'], 'STORE_OVERLOADED');
  assert.equal(full['error.message'], 'the queue is full');
  assert.equal(full['http.request.id'], 'r-3');
  assert.equal(full['trace.id'], undefined);
  assert.ok(!('error' in full), 'a fault has no stack trace');
  for (const line of [slow, failed, full]) {
    assert.equal(line['service.name'], 'holdfast');
    assert.equal(line['ecs.version'], '8.10.0');
  }
});
