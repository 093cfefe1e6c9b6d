/** Our own CSV: snake_case columns in any order, the first record being their names. */
import { looksSwallowed, type CsvRecord, type Separator } from './delimited.ts';
import { addRow, FIELDS, ON_HAND, readCell, type FieldSpec } from './fields.ts';
import { FileFault } from './problems.ts';
import { readSku, type RowCollector, type RowProblemLog } from './stock-row.ts';

/** Other names that are understood. */
export const ALIASES: ReadonlyMap<string, string> = new Map([['quantity', 'on_hand']]);

export const KNOWN_COLUMNS: readonly string[] = ['sku', ...FIELDS.map((spec) => spec.column)];

interface Column {
  readonly index: number;
  /** As the file writes it. */
  readonly name: string;
}

/** Lenient about capitals, and about spaces or dashes where we write `_`. */
function canonical(name: string): string {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
  return ALIASES.get(plain) ?? plain;
}

function readHeader(header: CsvRecord, log: RowProblemLog): Map<string, Column> {
  const columns = new Map<string, Column>();
  for (const [index, cell] of header.cells.entries()) {
    const name = cell.trim();
    const known = canonical(cell);
    if (!KNOWN_COLUMNS.includes(known)) {
      if (name === '') continue;
      const message = `Unknown column, not read. Known are ${KNOWN_COLUMNS.join(', ')}.`;
      log.warn(header.line, 'unknown_column', message, { column: name });
      continue;
    }
    const earlier = columns.get(known);
    if (earlier) {
      const message = `"${earlier.name}" and "${name}" both mean ${known}: expected one of them.`;
      throw new FileFault('duplicate_column', header.line, message, { column: name });
    }
    columns.set(known, { index, name });
  }
  for (const required of ['sku', ON_HAND.column]) {
    if (columns.has(required)) continue;
    const message = `There is no column ${required}. Expected a first line such as "sku,on_hand".`;
    throw new FileFault('missing_column', header.line, message, { column: required });
  }
  return columns;
}

/** True, and a problem, where a record has not one cell for each column; empty cells too many do no harm. */
export function hasWrongWidth(record: CsvRecord, width: number, log: RowProblemLog): boolean {
  const { cells, line } = record;
  if (cells.length === width) return false;
  if (cells.length > width && cells.slice(width).every((cell) => cell.trim() === '')) return false;
  const message = `Expected ${width} cells, as in the first line, found ${cells.length}.`;
  log.error(line, 'wrong_cell_count', message);
  return true;
}

export function csvRowReader(
  collector: RowCollector,
  log: RowProblemLog,
): (record: CsvRecord, separator: Separator) => void {
  let columns: Map<string, Column> | undefined;
  let width = 0;
  return (record, separator) => {
    if (columns === undefined) {
      columns = readHeader(record, log);
      width = record.cells.length;
      return;
    }
    const { cells, line, lastLine } = record;
    collector.count(line);
    if (looksSwallowed(record, separator, width)) {
      const message = `A quoted cell holds whole rows, up to line ${lastLine}: a quote was probably not closed.`;
      log.error(line, 'swallowed_lines', message);
      return;
    }
    if (hasWrongWidth(record, width, log)) return;
    const cell = (column: Column | undefined): string => cells[column?.index ?? -1] ?? '';
    const rawSku = cell(columns.get('sku'));
    if (rawSku.trim() === '') {
      log.error(line, 'missing_sku', 'This row has no SKU.', { column: 'sku' });
      return;
    }
    const sku = readSku(rawSku, line, 'sku', log);
    if (sku === undefined) return;
    const known = columns;
    const read = (spec: FieldSpec) => {
      const column = known.get(spec.column);
      const text = cell(column);
      return {
        reading: readCell(spec, text),
        column: column?.name ?? spec.column,
        shown: () => text,
      };
    };
    addRow(sku, line, read, collector, log);
  };
}
