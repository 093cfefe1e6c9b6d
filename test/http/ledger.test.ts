/** "Why is this number 37?", the events, and the proof. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { AuditReport, EventsPage, LedgerPage } from '../../src/http/schemas/responses.ts';
import { conforms, isProblem } from './support/conforms.ts';
import { startService, type Service } from './support/service.ts';

async function history(service: Service): Promise<void> {
  await service.put('SKU-001', 10, { safety_stock: 1 });
  const kept = await service.call('POST', '/stock/SKU-001/reserve', { body: { quantity: 2 } });
  await service.put('SKU-002', 5);
  const gone = await service.call('POST', '/stock/SKU-001/reserve', { body: { quantity: 3 } });
  await service.call('POST', `/reservations/${String(gone.at('reservation_id'))}/release`);
  const body = { reservation_id: kept.at('reservation_id'), order_id: 'o-1' };
  await service.call('POST', '/stock/confirm', { body });
  await service.call('POST', '/stock/SKU-001/reserve');
}

test('the ledger of a SKU explains its figures, page by page', async (t) => {
  const service = await startService(t, { rules: { acknowledgeOnConfirm: false } });
  await history(service);
  const whole = await service.call('GET', '/stock/SKU-001/ledger');
  conforms(whole, LedgerPage);
  assert.deepEqual(whole.at('equation'), {
    on_hand: 10,
    reserved: 1,
    allocated: 2,
    safety_stock: 1,
    available: 6,
    shortfall: 0,
    text: '10 on hand - 1 reserved - 2 allocated - 1 safety stock = 6 available',
  });
  const entries = whole.at('entries') as { kind: string; sku: string; running: object }[];
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ['set', 'policy', 'reserve', 'reserve', 'release', 'confirm', 'reserve'],
  );
  const {
    text: _text,
    shortfall: _shortfall,
    ...figures
  } = whole.at('equation') as Record<string, unknown>;
  assert.deepEqual(entries.at(-1)?.running, figures);
  const paged: unknown[] = [];
  let url: unknown = '/stock/SKU-001/ledger?limit=3';
  while (typeof url === 'string') {
    const page = await service.call('GET', url);
    assert.equal(page.status, 200, page.text);
    paged.push(...(page.at('entries') as unknown[]));
    url = page.at('next');
  }
  assert.deepEqual(paged, entries);
});

test('a time in an entry is written like any other', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1, { opens_at: '2030-01-01T09:00:00-03:00', ttl_seconds: 60 });
  await service.put('SKU-001', 1, { opens_at: null });
  const events = await service.call('GET', '/events');
  conforms(events, EventsPage);
  assert.deepEqual(events.at('events.1.detail'), {
    opens_at: '2030-01-01T12:00:00.000Z',
    ttl_seconds: 60,
  });
  assert.deepEqual(events.at('events.2.detail'), { opens_at: null });
});

test('from the middle of the ledger the balances are not known, and not guessed', async (t) => {
  const service = await startService(t);
  await history(service);
  const page = await service.call('GET', '/stock/SKU-001/ledger?after=3&limit=2');
  conforms(page, LedgerPage);
  assert.equal(page.at('entries.0.running'), null);
  assert.equal(page.at('next'), '/stock/SKU-001/ledger?after=6&limit=2');
  for (const carry of ['x', '1.2.3', '1.2.3.-4', '']) {
    const answer = await service.call('GET', `/stock/SKU-001/ledger?after=3&carry=${carry}`);
    isProblem(answer, 422, 'validation_failed');
  }
  isProblem(await service.call('GET', '/stock/NOPE/ledger'), 404, 'unknown_sku');
});

test('a shortfall stands in the equation', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 3);
  await service.call('POST', '/stock/SKU-001/reserve', { body: { quantity: 3 } });
  await service.put('SKU-001', 1);
  const page = await service.call('GET', '/stock/SKU-001/ledger');
  assert.match(String(page.at('equation.text')), /= 0 available \(2 short\)$/);
});

test('events come in pages and end at the head', async (t) => {
  const service = await startService(t);
  await history(service);
  const seqs: number[] = [];
  let url: unknown = '/events?limit=4';
  while (typeof url === 'string') {
    const page = await service.call('GET', url);
    conforms(page, EventsPage);
    seqs.push(...(page.at('events') as { seq: number }[]).map(({ seq }) => seq));
    url = page.at('next');
    if (url === null) assert.equal(page.at('head_seq'), seqs.at(-1));
  }
  assert.deepEqual(
    seqs,
    Array.from({ length: seqs.length }, (_, index) => index + 1),
  );
  const none = await service.call('GET', '/events?after=1000');
  assert.deepEqual([none.status, none.at('events'), none.at('next')], [200, [], null]);
  for (const query of ['after=-1', 'after=1.5', 'after=x', 'limit=0', 'from=1']) {
    isProblem(await service.call('GET', `/events?${query}`), 422, 'validation_failed');
  }
});

test('the audit reports on the whole', async (t) => {
  const service = await startService(t);
  await history(service);
  const report = await service.call('GET', '/audit');
  assert.equal(report.status, 200);
  conforms(report, AuditReport);
  assert.deepEqual([report.at('ok'), report.at('skus'), report.at('reservations')], [true, 2, 3]);
});

test('the audit names what it finds', async (t) => {
  const service = await startService(t, {
    wrap: (store) => {
      store.audit = () =>
        Promise.resolve({
          ok: false,
          skus: 1,
          reservations: 1,
          entries: 1,
          problemCount: 1,
          problems: [{ kind: 'oversold', message: 'm', sku: 'A', reservationId: 'r', seq: 7 }],
        });
      return store;
    },
  });
  const report = await service.call('GET', '/audit');
  conforms(report, AuditReport);
  assert.deepEqual(report.at('problems.0'), {
    kind: 'oversold',
    message: 'm',
    sku: 'A',
    reservation_id: 'r',
    seq: 7,
  });
});
