import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { Exchange, type Reply } from './exchange.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(t: TestContext, handler: Handler): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function post(
  t: TestContext,
  url: string,
  { timeoutMs = 30_000, signal = new AbortController().signal } = {},
): Promise<Reply> {
  const exchange = new Exchange();
  t.after(() => exchange.close());
  return exchange.send({ method: 'POST', url, headers: {}, body: '{}', timeoutMs, signal });
}

test('an answer is an answer, whatever its status', async (t) => {
  const url = await serve(t, (_request, response) => response.writeHead(503).end('busy'));
  assert.deepEqual(await post(t, url), { kind: 'answer', status: 503, text: 'busy' });
});

test('a redirection is not followed: what is posted goes where it was meant to', async (t) => {
  let asked = 0;
  const url = await serve(t, (_request, response) => {
    asked += 1;
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const reply = await post(t, url);
  assert.deepEqual([reply.kind === 'answer' && reply.status, asked], [302, 1]);
});

test('nobody there: certainly not sent', async (t) => {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const refused = await post(t, `http://127.0.0.1:${port}/`);
  assert.deepEqual(refused, { kind: 'not_sent', reason: 'ECONNREFUSED' });
  const noName = await post(t, 'http://no-such-host.invalid/');
  assert.equal(noName.kind, 'not_sent');
});

test('reset, or silence: lost', async (t) => {
  const reset = await serve(t, (request) => request.socket.resetAndDestroy());
  assert.equal((await post(t, reset)).kind, 'lost');
  const closed = await serve(t, (request) => request.socket.destroy());
  assert.equal((await post(t, closed)).kind, 'lost');
  const silent = await serve(t, () => undefined);
  assert.deepEqual(await post(t, silent, { timeoutMs: 100 }), {
    kind: 'lost',
    reason: 'no answer within 100 ms',
  });
});

test('stopped before sending: not sent; after: lost', async (t) => {
  const url = await serve(t, () => stop.abort());
  const stop = new AbortController();
  const { kind } = await post(t, url, { signal: stop.signal });
  assert.equal(kind, 'lost');
  const again = await post(t, url, { signal: stop.signal });
  assert.equal(again.kind, 'not_sent');
});

test('a body that breaks off: the status is known, the text is not', async (t) => {
  const url = await serve(t, (_request, response) => {
    response.writeHead(201, { 'content-length': '100' });
    response.write('{"data":', () => setTimeout(() => response.socket?.resetAndDestroy(), 20));
  });
  assert.deepEqual(await post(t, url), { kind: 'answer', status: 201, text: null });
});
