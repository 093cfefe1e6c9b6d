/** Answers what could not be read as HTTP, on the bare socket: no request, no route, no language to go by. */
import type { Socket } from 'node:net';
import { problem, statusOf, type Problem, type ProblemRenderer } from './problem.ts';
import { STATIC_HEADERS } from './respond.ts';
import { STATUS_CODES } from 'node:http';
import type { RequestIds } from './request-id.ts';

const NO_HEADERS = { headers: {} };

function problemOfClientError(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return problem('headers_too_large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem('request_timeout');
    case undefined:
    default:
      return problem('malformed_request');
  }
}

/** A socket whose current answer has begun can only be cut: a second answer would be read as part of the first. */
interface AnsweringSocket extends Socket {
  readonly _httpMessage?: { readonly headersSent: boolean } | null;
}

/** Sockets that may take longer than others to send their request, each watched over by its route. */
export type PatientSockets = WeakSet<Socket>;

interface Parts {
  readonly problems: ProblemRenderer;
  readonly requestIds: RequestIds;
  readonly patientSockets: PatientSockets;
}

export function createClientErrorHandler({ problems, requestIds, patientSockets }: Parts) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && patientSockets.has(socket)) return;
    const answering = (socket as AnsweringSocket)._httpMessage?.headersSent ?? false;
    if (error.code === 'ECONNRESET' || !socket.writable || answering) {
      socket.destroy();
      return;
    }
    const found = problemOfClientError(error.code);
    const id = requestIds(NO_HEADERS);
    const body = problems.render(found, 'en', id);
    const status = statusOf(found);
    const headers = [
      'content-type',
      'application/problem+json',
      'content-length',
      String(Buffer.byteLength(body)),
      'content-language',
      'en',
      'x-request-id',
      id,
      'connection',
      'close',
      ...STATIC_HEADERS,
    ];
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    for (let index = 0; index < headers.length; index += 2) {
      head += `${headers[index] ?? ''}: ${headers[index + 1] ?? ''}\r\n`;
    }
    socket.end(`${head}\r\n${body}`);
  };
}
