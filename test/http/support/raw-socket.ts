/** HTTP by hand, for what a well-behaved client would not send. */
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Service } from './service.ts';

export interface RawConnection {
  readonly socket: Socket;
  send(text: string | Buffer): void;
  /** All that was received once the other side has closed. */
  closed(): Promise<string>;
  /** What was received, as soon as `enough` says so. */
  until(enough: (received: string) => boolean): Promise<string>;
}

export async function listen(service: Service): Promise<{ port: number; url: string }> {
  const url = await service.app.listen({ port: 0, host: '127.0.0.1' });
  return { port: Number(new URL(url).port), url };
}

export function open(t: TestContext, port: number): RawConnection {
  const socket = connect({ port, host: '127.0.0.1' });
  let received = '';
  let gone = false;
  let check = (): void => undefined;
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    received += chunk;
    check();
  });
  // A reset while we still write is one way of being refused.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    gone = true;
    check();
  });
  t.after(() => socket.destroy());
  const when = (enough: () => boolean): Promise<string> =>
    new Promise((resolve) => {
      check = () => {
        if (enough() || gone) resolve(received);
      };
      check();
    });
  return {
    socket,
    send: (text) => socket.write(text),
    closed: () => when(() => false),
    until: (enough) => when(() => enough(received)),
  };
}

/** The answers in what a socket received: status, and body as JSON. */
export function parseAnswers(received: string): { status: number; code: unknown }[] {
  return received
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((part) => part.startsWith('HTTP/1.1'))
    .map((part) => {
      const [head = '', body = ''] = part.split('\r\n\r\n');
      const json = /application\/(problem\+)?json/.test(head) && body.startsWith('{');
      const parsed = json ? (JSON.parse(body) as { code?: unknown }) : {};
      return { status: Number(head.slice(9, 12)), code: parsed.code };
    });
}
