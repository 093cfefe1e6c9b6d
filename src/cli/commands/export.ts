/** `holdfast export`: the books as files, also while the service runs. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Option } from 'commander';
import {
  formatStockNdjson,
  STOCK_CSV_HEADER,
  stockCsvLine,
} from '../../engine/stock-file/format.ts';
import type { StockValues } from '../../engine/stock-file/stock-file.ts';
import { formatBooks } from '../../engine/books-file/books-file.ts';
import { readableDetail, type LedgerEntry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import type { BooksReader, CliParts } from '../cli-parts.ts';
import { describeTrimmed, readBeginning, trimExported } from './export-trim.ts';
import { CliFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import {
  dataDirOption,
  keyOption,
  moreHelp,
  urlOption,
  wholeNumber,
  type ServiceOptions,
  withService,
} from '../options.ts';
import type { Registry } from '../registry.ts';
import { count, writeJson, type Output } from '../terminal.ts';

interface Options extends ServiceOptions {
  readonly what: 'stock' | 'reservations' | 'ledger' | 'books';
  readonly format?: 'csv' | 'ndjson';
  readonly output?: string;
  readonly dataDir?: string;
  readonly json?: true;
  readonly after?: number;
  readonly trim?: true;
}

export function addExport({ program, parts, action }: Registry): void {
  program
    .command('export')
    .description(
      'write the stock, the reservations or the ledger as CSV or NDJSON, also while the service runs; or whole books, to be moved',
    )
    .addOption(
      new Option('--what <what>', 'what to write')
        .choices(['stock', 'reservations', 'ledger', 'books'])
        .default('stock'),
    )
    .addOption(
      new Option(
        '--format <format>',
        'how to write it (default: csv; books are always ndjson)',
      ).choices(['csv', 'ndjson']),
    )
    .option(
      '--output <file>',
      'the file to write; replaced only when the export is complete (default: stdout)',
    )
    .option('--after <seq>', 'of the ledger: only entries with a higher seq', wholeNumber)
    .option(
      '--trim',
      'of the ledger, with --output: tell the service that entries up to the last one are exported and may be trimmed',
    )
    .addOption(dataDirOption())
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'with --output: say as JSON what was written')
    .addHelpText(
      'after',
      moreHelp(
        'holdfast export --what ledger --format ndjson --output ledger.ndjson --trim',
        'With --trim the service notes how far this file reaches, and cuts off what HOLDFAST_LEDGER_KEEP_DAYS does not keep (see docs/runbook.md). Keep the file: it is the only place where these entries are then. --after 1234 leaves out what an earlier file holds.',
        'An export of the stock can be imported again. One of the reservations, or of whole books, holds customer ids: treat it as personal data.',
        'Whole books move a shop to another store: stop the service, export --what books, import --what books there, start it there (docs/moving.md).',
      ),
    )
    .action(action((options: Options) => exportBooks(options, parts)));
}

async function exportBooks(options: Options, parts: CliParts): Promise<ExitCode> {
  const { what } = options;
  if (what === 'books' && options.format === 'csv') {
    throw new CliFailure('whole books are NDJSON: leave out --format csv');
  }
  if (what !== 'ledger' && (options.after !== undefined || options.trim)) {
    throw new CliFailure('--after and --trim are of the ledger: add --what ledger');
  }
  if (options.trim) return withTrim(options, parts);
  const format = what === 'books' ? 'ndjson' : (options.format ?? 'csv');
  let rows = 0;
  const lines =
    what === 'books'
      ? wholeLines(options, parts, () => (rows += 1))
      : tableLines({ what, format }, options, parts, (more) => (rows += more));
  return writeOut(lines, { ...options, format }, parts, () => rows);
}

async function withTrim(options: Options, parts: CliParts): Promise<ExitCode> {
  const { output, after = 0, format = 'csv' } = options;
  if (output === undefined) {
    throw new CliFailure('--trim needs --output: what is trimmed must stand in a file');
  }
  return withService(options, parts, async (client) => {
    const { stdout, stderr } = parts.io;
    const beginning = await readBeginning(client, after);
    let rows = 0;
    let first: LedgerEntry | null = null;
    let last: LedgerEntry | null = null;
    const hear = (entry: LedgerEntry): void => {
      first ??= entry;
      last = entry;
    };
    const table: Table = { what: 'ledger', format, hear };
    await writeFile(
      tableLines(table, options, parts, (more) => (rows += more)),
      output,
    );
    const trimmed = await trimExported(client, beginning, first, last);
    if (options.json) {
      const { exported_through, trimmed: entries, trimmed_through } = trimmed;
      const what = { what: 'ledger', format, rows, file: output };
      writeJson(stdout, { ...what, exported_through, trimmed: entries, trimmed_through });
    } else {
      stderr.write(`Wrote ${count(rows)} rows of ledger to ${output}.\n`);
      stderr.write(`${describeTrimmed(beginning, trimmed)}\n`);
    }
    return EXIT.ok;
  });
}

async function* wholeLines(
  { dataDir }: Options,
  parts: CliParts,
  onRecord: () => void,
): AsyncGenerator<string> {
  const source = await parts.openBooks(dataDir).whole();
  try {
    yield* formatBooks(source, onRecord);
  } finally {
    await source.close();
  }
}

async function* tableLines(
  table: Table,
  { dataDir, after = 0 }: Options,
  parts: CliParts,
  onRows: (more: number) => void,
): AsyncGenerator<string> {
  const books = parts.openBooks(dataDir).read();
  try {
    for await (const line of write(books, { ...table, after })) {
      yield line.text;
      onRows(line.rows);
    }
  } finally {
    books.close();
  }
}

async function writeOut(
  lines: AsyncIterable<string>,
  options: Options,
  parts: CliParts,
  rowsSoFar: () => number,
): Promise<ExitCode> {
  const { stdout, stderr } = parts.io;
  if (options.output === undefined) {
    await writeAll(lines, stdout);
    return EXIT.ok;
  }
  await writeFile(lines, options.output);
  const { what, format, output } = options;
  const rows = rowsSoFar();
  if (options.json) writeJson(stdout, { what, format, rows, file: output });
  else
    stderr.write(
      `Wrote ${count(rows)} ${what === 'books' ? 'records' : 'rows'} of ${what} to ${output}.\n`,
    );
  return EXIT.ok;
}

interface Text {
  readonly text: string;
  readonly rows: number;
}

interface Table {
  readonly what: Exclude<Options['what'], 'books'>;
  readonly format: 'csv' | 'ndjson';
  /** Of the ledger: entries with a higher `seq`. */
  readonly after?: number;
  /** Is told of each entry of the ledger. */
  readonly hear?: (entry: LedgerEntry) => void;
}

async function* write(
  books: BooksReader,
  { what, format, after, hear }: Table,
): AsyncGenerator<Text> {
  const csv = format === 'csv';
  const one = (text: string): Text => ({ text, rows: 1 });
  const header = (text: string): Text => ({ text, rows: 0 });
  if (what === 'stock') {
    if (csv) yield header(STOCK_CSV_HEADER);
    for await (const level of books.levels()) {
      const values = stockValues(level);
      if (csv) yield one(stockCsvLine(values));
      else for (const line of formatStockNdjson([values])) yield one(line);
    }
  } else if (what === 'reservations') {
    if (csv) yield header(csvLine(RESERVATION_COLUMNS));
    for await (const reservation of books.reservations()) {
      yield one(csv ? reservationCsv(reservation) : ndjsonLine(reservationJson(reservation)));
    }
  } else {
    if (csv) yield header(csvLine(ENTRY_COLUMNS));
    for await (const entry of books.ledger(after)) {
      hear?.(entry);
      const json = entryJson(entry);
      yield one(csv ? csvLine(Object.values(json)) : ndjsonLine(json));
    }
  }
}

function stockValues({ sku, onHand, safetyStock, policy }: StockLevel): StockValues {
  return { sku, onHand, safetyStock, ...policy };
}

const ENTRY_COLUMNS = [
  ...['seq', 'at', 'kind', 'sku', 'reservation_id', 'on_hand', 'reserved', 'allocated'],
  ...['safety_stock', 'detail'],
];

function entryJson(entry: LedgerEntry): Record<string, CsvCell> {
  return {
    seq: entry.seq,
    at: time(entry.at),
    kind: entry.kind,
    sku: entry.sku,
    reservation_id: entry.reservationId,
    on_hand: entry.onHand,
    reserved: entry.reserved,
    allocated: entry.allocated,
    safety_stock: entry.safetyStock,
    detail: readableDetail(entry),
  };
}

/** One row for each line of each reservation. */
const RESERVATION_COLUMNS = [
  ...['reservation_id', 'status', 'sku', 'quantity', 'confirmed', 'cancelled', 'customer_id'],
  ...['order_id', 'created_at', 'expires_at', 'ended_at', 'reacquired', 'refund_required'],
];

function reservationCsv(reservation: Reservation): string {
  const { lines, ...rest } = reservationJson(reservation);
  const { reservation_id, status, ...tail } = rest;
  return lines
    .map((line) =>
      csvLine([reservation_id, status, ...Object.values(line), ...Object.values(tail)]),
    )
    .join('');
}

function reservationJson(reservation: Reservation) {
  return {
    reservation_id: reservation.id,
    status: reservation.status,
    lines: reservation.lines.map(({ sku, quantity, confirmed, cancelled }) => ({
      sku,
      quantity,
      confirmed,
      cancelled,
    })),
    customer_id: reservation.customerId,
    order_id: reservation.orderId,
    created_at: time(reservation.createdAt),
    expires_at: time(reservation.expiresAt),
    ended_at: reservation.endedAt === null ? null : time(reservation.endedAt),
    reacquired: reservation.reacquired,
    refund_required: reservation.refundRequired,
  };
}

function time(at: number): string {
  return new Date(at).toISOString();
}

function ndjsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

type CsvCell = string | number | boolean | object | null;

function csvLine(cells: readonly CsvCell[]): string {
  const quoted = cells.map((cell) => {
    if (cell === null) return '';
    const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${quoted.join(',')}\r\n`;
}

async function writeAll(lines: AsyncIterable<string>, output: Output): Promise<void> {
  const waits = 'once' in output ? (output as unknown as NodeJS.WritableStream) : null;
  for await (const line of lines) {
    if (output.write(line) === false && waits !== null) {
      await new Promise((resolve) => waits.once('drain', resolve));
    }
  }
}

/** Half an export must not be taken for a whole one. */
async function writeFile(lines: AsyncIterable<string>, path: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await pipeline(Readable.from(lines), createWriteStream(part, { mode: 0o600, flush: true }));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof Error && 'syscall' in error) {
      throw new CliFailure(`${path} cannot be written: ${error.message}`, undefined, error);
    }
    throw error;
  }
}
