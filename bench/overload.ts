/**
 * Useful answers under overload: `npm run bench:overload [-- --seconds 5]`. The service is driven by 1, 2, 3, 5 and
 * 10 times the connections that saturate it; an answer is useful when it is a grant, not when it sheds, and the peak is
 * the best of all steps. Afterwards the books must hold as many reservations as were granted.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { load, loadTool } from './support/load.ts';
import { putStock, readStock, startHoldfast } from './support/services.ts';
import { count } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
  },
});
const seconds = Number(options.seconds);
const base = Number(options.connections);

function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

const service = await startHoldfast('embedded');
try {
  await putStock(service.url, 'SKU-001', 2_147_483_647);
  const reserve = { url: `${service.url}/stock/SKU-001/reserve`, method: 'POST' as const };
  await load({ ...reserve, connections: base, seconds });
  const { reserved: before } = await readStock(service.url, 'SKU-001');
  const steps: { times: number; useful: number; shed: number; cells: string[] }[] = [];
  for (const times of [1, 2, 3, 5, 10]) {
    const result = await load({ ...reserve, connections: base * times, seconds });
    const shed = result.non2xx / seconds;
    const useful = result.perSecond - shed;
    const latencies = [result.p50Ms.toFixed(1), result.p99Ms.toFixed(1)];
    steps.push({
      times,
      useful,
      shed,
      cells: [...latencies, count(residentMegabytes(service.pid))],
    });
  }
  const answered = steps.reduce((sum, { useful }) => sum + useful * seconds, 0);
  const made = (await readStock(service.url, 'SKU-001')).reserved - before;
  // Who was on the way at the end of a step has a unit, and was counted by nobody.
  if (made < answered * 0.99) throw new Error(`${answered} grants, and only ${made} reservations`);
  const peak = Math.max(...steps.map(({ useful }) => useful));
  console.log(`load by ${loadTool}, ${seconds} s a step, times ${base} connections`);
  console.log('| load | useful/s | ÷ peak | shed/s | p50 ms | p99 ms | resident MB |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const { times, useful, shed, cells } of steps) {
    const ratio = (useful / peak).toFixed(2);
    console.log(`| ${[`${times}×`, count(useful), ratio, count(shed), ...cells].join(' | ')} |`);
  }
  console.log(`${count(made)} reservations stand behind ${count(answered)} grants`);
} finally {
  await service.stop();
}
