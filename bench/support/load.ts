/**
 * Closed-loop HTTP load from another process: wrk where it is installed (it costs the machine least), else
 * autocannon. One tool serves a whole run, so that ratios compare like with like.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';

export interface LoadOptions {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly body?: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests go to `url` with `{n}` replaced by 0 to `spread − 1`, in turn. */
  readonly spread?: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Answers by class: 2 for 2xx and so on. */
  readonly non2xx: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export const loadTool: 'wrk' | 'autocannon' =
  spawnSync('wrk', ['--version']).error === undefined ? 'wrk' : 'autocannon';

export function load(options: LoadOptions): Promise<LoadResult> {
  return loadTool === 'wrk' ? loadWithWrk(options) : loadWithAutocannon(options);
}

function wrkScript({ url, method, body, spread }: LoadOptions): string {
  const { pathname } = new URL(url.replace('{n}', '0'));
  const path = spread === undefined ? pathname : new URL(url).pathname.replace('%7Bn%7D', '{n}');
  return `
wrk.method = ${JSON.stringify(method)}
${body === undefined ? '' : `wrk.body = ${JSON.stringify(body)}; wrk.headers["Content-Type"] = "application/json"`}
local requests, next_request = {}, 0
init = function()
  for n = 0, ${(spread ?? 1) - 1} do
    requests[n + 1] = wrk.format(nil, (string.gsub(${JSON.stringify(path)}, "{n}", tostring(n))))
  end
end
request = function()
  next_request = next_request % #requests + 1
  return requests[next_request]
end
done = function(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(99)))
end
`;
}

async function loadWithWrk(options: LoadOptions): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  try {
    const script = join(folder, 'load.lua');
    writeFileSync(script, wrkScript(options));
    const { origin } = new URL(options.url);
    const args = ['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '-s', script, origin];
    const output = await run('wrk', args);
    const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(output);
    if (found === null) throw new Error(`wrk printed no result:\n${output}`);
    const [requests, micros, failed, p50, p99] = found.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    return {
      perSecond: requests / (micros / 1e6),
      non2xx: failed,
      p50Ms: p50 / 1000,
      p99Ms: p99 / 1000,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ended with ${String(code)}:\n${output}`));
    });
  });
}

async function loadWithAutocannon(options: LoadOptions): Promise<LoadResult> {
  let turn = 0;
  const path = new URL(options.url).pathname;
  const result = await autocannon({
    url: options.url,
    method: options.method,
    ...(options.body === undefined
      ? {}
      : { body: options.body, headers: { 'content-type': 'application/json' } }),
    connections: options.connections,
    duration: options.seconds,
    ...(options.spread === undefined
      ? {}
      : {
          requests: [
            {
              setupRequest: (request) => ({
                ...request,
                path: path.replace('%7Bn%7D', String(turn++ % (options.spread ?? 1))),
              }),
            },
          ],
        }),
  });
  return {
    perSecond: result.requests.average,
    non2xx: result.non2xx + result.errors,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  };
}
