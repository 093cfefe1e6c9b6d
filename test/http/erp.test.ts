/** What people see of the ERP, and what they do about it. */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import {
  ErpStatus,
  Job,
  JobReport,
  Message,
  OutboxPage,
  Raises,
} from '../../src/http/schemas/erp.ts';
import { claimMessages, settleParcel } from '../support/commands.ts';
import { FakeErp } from '../support/fake-erp.ts';
import { conforms, isProblem } from './support/conforms.ts';
import { startService, type Answer, type Service } from './support/service.ts';

async function withErp(
  t: TestContext,
  erp = new FakeErp(),
  options: { readonly raisesHeld?: boolean } = {},
): Promise<Service> {
  const service = await startService(t, { loop: erp, ...options });
  await service.put('HAT', 10);
  await service.put('MUG', 10);
  return service;
}

async function sell(service: Service, sku: string): Promise<string> {
  const reserved = await service.call('POST', `/stock/${sku}/reserve`);
  const id = String(reserved.at('reservation_id'));
  assert.equal((await service.call('POST', `/reservations/${id}/confirm`)).status, 200);
  return id;
}

/** The oldest pending message becomes a dead letter; `sure`: the ERP has certainly not heard of it. */
async function bury(service: Service, sure = true): Promise<void> {
  const claimed = await service.store.submit(claimMessages());
  assert.ok(claimed.ok);
  const id = claimed.parcels[0]?.id ?? 0;
  if (!sure) await service.store.submit(settleParcel(id, 'unknown', { reason: 'no answer' }));
  await service.store.submit(settleParcel(id, 'given_up', { reason: 'no such product' }));
}

async function finished(service: Service, job: 'pull' | 'reconcile'): Promise<Answer> {
  for (;;) {
    const answer = await service.call('GET', `/erp/${job}`);
    if (answer.at('state') !== 'running') return answer;
  }
}

const idsOf = (page: Answer): unknown[] =>
  (page.at('items') as { message_id: number }[]).map(({ message_id: id }) => id);

test('the outbox in pages, by state and by SKU', async (t) => {
  const service = await withErp(t);
  for (const sku of ['HAT', 'MUG', 'HAT', 'MUG']) await sell(service, sku);
  await bury(service);
  const first = await service.call('GET', '/outbox?limit=3');
  conforms(first, OutboxPage);
  assert.deepEqual(idsOf(first), [1, 2, 3]);
  assert.deepEqual(first.at('counts'), { pending: 3, in_flight: 0, unknown: 0, dead: 1 });
  const second = await service.call('GET', String(first.at('next')));
  assert.deepEqual([idsOf(second), second.at('next')], [[4], null]);
  assert.deepEqual(idsOf(await service.call('GET', '/outbox?state=dead')), [1]);
  assert.deepEqual(idsOf(await service.call('GET', '/outbox?state=pending')), [2, 3, 4]);
  const hats = await service.call('GET', '/outbox?sku=HAT&limit=1');
  assert.deepEqual(idsOf(hats), [1]);
  assert.match(String(hats.at('next')), /^\/outbox\?sku=HAT&after=1&limit=1$/);
  assert.deepEqual(idsOf(await service.call('GET', String(hats.at('next')))), [3]);
  assert.deepEqual(idsOf(await service.call('GET', '/outbox?sku=NONE')), []);
  isProblem(await service.call('GET', '/outbox?state=lost'), 422, 'validation_failed');
});

test('a dead letter is shown with its reason, and retried once', async (t) => {
  const service = await withErp(t);
  const sale = await sell(service, 'HAT');
  await bury(service, false);
  const dead = await service.call('GET', '/outbox/1');
  conforms(dead, Message);
  assert.equal(dead.at('reservation_id'), sale);
  assert.deepEqual(
    ['state', 'last_error', 'may_have_arrived', 'next_attempt_at'].map((field) => dead.at(field)),
    ['dead', 'no such product', true, null],
  );
  isProblem(await service.call('GET', '/outbox/77'), 404, 'message_not_found');
  isProblem(await service.call('GET', '/outbox/first'), 422, 'validation_failed');
  isProblem(await service.call('POST', '/outbox/1/retry'), 422, 'validation_failed');
  const body = { reason: 'it is in the ERP now' };
  const retried = await service.call('POST', '/outbox/1/retry', { body });
  conforms(retried, Message);
  assert.deepEqual([retried.at('state'), retried.at('may_have_arrived')], ['pending', false]);
  isProblem(await service.call('POST', '/outbox/1/retry', { body }), 409, 'message_not_dead');
  const ledger = await service.call('GET', '/stock/HAT/ledger');
  assert.match(ledger.text, /"kind":"outbox_retry".*it is in the ERP now/);
});

test('a discarded sale says what becomes of its units, under one Idempotency-Key once', async (t) => {
  const service = await withErp(t);
  await sell(service, 'HAT');
  await bury(service);
  const reason = 'typed in by hand';
  const url = '/outbox/1/discard';
  isProblem(await service.call('POST', url, { body: { reason } }), 422, 'discard_units');
  isProblem(
    await service.call('POST', url, { body: { reason, units: 'lose' } }),
    422,
    'validation_failed',
  );
  const body = { reason, units: 'deduct' };
  const headers = { 'idempotency-key': 'k1' };
  const done = await service.call('POST', url, { body, headers });
  conforms(done, Message);
  assert.equal(done.at('state'), 'delivered');
  assert.deepEqual((await service.call('POST', url, { body, headers })).body, done.body);
  const level = await service.call('GET', '/stock/HAT');
  assert.deepEqual([level.at('on_hand'), level.at('allocated')], [9, 0]);
  assert.deepEqual(idsOf(await service.call('GET', '/outbox')), []);
});

test('GET /erp says how the ERP is and when it will know everything', async (t) => {
  const service = await withErp(t, new FakeErp({ limits: { callsPerSecond: 5 } }));
  for (let n = 0; n < 4; n += 1) await sell(service, 'HAT');
  service.clock.time += 90_000;
  const status = await service.call('GET', '/erp');
  conforms(status, ErpStatus);
  assert.equal(status.at('erp'), 'fake');
  assert.equal(status.at('connection.state'), 'working');
  assert.deepEqual(status.at('lease'), { ours: true, holder: 'this' });
  assert.deepEqual(
    ['pending', 'dead', 'oldest_at', 'oldest_seconds', 'drain_seconds', 'drained_at'].map((field) =>
      status.at(`outbox.${field}`),
    ),
    // Four calls, at the four fifths of five in 1.05 s that pushes get.
    [4, 0, '2026-11-27T12:00:00.000Z', 90, 2, '2026-11-27T12:01:31.050Z'],
  );
  assert.deepEqual(status.at('relay'), { breaker: 'closed', paused_until: null, last_error: null });
  assert.deepEqual(
    ['per_second', 'per_day', 'left_today'].map((field) => status.at(`calls.${field}`)),
    [5, 120_000, 120_000],
  );
});

test('without an ERP it says so, and what waits for one', async (t) => {
  const service = await startService(t, { rules: { acknowledgeOnConfirm: false } });
  await service.put('HAT', 1);
  await sell(service, 'HAT');
  const status = await service.call('GET', '/erp');
  conforms(status, ErpStatus);
  assert.deepEqual(
    [status.at('erp'), status.at('connection'), status.at('outbox.pending')],
    ['none', null, 1],
  );
  assert.deepEqual(idsOf(await service.call('GET', '/outbox')), [1]);
  for (const job of ['pull', 'reconcile']) {
    isProblem(await service.call('GET', `/erp/${job}`), 409, 'no_erp');
    isProblem(await service.call('POST', `/erp/${job}`), 409, 'no_erp');
  }
  isProblem(await service.call('POST', '/erp/accept'), 409, 'no_erp');
});

test('raises that are held back are told, and made once the ERP knows of every sale', async (t) => {
  const erp = new FakeErp();
  const service = await withErp(t, erp, { raisesHeld: true });
  erp.balances.set('HAT', 12);
  erp.balances.set('MUG', 8);
  const held = { state: 'held', held_since: '2026-11-27T12:00:00.000Z' };
  assert.deepEqual((await service.call('GET', '/erp')).at('raises'), held);
  const body = { fix: true };
  await service.call('POST', '/erp/reconcile', { body });
  const report = await finished(service, 'reconcile');
  conforms(report, JobReport);
  const figures = ['drifts', 'corrected', 'held'].map((field) => report.at(field));
  assert.deepEqual(figures, [2, 1, 1]);
  const states = ['corrected', 'held'].map((field) => report.at(`findings.0.${field}`));
  assert.deepEqual([report.at('findings.0.sku'), ...states], ['HAT', false, true]);
  assert.equal((await service.call('GET', '/stock/HAT')).at('on_hand'), 10);
  assert.equal((await service.call('GET', '/stock/MUG')).at('on_hand'), 8);
  const allowed = { state: 'allowed', held_since: null };
  for (let times = 0; times < 2; times += 1) {
    const accepted = await service.call('POST', '/erp/accept');
    conforms(accepted, Raises);
    assert.deepEqual([accepted.status, accepted.body], [200, allowed]);
  }
  assert.deepEqual((await service.call('GET', '/erp')).at('raises'), allowed);
  await service.call('POST', '/erp/reconcile', { body });
  assert.equal((await finished(service, 'reconcile')).at('corrected'), 1);
  assert.equal((await service.call('GET', '/stock/HAT')).at('on_hand'), 12);
});

test('a pull imports what is new, corrects what is known, and names what cannot be sold', async (t) => {
  const erp = new FakeErp();
  erp.balances.set('HAT', 7);
  for (let n = 100; n < 170; n += 1) erp.balances.set(`NEW-${n}`, 5);
  erp.balances.set('ODD', -2);
  const service = await withErp(t, erp);
  isProblem(await service.call('GET', '/erp/pull'), 404, 'no_such_job');
  const started = await service.call('POST', '/erp/pull');
  assert.equal(started.status, 202);
  conforms(started, Job);
  const done = await finished(service, 'pull');
  conforms(done, JobReport);
  assert.deepEqual(
    ['state', 'pages', 'compared', 'imported', 'corrected', 'drifts', 'problems', 'resumed'].map(
      (field) => done.at(field),
    ),
    ['done', 2, 72, 71, 1, 1, 1, false],
  );
  assert.deepEqual(
    ['sku', 'erp_on_hand', 'on_hand', 'units', 'cause', 'corrected'].map((field) =>
      done.at(`findings.0.${field}`),
    ),
    ['HAT', 7, 10, -3, 'sold_elsewhere', true],
  );
  assert.deepEqual([done.at('findings.1.finding'), done.at('findings.1.sku')], ['problem', 'ODD']);
  const second = await service.call('GET', '/erp/pull?after=1&limit=1');
  assert.deepEqual([second.at('findings.0.sku'), second.at('next')], ['ODD', null]);
  assert.equal((await service.call('GET', '/stock/NEW-169')).at('on_hand'), 5);
  assert.equal((await service.call('GET', '/stock/HAT')).at('on_hand'), 7);
});

test('one job runs at a time', async (t) => {
  const erp = new FakeErp();
  const service = await withErp(t, erp);
  const held = Promise.withResolvers<null>();
  const readPage = erp.readPage.bind(erp);
  erp.readPage = async (cursor, call) => {
    await held.promise;
    return readPage(cursor, call);
  };
  await service.call('POST', '/erp/pull');
  const second = await service.call('POST', '/erp/reconcile');
  isProblem(second, 409, 'erp_busy');
  assert.equal(second.at('job'), 'pull');
  assert.equal((await service.call('GET', '/erp')).at('job.state'), 'running');
  held.resolve(null);
  assert.equal((await finished(service, 'pull')).at('state'), 'done');
  assert.equal((await service.call('POST', '/erp/reconcile')).status, 202);
  await finished(service, 'reconcile');
});

test('a pull that was interrupted goes on where it ended, unless told to restart', async (t) => {
  const erp = new FakeErp();
  for (let n = 100; n < 230; n += 1) erp.balances.set(`NEW-${n}`, 5);
  const service = await withErp(t, erp);
  const read: (string | null)[] = [];
  const readPage = erp.readPage.bind(erp);
  erp.readPage = (cursor, call) => {
    read.push(cursor);
    erp.down = read.length === 2;
    return readPage(cursor, call);
  };
  await service.call('POST', '/erp/pull');
  const failed = await finished(service, 'pull');
  assert.deepEqual(
    ['state', 'problem', 'pages', 'compared'].map((field) => failed.at(field)),
    ['failed', 'the ERP does not answer', 1, 50],
  );
  await service.call('POST', '/erp/pull', { body: {} });
  const rest = await finished(service, 'pull');
  assert.deepEqual(
    ['state', 'resumed', 'pages', 'compared', 'imported'].map((field) => rest.at(field)),
    ['done', true, 3, 130, 130],
  );
  assert.deepEqual(read, [null, '50', '50', '100']);
  erp.down = false;
  await service.call('POST', '/erp/pull', { body: { restart: true } });
  assert.equal((await finished(service, 'pull')).at('pages'), 3);
  isProblem(
    await service.call('POST', '/erp/pull', { body: { again: true } }),
    422,
    'validation_failed',
  );
});

test('a reconciliation reports, corrects only when told to, and may be of some SKUs', async (t) => {
  const erp = new FakeErp();
  erp.balances.set('HAT', 12);
  erp.balances.set('MUG', 9);
  const service = await withErp(t, erp);
  await sell(service, 'MUG');
  assert.equal((await service.call('POST', '/erp/reconcile')).status, 202);
  const found = await finished(service, 'reconcile');
  conforms(found, JobReport);
  assert.deepEqual(
    ['fix', 'total', 'compared', 'drifts', 'corrected'].map((field) => found.at(field)),
    [false, 2, 2, 2, 0],
  );
  assert.equal((await service.call('GET', '/stock/HAT')).at('on_hand'), 10);
  const body = { fix: true, skus: ['HAT'] };
  await service.call('POST', '/erp/reconcile', { body });
  const fixed = await finished(service, 'reconcile');
  assert.deepEqual([fixed.at('compared'), fixed.at('corrected')], [1, 1]);
  assert.equal((await service.call('GET', '/stock/HAT')).at('on_hand'), 12);
  assert.equal((await service.call('GET', '/stock/MUG')).at('on_hand'), 10);
  assert.equal((await service.call('GET', '/erp')).at('reconciliation.corrected'), 1);
  isProblem(
    await service.call('POST', '/erp/reconcile', { body: { skus: [] } }),
    422,
    'validation_failed',
  );
});
