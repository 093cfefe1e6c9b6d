/**
 * T6 on the real service: concurrent clients over HTTP on the embedded store, their histories given to the checker.
 * Lifetimes end during a history, clients retry nothing, and some histories are cut short by `kill -9`.
 * `HOLDFAST_SERVICE_HISTORIES=500` is the full size.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Pool } from 'undici';
import { seeded, setting } from '../faults/chance.ts';
import { startService } from '../faults/service-process.ts';
import { check, type OperationRecord } from '../linearizability/checker.ts';
import { formatHistory } from '../linearizability/history.ts';
import type { Random } from '../linearizability/random.ts';
import { HistoryRecorder } from '../linearizability/recorder.ts';
import { stockModel } from '../linearizability/stock-model.ts';
import type { StockInput, StockOutput } from '../linearizability/stock-operations.ts';

const HISTORIES = setting('HOLDFAST_SERVICE_HISTORIES', 48);
/** Histories recorded at the same time, each on a SKU of its own. */
const TOGETHER = 8;
const KILL_EVERY = 3;
const TTL_SECONDS = 1;
/** The test's clock and the service's are both the machine's; a millisecond is rounded off on either side. */
const SLACK_MS = 25;

type History = OperationRecord<StockInput, StockOutput>[];
type Body = Record<string, unknown>;

type Granted = Extract<StockOutput, { type: 'granted' }>;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const clock = (): number => performance.timeOrigin + performance.now();

async function call(pool: Pool, method: 'GET' | 'POST' | 'PUT', path: string, body?: Body) {
  const answer = await pool.request({
    method,
    path,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: answer.statusCode, body: (await answer.body.json()) as Body };
}

/** The service's answer in the checker's words; what has no words fails the test. */
function worded(input: StockInput, status: number, body: Body): StockOutput {
  const code = typeof body['code'] === 'string' ? body['code'] : '';
  if (input.type === 'read' && status === 200) {
    const { available, on_hand: onHand, reserved } = body as Record<string, number>;
    return {
      type: 'level',
      available: available ?? -1,
      onHand: onHand ?? -1,
      reserved: reserved ?? -1,
    };
  }
  if (input.type === 'reserve' && status === 201) {
    const expiresAt = Date.parse(String(body['expires_at']));
    const [line] = body['lines'] as { quantity: number }[];
    return {
      type: 'granted',
      id: String(body['reservation_id']),
      expiresAt,
      quantity: line?.quantity ?? 0,
    };
  }
  if (status === 200) return { type: 'ok' };
  if (
    status === 409 &&
    (code === 'sold_out' || code === 'all_reserved' || code === 'insufficient_stock')
  ) {
    const [short] = body['short'] as { available: number; next_expiry_at: string | null }[];
    const next = short?.next_expiry_at ?? null;
    return {
      type: 'refused',
      reason: code,
      available: short?.available ?? -1,
      nextExpiryAt: next === null ? null : Date.parse(next),
    };
  }
  if (status === 410 && code === 'reservation_expired') return { type: 'expired' };
  if (status === 410 && code === 'reservation_released') return { type: 'released' };
  if (status === 409 && code === 'already_confirmed') return { type: 'already_confirmed' };
  throw new Error(`no words for ${status} ${JSON.stringify(body)}`);
}

function request(pool: Pool, input: StockInput) {
  const { sku } = input;
  switch (input.type) {
    case 'reserve': {
      const lines = [{ sku, quantity: input.quantity }];
      return call(pool, 'POST', '/reservations', { lines, ttl_seconds: TTL_SECONDS });
    }
    case 'confirm':
    case 'release':
      return call(pool, 'POST', `/reservations/${input.id}/${input.type}`, {});
    case 'read':
      return call(pool, 'GET', `/stock/${sku}`);
    case 'set_on_hand':
      return call(pool, 'PUT', `/stock/${sku}`, { on_hand: input.onHand });
    case 'adjust':
      return call(pool, 'POST', `/stock/${sku}/adjust`, { delta: input.delta, reason: 'history' });
  }
}

function nextInput(sku: string, random: Random, ids: readonly string[]): StockInput {
  const id = random.pick(ids);
  const choice = random.fraction();
  if (id !== undefined && choice < 0.12) return { sku, type: 'confirm', id };
  if (id !== undefined && choice < 0.24) return { sku, type: 'release', id };
  if (choice < 0.36) return { sku, type: 'read' };
  if (choice < 0.4) return { sku, type: 'adjust', delta: 1 };
  return { sku, type: 'reserve', quantity: random.between(1, 2), ttl: TTL_SECONDS * 1000 };
}

/** 8 to 16 clients on one scarce SKU for a little longer than a reservation lives. */
async function record(
  pool: Pool,
  sku: string,
  random: Random,
  recorder: HistoryRecorder<StockInput, StockOutput>,
): Promise<void> {
  const ids: string[] = [];
  /** The first one granted: nobody touches it before it has lapsed, so that every history has a lapse. */
  let abandoned: Granted | null = null;
  const end = clock() + TTL_SECONDS * 1000 + 600;
  /** Null where no answer came. */
  const ask = async (name: number, input: StockInput): Promise<'not_done' | StockOutput | null> => {
    const pending = recorder.invoked(name, input);
    let answer;
    try {
      answer = await request(pool, input);
    } catch {
      return null;
    }
    if (answer.status === 503 && answer.body['outcome'] === 'not_done') {
      recorder.neverHappened(pending);
      return 'not_done';
    }
    const output = worded(input, answer.status, answer.body);
    recorder.answered(pending, output);
    return output;
  };
  const client = async (name: number): Promise<void> => {
    for (let n = 0; n < 30 && clock() < end; n += 1) {
      const output = await ask(name, nextInput(sku, random, ids));
      if (output === null) return;
      if (output === 'not_done') continue;
      if (output.type === 'granted') {
        if (abandoned === null) abandoned = output;
        else ids.push(output.id);
      }
      await pause(random.between(0, 120));
    }
    if (name > 0 || abandoned === null) return;
    const { id, expiresAt } = abandoned;
    await pause(Math.max(0, expiresAt + SLACK_MS - clock()));
    await ask(name, { sku, type: 'confirm', id });
  };
  await Promise.all(Array.from({ length: random.between(8, 16) }, (_, name) => client(name)));
}

test(`${HISTORIES} concurrent histories of the real service are linearizable`, async (t) => {
  const random = seeded(t, import.meta.filename);
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-histories-'));
  t.after(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  const seen = { histories: 0, calls: 0, unanswered: 0, expired: 0, kills: 0 };
  let service = await startService(t, dataDir);
  for (let round = 0; seen.histories < HISTORIES; round += 1) {
    const pool = new Pool(service.url, { connections: 128 });
    const runs = Array.from({ length: TOGETHER }, (_, n) => {
      const onHand = random.between(1, 8);
      return {
        sku: `H-${round}-${n}`,
        onHand,
        recorder: new HistoryRecorder<StockInput, StockOutput>(clock),
      };
    });
    for (const { sku, onHand } of runs)
      await call(pool, 'PUT', `/stock/${sku}`, { on_hand: onHand });
    const recording = Promise.all(
      runs.map(({ sku, recorder }) => record(pool, sku, random, recorder)),
    );
    if (round % KILL_EVERY === KILL_EVERY - 1) {
      await pause(random.between(50, 900));
      await service.end('SIGKILL');
      seen.kills += 1;
      for (const { recorder } of runs) recorder.cutOff();
      await recording;
      service = await startService(t, dataDir);
      await readAfterwards(service.url, runs);
    } else {
      await recording;
    }
    for (const { sku, onHand, recorder } of runs) {
      const history = recorder.history();
      judge(sku, onHand, history);
      seen.histories += 1;
      seen.calls += history.length;
      seen.unanswered += history.filter(({ output }) => output === 'info').length;
      seen.expired += history.filter(
        ({ output }) => output !== 'info' && output.type === 'expired',
      ).length;
    }
    await pool.destroy();
  }
  t.diagnostic(`all accepted: ${JSON.stringify(seen)}`);
  assert.ok(seen.expired > 0, 'no reservation lapsed during a history: the test is too mild');
});

/** What a restarted service says belongs to the history too. */
async function readAfterwards(
  url: string,
  runs: readonly { sku: string; recorder: HistoryRecorder<StockInput, StockOutput> }[],
): Promise<void> {
  const pool = new Pool(url, { connections: 8 });
  for (const { sku, recorder } of runs) {
    const input: StockInput = { sku, type: 'read' };
    await recorder.record(100, input, async () => {
      const { status, body } = await request(pool, input);
      return worded(input, status, body);
    });
  }
  await pool.destroy();
}

function judge(sku: string, onHand: number, history: History): void {
  const result = check(history, stockModel({ initialOnHand: onHand, slack: SLACK_MS }));
  assert.ok(result.ok, result.ok ? '' : `${sku}: ${result.message}\n${formatHistory(history)}`);
}
