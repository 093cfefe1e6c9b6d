/** `holdfast replay`: a file of real orders becomes carts, and every unit is accounted for. */
import { randomBytes } from 'node:crypto';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { CliParts } from '../cli-parts.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { describeProblems } from '../file-problems.ts';
import { readInput } from '../input-file.ts';
import { connect, keyOption, urlOption, type ServiceOptions, moreHelp } from '../options.ts';
import { progressBar } from '../progress.ts';
import type { Registry } from '../registry.ts';
import { parseOrderFile, type OrderFile, type OrderFileOptions } from '../replay/order-file.ts';
import { ReplayDesk } from '../replay/replay-desk.ts';
import {
  describeOutcome,
  describeReading,
  outcomeToJson,
  passed,
  readingToJson,
} from '../replay/replay-report.ts';
import { countSteps, runReplay, type StockChoice } from '../replay/replay-runner.ts';
import { painter, plural, writeJson, writeLines } from '../terminal.ts';

interface Options extends ServiceOptions {
  readonly stock: StockChoice;
  readonly concurrency: number;
  readonly by: 'file' | 'time';
  readonly dryRun?: true;
  readonly skipUnreadable?: true;
  readonly json?: true;
  readonly orderColumn?: string;
  readonly skuColumn?: string;
  readonly quantityColumn?: string;
  readonly dateColumn?: string;
  readonly priceColumn?: string;
  readonly customerColumn?: string;
  readonly separator: 'auto' | ',' | ';' | 'tab' | '|';
  readonly decimal: NonNullable<OrderFileOptions['decimal']>;
  readonly dateOrder: NonNullable<OrderFileOptions['dateOrder']>;
  readonly nonProduct?: readonly string[];
  readonly cancelPrefix: string;
}

const HELP = moreHelp(
  'holdfast replay online-retail.csv --url http://127.0.0.1:8001',
  "One row for each line of an order, with the order's number, the SKU and the quantity. Each order is reserved as one cart and confirmed. A row with a negative quantity takes back what its customer bought before (order numbers such as C536379), or else writes stock off. Codes such as POST are no products and are left out; all is counted and shown.",
  "The stock of the file's SKUs is changed: use a service of its own (holdfast serve --store memory --port 8001).",
);

export function addReplay({ program, parts, action }: Registry): void {
  const command = program
    .command('replay')
    .description('play a file of real orders against a service, and account for every unit')
    .argument('<file>', 'the file, CSV with a first line of column names; - reads what is piped in')
    .option('--dry-run', 'only read the file and say how it was understood')
    .addOption(
      new Option(
        '--stock <what>',
        'exact: as many units as the file needs; a number: so many of each SKU; keep: as it stands',
      )
        .argParser(readStock)
        .default('exact'),
    )
    .option('--concurrency <n>', 'customers served at one time', readCount, 16)
    .addOption(
      new Option('--by <order>', 'play in the order of the file, or of the dates')
        .choices(['file', 'time'])
        .default('file'),
    )
    .option('--skip-unreadable', 'play the rest where some rows cannot be read');
  addReadingOptions(command)
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print as JSON')
    .addHelpText('after', HELP)
    .action(action((file: string, options: Options) => replay(file, options, parts)));
}

/** How to read the file, where guessing is not enough. */
function addReadingOptions(command: Command): Command {
  for (const role of ['order', 'sku', 'quantity', 'date', 'price', 'customer']) {
    command.option(
      `--${role}-column <name>`,
      `the column with the ${role} (default: recognised by usual names)`,
    );
  }
  return command
    .addOption(
      new Option('--separator <mark>', 'between the cells')
        .choices(['auto', ',', ';', 'tab', '|'])
        .default('auto'),
    )
    .addOption(
      new Option('--decimal <mark>', 'the decimal mark')
        .choices(['auto', ',', '.'])
        .default('auto'),
    )
    .addOption(
      new Option('--date-order <order>', 'day, month and year')
        .choices(['auto', 'dmy', 'mdy', 'ymd'])
        .default('auto'),
    )
    .option(
      '--non-product <code...>',
      'codes that are no products, beside the usual ones; gift_* stands for many',
    )
    .option('--cancel-prefix <letters>', 'what the number of a cancellation begins with', 'C');
}

async function replay(path: string, options: Options, parts: CliParts): Promise<ExitCode> {
  const { stdout, stderr, env } = parts.io;
  const file = await readInput(path, (input) => parseOrderFile(input, readingOptions(options)));
  const stops = file.errors > 0 && (options.skipUnreadable !== true || !file.complete);
  if (options.dryRun === true || stops) return tellReading(file, stops, options, parts);
  // While it plays, a person sees how the file was understood; machines get it with the result.
  if (!options.json) writeLines(stdout, [...problemLines(file), ...describeReading(file), '']);
  const client = connect(options, parts, options.concurrency);
  const bar = progressBar(stderr, 'Replaying', countSteps(file));
  try {
    const outcome = await runReplay({
      file,
      desk: new ReplayDesk(client, randomBytes(4).toString('hex')),
      stock: options.stock,
      by: options.by,
      concurrency: options.concurrency,
      onStep: () => bar.step(),
    });
    bar.end();
    if (options.json) writeJson(stdout, { ...outcomeToJson(outcome), file: readingToJson(file) });
    else writeLines(stdout, describeOutcome(outcome, file, painter(stdout, env)));
    return passed(outcome) ? EXIT.ok : EXIT.found;
  } finally {
    bar.end();
    await client.close();
  }
}

function tellReading(
  file: OrderFile,
  stops: boolean,
  options: Options,
  { io }: CliParts,
): ExitCode {
  if (options.json) writeJson(io.stdout, { passed: !stops, file: readingToJson(file) });
  else {
    writeLines(io.stdout, [...problemLines(file), ...(file.complete ? describeReading(file) : [])]);
    if (stops) {
      const hint = file.complete ? ' --skip-unreadable plays the rest.' : '';
      writeLines(io.stdout, [
        '',
        `Nothing was played: ${plural(file.errors, 'row')} cannot be read.${hint}`,
      ]);
    }
  }
  return stops ? EXIT.found : EXIT.ok;
}

function problemLines({ problems, errors, warnings }: OrderFile): string[] {
  return describeProblems(problems, errors + warnings);
}

function readingOptions(options: Options): OrderFileOptions {
  const { orderColumn, skuColumn, quantityColumn, dateColumn, priceColumn, customerColumn } =
    options;
  const { separator, decimal, dateOrder, nonProduct, cancelPrefix } = options;
  return {
    columns: {
      ...(orderColumn === undefined ? {} : { order: orderColumn }),
      ...(skuColumn === undefined ? {} : { sku: skuColumn }),
      ...(quantityColumn === undefined ? {} : { quantity: quantityColumn }),
      ...(dateColumn === undefined ? {} : { date: dateColumn }),
      ...(priceColumn === undefined ? {} : { price: priceColumn }),
      ...(customerColumn === undefined ? {} : { customer: customerColumn }),
    },
    separator: separator === 'tab' ? '\t' : separator,
    decimal,
    dateOrder,
    nonProduct: nonProduct ?? [],
    cancelPrefix: cancelPrefix === '' ? null : cancelPrefix,
  };
}

function readStock(text: string): StockChoice {
  if (text === 'exact' || text === 'keep') return text;
  const units = Number(text);
  if (text.trim() !== '' && Number.isInteger(units) && units >= 0 && units <= 1_000_000_000)
    return units;
  throw new InvalidArgumentError('Expected exact, keep, or a whole number of units.');
}

function readCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 256) return value;
  throw new InvalidArgumentError('Expected a whole number from 1 to 256.');
}
