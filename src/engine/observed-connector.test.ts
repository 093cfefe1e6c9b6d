import assert from 'node:assert/strict';
import test from 'node:test';
import type { ErpConnector } from './erp-port.ts';
import { observed } from './observed-connector.ts';

const READ = { levels: [], problems: [] };

/** Answers each call after `ms`, as said, or throws it. */
function setUp(answers: Partial<Record<keyof ErpConnector, unknown>> = {}) {
  let now = 1_000;
  const told: unknown[] = [];
  const asked: unknown[][] = [];
  const answer =
    (name: keyof ErpConnector, usual: unknown) =>
    async (...args: unknown[]): Promise<unknown> => {
      asked.push([name, ...args]);
      await Promise.resolve();
      now += 250;
      const given = name in answers ? answers[name] : usual;
      if (given instanceof Error) throw given;
      return given;
    };
  const erp = {
    name: 'bling',
    grouping: 'sku',
    limits: { callsPerSecond: 3 },
    check: answer('check', undefined),
    readPage: answer('readPage', { ...READ, next: '2' }),
    readLevels: answer('readLevels', READ),
    push: answer('push', { outcome: 'applied', reference: '7' }),
    settle: answer('settle', { outcome: 'undecidable', reason: 'two of them' }),
    readWebhook: (request: unknown) => ({ ok: false, fault: 'forged', reason: request }),
    resolveHint: answer('resolveHint', ['A']),
    usedToday: answer('usedToday', 12),
    close: answer('close', undefined),
  } as unknown as ErpConnector;
  const watched = observed(
    erp,
    (operation, outcome, seconds) => told.push([operation, outcome, seconds]),
    () => now,
  );
  return { erp, watched, told, asked };
}

const CALL = { turn: () => Promise.resolve() } as never;
const PARCEL = { id: 1 } as never;

test('each call is told once, with its operation, its outcome and how long it took', async () => {
  const { watched, told } = setUp();
  await watched.check(CALL);
  await watched.readPage(null, CALL);
  await watched.readLevels(['A'], CALL);
  await watched.push(PARCEL, CALL);
  await watched.settle(PARCEL, CALL);
  await watched.resolveHint('hint', CALL);
  assert.deepEqual(told, [
    ['check', 'done', 0.25],
    ['read_page', 'done', 0.25],
    ['read_levels', 'done', 0.25],
    ['push', 'applied', 0.25],
    ['settle', 'undecidable', 0.25],
    ['resolve_hint', 'done', 0.25],
  ]);
});

test('a call that throws is told as failed, and throws the same', async () => {
  const broken = new Error('no answer');
  const { watched, told } = setUp({ push: broken, readLevels: broken });
  await assert.rejects(watched.push(PARCEL, CALL), broken);
  await assert.rejects(watched.readLevels(['A'], CALL), broken);
  assert.deepEqual(told, [
    ['push', 'failed', 0.25],
    ['read_levels', 'failed', 0.25],
  ]);
});

test('all else is the connector’s own: its answers, its arguments, its name and limits', async () => {
  const { erp, watched, told, asked } = setUp();
  assert.deepEqual(
    [watched.name, watched.grouping, watched.limits],
    [erp.name, erp.grouping, erp.limits],
  );
  assert.deepEqual(await watched.readPage('1', CALL), { ...READ, next: '2' });
  assert.deepEqual(await watched.push(PARCEL, CALL), { outcome: 'applied', reference: '7' });
  assert.deepEqual(await watched.resolveHint('hint', CALL), ['A']);
  assert.deepEqual(asked, [
    ['readPage', '1', CALL],
    ['push', PARCEL, CALL],
    ['resolveHint', 'hint', CALL],
  ]);
  told.length = 0;
  assert.equal(await watched.usedToday(), 12);
  await watched.close();
  assert.deepEqual(asked.at(-1), ['close']);
  const reading = watched.readWebhook('request' as never) as unknown;
  assert.deepEqual(reading, { ok: false, fault: 'forged', reason: 'request' });
  assert.deepEqual(told, [], 'what asks nothing of the ERP is no call');
});
