/**
 * Useful answers under overload: `npm run bench:overload [-- --seconds 5]`. The service is driven by 1, 2, 3, 5 and
 * 10 times the connections that saturate it; an answer is useful when it is a grant, not when it sheds.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { load, loadTool } from './support/load.ts';
import { putStock, startHoldfast } from './support/services.ts';
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
  console.log(`load by ${loadTool}, ${seconds} s a step, times ${base} connections`);
  console.log('| load | useful/s | ÷ 1× | shed/s | p50 ms | p99 ms | resident MB |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  let peak = 0;
  for (const times of [1, 2, 3, 5, 10]) {
    const result = await load({ ...reserve, connections: base * times, seconds });
    const shed = result.non2xx / seconds;
    const useful = result.perSecond - shed;
    if (times === 1) peak = useful;
    const cells = [
      `${times}×`,
      count(useful),
      (useful / peak).toFixed(2),
      count(shed),
      result.p50Ms.toFixed(1),
      result.p99Ms.toFixed(1),
      count(residentMegabytes(service.pid)),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
} finally {
  await service.stop();
}
