/** `holdfast demo`: a whole flash sale on a store of its own, in about ten seconds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditReport } from '../../core/audit.ts';
import { formatStockNdjson } from '../../engine/stock-file/format.ts';
import { reportToJson } from '../audit-json.ts';
import type { CliParts } from '../cli-parts.ts';
import { CATALOGUE } from '../demo/catalogue.ts';
import {
  describeNext,
  describeSale,
  describeShop,
  describeVerdict,
  describeWaves,
  passed,
} from '../demo/demo-report.ts';
import { CliFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import { moreHelp } from '../options.ts';
import type { Registry } from '../registry.ts';
import type { RushResult } from '../rush/index.ts';
import { ServiceClient } from '../service-client.ts';
import { painter, writeJson, writeLines } from '../terminal.ts';

interface Options {
  readonly buyers: string;
  readonly seed?: string;
  readonly json?: true;
}

const TTL_SECONDS = 2;

export function addDemo({ program, parts, action }: Registry): void {
  program
    .command('demo')
    .description('a flash sale in ten seconds: thousands of buyers, the last units, and a verdict')
    .option('--buyers <n>', 'buyers in each of the two waves', '2500')
    .option('--seed <n>', 'the same seed makes the same buyers again')
    .option('--json', 'print as JSON')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast demo --buyers 10000',
        'Runs on a free port with a store in a temporary folder, and leaves nothing behind. Exit code 1 if a unit was oversold or undersold.',
      ),
    )
    .action(action((options: Options) => demo(options, parts)));
}

async function demo(options: Options, parts: CliParts): Promise<ExitCode> {
  const { stdout, env } = parts.io;
  const paint = painter(stdout, env);
  const tell = (lines: string[]): void => {
    if (!options.json) writeLines(stdout, lines);
  };
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
  const cleanUp = (): void => rmSync(folder, { recursive: true, force: true });
  process.on('exit', cleanUp);
  try {
    const [result, audit] = await holdSale(folder, options, parts, tell);
    if (options.json) {
      const { resultToJson } = await import('../rush/index.ts');
      writeJson(stdout, {
        passed: passed(result, audit),
        audit: audit === null ? null : reportToJson(audit),
        rush: resultToJson(result),
      });
    }
    tell([...describeSale(result), ...describeVerdict(result, audit, paint), ...describeNext()]);
    return passed(result, audit) ? EXIT.ok : EXIT.found;
  } finally {
    process.off('exit', cleanUp);
    cleanUp();
  }
}

async function holdSale(
  folder: string,
  options: Options,
  parts: CliParts,
  tell: (lines: string[]) => void,
): Promise<[RushResult, AuditReport | null]> {
  const { stdout, env } = parts.io;
  const service = await parts.startService({
    HOLDFAST_HOST: '127.0.0.1',
    HOLDFAST_PORT: '0',
    HOLDFAST_STORE: 'embedded',
    // Nobody shall be told of sales that are none.
    HOLDFAST_ERP: 'none',
    HOLDFAST_DATA_DIR: folder,
    HOLDFAST_LOG_FILE: join(folder, 'holdfast.log'),
    HOLDFAST_REQUIRE_KEYS: 'false',
    HOLDFAST_RATE_LIMIT_PER_SECOND: '0',
  });
  let result: RushResult;
  try {
    tell(describeShop(service.url, painter(stdout, env)));
    await setStock(service.url);
    tell(describeWaves(Number(options.buyers), TTL_SECONDS));
    result = await race(service.url, options, parts);
  } finally {
    await service.stop();
  }
  return [result, await parts.openDataFolder(folder).audit()];
}

async function setStock(url: string): Promise<void> {
  const client = new ServiceClient({ url, key: null });
  const rows = CATALOGUE.map(({ sku, units }) => ({ sku, onHand: units }));
  try {
    await client.must({
      method: 'POST',
      path: '/stock/import',
      contentType: 'application/x-ndjson',
      body: [...formatStockNdjson(rows)].join(''),
    });
  } finally {
    await client.close();
  }
}

async function race(url: string, options: Options, parts: CliParts): Promise<RushResult> {
  const { stderr, env } = parts.io;
  // Loaded only where there is a rush.
  const { runRush } = await import('../rush/index.ts');
  const stop = new AbortController();
  const asked = (): void => stop.abort();
  process.once('SIGINT', asked);
  const end = await runRush(
    {
      url,
      sku: CATALOGUE.map(({ sku }) => sku),
      buyers: options.buyers,
      seed: options.seed,
      zipf: 0.8,
      rounds: 2,
      release: 0.1,
      abandon: 0.15,
      thinkMs: 150,
      ttlSeconds: TTL_SECONDS,
    },
    // The report is our own; progress and complaints are the rush's.
    { stdout: { write: () => undefined }, stderr, env, signal: stop.signal },
  );
  process.off('SIGINT', asked);
  if (end.result === null) throw new CliFailure('the sale could not be held');
  return end.result;
}
