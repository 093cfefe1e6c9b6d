/** The name of one request in answers, logs and traces: the caller's own where it is harmless, else a new one. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Nothing that needs escaping in JSON, in a header or in a log line. */
const HARMLESS = /^[A-Za-z0-9._:+/=@-]{1,128}$/;

export type RequestIds = (request: Pick<IncomingMessage, 'headers'>) => string;

export function createRequestIds(): RequestIds {
  const run = randomBytes(6).toString('hex');
  let count = 0;
  return ({ headers }) => {
    const given = headers['x-request-id'];
    if (typeof given === 'string' && HARMLESS.test(given)) return given;
    count += 1;
    return `${run}-${count.toString(36)}`;
  };
}
