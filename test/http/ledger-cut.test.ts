/** A ledger whose beginning was cut off: nobody misses entries without being told. */
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  EventsPage,
  LedgerBeginning,
  LedgerPage,
  Trimmed,
} from '../../src/http/schemas/responses.ts';
import { conforms, isProblem } from './support/conforms.ts';
import { startService, type Service } from './support/service.ts';

const DAY_MS = 86_400_000;
const KEEP = { ledgerKeep: { ms: 2 * DAY_MS, entries: 3 } };

/** Ten entries of one SKU and one of another, the last four of them younger than two days. */
async function history(service: Service): Promise<void> {
  await service.put('SKU-001', 10);
  const adjust = { body: { delta: 1, reason: 'counted' } };
  for (let n = 0; n < 5; n += 1) await service.call('POST', '/stock/SKU-001/adjust', adjust);
  await service.put('SKU-002', 5);
  service.clock.time += 3 * DAY_MS;
  for (let n = 0; n < 4; n += 1) await service.call('POST', '/stock/SKU-001/adjust', adjust);
}

const trim = (service: Service, exported: unknown) =>
  service.call('POST', '/ledger/trim', { body: { exported_through: exported } });

test('what was exported is trimmed as far as the policy says, and the answers say so', async (t) => {
  const service = await startService(t, { settings: KEEP });
  await history(service);
  const before = await service.call('GET', '/ledger');
  conforms(before, LedgerBeginning);
  assert.deepEqual(before.body, {
    ...{ first_seq: 1, head_seq: 11, trimmed_through: 0, exported_through: 0 },
    keep: { days: 2, entries: 3 },
  });
  const part = await trim(service, 4);
  conforms(part, Trimmed);
  assert.deepEqual(part.body, {
    ...{ trimmed: 4, trimmed_through: 4, exported_through: 4 },
    more: false,
  });
  const rest = await trim(service, 11);
  assert.deepEqual([rest.at('trimmed'), rest.at('trimmed_through')], [3, 7]);
  assert.equal((await service.call('GET', '/ledger')).at('first_seq'), 8);
  assert.equal((await service.call('GET', '/audit')).at('ok'), true);
});

test('without a policy an export is noted, and nothing is trimmed', async (t) => {
  const service = await startService(t);
  await history(service);
  const answer = await trim(service, 9);
  assert.deepEqual(answer.body, {
    ...{ trimmed: 0, trimmed_through: 0, exported_through: 9 },
    more: false,
  });
  assert.equal((await service.call('GET', '/ledger')).at('keep'), null);
});

test('an export of what was never written is refused, and so is what is no number', async (t) => {
  const service = await startService(t, { settings: KEEP });
  await history(service);
  for (const wrong of [12, -1, 1.5, '4', null]) {
    isProblem(await trim(service, wrong), 422, 'validation_failed');
  }
  isProblem(await service.call('POST', '/ledger/trim', { body: {} }), 422, 'validation_failed');
  assert.equal((await service.call('GET', '/ledger')).at('exported_through'), 0);
});

test('events before the cut are refused with where to go on, as pages and as a stream', async (t) => {
  const service = await startService(t, { settings: KEEP });
  await history(service);
  await trim(service, 11);
  for (const after of [0, 3, 6]) {
    const answer = await service.call('GET', `/events?after=${after}`);
    isProblem(answer, 410, 'ledger_trimmed');
    assert.deepEqual([answer.at('trimmed_through'), answer.at('first_seq')], [7, 8]);
    const headers = { accept: 'text/event-stream', 'last-event-id': String(after) };
    isProblem(await service.call('GET', '/events', { headers }), 410, 'ledger_trimmed');
  }
  const page = await service.call('GET', '/events?after=7');
  conforms(page, EventsPage);
  assert.deepEqual(
    (page.at('events') as { seq: number }[]).map(({ seq }) => seq),
    [8, 9, 10, 11],
  );
  assert.deepEqual((await service.call('GET', '/events?after=11')).at('events'), []);
});

test('the ledger of a SKU begins with what was cut off summed up, and its balances go on from there', async (t) => {
  const service = await startService(t, { settings: KEEP });
  await history(service);
  const untrimmed = await service.call('GET', '/stock/SKU-001/ledger');
  conforms(untrimmed, LedgerPage);
  assert.equal(untrimmed.at('opening'), null);
  await trim(service, 11);
  const page = await service.call('GET', '/stock/SKU-001/ledger');
  conforms(page, LedgerPage);
  const { at: _, ...opening } = page.at('opening') as Record<string, unknown>;
  assert.deepEqual(opening, {
    ...{ through_seq: 7, entries: 6, on_hand: 15, reserved: 0, allocated: 0 },
    ...{ safety_stock: 0, available: 15 },
  });
  const entries = page.at('entries') as { seq: number; running: { on_hand: number } }[];
  assert.deepEqual(
    entries.map(({ seq, running }) => [seq, running.on_hand]),
    [
      [8, 16],
      [9, 17],
      [10, 18],
      [11, 19],
    ],
  );
  assert.deepEqual(page.at('entries'), (untrimmed.at('entries') as unknown[]).slice(6));
  const later = await service.call('GET', '/stock/SKU-001/ledger?after=7');
  assert.equal(later.at('opening'), null);
  const other = await service.call('GET', '/stock/SKU-002/ledger');
  assert.deepEqual(other.at('entries'), []);
  assert.equal((other.at('opening') as { on_hand: number }).on_hand, 5);
});
