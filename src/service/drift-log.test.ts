import assert from 'node:assert/strict';
import test from 'node:test';
import type { ExplainedDrift } from '../engine/reconciler.ts';
import { createLogger } from '../observability/logger.ts';
import { logDrifts, MOST_DRIFT_LINES } from './drift-log.ts';

const DRIFT: ExplainedDrift = {
  sku: 'HAT',
  erpOnHand: 7,
  onHand: 12,
  expected: 9,
  units: -3,
  reserved: 2,
  allocated: 3,
  owed: 1,
  known: true,
  cause: 'sold_elsewhere',
  corrected: true,
  held: false,
};

/** The lines as they are written. */
function told(drifts: readonly ExplainedDrift[]): Record<string, unknown>[] {
  const lines: string[] = [];
  const output = { write: (line: string) => lines.push(line) } as never;
  const logger = createLogger({ level: 'info', version: '1.2.3', output });
  logDrifts({ drifts }, { logger, erp: 'bling', run: 'schedule' });
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a drift is one line in the schema of all others: SKU, ours, theirs, why, and what was done', () => {
  const [line, ...others] = told([DRIFT]);
  assert.deepEqual(others, []);
  const { '@timestamp': at, 'process.pid': _pid, 'host.hostname': _host, ...fields } = line ?? {};
  assert.match(String(at), /^\d{4}-/);
  assert.deepEqual(fields, {
    'log.level': 'info',
    'ecs.version': '8.10.0',
    'service.name': 'holdfast',
    'service.version': '1.2.3',
    'event.dataset': 'holdfast',
    'event.action': 'erp_drift',
    'event.reason': 'sold_elsewhere',
    'holdfast.sku': 'HAT',
    'holdfast.on_hand': 12,
    'holdfast.reserved': 2,
    'holdfast.allocated': 3,
    'holdfast.erp.on_hand': 7,
    'holdfast.erp.owed': 1,
    'holdfast.erp.expected': 9,
    'holdfast.erp.units': -3,
    'holdfast.erp.corrected': true,
    'holdfast.erp.held': false,
    'holdfast.erp.run': 'schedule',
    message:
      "HAT: 12 on hand here, 9 by bling's balance of 7: the ERP has fewer: units left there that were not sold here; corrected",
  });
});

test('one that was not corrected is a warning; a SKU that is new is none', () => {
  const lines = told([
    { ...DRIFT, corrected: false },
    { ...DRIFT, sku: 'NEW', known: false, cause: 'new_sku' },
  ]);
  assert.deepEqual(
    lines.map((line) => [line['log.level'], line['holdfast.sku']]),
    [['warn', 'HAT']],
  );
  assert.match(String(lines[0]?.['message']), /; not corrected$/);
  const [held] = told([{ ...DRIFT, corrected: false, held: true }]);
  assert.match(String(held?.['message']), /; held back until `holdfast erp accept`$/);
});

test('a run tells of so many, and then how many more there were', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_each, n) => ({ ...DRIFT, sku: `SKU-${n}` }));
  assert.equal(told(many(MOST_DRIFT_LINES)).length, MOST_DRIFT_LINES);
  const lines = told(many(MOST_DRIFT_LINES + 41));
  assert.equal(lines.length, MOST_DRIFT_LINES + 1);
  const last = lines.at(-1);
  assert.equal(last?.['event.action'], 'erp_drifts_cut');
  assert.equal(last['holdfast.erp.drifts_untold'], 41);
  assert.match(String(last['message']), /^41 more SKUs differed/);
});
