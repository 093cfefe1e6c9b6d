/** Bodies, headers and sockets that are too large, too slow or no HTTP at all. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { isProblem } from './support/conforms.ts';
import { listen, open, parseAnswers } from './support/raw-socket.ts';
import { startService } from './support/service.ts';

const RESERVE = 'POST /stock/SKU-001/reserve HTTP/1.1\r\nHost: x\r\n';

test('a body over the limit is 413, by its declared length and by its real one', async (t) => {
  const service = await startService(t, { settings: { bodyLimit: 1_000 } });
  const body = { customer_id: 'x'.repeat(1_000) };
  const answer = await service.call('POST', '/stock/SKU-001/reserve', { body });
  isProblem(answer, 413, 'body_too_large');
  assert.equal(answer.at('limit_bytes'), 1_000);
  const { port } = await listen(service);
  const raw = open(t, port);
  raw.send(`${RESERVE}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`);
  raw.send(`3e8\r\n${'x'.repeat(1_000)}\r\n3e8\r\n${'x'.repeat(1_000)}\r\n`);
  assert.deepEqual(parseAnswers(await raw.closed()), [{ status: 413, code: 'body_too_large' }]);
});

test('a batch may be larger than other bodies, up to its own limit', async (t) => {
  const service = await startService(t, { settings: { bodyLimit: 200, batchBodyLimit: 2_000 } });
  const commands = (count: number): object => ({
    commands: new Array(count).fill({ type: 'none' }),
  });
  assert.equal(
    (await service.call('POST', '/reservations/batch', { body: commands(50) })).status,
    200,
  );
  const answer = await service.call('POST', '/reservations/batch', { body: commands(200) });
  isProblem(answer, 413, 'body_too_large');
  assert.equal(answer.at('limit_bytes'), 2_000);
});

test('a huge body that is refused is not received to its end', async (t) => {
  const service = await startService(t);
  const { port } = await listen(service);
  const raw = open(t, port);
  raw.send(`${RESERVE}Content-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n`);
  const chunk = Buffer.alloc(65_536, 'x');
  let sent = 0;
  const feed = (): void => {
    while (!raw.socket.destroyed && raw.socket.writable && raw.socket.write(chunk))
      sent += chunk.length;
    sent += chunk.length;
  };
  raw.socket.on('drain', feed);
  feed();
  const received = await raw.closed();
  assert.deepEqual(parseAnswers(received), [{ status: 413, code: 'body_too_large' }]);
  assert.ok(sent < 32 * 1_048_576, `${sent} bytes were taken`);
});

test('more than 1,000 lines are refused', async (t) => {
  const service = await startService(t, { settings: { bodyLimit: 200_000 } });
  const lines = new Array(1_001).fill({ sku: 'A', quantity: 1 });
  const answer = await service.call('POST', '/reservations', { body: { lines } });
  isProblem(answer, 422, 'validation_failed');
  assert.equal(answer.at('errors.0.expected'), 'a list of 1 to 1,000');
});

test('headers over the limit are 431', async (t) => {
  const service = await startService(t, { settings: { headerLimit: 4_096 } });
  const { port } = await listen(service);
  const raw = open(t, port);
  raw.send(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(5_000)}\r\n\r\n`);
  assert.deepEqual(parseAnswers(await raw.closed()), [{ status: 431, code: 'headers_too_large' }]);
});

test('what is no HTTP is 400 and cut off', async (t) => {
  const service = await startService(t);
  const { port } = await listen(service);
  const requests = [
    'hello\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
    'GET /healthz HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n',
    `${RESERVE}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${RESERVE}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    `${RESERVE}Content-Length: -1\r\n\r\n`,
    `${RESERVE}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    'GET /healthz\x00 HTTP/1.1\r\nHost: x\r\n\r\n',
  ];
  for (const request of requests) {
    const raw = open(t, port);
    raw.send(request);
    const [answer, more] = parseAnswers(await raw.closed());
    assert.deepEqual(answer, { status: 400, code: 'malformed_request' }, request);
    assert.equal(more, undefined);
  }
  assert.equal((await service.call('GET', '/healthz')).status, 200);
});

test('a request without Host is refused', async (t) => {
  const service = await startService(t);
  const { port } = await listen(service);
  const raw = open(t, port);
  raw.send('GET /healthz HTTP/1.1\r\n\r\n');
  assert.equal(parseAnswers(await raw.closed())[0]?.status, 400);
});

test('pipelined requests are answered in order', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 3);
  const { port } = await listen(service);
  const raw = open(t, port);
  const reserve = `${RESERVE}Content-Length: 0\r\n\r\n`;
  raw.send(
    `${reserve.repeat(4)}GET /stock/SKU-001 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  const answers = parseAnswers(await raw.closed());
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 409, 200],
  );
});

test('slow headers and slow bodies are cut off, and nobody else waits for them', async (t) => {
  const service = await startService(t, {
    settings: { headersTimeoutMs: 2_000, requestTimeoutMs: 3_000 },
  });
  await service.put('SKU-001', 1_000);
  const { port, url } = await listen(service);
  let cut = 0;
  const slow = Array.from({ length: 200 }, (_, index) => {
    const raw = open(t, port);
    const head =
      index % 2 === 0
        ? 'X-Slow: '
        : 'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{';
    raw.send(`${RESERVE}${head}`);
    const drip = setInterval(() => raw.send('x'), 100);
    t.after(() => clearInterval(drip));
    return raw.closed().finally(() => {
      cut += 1;
      clearInterval(drip);
    });
  });
  let before = 0;
  for (let count = 0; count < 50; count += 1) {
    const answer = await fetch(`${url}/stock/SKU-001/reserve`, { method: 'POST' });
    assert.equal(answer.status, 200);
    await answer.text();
    if (cut === 0) before += 1;
  }
  for (const received of await Promise.all(slow)) {
    assert.deepEqual(parseAnswers(received), [{ status: 408, code: 'request_timeout' }]);
  }
  assert.ok(before > 0, 'honest requests waited until the slow ones were cut off');
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('reserved'), 50);
});

test('connections over the limit are refused at once', async (t) => {
  const service = await startService(t, { settings: { maxConnections: 2 } });
  const { port } = await listen(service);
  const first = open(t, port);
  const second = open(t, port);
  first.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  second.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await first.until((received) => received.endsWith('}'));
  await second.until((received) => received.endsWith('}'));
  const third = open(t, port);
  third.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal(await third.closed(), '');
});

test('a client that goes away in the middle of its body is forgotten', async (t) => {
  const service = await startService(t, { settings: { maxInFlight: 1 } });
  await service.put('SKU-001', 5);
  const { port, url } = await listen(service);
  const isFull = async (): Promise<boolean> => (await fetch(`${url}/stock/SKU-001`)).status === 503;
  for (let count = 0; count < 3; count += 1) {
    const raw = open(t, port);
    raw.send(`${RESERVE}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{`);
    while (!(await isFull()));
    raw.socket.resetAndDestroy();
    // A leak would leave this waiting for ever.
    while (await isFull());
  }
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('reserved'), 0);
});

test('what is hopeless is refused quickly', async (t) => {
  const service = await startService(t);
  const bodies = [
    `{"commands":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
    `{"commands":[${'{},'.repeat(300_000)}{}]}`,
    `{${Array.from({ length: 80_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
  ];
  const headers = { 'content-type': 'application/json' };
  for (const raw of bodies) {
    const started = performance.now();
    isProblem(
      await service.call('POST', '/reservations/batch', { raw, headers }),
      422,
      'validation_failed',
    );
    const took = performance.now() - started;
    assert.ok(took < 20_000, `${raw.slice(0, 30)}: ${took} ms`);
  }
});
