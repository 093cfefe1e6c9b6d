import assert from 'node:assert/strict';
import test from 'node:test';
import type { OutboxMessage } from '../core/outbox/message.ts';
import { openErpLog } from './erp-log.ts';

function listen() {
  const lines: string[] = [];
  const say = (_fields: object, text: string): void => {
    lines.push(text);
  };
  const log = openErpLog({ info: () => undefined, warn: say, error: say } as never, 'bling');
  const found = (...problems: { sku: string; reason: string }[]): void => {
    const report = { compared: 2, drifts: [], moving: [], problems };
    log.done({ kind: 'reconcile', report } as never);
  };
  return { lines, log, found };
}

test('what is wrong with a SKU is told once, and again only when it is something else', () => {
  const { lines, found } = listen();
  found({ sku: 'A', reason: 'A is a kit' });
  found({ sku: 'A', reason: 'A is a kit' }, { sku: 'B', reason: 'there is no B' });
  found({ sku: 'A', reason: 'there is no A' });
  assert.deepEqual(lines, ['bling: A is a kit', 'bling: there is no B', 'bling: there is no A']);
});

test('a dead letter is told with its number; what was taken, or is tried again, is not', () => {
  const { lines, log } = listen();
  const messages = [{ id: 7 } as OutboxMessage];
  const parcel = { id: 1, key: 'r-1', messages };
  for (const outcome of ['applied', 'not_applied', 'unknown'] as const) {
    log.outcome(parcel, outcome, 'later');
  }
  log.outcome(parcel, 'given_up', 'there is no A');
  assert.deepEqual(lines, [
    'bling was not told of a message, now for a person to decide (holdfast outbox show 7): there is no A',
  ]);
});

test('each drift that a pull or a reconciliation found is told', () => {
  const { lines, log } = listen();
  const drift = { sku: 'A', cause: 'sold_elsewhere', known: true, corrected: false };
  const report = { compared: 2, drifts: [drift], moving: [], problems: [] };
  log.done({ kind: 'reconcile', report } as never);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^A: .*; not corrected$/);
});
