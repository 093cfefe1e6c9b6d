/**
 * Delimited text to records of cells, each with its line, by csv-parse.
 *
 * Records are handled inside csv-parse's own callback, not read from its stream: a stream that fails
 * drops what it had parsed before, and with it the lines and problems that we owe the reader.
 * Lines are counted here, because csv-parse counts a CR LF inside quotes twice.
 */
import { CsvError, parse, type Parser } from 'csv-parse';
import { FileFault } from './problems.ts';
import { peek } from './text-input.ts';

export const SEPARATORS = [',', ';', '\t', '|'] as const;
export type Separator = (typeof SEPARATORS)[number];

export interface CsvRecord {
  readonly cells: readonly string[];
  /** Its first line and its last: they differ where a quoted cell holds line breaks. */
  readonly line: number;
  readonly lastLine: number;
}

export interface DelimitedOptions {
  readonly separator: Separator | 'auto';
  /** In bytes: how far an open quote may swallow the lines after it. */
  readonly maxRecordLength: number;
  /** Quotes inside an unquoted cell are ordinary characters (`FRAME 7" SIZE`). */
  readonly looseQuotes: boolean;
}

const QUOTE = 0x22;

/** The first line that is not blank, as far as it is there; `whole` when its end was seen outside quotes. */
export function firstRecord(head: Buffer): { text: string; whole: boolean } {
  const isBreak = (byte: number | undefined): boolean => byte === 10 || byte === 13;
  let start = 0;
  while (isBreak(head[start])) start += 1;
  let quoted = false;
  for (let i = start; i < head.length; i += 1) {
    if (head[i] === QUOTE) quoted = !quoted;
    else if (!quoted && isBreak(head[i]))
      return { text: head.toString('utf8', start, i), whole: true };
  }
  return { text: head.toString('utf8', start), whole: false };
}

/** The separator that the header uses most, outside quotes; a comma where it has but one column. */
export function detectSeparator(header: string): Separator {
  const counts = new Map<string, number>();
  let quoted = false;
  for (const character of header) {
    if (character === '"') quoted = !quoted;
    else if (!quoted) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  let best: Separator = ',';
  for (const separator of SEPARATORS) {
    if ((counts.get(separator) ?? 0) > (counts.get(best) ?? 0)) best = separator;
  }
  return best;
}

const LINE_BREAK = /\r\n|\n|\r/g;

function lineBreaks(cells: readonly string[]): number {
  let count = 0;
  for (const cell of cells) {
    if (cell.includes('\n') || cell.includes('\r')) count += cell.match(LINE_BREAK)?.length ?? 0;
  }
  return count;
}

/**
 * Whether a record over several lines looks like rows swallowed by a quote that was never closed:
 * one cell, after its first line break, holds as many separators as a whole row.
 */
export function looksSwallowed(record: CsvRecord, separator: Separator, columns: number): boolean {
  if (record.line === record.lastLine || columns < 2) return false;
  return record.cells.some((cell) => {
    const rowEnd = cell.search(/[\r\n]/);
    return rowEnd >= 0 && cell.slice(rowEnd).split(separator).length >= columns;
  });
}

/** What csv-parse says, in our words; anything that is not its complaint about the file passes through. */
function translate(error: unknown, line: number, options: DelimitedOptions): unknown {
  if (!(error instanceof CsvError)) return error;
  if (error.code === 'CSV_MAX_RECORD_SIZE') return tooLong(line, options.maxRecordLength);
  const where = 'in the record that begins on this line';
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') {
    return new FileFault('unclosed_quote', line, `A quote opened ${where} is never closed.`);
  }
  if (error.code === 'CSV_INVALID_CLOSING_QUOTE' || error.code === 'INVALID_OPENING_QUOTE') {
    const message = `A quote ${where} is neither around a whole cell nor doubled: write "" for a quote inside a quoted cell.`;
    return new FileFault('misplaced_quote', line, message);
  }
  return new FileFault('unreadable_csv', line, `Not readable as CSV: ${error.message}`);
}

function tooLong(line: number, max: number): FileFault {
  const message = `The record that begins on this line is longer than ${max} bytes: is a quote not closed?`;
  return new FileFault('record_too_long', line, message);
}

class RecordReader {
  #line = 1;
  /** Bytes since the last record ended, at most one piece too many. */
  #pending = 0;
  readonly #parser: Parser;
  readonly #options: DelimitedOptions;

  constructor(
    separator: Separator,
    options: DelimitedOptions,
    onRecord: (record: CsvRecord) => void,
  ) {
    this.#options = options;
    this.#parser = parse({
      delimiter: separator,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: options.looseQuotes,
      max_record_size: options.maxRecordLength,
      on_record: (cells: string[]) => {
        const line = this.#line;
        const lastLine = line + lineBreaks(cells);
        this.#line = lastLine + 1;
        if (cells.some((cell) => cell.trim() !== '')) onRecord({ cells, line, lastLine });
        return null;
      },
    });
    this.#parser.on('error', () => undefined);
  }

  async write(piece: Buffer): Promise<void> {
    const lineBefore = this.#line;
    await this.#settle((done) => this.#parser.write(piece, done));
    this.#pending = (this.#line === lineBefore ? this.#pending : 0) + piece.length;
    if (this.#pending > 2 * this.#options.maxRecordLength + piece.length) {
      throw tooLong(this.#line, this.#options.maxRecordLength);
    }
  }

  async end(): Promise<void> {
    this.#parser.resume();
    await this.#settle((done) => this.#parser.end(done));
  }

  destroy(): void {
    this.#parser.destroy();
  }

  async #settle(act: (done: (error?: Error | null) => void) => void): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        act((error) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      throw translate(error, this.#line, this.#options);
    }
  }
}

/**
 * Calls `onRecord` for every record with anything in it (spreadsheets leave rows of bare separators
 * behind); what it throws ends the reading.
 */
export async function readDelimited(
  text: AsyncGenerator<Buffer>,
  options: DelimitedOptions,
  onRecord: (record: CsvRecord, separator: Separator) => void,
): Promise<void> {
  const { head, rest } = await peek(text, (bytes) => firstRecord(bytes).whole);
  const separator =
    options.separator === 'auto' ? detectSeparator(firstRecord(head).text) : options.separator;
  const reader = new RecordReader(separator, options, (record) => onRecord(record, separator));
  try {
    for await (const piece of rest) await reader.write(piece);
    await reader.end();
  } finally {
    reader.destroy();
  }
}
