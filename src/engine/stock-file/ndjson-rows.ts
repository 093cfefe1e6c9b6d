/** Our NDJSON: one JSON object on each line, with the names of the CSV's columns. */
import { ALIASES, KNOWN_COLUMNS } from './csv-rows.ts';
import { addRow, ON_HAND, readJsonValue, type FieldSpec } from './fields.ts';
import { readSku, type RowCollector, type RowProblemLog } from './stock-row.ts';

/** Yields every line that is not blank. */
async function* lines(
  text: AsyncGenerator<Buffer>,
): AsyncGenerator<{ text: string; line: number }> {
  let line = 1;
  let open = '';
  for await (const piece of text) {
    // A CR at the very end waits for the next piece: it may be the half of a CR LF.
    open += piece.toString('utf8');
    const held = open.endsWith('\r') ? '\r' : '';
    const parts = open.slice(0, open.length - held.length).split(/\r\n|\n|\r/);
    open = (parts.pop() ?? '') + held;
    for (const part of parts) {
      if (part.trim() !== '') yield { text: part, line };
      line += 1;
    }
  }
  if (open.trim() !== '') yield { text: open, line };
}

const EXAMPLE = '{"sku":"TSHIRT-M","on_hand":120}';

function parseObject(
  text: string,
  line: number,
  log: RowProblemLog,
): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const message = `Not valid JSON. Expected one object on each line, such as ${EXAMPLE}.`;
    log.error(line, 'bad_json', message, { value: text });
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = `Expected one object on each line, such as ${EXAMPLE}.`;
    log.error(line, 'not_an_object', message, { value: text });
    return undefined;
  }
  return value as Record<string, unknown>;
}

class NdjsonRows {
  readonly #collector: RowCollector;
  readonly #log: RowProblemLog;
  /** Names already warned about. */
  readonly #unknown = new Set<string>();

  constructor(collector: RowCollector, log: RowProblemLog) {
    this.#collector = collector;
    this.#log = log;
  }

  accept(text: string, line: number): void {
    this.#collector.count(line);
    const object = parseObject(text, line, this.#log);
    if (object === undefined) return;
    const values = this.#byColumn(object, line);
    if (values === undefined) return;
    const given = values.get('sku');
    if (given === undefined || given === null || given === '') {
      this.#log.error(line, 'missing_sku', 'This row has no SKU.', { column: 'sku' });
      return;
    }
    if (typeof given !== 'string') {
      const message = 'Expected the SKU as a string.';
      this.#log.error(line, 'invalid_sku', message, {
        column: 'sku',
        value: JSON.stringify(given),
      });
      return;
    }
    const sku = readSku(given, line, 'sku', this.#log);
    if (sku === undefined) return;
    const read = (spec: FieldSpec) => {
      const value = values.get(spec.column);
      return {
        reading: readJsonValue(spec, value),
        column: spec.column,
        shown: () => JSON.stringify(value),
      };
    };
    addRow(sku, line, read, this.#collector, this.#log);
  }

  #byColumn(object: Record<string, unknown>, line: number): Map<string, unknown> | undefined {
    const values = new Map<string, unknown>();
    for (const [name, value] of Object.entries(object)) {
      const column = ALIASES.get(name) ?? name;
      if (values.has(column)) {
        const message = `quantity and ${ON_HAND.column} mean the same: expected one of them.`;
        this.#log.error(line, 'duplicate_column', message, { column: name });
        return undefined;
      }
      if (KNOWN_COLUMNS.includes(column)) values.set(column, value);
      else this.#warnUnknown(name, line);
    }
    return values;
  }

  #warnUnknown(name: string, line: number): void {
    // Bounded: hostile input may name a new one on every line.
    if (this.#unknown.has(name) || this.#unknown.size >= 100) return;
    this.#unknown.add(name);
    const message = `Unknown name, not read. Known are ${KNOWN_COLUMNS.join(', ')}.`;
    this.#log.warn(line, 'unknown_column', message, { column: name });
  }
}

export async function readNdjsonRows(
  text: AsyncGenerator<Buffer>,
  collector: RowCollector,
  log: RowProblemLog,
): Promise<void> {
  const rows = new NdjsonRows(collector, log);
  for await (const { text: line, line: number } of lines(text)) rows.accept(line, number);
}
