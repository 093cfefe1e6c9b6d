/**
 * A lapsed unit goes to whoever asks next, the moment its deadline passes: nobody touches the old reservation and no
 * sweep has run, and it does not matter whether the service was up at that moment. A late confirm gets 410.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import type { ReservationStore } from '../../src/engine/ports.ts';
import type { SharedClock } from '../../src/stores/embedded/anchored-clock.ts';
import { auditDataDir } from '../../src/stores/embedded/audit.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { confirm, reserve, setStock } from '../support/commands.ts';
import { START } from '../support/fake-clock.ts';
import { outcome } from '../support/outcome.ts';
import { tempDir } from '../support/temp-dir.ts';
import { setting } from './chance.ts';
import { Client } from './client.ts';
import { newStore, startClock } from './clocked-store.ts';
import { startService } from './service-process.ts';

/** Reservations that lapse in the real service; each is asked for once before its deadline and once after. */
const LAPSES = setting('HOLDFAST_LAPSES', 20);
/** The sweeper's longest pause: in these tests it never gets to run. */
const NO_SWEEPS = { HOLDFAST_SWEEP_INTERVAL_MS: '60000' };

async function lastUnit(store: ReservationStore, clock: SharedClock): Promise<void> {
  await store.submit(setStock('L', 1));
  await store.submit(reserve('ana', 'L', { ttl: 10 }));
  const ask = async (id: string): Promise<string> => outcome(await store.submit(reserve(id, 'L')));

  clock.set(START + 9_999);
  assert.equal(await ask('beto'), 'all_reserved L:0/1 until 10');
  assert.equal((await store.level('L'))?.available, 0);

  clock.set(START + 10_000);
  assert.equal((await store.level('L'))?.available, 1, 'on sale with nothing recorded');
  assert.equal((await store.reservation('ana'))?.status, 'expired');
  assert.equal((await store.stats()).active, 1, 'not recorded yet');
  assert.equal(await ask('caio'), 'active L:1 until 610');
  assert.equal(outcome(await store.submit(confirm('ana'))), 'reservation_expired at 10');
  assert.equal(await ask('davi'), 'all_reserved L:0/1 until 610');
  assert.deepEqual((await store.audit()).problems, []);
}

test('the last unit at the millisecond of its deadline, in the memory store', async () => {
  const clock = startClock();
  await lastUnit(new MemoryStore(clock, DEFAULT_RULES), clock);
});

test('the last unit at the millisecond of its deadline, in the embedded store', async (t) => {
  const clock = startClock();
  await lastUnit(await newStore(t, clock), clock);
});

interface Lapsing {
  readonly sku: string;
  readonly id: string;
  readonly expiresAt: number;
}

async function holdLastUnit(client: Client, sku: string, seconds = 1): Promise<Lapsing> {
  await client.must('PUT', `/stock/${sku}`, { on_hand: 1 });
  const ask = { ttl_seconds: seconds };
  const { status, body } = await client.must('POST', `/stock/${sku}/reserve`, ask);
  assert.equal(status, 200, JSON.stringify(body));
  const expiresAt = Date.parse(String(body['expires_at']));
  return { sku, id: String(body['reservation_id']), expiresAt };
}

async function until(time: number): Promise<void> {
  while (Date.now() < time) await sleep(Math.max(1, time - Date.now()));
}

/** The old reservation has nothing left to confirm, by either of the two calls. */
async function assertGone(client: Client, { id }: Lapsing): Promise<void> {
  const late = await client.must('POST', `/reservations/${id}/confirm`, {});
  assert.equal(late.status, 410, JSON.stringify(late.body));
  assert.equal(late.body['code'], 'reservation_expired');
  const prototype = await client.must('POST', '/stock/confirm', { reservation_id: id });
  assert.equal(prototype.status, 410, JSON.stringify(prototype.body));
}

async function lapseOnce(client: Client, sku: string): Promise<{ lag: number; refused: boolean }> {
  const lapsing = await holdLastUnit(client, sku);
  await until(lapsing.expiresAt - 200);
  const early = await client.must('POST', `/stock/${sku}/reserve`);
  const refused = early.status === 409;
  if (refused) {
    assert.equal(early.body['code'], 'all_reserved');
    assert.equal(Date.parse(String(early.body['next_expiry_at'])), lapsing.expiresAt);
    assert.equal(early.headers['retry-after'], '1');
  } else {
    // So late was the answer that the unit had lapsed meanwhile.
    assert.ok(early.status === 200 && Date.now() >= lapsing.expiresAt, `${sku} was given early`);
  }
  // The first and only request after the deadline, but for a machine that was too slow above.
  await until(lapsing.expiresAt + 2);
  const asked = Date.now();
  if (refused) {
    const next = await client.must('POST', `/stock/${sku}/reserve`);
    const words = `${asked - lapsing.expiresAt} ms after its deadline: ${JSON.stringify(next.body)}`;
    assert.equal(next.status, 200, words);
  }
  await assertGone(client, lapsing);
  return { lag: asked - lapsing.expiresAt, refused };
}

test(`in the real service, ${LAPSES} lapsed units go to the first who asks after the deadline`, async (t) => {
  const service = await startService(t, await tempDir(t), { settings: NO_SWEEPS });
  const client = new Client(t, service.url, 16);
  const lapses = Array.from({ length: LAPSES }, async (_, index) => {
    await sleep(index * 20);
    return lapseOnce(client, `LAPSE-${index}`);
  });
  const seen = await Promise.all(lapses);
  const refused = seen.filter((one) => one.refused).length;
  t.diagnostic(
    `lapses ${seen.length}, refused before the deadline ${refused}, early 0, asked at most ${Math.max(...seen.map(({ lag }) => lag))} ms after the deadline and granted`,
  );
  assert.ok(refused > 0, 'none was asked for before its deadline');
});

/** It dies before the deadline: a machine that is too slow for a short one is given a longer one. */
async function holdAndDie(t: TestContext, dataDir: string, sku: string): Promise<Lapsing> {
  for (let seconds = 2; ; seconds *= 2) {
    const service = await startService(t, dataDir, { settings: NO_SWEEPS });
    const lapsing = await holdLastUnit(new Client(t, service.url), sku, seconds);
    await service.end('SIGKILL');
    if (Date.now() < lapsing.expiresAt) return lapsing;
  }
}

test('the service is dead at the deadline: when it is back, the unit is on sale and the late confirm gets 410', async (t: TestContext) => {
  const dataDir = await tempDir(t);
  const lapsing = await holdAndDie(t, dataDir, 'DOWN-1');
  await until(lapsing.expiresAt + 2);

  const after = await startService(t, dataDir, { settings: NO_SWEEPS });
  const client = new Client(t, after.url);
  const next = await client.must('POST', '/stock/DOWN-1/reserve');
  assert.equal(next.status, 200, JSON.stringify(next.body));
  await assertGone(client, lapsing);
  const third = await client.must('POST', '/stock/DOWN-1/reserve');
  assert.equal(third.status, 409, 'the unit is there once');
  assert.equal(await after.end('SIGTERM'), 0);
  assert.deepEqual((await auditDataDir(dataDir)).problems, []);
});
