import assert from 'node:assert/strict';
import test from 'node:test';
import { erpFacts, type ErpStatusFields } from './erp-facts.ts';

const AT = '2026-11-27T12:00:00.000Z';
const CALM: ErpStatusFields = {
  erp: 'bling',
  connection: { state: 'working', checked_at: AT, problem: null },
  lease: { ours: true, holder: 'here' },
  outbox: {
    ...{ pending: 0, in_flight: 0, unknown: 0, dead: 0 },
    ...{ oldest_seconds: null, drained_at: null, drain_seconds: null },
  },
  relay: { breaker: 'closed', paused_until: null, last_error: null },
  calls: { per_day: 120_000, today: 5, left_today: 119_995 },
  reconciliation: { ended_at: AT, compared: 3, drifts: 1, corrected: 1, moving: 0 },
  next_reconciliation_at: AT,
  job: null,
  webhooks: { last_received_at: AT, silent: false },
  raises: { state: 'allowed', held_since: null },
};

/** As people read them; a mark where somebody should look. */
function told(change: Partial<ErpStatusFields>): string[] {
  return erpFacts({ ...CALM, ...change }).map(
    ({ name, value, fine }) => `${fine ? '' : '! '}${name}: ${value}`,
  );
}

test('a calm ERP: each line says what it is', () => {
  assert.deepEqual(told({}), [
    'ERP: bling',
    `connection: working, asked at ${AT}`,
    'outbox: empty: the ERP has taken every sale',
    'dead letters: none',
    'circuit breaker: closed: calls go out',
    'calls today: 5 of 120,000, 119,995 left',
    `last reconciliation: ${AT}: 3 SKUs compared, 1 differed, 1 corrected, 0 on the move`,
    `next reconciliation: ${AT}`,
    `last webhook: ${AT}`,
  ]);
});

test('a backlog: how much, for how long, until when, and what nobody knows of', () => {
  const outbox = { pending: 7, in_flight: 2, unknown: 1, dead: 2 };
  const times = { oldest_seconds: 600, drained_at: AT, drain_seconds: 90 };
  assert.deepEqual(told({ outbox: { ...outbox, ...times } }).slice(2, 6), [
    'outbox: 10 messages to be delivered, the oldest for 10 min',
    'outcome unknown: 1 of them: sent without an answer, being looked for',
    `delivered by: ${AT}, in 90 s, if nothing goes wrong`,
    '! dead letters: 2: each waits for a person (holdfast outbox list --state dead)',
  ]);
});

test('dead letters alone are no backlog', () => {
  const outbox = { pending: 0, in_flight: 0, unknown: 0, dead: 1 };
  const times = { oldest_seconds: 23, drained_at: null, drain_seconds: null };
  assert.deepEqual(told({ outbox: { ...outbox, ...times } }).slice(2, 4), [
    'outbox: empty: the ERP has taken all but the dead letters',
    '! dead letters: 1: each waits for a person (holdfast outbox list --state dead)',
  ]);
});

test('trouble is marked, and says what it is', () => {
  const lines = told({
    connection: { state: 'failing', checked_at: AT, problem: 'no such deposit' },
    relay: { breaker: 'open', paused_until: AT, last_error: 'no answer' },
    calls: { per_day: 500, today: 500, left_today: 0 },
    reconciliation: { ended_at: AT, compared: 3, drifts: 2, corrected: 0, moving: 0 },
    webhooks: { last_received_at: null, silent: true },
    raises: { state: 'held', held_since: AT },
  });
  const marked = lines.filter((line) => line.startsWith('! '));
  assert.deepEqual(marked, [
    `! connection: no such deposit, asked at ${AT}`,
    '! circuit breaker: open: the ERP did not answer several times in a row and is left alone for a while',
    '! calls today: 500 of 500, 0 left',
    `! last reconciliation: ${AT}: 3 SKUs compared, 2 differed, 0 corrected, 0 on the move`,
    '! last webhook: none has ever come: see in the ERP whether webhooks are switched on',
    `! higher balances: held back since ${AT}: sales were made here that the ERP was never told of. Enter them there, then: holdfast erp accept`,
  ]);
  assert.ok(lines.includes(`delivery paused: until ${AT}`));
  assert.ok(lines.includes('latest trouble: no answer'));
});

test('what runs now, and what another instance does', () => {
  const job = { job: 'pull', started_at: AT, compared: 300 };
  const lines = told({ job, lease: { ours: false, holder: 'shop-2' } });
  assert.ok(lines.includes(`running now: pull since ${AT}, 300 SKUs compared so far`));
  assert.ok(lines.includes('its work: done by another instance: shop-2'));
});

test('without an ERP only what waits for one is told', () => {
  const nothing = { connection: null, lease: null, relay: null, calls: null, job: null };
  const more = { reconciliation: null, next_reconciliation_at: null, webhooks: null, raises: null };
  assert.deepEqual(told({ ...nothing, ...more, erp: 'none', outbox: null }), [
    'ERP: none: HOLDFAST_ERP is not set',
  ]);
});
