/** What is wrong with a file, line by line, as a compiler would say it. */
import type { FileProblem } from '../engine/stock-file/problems.ts';
import { count } from './terminal.ts';

const SHOWN = 50;

/** `total`: of the problems there are, of which `problems` are the first. */
export function describeProblems(
  problems: readonly FileProblem<string>[],
  total: number,
): string[] {
  const shown = problems.slice(0, SHOWN);
  const lines = shown.map(({ line, severity, column, message, value }) => {
    const found =
      value === undefined || message.includes(value) ? '' : ` Found: ${JSON.stringify(value)}.`;
    const where = column === undefined ? '' : ` in ${column}`;
    return `line ${line}: ${severity}${where}: ${message}${found}`;
  });
  const more = total - shown.length;
  return more > 0 ? [...lines, `… and ${count(more)} more; --json lists the first 1,000`] : lines;
}
