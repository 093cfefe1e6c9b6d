/**
 * Reads a stock file, for `POST /stock/import` and `holdfast import`.
 *
 * Nothing here changes stock. Import only where `errors` is 0: then `rows` is the whole file, each SKU once.
 */
import { csvRowReader } from './csv-rows.ts';
import { detectSeparator, firstRecord, readDelimited, type Separator } from './delimited.ts';
import { readNdjsonRows } from './ndjson-rows.ts';
import { FileFault, ProblemLog } from './problems.ts';
import { isShopifyHeader, ShopifyRows, type SkuFrom } from './shopify-rows.ts';
import { RowCollector, type RowProblem, type RowProblemCode, type StockRow } from './stock-row.ts';
import { DEFAULT_MAX_LINE_LENGTH, peek, readText, type FileInput } from './text-input.ts';

export type { FileInput } from './text-input.ts';
export type { SkuFrom } from './shopify-rows.ts';
export { toStockSetting } from './stock-row.ts';
export type { RowProblem, StockRow, StockValues } from './stock-row.ts';

export type StockFileFormat = 'csv' | 'ndjson' | 'shopify';

export interface StockFileOptions {
  /** `auto`: by `contentType`, else by the first character; a CSV by its header. The default. */
  readonly format?: StockFileFormat | 'auto';
  /** Shopify files: what to call a variant without a SKU. `sku`, the default, reports it as a problem. */
  readonly skuFrom?: SkuFrom;
  /** Of an HTTP request; a name that says nothing about the format is passed over. */
  readonly contentType?: string;
  /** The default is 1,000,000. */
  readonly maxRows?: number;
  /** In bytes, of one line and of one CSV record; the default is 1 MiB. */
  readonly maxLineLength?: number;
  /** How many problems are kept, of those counted; the default is 1,000. */
  readonly maxProblems?: number;
}

export interface StockFile {
  /** Null where the file was given up before its format showed. */
  readonly format: StockFileFormat | null;
  readonly rows: readonly StockRow[];
  /** The first of them, in the order of the file; `errors` and `warnings` count all. */
  readonly problems: readonly RowProblem[];
  readonly errors: number;
  readonly warnings: number;
  /** Records read, without the header: rows, rows with problems, and `skipped`. */
  readonly records: number;
  /** Shopify: rows with only a further image, or of a location that does not stock the variant. */
  readonly skipped: number;
  /** Shopify: rows named by their handle. */
  readonly named: number;
}

const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];
const CSV_TYPES = ['text/csv', 'text/tab-separated-values', 'application/csv'];

/** What the caller or the media type says; a CSV may still turn out to be Shopify's. */
function declaredFormat(options: StockFileOptions): StockFileFormat | 'some_csv' | 'auto' {
  if (options.format !== undefined && options.format !== 'auto') return options.format;
  const type = (options.contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (NDJSON_TYPES.includes(type)) return 'ndjson';
  return CSV_TYPES.includes(type) ? 'some_csv' : 'auto';
}

/** Splits a header line well enough to recognise names; the rows are csv-parse's work. */
function headerCells(header: string): string[] {
  return header.split(detectSeparator(header)).map((cell) => cell.replaceAll('"', ''));
}

function detectFormat(head: Buffer, options: StockFileOptions): StockFileFormat {
  const declared = declaredFormat(options);
  if (declared !== 'auto' && declared !== 'some_csv') return declared;
  const first = firstRecord(head).text.trimStart();
  if (declared === 'auto' && (first.startsWith('{') || first.startsWith('['))) return 'ndjson';
  return isShopifyHeader(headerCells(first)) ? 'shopify' : 'csv';
}

const EMPTY = 'The file is empty. Expected a first line such as "sku,on_hand", or JSON objects.';

class StockFileReader {
  format: StockFileFormat | null = null;
  readonly log: ProblemLog<RowProblemCode>;
  readonly #collector: RowCollector;
  readonly #shopify: ShopifyRows;
  readonly #options: StockFileOptions;

  constructor(options: StockFileOptions) {
    this.#options = options;
    this.log = new ProblemLog(options.maxProblems);
    this.#collector = new RowCollector(options.maxRows ?? 1_000_000, this.log);
    this.#shopify = new ShopifyRows(options.skuFrom ?? 'sku', this.#collector, this.log);
  }

  async read(text: AsyncGenerator<Buffer>): Promise<void> {
    const { head, rest } = await peek(text, (bytes) => firstRecord(bytes).whole);
    if (head.toString('utf8').trim() === '') throw new FileFault('empty_file', 1, EMPTY);
    this.format = detectFormat(head, this.#options);
    if (this.format === 'ndjson') {
      await readNdjsonRows(rest, this.#collector, this.log);
      return;
    }
    const reader = {
      separator: 'auto' as Separator | 'auto',
      maxRecordLength: this.#options.maxLineLength ?? DEFAULT_MAX_LINE_LENGTH,
      looseQuotes: false,
    };
    const ours = csvRowReader(this.#collector, this.log);
    const seen = { header: false };
    await readDelimited(rest, reader, (record, separator) => {
      seen.header = true;
      if (this.format === 'shopify') this.#shopify.accept(record);
      else ours(record, separator);
    });
    if (!seen.header) throw new FileFault('empty_file', 1, EMPTY);
  }

  result(): StockFile {
    return {
      format: this.format,
      rows: this.#collector.rows,
      problems: this.log.kept,
      errors: this.log.errors,
      warnings: this.log.warnings,
      records: this.#collector.records,
      ...this.#shopify.counts,
    };
  }
}

/**
 * Never throws for what is in the file; an error of the input (a broken connection) passes through, so
 * that half a file is never taken for a whole one.
 *
 * Where the file is given up early, the input's iterator is closed, which destroys a Node stream. An HTTP
 * route that still wants to answer passes `request.raw.iterator({ destroyOnReturn: false })`.
 */
export async function parseStockFile(
  input: FileInput,
  options: StockFileOptions = {},
): Promise<StockFile> {
  const { maxLineLength } = options;
  const text = readText(input, maxLineLength === undefined ? {} : { maxLineLength });
  const reader = new StockFileReader(options);
  try {
    await reader.read(text);
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    reader.log.error(error.line, error.code, error.message, error.detail);
  } finally {
    await text.return(undefined);
  }
  return reader.result();
}
