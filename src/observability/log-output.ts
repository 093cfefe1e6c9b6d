/** Where log lines go: a file descriptor or a file, written in the background and in pieces, so that nobody waits for it. */
import { pino } from 'pino';

export interface LogOutput {
  /** Takes whole lines, each with its line end. */
  write(lines: string): void;
  /** Puts out all that was written, at once. For the end of the process. */
  flush(): void;
  /** Bytes that could not be kept, because the reader was too slow or the disk full. */
  readonly droppedBytes: number;
}

/** More than this waits only if nobody reads the other end of a pipe, or the disk is full. */
const MAX_WAITING_BYTES = 16 * 1_048_576;
const FLUSH_EVERY_MS = 200;

/** `target`: `stdout` or the path of a file, made with its folder if need be. `onTrouble` is told once. */
export function openLogOutput(
  target: string,
  onTrouble: (error: Error) => void = () => undefined,
): LogOutput {
  const stream = pino.destination({
    dest: target === 'stdout' ? 1 : target,
    sync: false,
    minLength: 4_096,
    maxLength: MAX_WAITING_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
    mkdir: true,
  });
  let droppedBytes = 0;
  let troubled = false;
  stream.on('drop', (lines: string) => {
    droppedBytes += Buffer.byteLength(lines);
  });
  // Sales go on without a log: a full disk under it is told of, and not more.
  stream.on('error', (error: Error) => {
    if (!troubled) onTrouble(error);
    troubled = true;
  });
  return {
    write: (lines) => {
      stream.write(lines);
    },
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // Not open yet, or no longer: there is nowhere to write to.
      }
    },
    get droppedBytes() {
      return droppedBytes;
    },
  };
}
