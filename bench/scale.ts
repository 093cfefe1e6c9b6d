/**
 * A million SKUs and a million active reservations (T24): `npm run bench:scale [-- --count 1000000]`.
 * Prints memory per reservation, the time to start with all of them live, and what happens when all lapse at once.
 */
import { readFileSync, rmSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { startHoldfast, type Service } from './support/services.ts';
import { count, median } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    probes: { type: 'string', default: '5000' },
  },
});
const total = Number(options.count);
const probes = Number(options.probes);
/** Long enough to fill and restart; every reservation is given what is left of it. */
const LIFETIME_SECONDS = Math.max(60, Math.ceil(total / 10_000));
const BATCH = 1_000;

const settings = {
  HOLDFAST_LOG_LEVEL: 'warn',
  HOLDFAST_MAX_IMPORT_BYTES: String(64 * 1024 * 1024),
};

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

const sku = (n: number): string => `SKU-${n}`;

async function importSkus({ url }: Service): Promise<void> {
  const lines = Array.from({ length: total }, (_, n) => `${sku(n)},1`);
  const answer = await fetch(`${url}/stock/import`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: `sku,on_hand\n${lines.join('\n')}\n`,
  });
  if (!answer.ok) throw new Error(`import: ${answer.status} ${await answer.text()}`);
}

/** Reserves the one unit of every SKU, all to lapse at `deadline` (to the second). */
async function reserveAll(pool: Pool, deadline: number): Promise<void> {
  for (let from = 0; from < total; from += BATCH) {
    const ttl = Math.round((deadline - Date.now()) / 1000);
    const commands = Array.from({ length: Math.min(BATCH, total - from) }, (_, n) => ({
      type: 'reserve',
      lines: [{ sku: sku(from + n), quantity: 1 }],
      ttl_seconds: ttl,
    }));
    const { statusCode, body } = await pool.request({
      path: '/reservations/batch',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ commands }),
    });
    const answer = (await body.json()) as { results: { status: number }[] };
    if (statusCode !== 200 || answer.results.some(({ status }) => status !== 201)) {
      throw new Error(`batch at ${from}: ${statusCode}`);
    }
  }
}

/** Asks for lapsed units, spread over all SKUs: milliseconds until each is granted. */
async function probe(pool: Pool): Promise<number[]> {
  const ask = async (n: number): Promise<number> => {
    const start = performance.now();
    for (;;) {
      const path = `/stock/${sku(n)}/reserve`;
      const { statusCode, body } = await pool.request({ path, method: 'POST' });
      await body.dump();
      if (statusCode === 200) return performance.now() - start;
      if (statusCode !== 503) throw new Error(`${sku(n)} lapsed and was answered ${statusCode}`);
    }
  };
  const times: number[] = [];
  const stride = Math.max(1, Math.floor(total / probes));
  let next = 0;
  const buyer = async (): Promise<void> => {
    for (let n = next++; n < probes; n = next++) times.push(await ask(n * stride));
  };
  await Promise.all(Array.from({ length: 32 }, buyer));
  return times.sort((a, b) => a - b);
}

async function metric({ url }: Service, name: string): Promise<string> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split('\n').find((line) => line.startsWith(name)) ?? `${name} not found`;
}

const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-scale-'));
let service = await startHoldfast('embedded', settings, dataDir);
/** Of a service that has just started, with nothing in its books; the same is asked of one with everything. */
const empty = residentBytes(service.pid);
try {
  let start = performance.now();
  await importSkus(service);
  console.log(
    `imported ${count(total)} SKUs in ${((performance.now() - start) / 1000).toFixed(1)} s`,
  );
  let pool = new Pool(service.url, { connections: 32 });
  const deadline = Date.now() + LIFETIME_SECONDS * 1000;
  start = performance.now();
  await reserveAll(pool, deadline);
  const filling = (performance.now() - start) / 1000;
  console.log(
    `reserved ${count(total)} in ${filling.toFixed(1)} s, ${count(total / filling)} a second`,
  );
  const filled = residentBytes(service.pid);
  console.log(
    `resident: ${count(filled / 1e6)} MB right after filling, ${((filled - empty) / total).toFixed(0)} bytes each`,
  );
  console.log(`on disk: ${count(statSync(join(dataDir, 'holdfast.db')).size / 1e6)} MB`);
  await pool.close();
  await service.stop();

  start = performance.now();
  service = await startHoldfast('embedded', settings, dataDir);
  console.log(
    `start with all live: ${((performance.now() - start) / 1000).toFixed(2)} s to the first answer`,
  );
  const resident = residentBytes(service.pid);
  console.log(
    `resident: ${count(resident / 1e6)} MB after the start, empty ${count(empty / 1e6)} MB`,
  );
  console.log(
    `memory: ${((resident - empty) / total).toFixed(0)} bytes per live reservation and SKU`,
  );
  pool = new Pool(service.url, { connections: 32 });
  const left = deadline + 1000 - Date.now();
  if (left < 0) throw new Error('the fill took longer than the lifetime: raise LIFETIME_SECONDS');
  await new Promise((resolve) => setTimeout(resolve, left));
  const times = await probe(pool);
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(0);
  const within = times.filter((ms) => ms <= 1000).length / times.length;
  console.log(
    `${count(total)} lapsed at once: ${(within * 100).toFixed(2)}% of ${count(probes)} asked for within 1 s (p50 ${median(times).toFixed(0)} ms, p99 ${at(0.99)} ms, max ${at(0.9999)} ms)`,
  );
  console.log(await metric(service, 'nodejs_eventloop_lag_p99_seconds'));
  await pool.close();
} finally {
  await service.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
