/** Waits on this machine for a browser that comes back with a code. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CliFailure } from './exit-codes.ts';

export interface Callback {
  /** Where the browser has to come back to. */
  readonly url: string;
  /** The code; rejects with `CliFailure` if the person said no, or nobody came. */
  readonly code: Promise<string>;
  close(): void;
}

const PATH = '/callback';
const HOST = '127.0.0.1';

/** `state`: what must come back with the code, so that nobody can slip us theirs. */
export async function listenForCode(
  port: number,
  state: string,
  patienceMs: number,
): Promise<Callback> {
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', `http://${HOST}`);
    if (pathname !== PATH || searchParams.get('state') !== state) {
      answer(response, 400, 'This is not the answer that Holdfast is waiting for.');
      return;
    }
    const error = searchParams.get('error_description') ?? searchParams.get('error');
    const given = searchParams.get('code');
    if (given === null || given === '') {
      answer(response, 200, 'Holdfast was not authorized. You may close this page.');
      reject(new CliFailure(`Holdfast was not authorized: ${error ?? 'no code came'}`));
      return;
    }
    answer(response, 200, 'Thank you. Go back to the terminal; you may close this page.');
    resolve(given);
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', (error) => {
      failed(new CliFailure(`port ${port} cannot be used: ${error.message}; see --port`));
    });
    server.listen(port, HOST, listening);
  });
  const timer = setTimeout(() => {
    reject(new CliFailure('nobody came back with a code; start again, or use --code'));
  }, patienceMs);
  // Whoever gives up waiting has been told already.
  code.catch(() => undefined);
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}${PATH}`,
    code,
    close: () => {
      clearTimeout(timer);
      server.closeIdleConnections();
      server.close();
    },
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    connection: 'close',
    'referrer-policy': 'no-referrer',
  });
  response.end(`${text}\n`);
}
