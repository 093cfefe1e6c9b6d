/**
 * T5: thousands of buyers at once, few units, over real sockets on the embedded store. Exactly the units that there
 * are get granted, every time. `HOLDFAST_BUYERS=5000 HOLDFAST_ROUNDS=20` is the full size.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Pool } from 'undici';
import { startService } from '../faults/service-process.ts';

const BUYERS = Number(process.env['HOLDFAST_BUYERS'] ?? 1_000);
const ROUNDS = Number(process.env['HOLDFAST_ROUNDS'] ?? 3);
const UNITS = 100;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

type Ask = (method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => Promise<Answer>;

function asker(pool: Pool): Ask {
  return async (method, path, body) => {
    const answer = await pool.request({
      method,
      path,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return {
      status: answer.statusCode,
      body: (await answer.body.json()) as Record<string, unknown>,
    };
  };
}

function tally(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

async function auditPasses(ask: Ask): Promise<void> {
  const { body } = await ask('GET', '/audit');
  assert.equal(body['ok'], true, JSON.stringify(body));
}

async function lastUnits(t: TestContext, ask: Ask): Promise<void> {
  for (let round = 1; round <= ROUNDS; round += 1) {
    const sku = `LAST-${round}`;
    await ask('PUT', `/stock/${sku}`, { on_hand: UNITS });
    const answers = await Promise.all(
      Array.from({ length: BUYERS }, () => ask('POST', `/stock/${sku}/reserve`)),
    );
    assert.deepEqual(tally(answers), { 200: UNITS, 409: BUYERS - UNITS });
    const granted = answers.filter(({ status }) => status === 200);
    const ids = new Set(granted.map(({ body }) => body['reservation_id']));
    assert.equal(ids.size, UNITS);
    const level = await ask('GET', `/stock/${sku}`);
    assert.deepEqual(
      [level.body['available'], level.body['reserved'], level.body['on_hand']],
      [0, UNITS, UNITS],
    );
  }
  t.diagnostic(`${ROUNDS} rounds, granted ${UNITS} in each, oversold 0, undersold 0`);
  await auditPasses(ask);
}

async function oppositeCarts(t: TestContext, ask: Ask): Promise<void> {
  const units = { 'PAIR-A': 60, 'PAIR-B': 40 };
  for (const [sku, onHand] of Object.entries(units)) {
    await ask('PUT', `/stock/${sku}`, { on_hand: onHand });
  }
  const carts = Array.from({ length: BUYERS }, (_, n) => {
    const lines = Object.keys(units).map((sku) => ({ sku, quantity: 1 }));
    return { lines: n % 2 === 0 ? lines : lines.reverse() };
  });
  const answers = await Promise.all(carts.map((cart) => ask('POST', '/reservations', cart)));
  assert.deepEqual(tally(answers), { 201: 40, 409: BUYERS - 40 });
  for (const { status, body } of answers) {
    if (status === 201) assert.equal((body['lines'] as unknown[]).length, 2);
  }
  const left = await Promise.all(Object.keys(units).map((sku) => ask('GET', `/stock/${sku}`)));
  assert.deepEqual(
    left.map(({ body }) => [body['available'], body['reserved']]),
    [
      [20, 40],
      [0, 40],
    ],
  );
  t.diagnostic(`${BUYERS} carts of two, 40 granted whole, 0 in part`);
  await auditPasses(ask);
}

async function churn(t: TestContext, ask: Ask): Promise<void> {
  const sku = 'CHURN';
  await ask('PUT', `/stock/${sku}`, { on_hand: UNITS });
  let sold = 0;
  let released = 0;
  // Each buyer who gets a unit gives it back once in three times; refused ones try again until all is sold.
  const buyer = async (n: number): Promise<void> => {
    for (let attempt = 0; sold < UNITS; attempt += 1) {
      assert.ok(attempt < 10_000, 'the units are never all sold');
      const { status, body } = await ask('POST', `/stock/${sku}/reserve`);
      if (status === 409) {
        if (body['code'] === 'sold_out') return;
        continue;
      }
      assert.equal(status, 200);
      const id = String(body['reservation_id']);
      if ((n + attempt) % 3 === 0) {
        assert.equal((await ask('POST', `/reservations/${id}/release`, {})).status, 200);
        released += 1;
        continue;
      }
      const confirmed = await ask('POST', '/stock/confirm', { reservation_id: id });
      assert.equal(confirmed.status, 200);
      assert.equal(confirmed.body['status'], 'SUCCESS');
      sold += 1;
    }
  };
  await Promise.all(Array.from({ length: 200 }, (_, n) => buyer(n)));
  const { body } = await ask('GET', `/stock/${sku}`);
  assert.deepEqual([sold, body['on_hand'], body['available'], body['reserved']], [UNITS, 0, 0, 0]);
  assert.ok(released > 0);
  t.diagnostic(`sold ${sold} of ${UNITS}, ${released} given back on the way`);
  await auditPasses(ask);
}

test('the race for the last units', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-sale-'));
  t.after(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  const service = await startService(t, dataDir);
  const pool = new Pool(service.url, { connections: BUYERS });
  t.after(() => pool.destroy());
  const ask = asker(pool);
  await t.test(
    `${BUYERS} buyers, ${UNITS} units, ${ROUNDS} rounds: exactly ${UNITS} granted each time, the rest 409`,
    (sub) => lastUnits(sub, ask),
  );
  await t.test(
    'carts of two SKUs in opposite orders: no deadlock, no oversell, nothing half taken',
    (sub) => oppositeCarts(sub, ask),
  );
  await t.test('while units come and go, every refusal is true and every unit is sold', (sub) =>
    churn(sub, ask),
  );
});
