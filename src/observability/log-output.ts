/**
 * Where log lines go: stdout or a file, written in the background and in pieces, so that nobody waits for a slow
 * reader or disk. Not pino's own destination: that one waits for ever, at the end, for a full disk to become empty.
 */
import { close, openSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../engine/folder.ts';

export interface LogOutput {
  /** Takes whole lines, each with its line end. */
  write(lines: string): void;
  /** Puts out what waits, at once: for a process that ends here and now. */
  flush(): void;
  /** Puts out what waits, as long as the reader takes it, and lets the file go. */
  close(): Promise<void>;
  /** Bytes that could not be kept, because the reader was too slow or the disk full. */
  readonly droppedBytes: number;
}

/** More than this waits only if nobody reads the other end of a pipe. */
const MAX_WAITING_BYTES = 16 * 1_048_576;
const ENOUGH_TO_WRITE = 8_192;
const WRITE_EVERY_MS = 200;
const BUSY_PAUSE_MS = 20;
const CLOSING_MS = 2_000;
const STDOUT = 1;

/**
 * `target`: `stdout` or the path of a file, made with its folder if need be; throws where that is not possible.
 * `onTrouble` is told once of what happens later: sales go on without a log.
 */
export function openLogOutput(target: string, onTrouble: (error: Error) => void): LogOutput {
  return new FileOutput(target === 'stdout' ? STDOUT : openForAppending(target), onTrouble);
}

function openForAppending(path: string): number {
  makeFolder(dirname(path), 0o750);
  return openSync(path, 'a', 0o640);
}

class FileOutput implements LogOutput {
  droppedBytes = 0;
  readonly #fd: number;
  readonly #onTrouble: (error: Error) => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** In the hands of the operating system. */
  #inHand: Buffer | null = null;
  #timer: NodeJS.Timeout | null = null;
  #troubled = false;
  #over = false;
  #whenIdle: (() => void) | null = null;

  constructor(fd: number, onTrouble: (error: Error) => void) {
    this.#fd = fd;
    this.#onTrouble = onTrouble;
  }

  write(lines: string): void {
    const bytes = Buffer.from(lines);
    if (this.#over || this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.droppedBytes += bytes.length;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= ENOUGH_TO_WRITE) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), WRITE_EVERY_MS).unref();
  }

  flush(): void {
    const rest = this.#take();
    // Some readers are just busy for a moment; nobody waits for those that are gone or full.
    for (let at = 0, tries = 0; at < rest.length && tries < 50; tries += 1) {
      try {
        at += writeSync(this.#fd, rest, at);
        tries = 0;
      } catch (error) {
        if (!isBusy(error)) break;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PAUSE_MS);
      }
    }
  }

  async close(): Promise<void> {
    if (this.#over) return;
    const idle = new Promise<void>((resolve) => (this.#whenIdle = resolve));
    this.#start();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSING_MS)));
    await Promise.race([idle, late]);
    clearTimeout(timer);
    this.#over = true;
    if (this.#fd !== STDOUT) await new Promise((resolve) => close(this.#fd, resolve));
  }

  #take(): Buffer {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const [only, ...others] = this.#waiting;
    const taken = only === undefined || others.length > 0 ? Buffer.concat(this.#waiting) : only;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return taken;
  }

  #start(): void {
    if (this.#inHand !== null) return;
    if (this.#waitingBytes === 0) {
      this.#whenIdle?.();
      return;
    }
    this.#inHand = this.#take();
    this.#write(this.#inHand);
  }

  #write(piece: Buffer): void {
    write(this.#fd, piece, (error, written) => {
      if (error !== null && isBusy(error)) {
        setTimeout(() => this.#write(piece), BUSY_PAUSE_MS).unref();
        return;
      }
      if (error === null && written < piece.length) {
        this.#write(piece.subarray(written));
        return;
      }
      if (error !== null) this.#complain(error, piece.length);
      this.#inHand = null;
      this.#start();
    });
  }

  #complain(error: Error, lost: number): void {
    this.droppedBytes += lost;
    if (!this.#troubled) this.#onTrouble(error);
    this.#troubled = true;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
