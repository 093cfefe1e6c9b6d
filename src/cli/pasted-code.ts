/** The code that Bling sent a browser back with, as a person copies it: by itself, or in the whole address. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { CliFailure } from './exit-codes.ts';

/**
 * `state`: what an address must bring along; null: not known any more. Throws `CliFailure` where there is no code, or
 * where it is somebody else's.
 */
export function codeIn(text: string, state: string | null): string {
  if (!/^https?:/i.test(text)) return text;
  const query = URL.parse(text)?.searchParams ?? new URLSearchParams();
  const code = query.get('code') ?? '';
  const refusal = query.get('error_description') ?? query.get('error');
  if (refusal !== null) throw new CliFailure(`Holdfast was not authorized: ${refusal}`);
  if (code === '') {
    throw new CliFailure(
      'there is no code in that address: it has to hold code=…; it is the one that the browser ended at',
    );
  }
  if (state !== null && query.get('state') !== state) {
    throw new CliFailure(
      'that address is of another try: open the address above once more, and paste what it leads to',
    );
  }
  return code;
}

export interface Pasted {
  /** Of the first line that holds one. Never, where nobody types. */
  readonly code: Promise<string>;
  close(): void;
}

/** `say`: told what is wrong with a line; the next one is waited for. */
export function readPasted(input: Readable, state: string, say: (text: string) => void): Pasted {
  const { promise, resolve } = Promise.withResolvers<string>();
  const lines = createInterface({ input });
  lines.on('line', (line) => {
    const text = line.trim();
    if (text === '') return;
    try {
      resolve(codeIn(text, state));
    } catch (error) {
      if (!(error instanceof CliFailure)) throw error;
      say(error.message);
    }
  });
  return {
    code: promise,
    close: () => {
      lines.close();
      input.destroy();
    },
  };
}
