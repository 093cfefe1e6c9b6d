/**
 * Reads the write-ahead log before SQLite does. SQLite takes the log up to its first bad frame and drops the rest
 * without a word: right after a crash in the middle of a write, and a silent loss of acknowledged commits if a frame
 * in the middle has gone bad. The two can be told apart, because the writer syncs each transaction before it begins
 * the next: where anything valid of a later transaction follows a bad frame, the bad one had been acknowledged.
 *
 * A frame's checksum goes on from the one before it, as stored there, so frames after a bad one can still be verified.
 * A transaction writes each page once, and every one of ours writes the page of `meta`: a page that comes twice after
 * the last good commit betrays a second transaction even where the commit mark between them is what was damaged.
 * (https://www.sqlite.org/fileformat2.html#the_write_ahead_log)
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { Fault } from '../../engine/faults.ts';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit says in which byte order checksums are summed. */
const MAGIC = 0x377f0682;
const FORMAT = 3_007_000;
const FRAMES_AT_ONCE = 256;

type Checksum = readonly [number, number];

interface Header {
  readonly pageBytes: number;
  readonly bigEndian: boolean;
  readonly salt: Checksum;
  readonly checksum: Checksum;
}

interface Frame {
  readonly offset: number;
  readonly page: number;
  /** The last frame of a transaction. */
  readonly commit: boolean;
  /** Of this generation of the log; the file may go on with older ones. */
  readonly current: boolean;
  /** Its checksum goes on from the one before. */
  readonly sound: boolean;
}

/** What was found at the log's end and will be dropped, in words; null: nothing. Throws where it must not be opened. */
export function checkWal(file: string): string | null {
  if (!existsSync(file)) return null;
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return null;
    const header = readHeader(fd, size, file);
    return header === null
      ? `${file} was cut before its first frame, as by a crash while it was made; it is dropped.`
      : judge(frames(fd, size, header), file);
  } finally {
    closeSync(fd);
  }
}

/** Null: the log was cut before it could hold anything. */
function readHeader(fd: number, size: number, file: string): Header | null {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const smallestLog = HEADER_BYTES + FRAME_HEADER_BYTES + 512;
  if (readSync(fd, bytes, 0, HEADER_BYTES, 0) < HEADER_BYTES) return null;
  const magic = bytes.readUInt32BE(0);
  const bigEndian = (magic & 1) === 1;
  const checksum: Checksum = [bytes.readUInt32BE(24), bytes.readUInt32BE(28)];
  const summed = sum(bytes.subarray(0, 24), [0, 0], bigEndian);
  const sound =
    magic >>> 1 === MAGIC >>> 1 && bytes.readUInt32BE(4) === FORMAT && same(summed, checksum);
  if (!sound) {
    if (size < smallestLog) return null;
    throw damage(file, 0, 'its header is not what was written');
  }
  const salt: Checksum = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  return { pageBytes: bytes.readUInt32BE(8), bigEndian, salt, checksum };
}

function* frames(fd: number, size: number, header: Header): Generator<Frame> {
  const frameBytes = FRAME_HEADER_BYTES + header.pageBytes;
  const buffer = Buffer.alloc(frameBytes * FRAMES_AT_ONCE);
  let before = header.checksum;
  let offset = HEADER_BYTES;
  while (offset + frameBytes <= size) {
    const read = readSync(fd, buffer, 0, buffer.length, offset);
    const whole = Math.floor(read / frameBytes);
    if (whole === 0) break;
    for (let index = 0; index < whole; index += 1, offset += frameBytes) {
      const frame = buffer.subarray(index * frameBytes, (index + 1) * frameBytes);
      const stored: Checksum = [frame.readUInt32BE(16), frame.readUInt32BE(20)];
      const summed = sum(
        frame.subarray(FRAME_HEADER_BYTES),
        sum(frame.subarray(0, 8), before, header.bigEndian),
        header.bigEndian,
      );
      yield {
        offset,
        page: frame.readUInt32BE(0),
        commit: frame.readUInt32BE(4) !== 0,
        current:
          frame.readUInt32BE(8) === header.salt[0] && frame.readUInt32BE(12) === header.salt[1],
        sound: same(summed, stored),
      };
      before = stored;
    }
  }
  if (offset < size) yield { offset, page: 0, commit: false, current: true, sound: false };
}

function judge(all: Iterable<Frame>, file: string): string | null {
  /** Pages of the frames since the last good commit, the bad one left out. */
  const pages = new Set<number>();
  let open = false;
  let bad: Frame | null = null;
  let follows = false;
  let second = false;
  for (const frame of all) {
    if (bad === null) {
      if (frame.sound && frame.current) {
        open = !frame.commit;
        if (frame.commit) pages.clear();
        else pages.add(frame.page);
      } else {
        bad = frame;
        // A commit mark on a bad frame ends a transaction; what is valid after it belongs to the next.
        second = frame.commit && (frame.current || frame.sound);
      }
      continue;
    }
    if (!frame.sound || !frame.current) continue;
    if (second || pages.has(frame.page)) {
      throw damage(file, bad.offset, 'a frame that was committed is not what was written');
    }
    follows = true;
    pages.add(frame.page);
    second = frame.commit;
  }
  const dropped = open || follows || (bad !== null && (bad.current || bad.sound));
  if (!dropped) return null;
  const from = bad === null ? '' : ` from byte ${bad.offset}`;
  return `The end of ${file}${from} is an unfinished transaction, as after a crash in the middle of a write; it is dropped. Nothing of it had been acknowledged, unless the disk itself lost what it had stored.`;
}

function damage(file: string, offset: number, what: string): Fault {
  return new Fault(
    'STORE_DAMAGED',
    `${file} is damaged at byte ${offset}: ${what}, and commits that were acknowledged come after it. Opening it would lose them without a trace. Copy the data directory away, then restore a backup; the copy still holds what can be salvaged.`,
  );
}

function same(a: Checksum, b: Checksum): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** SQLite's checksum over pairs of 32-bit words, going on from `seed`. */
function sum(bytes: Buffer, [first, second]: Checksum, bigEndian: boolean): Checksum {
  let a = first | 0;
  let b = second | 0;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + words.getInt32(at, !bigEndian) + b) | 0;
    b = (b + words.getInt32(at + 4, !bigEndian) + a) | 0;
  }
  return [a >>> 0, b >>> 0];
}
