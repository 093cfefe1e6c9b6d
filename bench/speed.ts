/**
 * The speed table (docs/performance.md): `npm run bench:speed [-- --rounds 5 --seconds 3]`.
 * Every figure is taken beside its denominator, round by round in turn, and the median of the rounds' ratios is printed.
 */
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { load, loadTool, type LoadResult } from './support/load.ts';
import {
  putStock,
  startBare,
  startHoldfast,
  startPrototype,
  type Service,
} from './support/services.ts';
import { count, median, printTable, type Row } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '128' },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const connections = Number(options.connections);
const PLENTY = 2_147_483_647;
const SPREAD = 10_000;

async function prepare({ url }: Service): Promise<void> {
  await putStock(url, 'SKU-001', PLENTY);
  await putStock(url, 'SKU-GONE', 0);
  const rows = Array.from({ length: SPREAD }, (_, n) => `SPREAD-${n},${PLENTY}`);
  const answer = await fetch(`${url}/stock/import`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: `sku,on_hand\n${rows.join('\n')}\n`,
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`import: ${answer.status} ${text}`);
}

const BATCH = JSON.stringify({
  commands: Array.from({ length: 256 }, () => ({
    type: 'reserve',
    lines: [{ sku: 'SKU-001', quantity: 1 }],
  })),
});

type Measured = LoadResult & { readonly cpuMicros: number };
type Measure = (service: Service) => Promise<Measured>;
const post =
  (path: string, more: { spread?: number; connections?: number; body?: string } = {}): Measure =>
  async ({ url, pid }) => {
    const before = cpuSeconds(pid);
    const target = { url: `${url}${path}`, method: 'POST', connections, seconds } as const;
    const result = await load({ ...target, ...more });
    const requests = result.perSecond * seconds;
    return { ...result, cpuMicros: ((cpuSeconds(pid) - before) * 1e6) / requests };
  };

/** Of the whole process, by Linux' count in hundredths; on other systems not a number. */
function cpuSeconds(pid: number): number {
  try {
    const [, after = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    const fields = after.split(' ').map(Number);
    return ((fields[11] ?? Number.NaN) + (fields[12] ?? Number.NaN)) / 100;
  } catch {
    return Number.NaN;
  }
}

const sameHeaders = post('/same-headers');
const hot = post('/stock/SKU-001/reserve');
const spread = post('/stock/SPREAD-{n}/reserve', { spread: SPREAD });
const gone = post('/stock/SKU-GONE/reserve');
const single = post('/stock/SKU-001/reserve', { connections: 1 });
const batch = post('/reservations/batch', { connections: 4, body: BATCH });

/** 4 KiB written and synced, 500 times: milliseconds of the median. */
function fdatasyncP50(): number {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const file = openSync(join(folder, 'sync'), 'w');
  const block = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 500 }, () => {
    const start = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - start;
  });
  closeSync(file);
  rmSync(folder, { recursive: true, force: true });
  return median(times);
}

interface Round {
  bare: Measured;
  bareHeaders: LoadResult;
  hot: Measured;
  spread: LoadResult;
  gone: LoadResult;
  memoryHot: LoadResult;
  memoryGone: LoadResult;
  batch: LoadResult;
  single: LoadResult;
  memorySingle: LoadResult;
  fdatasync: number;
  prototype: LoadResult | null;
}

async function measure(): Promise<Round[]> {
  const bare = await startBare();
  const embedded = await startHoldfast('embedded');
  const memory = await startHoldfast('memory');
  const prototype = await startPrototype();
  try {
    await prepare(embedded);
    await prepare(memory);
    for (const [service, warm] of [
      [bare, hot],
      [embedded, hot],
      [memory, hot],
      [embedded, gone],
    ] as const) {
      await warm(service);
    }
    const results: Round[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      console.error(`round ${round} of ${rounds}`);
      results.push({
        bare: await hot(bare),
        bareHeaders: await sameHeaders(bare),
        hot: await hot(embedded),
        memoryHot: await hot(memory),
        spread: await spread(embedded),
        gone: await gone(embedded),
        memoryGone: await gone(memory),
        fdatasync: fdatasyncP50(),
        single: await single(embedded),
        memorySingle: await single(memory),
        batch: await batch(embedded),
        prototype: prototype === null ? null : await hot(prototype),
      });
    }
    return results;
  } finally {
    await Promise.all([bare, embedded, memory].map((service) => service.stop()));
    await prototype?.stop();
  }
}

function ratio(
  figure: string,
  goal: number,
  results: readonly Round[],
  of: (round: Round) => number,
  per: (round: Round) => number,
): Row {
  const ratios = results.map((round) => of(round) / per(round));
  const value = median(ratios);
  const low = Math.min(...ratios).toFixed(2);
  const high = Math.max(...ratios).toFixed(2);
  return {
    figure,
    value: `${value.toFixed(2)} (${low} to ${high})`,
    goal: `≥ ${goal}`,
    met: value >= goal,
    denominator: `${count(median(results.map(of)))}/s beside ${count(median(results.map(per)))}/s`,
  };
}

const results = await measure();
const rows: Row[] = [
  ratio(
    'durable reserve ÷ bare handler',
    0.85,
    results,
    (r) => r.hot.perSecond,
    (r) => r.bare.perSecond,
  ),
  ratio(
    'durable reserve ÷ bare handler that sends the same headers',
    0.85,
    results,
    (r) => r.hot.perSecond,
    (r) => r.bareHeaders.perSecond,
  ),
  ratio(
    'memory reserve ÷ bare handler',
    0.85,
    results,
    (r) => r.memoryHot.perSecond,
    (r) => r.bare.perSecond,
  ),
  ratio(
    'one hot SKU ÷ 10,000 SKUs',
    0.95,
    results,
    (r) => r.hot.perSecond,
    (r) => r.spread.perSecond,
  ),
  ratio(
    'sold-out answers ÷ bare handler (embedded)',
    0.9,
    results,
    (r) => r.gone.perSecond,
    (r) => r.bare.perSecond,
  ),
  ratio(
    'sold-out answers ÷ bare handler (memory)',
    0.9,
    results,
    (r) => r.memoryGone.perSecond,
    (r) => r.bare.perSecond,
  ),
];
const [cpu, bareCpu] = [
  median(results.map((r) => r.hot.cpuMicros)),
  median(results.map((r) => r.bare.cpuMicros)),
];
rows.push({
  figure: 'CPU of the service per durable reserve, all threads',
  value: `${cpu.toFixed(1)} µs`,
  goal: 'none',
  met: null,
  denominator: `bare handler ${bareCpu.toFixed(1)} µs`,
});
const gap = median(results.map((r) => r.single.p50Ms - r.memorySingle.p50Ms));
const disk = median(results.map(({ fdatasync }) => fdatasync));
rows.push({
  figure: 'durable p50 − memory p50, one connection',
  value: `${gap.toFixed(3)} ms`,
  goal: `≤ 2 × fdatasync p50`,
  met: gap <= 2 * disk,
  denominator: `fdatasync p50 ${disk.toFixed(3)} ms`,
});
const units = median(results.map((r) => r.batch.perSecond * 256));
rows.push({
  figure: 'batch endpoint, 256 reserves of one SKU',
  value: `${count(units)} units/s`,
  goal: '≥ 100,000 units/s (floor 31,000)',
  met: units >= 100_000,
  denominator: `${count(units / 256)} requests/s`,
});
const withPrototype = results.filter((r) => r.prototype !== null);
rows.push(
  withPrototype.length === 0
    ? {
        figure: 'against the prototype',
        value: 'not measured',
        goal: '≥ 10',
        met: null,
        denominator: 'install python3-fastapi and uvicorn',
      }
    : ratio(
        'durable reserve ÷ prototype',
        10,
        withPrototype,
        (r) => r.hot.perSecond,
        (r) => r.prototype?.perSecond ?? Number.NaN,
      ),
);
console.log(`load by ${loadTool}, ${connections} connections, ${rounds} rounds of ${seconds} s`);
printTable(rows);
