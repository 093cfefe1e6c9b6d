/** Files that the person named: there, or one clear line. */
import { createReadStream } from 'node:fs';
import { CliFailure } from './exit-codes.ts';

/** Reads the file, or what is piped in where its name is `-`. */
export async function readInput<T>(
  path: string,
  read: (input: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const input = path === '-' ? process.stdin : createReadStream(path);
  try {
    return await read(input);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file',
      EISDIR: 'this is a folder',
      EACCES: 'this user may not read it',
    };
    const reason = reasons[String(code)];
    if (reason === undefined) throw error;
    throw new CliFailure(`${path}: ${reason}`, undefined, error);
  }
}
