/** `holdfast import`: a stock file is checked row by row here, and then set in one step there. */
import { Readable } from 'node:stream';
import { Option } from 'commander';
import { formatStockNdjson } from '../../engine/stock-file/format.ts';
import {
  parseStockFile,
  type RowProblem,
  type SkuFrom,
  type StockFile,
  type StockFileFormat,
} from '../../engine/stock-file/stock-file.ts';
import type { CliParts } from '../cli-parts.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { describeProblems } from '../file-problems.ts';
import { readInput } from '../input-file.ts';
import { connect, keyOption, urlOption, type ServiceOptions, moreHelp } from '../options.ts';
import { importBooks } from '../import-books.ts';
import type { Registry } from '../registry.ts';
import { count, plural, table, writeJson, writeLines } from '../terminal.ts';

interface Options extends ServiceOptions {
  readonly what: 'stock' | 'books';
  readonly dataDir?: string;
  readonly dryRun?: true;
  readonly format: StockFileFormat | 'auto';
  readonly skuFrom: SkuFrom;
  readonly json?: true;
}

const CHANGES_SHOWN = 40;

export function addImport({ program, parts, action }: Registry): void {
  program
    .command('import')
    .description(
      'set the stock from a file: CSV, NDJSON, or an export of Shopify’s; or move whole books into a store without any',
    )
    .argument('<file>', 'the file; - reads what is piped in (stock only)')
    .addOption(
      new Option('--what <what>', 'what the file holds')
        .choices(['stock', 'books'])
        .default('stock'),
    )
    .option('--dry-run', 'show what would change, and change nothing')
    .addOption(
      new Option('--format <format>', 'how to read the file')
        .choices(['auto', 'csv', 'ndjson', 'shopify'])
        .default('auto'),
    )
    .addOption(
      new Option(
        '--sku-from <what>',
        'Shopify: what to call a variant without a SKU; handle: by its handle and options',
      )
        .choices(['sku', 'handle'])
        .default('sku'),
    )
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--data-dir <folder>', 'books: into this folder (default: the store of the settings)')
    .option('--json', 'print as JSON')
    .addHelpText('after', HELP)
    .action(
      action((file: string, options: Options) =>
        options.what === 'books'
          ? importBooks(file, options, parts)
          : importStock(file, options, parts),
      ),
    );
}

const HELP = moreHelp(
  'holdfast import products_export.csv --sku-from handle --dry-run',
  'A CSV file needs the columns sku and on_hand; safety_stock, max_per_order, max_per_customer, ttl_seconds, opens_at and closes_at may stand beside them. One wrong row, and nothing is sent: every problem is listed with its line, and the exit code is 1.',
  'Whole books (--what books) do not go through a service: they are proven, and then put into the store that the settings name, or into --data-dir, with no service running there. A store that has books is left alone. See docs/moving.md.',
);

async function importStock(path: string, options: Options, parts: CliParts): Promise<ExitCode> {
  const { stdout } = parts.io;
  const { format, skuFrom } = options;
  const file = await readInput(path, (input) => parseStockFile(input, { format, skuFrom }));
  if (file.errors > 0) return refuse(file, path, options, parts);
  const client = connect(options, parts);
  try {
    const answer = await client.must({
      method: 'POST',
      path: `/stock/import${options.dryRun ? '?dry_run=true' : ''}`,
      contentType: 'application/x-ndjson',
      body: Readable.from(inPieces(formatStockNdjson(file.rows))),
    });
    const result = readAnswer(answer);
    if (options.json) {
      // What the service says of warnings is about the lines that it was sent, not about the file.
      const { warning_count: _, ...done } = answer;
      writeJson(stdout, {
        imported: options.dryRun !== true,
        ...done,
        format: file.format,
        rows: file.records,
        ...problemsJson(file),
      });
    } else writeLines(stdout, describeResult(result, file, options, client.url));
    return EXIT.ok;
  } finally {
    await client.close();
  }
}

const PIECE_LENGTH = 65_536;

function* inPieces(lines: Iterable<string>): Generator<string> {
  let piece = '';
  for (const line of lines) {
    piece += line;
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

function refuse(file: StockFile, path: string, options: Options, { io }: CliParts): ExitCode {
  if (options.json) {
    writeJson(io.stdout, {
      imported: false,
      dry_run: options.dryRun === true,
      format: file.format,
      rows: file.records,
      ...problemsJson(file),
    });
  } else {
    const outOf = file.records > 0 ? ` in ${plural(file.records, 'row')}` : '';
    writeLines(io.stdout, [
      ...describeProblems(file.problems, file.errors + file.warnings),
      '',
      `Nothing was sent: ${path} has ${plural(file.errors, 'error')}${outOf}.`,
    ]);
  }
  return EXIT.found;
}

function problemsJson({ errors, warnings, problems }: StockFile): {
  errors: number;
  warnings: number;
  problems: readonly RowProblem[];
} {
  return { errors, warnings, problems };
}

interface Change {
  readonly sku: string;
  readonly effect: string;
  readonly before: number;
  readonly after: number;
}

interface Result {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly changes: readonly Change[];
}

function readAnswer(answer: Readonly<Record<string, unknown>>): Result {
  const changes = Array.isArray(answer['changes']) ? (answer['changes'] as unknown[]) : [];
  return {
    created: Number(answer['created'] ?? 0),
    updated: Number(answer['updated'] ?? 0),
    unchanged: Number(answer['unchanged'] ?? 0),
    changes: changes.map((each) => {
      const change = each as Readonly<Record<string, unknown>>;
      return {
        sku: String(change['sku']),
        effect: String(change['effect']),
        before: Number(change['on_hand_before']),
        after: Number(change['on_hand_after']),
      };
    }),
  };
}

function describeResult(
  result: Result,
  file: StockFile,
  { dryRun }: Options,
  url: string,
): string[] {
  const { created, updated, unchanged, changes } = result;
  const lines = describeProblems(file.problems, file.warnings);
  if (dryRun && changes.length > 0) {
    const rows = changes
      .slice(0, CHANGES_SHOWN)
      .map(({ sku, before, after, effect }) => [sku, count(before), count(after), effect]);
    lines.push(...table([['SKU', 'BEFORE', 'AFTER', 'EFFECT'], ...rows], [1, 2]));
    const more = created + updated - rows.length;
    if (more > 0) lines.push(`… and ${count(more)} more`);
    lines.push('');
  }
  const named = file.named > 0 ? ` (${count(file.named)} named by their handle)` : '';
  lines.push(
    `${dryRun ? 'Would set' : 'Set'} ${plural(file.rows.length, 'SKU')}${named}: ` +
      `${count(created)} new, ${count(updated)} changed, ${count(unchanged)} as they were.`,
  );
  lines.push(
    dryRun
      ? 'This was a dry run: nothing has changed. Run it without --dry-run to set the stock.'
      : `Stock is on sale at ${url}.`,
  );
  return lines;
}
