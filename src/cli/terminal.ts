/** Text for people: numbers, tables and colours, plain where nobody looks. */

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

export interface CliIo {
  /** What the command is asked for. */
  readonly stdout: Output;
  /** Progress, and what is wrong. */
  readonly stderr: Output;
  readonly env: Env;
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** "1 unit", "2 units"; `many` for words that do not just take an s. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const STYLES = { good: '32', bad: '31', doubt: '33', dim: '2', bold: '1' } as const;
export type Paint = (style: keyof typeof STYLES, text: string) => string;

/** Colour only where a person looks at it and has not asked for none (no-color.org). */
export function painter(output: Output, env: Env): Paint {
  const colour = output.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  return (style, text) => (colour ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text);
}

/** Columns two spaces apart; those named in `right`, counted from 0, flush right. */
export function table(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  }
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return right.includes(index) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A line of a status, for people. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  /** False: somebody should look. */
  readonly fine: boolean;
}

/** One line for each, with a mark where somebody should look. */
export function writeFacts({ stdout, env }: CliIo, facts: readonly Fact[]): void {
  const paint = painter(stdout, env);
  const rows = facts.map(({ name, value, fine }) => [
    name,
    fine ? value : paint('bad', `${value}  <- look at this`),
  ]);
  writeLines(stdout, table(rows));
}

export function writeLines(output: Output, lines: readonly string[]): void {
  output.write(lines.map((line) => `${line}\n`).join(''));
}

export function writeJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, null, 2)}\n`);
}
