/** The ledger as a live stream. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { EventStreams } from '../../src/http/event-streams.ts';
import { ProblemError } from '../../src/http/problem.ts';
import { isProblem } from './support/conforms.ts';
import { testKeys } from './support/keys.ts';
import { listen } from './support/raw-socket.ts';
import { startService, type Service } from './support/service.ts';

interface Received {
  readonly id: number;
  readonly kind: string;
}

interface Subscription {
  readonly response: Response;
  readonly events: Received[];
  readonly comments: string[];
  /** Waits until this many events have come. */
  until(count: number): Promise<void>;
  readonly ended: Promise<void>;
  cancel(): void;
}

async function subscribe(
  t: TestContext,
  url: string,
  headers: Record<string, string> = {},
): Promise<Subscription> {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: abort.signal,
  });
  const events: Received[] = [];
  const comments: string[] = [];
  let woken = (): void => undefined;
  const read = async (): Promise<void> => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, id, data] = /^id: (\d+)\ndata: (.*)$/.exec(block) ?? [];
        if (id === undefined || data === undefined) comments.push(block);
        else events.push({ id: Number(id), kind: (JSON.parse(data) as { kind: string }).kind });
      }
      woken();
    }
  };
  const ended = read().catch(() => undefined);
  return {
    response,
    events,
    comments,
    ended,
    cancel: () => abort.abort(),
    until: async (count) => {
      while (events.length < count) await new Promise<void>((resolve) => (woken = resolve));
    },
  };
}

async function reserve(service: Service, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    assert.equal((await service.call('POST', '/stock/SKU-001/reserve')).status, 200);
  }
}

const ids = ({ events }: Subscription): number[] => events.map(({ id }) => id);
const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('a subscriber gets what was, then what comes, in order', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 10_000);
  await reserve(service, 450);
  const { url } = await listen(service);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
  const stream = await subscribe(t, `${url}/events`, { traceparent });
  assert.equal(stream.response.status, 200);
  assert.equal(stream.response.headers.get('x-trace-id'), trace);
  assert.equal(stream.response.headers.get('content-type'), 'text/event-stream');
  await stream.until(451);
  for (let round = 0; round < 5; round += 1) {
    await reserve(service, 20);
    await stream.until(451 + 20 * (round + 1));
  }
  assert.deepEqual(ids(stream), upTo(551));
  assert.equal(stream.events[0]?.kind, 'set');
});

test('a stream is resumed by after, and by Last-Event-ID before it', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 100);
  await reserve(service, 9);
  const { url } = await listen(service);
  const late = await subscribe(t, `${url}/events?after=4`);
  await late.until(6);
  assert.deepEqual(ids(late), upTo(10, 5));
  const resumed = await subscribe(t, `${url}/events?after=4`, { 'last-event-id': '7' });
  await resumed.until(3);
  assert.deepEqual(ids(resumed), upTo(10, 8));
  const wrong = await subscribe(t, `${url}/events`, { 'last-event-id': 'x' });
  assert.equal(wrong.response.status, 422);
});

test('a client that reconnects again and again misses nothing and sees nothing twice', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1_000);
  const { url } = await listen(service);
  const seen: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    const stream = await subscribe(t, `${url}/events?after=${seen.at(-1) ?? 0}`);
    const writing = reserve(service, 15);
    await stream.until(10);
    stream.cancel();
    await stream.ended;
    await writing;
    seen.push(...ids(stream));
  }
  assert.deepEqual(seen, upTo(seen.length));
});

test('an idle stream shows that it lives', async (t) => {
  const service = await startService(t, { settings: { heartbeatMs: 30 } });
  const { url } = await listen(service);
  const stream = await subscribe(t, `${url}/events`);
  while (stream.comments.length < 4) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match(stream.comments[0] ?? '', /^retry: \d+$/);
  assert.ok(stream.comments.slice(1).every((comment) => comment.startsWith(':')));
});

test('there is room for so many streams and no more; a closed one makes room', async (t) => {
  const service = await startService(t, { settings: { maxEventStreams: 2 } });
  const { url } = await listen(service);
  const streams = [await subscribe(t, `${url}/events`), await subscribe(t, `${url}/events`)];
  const refused = await service.call('GET', '/events', {
    headers: { accept: 'text/event-stream' },
  });
  isProblem(refused, 503, 'too_many_streams');
  assert.equal((await service.call('GET', '/events')).status, 200);
  streams[0]?.cancel();
  for (;;) {
    const next = await subscribe(t, `${url}/events`);
    if (next.response.status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test('a subscriber that does not read is dropped, and the others go on', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1_000);
  const limits = { maxEventStreams: 2, heartbeatMs: 60_000, slowSubscriberMs: 50 };
  const streams = new EventStreams(service.store, limits, (error) => assert.fail(String(error)));
  const deaf = new PassThrough({ highWaterMark: 100 });
  const good = new PassThrough({ highWaterMark: 100 });
  let received = '';
  good.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
  streams.open(deaf as unknown as ServerResponse, 0);
  streams.open(good as unknown as ServerResponse, 0);
  assert.throws(() => streams.reserveRoom(), ProblemError);
  await once(deaf, 'close');
  await reserve(service, 10);
  while (!received.includes('id: 11\n')) await once(good, 'data');
  streams.reserveRoom();
  assert.equal(streams.size, 1);
  streams.closeAll();
  await once(good, 'end');
  assert.equal(streams.size, 0);
});

test('a slow subscriber that does read is waited for', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1_000);
  await reserve(service, 500);
  const limits = { maxEventStreams: 1, heartbeatMs: 60_000, slowSubscriberMs: 5_000 };
  const streams = new EventStreams(service.store, limits, (error) => assert.fail(String(error)));
  const slow = new PassThrough({ highWaterMark: 100 });
  streams.open(slow as unknown as ServerResponse, 0);
  let received = '';
  while (!received.includes('id: 501\n')) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    received += String(slow.read() ?? '');
  }
  const seen = Array.from(received.matchAll(/^id: (\d+)$/gm), ([, id]) => Number(id));
  assert.deepEqual(seen, upTo(501));
  streams.closeAll();
});

test('a commit between the last read and the rest is not slept through', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1_000);
  const { store } = service;
  const ledger = store.ledger.bind(store);
  let raced = false;
  store.ledger = async (query) => {
    const entries = await ledger(query);
    if (entries.length === 0 && !raced) {
      raced = true;
      await reserve(service, 1);
    }
    return entries;
  };
  const limits = { maxEventStreams: 1, heartbeatMs: 60_000, slowSubscriberMs: 5_000 };
  const streams = new EventStreams(store, limits, (error) => assert.fail(String(error)));
  const socket = new PassThrough();
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
  streams.open(socket as unknown as ServerResponse, 0);
  while (!received.includes('id: 2\n')) await once(socket, 'data');
  streams.closeAll();
});

test('a stream needs the right to it', async (t) => {
  const keys = testKeys();
  const service = await startService(t, { keys: keys.directory });
  const headers = { accept: 'text/event-stream', ...keys.make('storefront') };
  isProblem(await service.call('GET', '/events', { headers }), 403, 'forbidden');
});

test('a store that fails ends the stream and is logged', async (t) => {
  let fail = false;
  const service = await startService(t, {
    wrap: (store) => {
      const { ledger } = store;
      store.ledger = (query) =>
        fail ? Promise.reject(new Error('gone')) : ledger.call(store, query);
      return store;
    },
  });
  await service.put('SKU-001', 5);
  const { url } = await listen(service);
  const stream = await subscribe(t, `${url}/events`);
  await stream.until(1);
  fail = true;
  await reserve(service, 1);
  await stream.ended;
  assert.equal((service.logged[0]?.err as Error).message, 'gone');
});
