/**
 * Writes stock files that `parseStockFile` reads back to the same values.
 *
 * A SKU that begins with =, +, - or @ is written as it is, though a spreadsheet would take it for a
 * formula: a prefix that defuses it would not read back as the same SKU. Open such files as text.
 */
import { KNOWN_COLUMNS } from './csv-rows.ts';
import { CLEAR, FIELDS } from './fields.ts';
import type { StockValues } from './stock-row.ts';

const LINE_END = '\r\n';

export const STOCK_CSV_HEADER = KNOWN_COLUMNS.join(',') + LINE_END;

function csvCell(text: string): string {
  return /[",;\t|\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line of CSV under `STOCK_CSV_HEADER`. A field left out is an empty cell, a cleared policy is `none`. */
export function stockCsvLine(values: StockValues): string {
  const cells = FIELDS.map(({ field, kind }) => {
    const value = values[field];
    if (value === undefined) return '';
    if (value === null) return CLEAR;
    return kind === 'instant' ? new Date(value).toISOString() : String(value);
  });
  return [csvCell(values.sku), ...cells].join(',') + LINE_END;
}

function stockNdjsonLine(values: StockValues): string {
  const object: Record<string, string | number | null> = { sku: values.sku };
  for (const { field, column, kind } of FIELDS) {
    const value = values[field];
    if (value === undefined) continue;
    object[column] = value !== null && kind === 'instant' ? new Date(value).toISOString() : value;
  }
  return `${JSON.stringify(object)}\n`;
}

/** Line by line, so that a large export need not be held in memory. */
export function* formatStockCsv(rows: Iterable<StockValues>): Generator<string> {
  yield STOCK_CSV_HEADER;
  for (const row of rows) yield stockCsvLine(row);
}

export function* formatStockNdjson(rows: Iterable<StockValues>): Generator<string> {
  for (const row of rows) yield stockNdjsonLine(row);
}
