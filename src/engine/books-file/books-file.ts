/**
 * Whole books as a file of lines, each a JSON object (docs/moving.md). The first names the version, the last counts the
 * records. `check`, the last field of each, is the CRC-32 of all lines up to it, so that a line that was changed, lost,
 * doubled or moved is found where it happened.
 */
import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { Mismatch } from './codec.ts';
import { CODECS, COUNTS, HEAD } from './records.ts';
import {
  noRecords,
  RECORD_KINDS,
  type BooksHead,
  type BooksRecord,
  type BooksSource,
  type RecordCounts,
  type RecordKind,
} from './whole-books.ts';

/** Version 1 knew no trimmed ledgers. */
const VERSION = 2;
const OLDEST_VERSION = 1;
/** In bytes. A cart of 1,000 lines, twice, is far below. */
const MAX_LINE_LENGTH = 16 * 1024 * 1024;

/** The file cannot be taken for whole books; `line` is the first that is wrong. */
export class BooksFileFault extends Error {
  override readonly name = 'BooksFileFault';
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** The file's lines; `onRecord` is told of each record as it goes. */
export async function* formatBooks(
  source: BooksSource,
  onRecord: () => void = () => undefined,
): AsyncGenerator<string> {
  let check = 0;
  const line = (json: object): string => {
    const body = JSON.stringify(json).slice(0, -1);
    check = crc32(body, check);
    return `${body},"check":"${hex(check)}"}\n`;
  };
  yield line({ holdfast_books: VERSION, head: HEAD.encode(source.head) });
  const counts = noRecords();
  for await (const { kind, value } of source.records()) {
    counts[kind] += 1;
    onRecord();
    yield line({ [kind]: CODECS[kind].encode(value as never) });
  }
  yield line({ end: COUNTS.encode(counts) });
}

const UNCUT_JSON = { seq: 0, at: 0, exported_through: 0 };

function hex(check: number): string {
  return check.toString(16).padStart(8, '0');
}

export type FileItem =
  | { readonly kind: 'head'; readonly value: BooksHead }
  | BooksRecord
  | { readonly kind: 'end'; readonly value: RecordCounts };

/** The head first, then the records in their order, then the end. Throws `BooksFileFault`. */
export async function* parseBooks(input: AsyncIterable<Uint8Array>): AsyncGenerator<FileItem> {
  const reader = new LineReader();
  for await (const { number, bytes } of linesOf(input)) yield reader.read(number, bytes);
  reader.finish();
}

class LineReader {
  #check = 0;
  #line = 0;
  #stage = -1;
  #ended = false;
  #version = VERSION;
  readonly #counts = noRecords();

  read(number: number, bytes: Buffer): FileItem {
    this.#line = number;
    if (this.#ended) throw this.#fault('nothing is expected after the last line of books');
    const json = this.#checked(bytes);
    const [name = '', value] = Object.entries(json)[0] ?? [];
    try {
      if (number === 1) return this.#head(json);
      if (name === 'end') return this.#end(value);
      return this.#record(name, value);
    } catch (error) {
      if (error instanceof Mismatch) throw this.#fault(`${name}: ${error.message}`);
      throw error;
    }
  }

  /** The line without its check, if that fits. */
  #checked(bytes: Buffer): object {
    const text = isUtf8(bytes) ? bytes.toString('utf8') : '';
    const [, body, stated] = /^(\{.*),"check":"([0-9a-f]{8})"\}$/s.exec(text) ?? [];
    if (body === undefined) {
      const what = 'expected a line of whole books, as `holdfast export --what books` writes it';
      throw this.#fault(what);
    }
    this.#check = crc32(body, this.#check);
    if (hex(this.#check) !== stated) {
      throw this.#fault('this line is not as it was written, or a line before it is missing');
    }
    try {
      return JSON.parse(`${body}}`) as object;
    } catch {
      throw this.#fault('this is no JSON');
    }
  }

  #head(json: object): FileItem {
    const { holdfast_books: version, head } = json as Readonly<Record<string, unknown>>;
    if (version === undefined) throw this.#fault('expected the first line of whole books');
    if (version !== VERSION && version !== OLDEST_VERSION) {
      const message = `the books have version ${JSON.stringify(version)}, this Holdfast reads versions ${OLDEST_VERSION} and ${VERSION}`;
      throw this.#fault(message);
    }
    this.#version = version;
    return { kind: 'head', value: HEAD.decode(this.#completed(head, { cut: UNCUT_JSON })) };
  }

  /** What the first version did not say. */
  #completed(json: unknown, missing: object): unknown {
    if (this.#version === VERSION || typeof json !== 'object' || json === null) return json;
    return { ...json, ...missing };
  }

  #record(name: string, value: unknown): FileItem {
    const stage = RECORD_KINDS.indexOf(name as RecordKind);
    const kind = RECORD_KINDS[stage];
    if (kind === undefined) throw this.#fault(`there is no record of the kind ${name}`);
    if (stage < this.#stage) throw this.#fault(`a record of the kind ${name} stands too late`);
    this.#stage = stage;
    this.#counts[kind] += 1;
    return { kind, value: CODECS[kind].decode(value) } as BooksRecord;
  }

  #end(value: unknown): FileItem {
    this.#ended = true;
    const counts = COUNTS.decode(this.#completed(value, { opening: 0, story: 0 }));
    for (const kind of RECORD_KINDS) {
      if (counts[kind] === this.#counts[kind]) continue;
      const message = `${counts[kind]} records of the kind ${kind} are stated, ${this.#counts[kind]} are there`;
      throw this.#fault(message);
    }
    return { kind: 'end', value: counts };
  }

  finish(): void {
    if (this.#ended) return;
    this.#line += 1;
    throw this.#fault(
      'the file ends too early: its last line, which counts the records, is missing',
    );
  }

  #fault(message: string): BooksFileFault {
    return new BooksFileFault(this.#line, message);
  }
}

const LF = 10;

/** Lines end with LF and nothing else, the last one perhaps without. */
async function* linesOf(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly number: number; readonly bytes: Buffer }> {
  let number = 1;
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let end = piece.indexOf(LF); end !== -1; end = piece.indexOf(LF, from)) {
      yield { number, bytes: Buffer.concat([...parts, piece.subarray(from, end)]) };
      number += 1;
      parts = [];
      length = 0;
      from = end + 1;
    }
    // Copied: whoever gave us the piece may reuse its memory.
    parts.push(Buffer.from(piece.subarray(from)));
    length += piece.length - from;
    if (length > MAX_LINE_LENGTH) {
      throw new BooksFileFault(number, `this line is longer than ${MAX_LINE_LENGTH} bytes`);
    }
  }
  if (length > 0) yield { number, bytes: Buffer.concat(parts) };
}
