/**
 * Prepared statements that refuse what `node:sqlite` lets pass: it binds NULL for every parameter that is missing.
 * Rows come back as arrays; which column is where is the caller's business.
 */
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';

export type Value = SQLInputValue;
export type Row = readonly SQLOutputValue[];

function parametersOf(sql: string): number {
  return sql.split('?').length - 1;
}

export class Statement {
  readonly #statement: StatementSync;
  readonly #parameters: number;
  readonly #sql: string;

  constructor(db: DatabaseSync, sql: string) {
    this.#statement = db.prepare(sql, { returnArrays: true });
    this.#parameters = parametersOf(sql);
    this.#sql = sql;
  }

  #check(given: number): void {
    if (given === this.#parameters) return;
    throw new Error(`${given} values for ${this.#parameters} parameters: ${this.#sql}`);
  }

  run(...values: Value[]): number {
    this.#check(values.length);
    return Number(this.#statement.run(...values).changes);
  }

  get(...values: Value[]): Row | undefined {
    this.#check(values.length);
    return this.#statement.get(...values) as Row | undefined;
  }

  all(...values: Value[]): Row[] {
    this.#check(values.length);
    return this.#statement.all(...values) as unknown as Row[];
  }

  iterate(...values: Value[]): IterableIterator<Row> {
    this.#check(values.length);
    return this.#statement.iterate(...values) as unknown as IterableIterator<Row>;
  }
}

/** Rows that one execution of a statement writes: each execution costs more than a row does. */
const ROWS_AT_ONCE = 16;

/** Writes many rows with few executions: `sql` for sixteen rows at once, and for one at a time for what remains. */
export class BulkWrite {
  readonly #many: Statement;
  readonly #one: Statement;
  readonly #columns: number;
  #values: Value[] = [];

  /** `sql` is made from the text of a row's values, repeated and separated by commas. */
  constructor(db: DatabaseSync, row: string, sql: (rows: string) => string) {
    this.#one = new Statement(db, sql(row));
    this.#many = new Statement(db, sql(Array(ROWS_AT_ONCE).fill(row).join(', ')));
    this.#columns = parametersOf(row);
  }

  add(row: readonly Value[]): void {
    if (row.length !== this.#columns) {
      throw new Error(`${row.length} values for a row of ${this.#columns}`);
    }
    for (const value of row) this.#values.push(value);
    if (this.#values.length === this.#columns * ROWS_AT_ONCE) {
      this.#many.run(...this.#values);
      this.#values = [];
    }
  }

  /** Writes the rows that `add` still holds. */
  finish(): void {
    for (let at = 0; at < this.#values.length; at += this.#columns) {
      this.#one.run(...this.#values.slice(at, at + this.#columns));
    }
    this.#values = [];
  }
}
