/** The rows of an order file as text, before anything in them is interpreted. */
import {
  looksSwallowed,
  readDelimited,
  type CsvRecord,
  type Separator,
} from '../../engine/stock-file/delimited.ts';
import { FileFault, type FaultCode, type ProblemLog } from '../../engine/stock-file/problems.ts';
import {
  DEFAULT_MAX_LINE_LENGTH,
  readText,
  type FileInput,
} from '../../engine/stock-file/text-input.ts';
import {
  findColumns,
  type ColumnNames,
  type OrderColumns,
  type OrderRole,
} from './order-columns.ts';

export type OrderProblemCode =
  | FaultCode
  | 'wrong_cell_count'
  | 'swallowed_lines'
  | 'missing_order'
  | 'missing_sku'
  | 'invalid_sku'
  | 'bad_quantity'
  | 'zero_quantity'
  | 'quantity_out_of_range'
  | 'bad_date'
  | 'bad_price'
  | 'ambiguous_dates'
  | 'mixed_dates'
  | 'ambiguous_decimals'
  | 'mixed_decimals'
  | 'mixed_customers'
  | 'positive_cancellation';

export type OrderProblemLog = ProblemLog<OrderProblemCode>;

/** Trimmed; empty where the cell is empty or there is no such column. */
export type RawRow = { readonly [Role in OrderRole]: string } & { readonly line: number };

export interface RawOrderFile {
  readonly rows: readonly RawRow[];
  /** Records read without the header; those without as many cells as it are not among the rows. */
  readonly records: number;
  /** Null where the file ended, or was given up, before its header. */
  readonly columns: OrderColumns | null;
  readonly separator: Separator | null;
  /** False where reading stopped at a fault: the rows are those before it. */
  readonly complete: boolean;
}

export interface ReadOptions {
  readonly columns: ColumnNames;
  readonly separator: Separator | 'auto';
  readonly maxRows: number;
  readonly maxLineLength: number | undefined;
}

class RawReader {
  readonly rows: RawRow[] = [];
  records = 0;
  columns: OrderColumns | null = null;
  separator: Separator | null = null;
  readonly #options: ReadOptions;
  readonly #log: OrderProblemLog;

  constructor(options: ReadOptions, log: OrderProblemLog) {
    this.#options = options;
    this.#log = log;
  }

  accept(record: CsvRecord, separator: Separator): void {
    this.separator = separator;
    if (this.columns === null) {
      this.columns = findColumns(record.cells, record.line, this.#options.columns);
      return;
    }
    const { line, lastLine, cells } = record;
    const { width } = this.columns;
    this.records += 1;
    if (this.records > this.#options.maxRows) {
      const message = `More than ${this.#options.maxRows} rows: split the file.`;
      throw new FileFault('too_many_rows', line, message);
    }
    if (looksSwallowed(record, separator, width)) {
      const message = `A quoted cell holds whole rows, up to line ${lastLine}: a quote was probably not closed.`;
      this.#log.error(line, 'swallowed_lines', message);
    } else if (cells.length < width || cells.slice(width).some((cell) => cell.trim() !== '')) {
      const message = `Expected ${width} cells, as in the first line, found ${cells.length}.`;
      this.#log.error(line, 'wrong_cell_count', message);
    } else {
      this.rows.push(this.#row(record, this.columns));
    }
  }

  #row({ cells, line }: CsvRecord, { index }: OrderColumns): RawRow {
    const text = (role: OrderRole): string => cells[index[role] ?? -1]?.trim() ?? '';
    return {
      line,
      order: text('order'),
      sku: text('sku'),
      quantity: text('quantity'),
      date: text('date'),
      price: text('price'),
      customer: text('customer'),
      cancelledAt: text('cancelledAt'),
    };
  }
}

/** Quotes are read loosely: such files come from spreadsheets and hold `FRAME 7" SIZE` as it is. */
export async function readOrderRows(
  input: FileInput,
  options: ReadOptions,
  log: OrderProblemLog,
): Promise<RawOrderFile> {
  const { maxLineLength } = options;
  const text = readText(input, maxLineLength === undefined ? {} : { maxLineLength });
  const reader = new RawReader(options, log);
  let complete = true;
  try {
    const delimited = {
      separator: options.separator,
      maxRecordLength: maxLineLength ?? DEFAULT_MAX_LINE_LENGTH,
      looseQuotes: true,
    };
    await readDelimited(text, delimited, (record, separator) => reader.accept(record, separator));
    if (reader.columns === null) {
      throw new FileFault(
        'empty_file',
        1,
        'The file is empty. Expected a first line of column names.',
      );
    }
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    log.error(error.line, error.code, error.message, error.detail);
    complete = false;
  } finally {
    await text.return(undefined);
  }
  const { rows, records, columns, separator } = reader;
  return { rows, records, columns, separator, complete };
}
