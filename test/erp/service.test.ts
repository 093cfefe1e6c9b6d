/** The relay and the reconciliation as a service runs them, on real timers and the embedded store. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { ErpFault } from '../../src/engine/erp-port.ts';
import { ErpService } from '../../src/engine/erp-service.ts';
import type { ReconcileReport } from '../../src/engine/reconciler.ts';
import { EmbeddedStore } from '../../src/stores/embedded/embedded-store.ts';
import { confirm, reserve, setStock, uuid } from '../support/commands.ts';
import { FakeErp } from '../support/fake-erp.ts';
import { tempDir } from '../support/temp-dir.ts';

async function open(dataDir: string, erp: FakeErp) {
  const rules = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };
  const store = await EmbeddedStore.open({ dataDir, rules, commandDeadlineMs: 60_000 });
  const reports: ReconcileReport[] = [];
  const service = new ErpService({
    store,
    erp,
    sleep: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    random: () => 0,
    idleMs: 5,
    reconcileEveryMs: 20,
    fix: true,
    memory: { load: () => Promise.resolve(null), save: () => Promise.resolve() },
    onDone: ({ report }) => reports.push(report),
    onError: () => undefined,
    webhooks: {
      now: () => store.clock.now(),
      silenceMs: null,
      onOutcome: () => undefined,
      onSilence: () => undefined,
      onReport: () => undefined,
    },
  });
  const close = async (): Promise<void> => {
    await service.stop();
    await store.close();
  };
  return { store, service, reports, close };
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await delay(5);
}

it('delivers, corrects what drifts, and goes on after a stop in mid-flight', async (t) => {
  let running: Awaited<ReturnType<typeof open>> | null = null;
  // Hooks run in the order they were set: the store is closed before its folder goes.
  t.after(() => running?.close());
  const dataDir = await tempDir(t);
  const limits = { callsPerSecond: 1_000, callsPerDay: null, settleAfterMs: 1 };
  const erp = new FakeErp({ limits });
  erp.balances.set('A', 10);
  const first = await open(dataDir, erp);
  running = first;
  for (const command of [setStock('A', 10), reserve(uuid(1), 'A:2'), confirm(uuid(1))]) {
    assert.ok((await first.store.submit(command)).ok);
  }
  assert.deepEqual((await first.service.status()).pending, 1);
  first.service.start();
  await until(async () => (await first.store.reservation(uuid(1)))?.status === 'acknowledged');
  erp.balances.set('A', 5);
  await until(async () => (await first.store.level('A'))?.onHand === 5);
  const status = await first.service.status();
  assert.deepEqual([status.erp, status.pending, status.drainedAt], ['fake', 0, null]);
  await until(() => first.reports.some(({ drifts }) => drifts.length === 1));

  // The answer never comes: the service stops, and the next one finds out by reading.
  erp.push = async (parcel, call) => {
    erp.applied.push(`sale ${parcel.messages[0]?.id} of ${uuid(2)}`);
    erp.balances.set('A', 4);
    await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
    throw new Error('aborted');
  };
  await first.store.submit(reserve(uuid(2), 'A:1'));
  await first.store.submit(confirm(uuid(2)));
  await until(async () => (await first.service.status()).inFlight === 1);
  await first.close();

  const second = await open(dataDir, erp);
  running = second;
  assert.equal((await second.service.status()).unknown, 1);
  second.service.start();
  await until(async () => (await second.store.reservation(uuid(2)))?.status === 'acknowledged');
  assert.equal((await second.store.level('A'))?.onHand, 4);
  assert.deepEqual((await second.store.audit()).problems, []);
});

it('says what ails the ERP from the start, also where the lease comes while it is first asked', async (t) => {
  let running: Awaited<ReturnType<typeof open>> | null = null;
  t.after(() => running?.close());
  const dataDir = await tempDir(t);
  const erp = new FakeErp({});
  running = await open(dataDir, erp);
  const { service } = running;
  erp.check = async () => {
    await until(() => service.lease.ours);
    throw new ErpFault('ERP_MISCONFIGURED', 'not connected');
  };
  service.start();
  const failing = async () => (await service.status()).connection.state === 'failing';
  const deadline = delay(20_000, true, { ref: false });
  await Promise.race([until(failing), deadline]);
  const { state, problem } = (await service.status()).connection;
  assert.deepEqual([state, problem], ['failing', 'not connected']);
});
