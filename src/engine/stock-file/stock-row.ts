/** A row of a stock file, the problems it can have, and the check that no two rows name one SKU. */
import type { StockSetting } from '../../core/command.ts';
import { isSku, MAX_SKU_LENGTH } from '../../core/quantities.ts';
import { FileFault, type FaultCode, type FileProblem, type ProblemLog } from './problems.ts';

/** What a file says of one SKU. A field left out was not given; `null` clears that policy. Times in epoch ms. */
export interface StockValues {
  readonly sku: string;
  readonly onHand: number;
  readonly safetyStock?: number;
  readonly maxPerOrder?: number | null;
  readonly maxPerCustomer?: number | null;
  readonly ttlSeconds?: number | null;
  readonly opensAt?: number | null;
  readonly closesAt?: number | null;
}

export interface StockRow extends StockValues {
  /** The first line of its record in the file. */
  readonly line: number;
}

export type RowProblemCode =
  | FaultCode
  | 'unknown_column'
  | 'wrong_cell_count'
  | 'swallowed_lines'
  | 'bad_json'
  | 'not_an_object'
  | 'missing_sku'
  | 'invalid_sku'
  | 'sku_trimmed'
  | 'duplicate_sku'
  | 'missing_value'
  | 'bad_integer'
  | 'out_of_range'
  | 'bad_time'
  | 'not_clearable'
  | 'closes_before_opens';

export type RowProblem = FileProblem<RowProblemCode>;
export type RowProblemLog = ProblemLog<RowProblemCode>;

/** For the store's `import_stock` command. */
export function toStockSetting(values: StockValues): StockSetting {
  const { maxPerOrder, maxPerCustomer, ttlSeconds, opensAt, closesAt } = values;
  const policy = {
    ...(maxPerOrder === undefined ? {} : { maxPerOrder }),
    ...(maxPerCustomer === undefined ? {} : { maxPerCustomer }),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(opensAt === undefined ? {} : { opensAt }),
    ...(closesAt === undefined ? {} : { closesAt }),
  };
  return {
    sku: values.sku,
    onHand: values.onHand,
    ...(values.safetyStock === undefined ? {} : { safetyStock: values.safetyStock }),
    ...(Object.keys(policy).length === 0 ? {} : { policy }),
  };
}

/**
 * A SKU without the spaces around it, with a warning where there were any: the API refuses such SKUs,
 * and "A-1 " beside "A-1" then shows as the duplicate it is. Undefined where it is not a SKU.
 */
export function readSku(
  raw: string,
  line: number,
  column: string,
  log: RowProblemLog,
): string | undefined {
  const sku = raw.trim();
  if (!isSku(sku)) {
    const message = `Expected a SKU of 1 to ${MAX_SKU_LENGTH} characters without control characters.`;
    log.error(line, 'invalid_sku', message, { column, value: raw });
    return undefined;
  }
  if (sku !== raw) {
    log.warn(line, 'sku_trimmed', 'The spaces around this SKU were left out.', {
      column,
      value: raw,
    });
  }
  return sku;
}

/** The good rows so far. A SKU's second row is refused, naming both lines: neither is the right one for sure. */
export class RowCollector {
  readonly rows: StockRow[] = [];
  readonly #lines = new Map<string, number>();
  readonly #maxRows: number;
  readonly #log: RowProblemLog;
  #records = 0;

  constructor(maxRows: number, log: RowProblemLog) {
    this.#maxRows = maxRows;
    this.#log = log;
  }

  get records(): number {
    return this.#records;
  }

  /** To be called for every record that is not a header, good or bad. */
  count(line: number): void {
    this.#records += 1;
    if (this.#records > this.#maxRows) {
      const message = `More than ${this.#maxRows} rows: split the file.`;
      throw new FileFault('too_many_rows', line, message);
    }
  }

  /** `origin` says in the message more of where the SKU came from. False where it is a duplicate. */
  add(row: StockRow, column: string, origin = ''): boolean {
    const isNew = this.claim(row.sku, row.line, column, origin);
    if (isNew) this.rows.push(row);
    return isNew;
  }

  /** Also for rows that are bad in another field, so that a duplicate shows at once and not after the next try. */
  claim(sku: string, line: number, column: string, origin = ''): boolean {
    const first = this.#lines.get(sku);
    if (first === undefined) {
      this.#lines.set(sku, line);
      return true;
    }
    const message = `This SKU${origin} is already on line ${first}: expected one row for each SKU.`;
    this.#log.error(line, 'duplicate_sku', message, { column, value: sku });
    return false;
  }
}
