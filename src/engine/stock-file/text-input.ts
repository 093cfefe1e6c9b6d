/**
 * Bytes from anywhere to checked UTF-8 text, piece by piece.
 * What is refused here is refused with its line: bytes that are not UTF-8, NUL, and lines without end.
 */
import { isUtf8 } from 'node:buffer';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FileFault } from './problems.ts';

export type FileInput = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

/** In bytes. Generous: Shopify puts a whole product description into one cell. */
export const DEFAULT_MAX_LINE_LENGTH = 1_048_576;

export interface TextLimits {
  readonly maxLineLength?: number;
  /** In bytes; for tests of what happens at the seams. */
  readonly pieceSize?: number;
}

const PIECE = 65_536;
const MARK_LENGTH = 3;
const LF = 10;
const CR = 13;

/** Counts lines as editors do: LF, CR LF and a lone CR each end one. */
class LineMeter {
  line = 1;
  #length = 0;
  #afterCr = false;
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  scan(piece: Buffer): void {
    for (let i = 0; i < piece.length; i += 1) {
      const byte = piece[i];
      if (byte === LF || byte === CR) {
        if (byte === CR || !this.#afterCr) this.line += 1;
        this.#afterCr = byte === CR;
        this.#length = 0;
        continue;
      }
      this.#afterCr = false;
      this.#length += 1;
      if (byte === 0) throw new FileFault('nul_byte', this.line, NUL_MESSAGE);
      if (this.#length > this.#maxLength) {
        const message = `This line is longer than ${this.#maxLength} bytes: is it a stock or order file at all?`;
        throw new FileFault('line_too_long', this.line, message);
      }
    }
  }
}

const NUL_MESSAGE = 'A NUL byte: expected a text file in UTF-8, not a binary or UTF-16 one.';
const UTF8_MESSAGE =
  'This line is not UTF-8: save the file as "CSV UTF-8" (it may be in Windows-1252 or ISO 8859-1 now).';
const UTF16_MESSAGE = 'The file is in UTF-16: save it as "CSV UTF-8".';

/** Strings to bytes, keeping together the two halves of a character that a string's end cut in two. */
class Encoder {
  #held = '';

  encode(part: Uint8Array | string): Buffer {
    if (typeof part !== 'string') return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    let text = this.#held + part;
    this.#held = '';
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#held = text.slice(-1);
      text = text.slice(0, -1);
    }
    if (text.isWellFormed()) return Buffer.from(text);
    // A lone surrogate has no UTF-8 form; 0xff keeps it from becoming U+FFFD unnoticed.
    const wellFormed = text.toWellFormed();
    let at = 0;
    while (text[at] === wellFormed[at]) at += 1;
    return Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from([0xff])]);
  }

  end(): Buffer {
    return Buffer.from(this.#held === '' ? [] : [0xff]);
  }
}

/** The same bytes in pieces of `size`, whatever the size of the parts they came in; the last may be smaller. */
async function* regroup(input: FileInput, size: number): AsyncGenerator<Buffer> {
  const encoder = new Encoder();
  let parts: Buffer[] = [];
  let length = 0;
  for await (const part of input) {
    const bytes = encoder.encode(part);
    // Copied: whoever gave us the part may reuse its memory.
    parts.push(Buffer.from(bytes));
    length += bytes.length;
    if (length < size) continue;
    const whole = Buffer.concat(parts);
    let at = 0;
    for (; whole.length - at >= size; at += size) yield whole.subarray(at, at + size);
    parts = [whole.subarray(at)];
    length = whole.length - at;
  }
  const rest = Buffer.concat([...parts, encoder.end()]);
  if (rest.length > 0) yield rest;
}

/** Where the last, incomplete character of `bytes` begins; `bytes.length` where none is cut. */
function completeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** The part of `bytes` before the first line that is not UTF-8. */
function validLines(bytes: Buffer): Buffer {
  let start = 0;
  for (let i = 0; i <= bytes.length; i += 1) {
    if (i < bytes.length && bytes[i] !== LF && bytes[i] !== CR) continue;
    if (!isUtf8(bytes.subarray(start, i))) break;
    start = Math.min(i + 1, bytes.length);
  }
  return bytes.subarray(0, start);
}

function withoutMark(bytes: Buffer): Buffer {
  const [first, second, third] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new FileFault('invalid_utf8', 1, UTF16_MESSAGE);
  }
  return first === 0xef && second === 0xbb && third === 0xbf ? bytes.subarray(3) : bytes;
}

/**
 * Yields non-empty pieces of at most about 64 KiB, each whole characters, without the byte-order mark.
 * Between pieces the event loop takes a turn, so that a long import does not hold up reservations.
 * Throws `FileFault` for a bad file; an error of the input itself passes through unchanged.
 */
export async function* readText(input: FileInput, limits: TextLimits = {}): AsyncGenerator<Buffer> {
  const meter = new LineMeter(limits.maxLineLength ?? DEFAULT_MAX_LINE_LENGTH);
  let carried: Buffer = Buffer.alloc(0);
  let atStart = true;
  for await (const piece of regroup(input, Math.max(MARK_LENGTH, limits.pieceSize ?? PIECE))) {
    const bytes = Buffer.concat([carried, atStart ? withoutMark(piece) : piece]);
    atStart = false;
    const complete = completeLength(bytes);
    carried = bytes.subarray(complete);
    if (complete === 0) continue;
    check(bytes.subarray(0, complete), meter);
    yield bytes.subarray(0, complete);
    await nextTurn();
  }
  // A character that the end of the file cuts off.
  check(carried, meter);
}

function check(bytes: Buffer, meter: LineMeter): void {
  if (isUtf8(bytes)) {
    meter.scan(bytes);
    return;
  }
  meter.scan(validLines(bytes));
  throw new FileFault('invalid_utf8', meter.line, UTF8_MESSAGE);
}

/**
 * The first bytes of a text, at most about 64 KiB, to tell what it is; `rest` begins with them again.
 * `enough` may end it sooner.
 */
export async function peek(
  text: AsyncGenerator<Buffer>,
  enough: (head: Buffer) => boolean,
): Promise<{ head: Buffer; rest: AsyncGenerator<Buffer> }> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < PIECE) {
    const next = await text.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
    if (enough(head)) break;
  }
  return { head, rest: resume(head, text) };
}

async function* resume(head: Buffer, text: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  yield* text;
}
