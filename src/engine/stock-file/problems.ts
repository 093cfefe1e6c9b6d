/** What is wrong with a file a person gave us: where, what was there, and what was expected instead. */

export type Severity = 'error' | 'warning';

export interface FileProblem<Code extends string> {
  /** As an editor counts, from 1. A record over several lines is named by its first. */
  readonly line: number;
  /** A warning leaves the row in; an error leaves it out. */
  readonly severity: Severity;
  readonly code: Code;
  /** One English sentence. */
  readonly message: string;
  readonly column?: string;
  /** What was found, shortened to `MAX_VALUE_SHOWN` characters. */
  readonly value?: string;
}

export interface ProblemDetail {
  readonly column?: string;
  readonly value?: string;
}

/** Faults of the file as a whole: reading stops there. */
export type FaultCode =
  | 'invalid_utf8'
  | 'nul_byte'
  | 'line_too_long'
  | 'record_too_long'
  | 'unclosed_quote'
  | 'misplaced_quote'
  | 'unreadable_csv'
  | 'too_many_rows'
  | 'missing_column'
  | 'duplicate_column'
  | 'empty_file';

/** Thrown between the modules that read a file and caught where the result is put together. */
export class FileFault extends Error {
  readonly code: FaultCode;
  readonly line: number;
  readonly detail: ProblemDetail;

  constructor(code: FaultCode, line: number, message: string, detail: ProblemDetail = {}) {
    super(message);
    this.name = 'FileFault';
    this.code = code;
    this.line = line;
    this.detail = detail;
  }
}

const DEFAULT_MAX_PROBLEMS = 1_000;
const MAX_VALUE_SHOWN = 80;

export function shorten(value: string): string {
  if (value.length <= MAX_VALUE_SHOWN) return value;
  return `${value.slice(0, MAX_VALUE_SHOWN - 1).toWellFormed()}…`;
}

/** Keeps the first `limit` problems and counts all of them, so that a hopeless file costs little memory. */
export class ProblemLog<Code extends string> {
  readonly kept: FileProblem<Code>[] = [];
  errors = 0;
  warnings = 0;
  readonly #limit: number;

  constructor(limit: number = DEFAULT_MAX_PROBLEMS) {
    this.#limit = limit;
  }

  error(line: number, code: Code, message: string, detail: ProblemDetail = {}): void {
    this.errors += 1;
    this.#keep('error', line, code, message, detail);
  }

  warn(line: number, code: Code, message: string, detail: ProblemDetail = {}): void {
    this.warnings += 1;
    this.#keep('warning', line, code, message, detail);
  }

  #keep(
    severity: Severity,
    line: number,
    code: Code,
    message: string,
    detail: ProblemDetail,
  ): void {
    if (this.kept.length >= this.#limit) return;
    const { column, value } = detail;
    this.kept.push({
      line,
      severity,
      code,
      message,
      ...(column === undefined ? {} : { column: shorten(column) }),
      ...(value === undefined ? {} : { value: shorten(value) }),
    });
  }
}
