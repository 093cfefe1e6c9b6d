/** `holdfast import --what books`: a file of whole books, proven to its last line, and then put where there are none. */
import { createReadStream } from 'node:fs';
import { BooksFileFault, parseBooks } from '../engine/books-file/books-file.ts';
import { proveBooks, type ProvenBooks } from '../engine/books-file/prove-books.ts';
import { RECORD_KINDS, type BooksRecord } from '../engine/books-file/whole-books.ts';
import type { CliParts } from './cli-parts.ts';
import { CliFailure, EXIT, type ExitCode } from './exit-codes.ts';
import { readInput } from './input-file.ts';
import { progressBar } from './progress.ts';
import { count, plural, writeJson, writeLines } from './terminal.ts';

interface Options {
  readonly dataDir?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

const PROBLEMS_SHOWN = 10;

export async function importBooks(
  path: string,
  options: Options,
  parts: CliParts,
): Promise<ExitCode> {
  if (path === '-') throw new CliFailure('whole books are read twice: name a file');
  const { stdout } = parts.io;
  const books = parts.openBooks(options.dataDir);
  const proven = await prove(path, options, parts);
  if (proven === null) return EXIT.found;
  if (!proven.report.ok) {
    refuse(path, options, parts, describe(proven), { line: null });
    return EXIT.found;
  }
  if (options.dryRun !== true) await books.take(proven.head, recordsOf(path, proven, parts));
  const { level: skus, reservation: reservations, entry: entries } = proven.counts;
  if (options.json) {
    const { message: messages, answer: answers } = proven.counts;
    const counts = { skus, reservations, entries, messages, answers };
    writeJson(stdout, { imported: options.dryRun !== true, place: books.place, ...counts });
    return EXIT.ok;
  }
  const what = `${plural(skus, 'SKU')}, ${plural(reservations, 'reservation')}, ${plural(entries, 'ledger entry', 'ledger entries')}`;
  writeLines(stdout, [
    options.dryRun
      ? `${path} holds whole books that pass their audit: ${what}. This was a dry run: nothing has changed.`
      : `Moved ${what} into ${books.place}. Their audit passed.`,
  ]);
  return EXIT.ok;
}

/** Null where a line of the file is wrong, which has been said then. */
async function prove(path: string, options: Options, parts: CliParts): Promise<ProvenBooks | null> {
  try {
    return await readInput(path, (input) => proveBooks(input));
  } catch (error) {
    if (!(error instanceof BooksFileFault)) throw error;
    const { line, message } = error;
    refuse(path, options, parts, [`line ${line}: ${message}`], { line, message });
    return null;
  }
}

function refuse(
  path: string,
  options: Options,
  { io }: CliParts,
  lines: readonly string[],
  details: object,
): void {
  if (options.json) writeJson(io.stdout, { imported: false, problems: lines, ...details });
  else writeLines(io.stdout, [...lines, '', `Nothing was imported from ${path}.`]);
}

function describe({ report }: ProvenBooks): string[] {
  const shown = report.problems.slice(0, PROBLEMS_SHOWN);
  const more = report.problemCount - shown.length;
  return [
    'The books in this file do not pass their audit:',
    ...shown.map(({ kind, message }) => `  ${kind}: ${message}`),
    ...(more > 0 ? [`  … and ${count(more)} more`] : []),
  ];
}

/** The file a second time; it has been proven a moment ago, and each line is checked once more. */
async function* recordsOf(
  path: string,
  { counts }: ProvenBooks,
  { io }: CliParts,
): AsyncGenerator<BooksRecord> {
  const total = RECORD_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
  const bar = progressBar(io.stderr, 'Moving', total);
  try {
    for await (const item of parseBooks(createReadStream(path))) {
      if (item.kind === 'head' || item.kind === 'end') continue;
      yield item;
      bar.step();
    }
  } finally {
    bar.end();
  }
}
