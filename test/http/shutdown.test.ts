/** Readiness, and an orderly end. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { isProblem } from './support/conforms.ts';
import { listen, open, parseAnswers } from './support/raw-socket.ts';
import { startService } from './support/service.ts';

test('alive and ready are two things', async (t) => {
  let health = { ready: true, reason: null as string | null, queued: 0 };
  const service = await startService(t, {
    wrap: (store) => Object.assign(store, { health: () => health }),
  });
  const alive = await service.call('GET', '/healthz');
  assert.deepEqual([alive.status, alive.body], [200, { status: 'ok', version: '0.0.0-test' }]);
  const ready = await service.call('GET', '/readyz');
  assert.deepEqual([ready.status, ready.body], [200, { status: 'ready', store: 'memory' }]);
  health = { ready: false, reason: 'the disk is full', queued: 0 };
  const unready = await service.call('GET', '/readyz');
  isProblem(unready, 503, 'not_ready');
  assert.equal(unready.at('reason'), 'the disk is full');
  assert.equal((await service.call('GET', '/healthz')).status, 200);
  health = { ready: false, reason: null, queued: 0 };
  isProblem(await service.call('GET', '/readyz'), 503, 'not_ready');
});

test('a shutdown is announced first: not ready, and everything else still works', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 1);
  service.app.beginShutdown();
  const unready = await service.call('GET', '/readyz');
  isProblem(unready, 503, 'not_ready');
  assert.equal(unready.at('reason'), 'shutting down');
  const answer = await service.call('POST', '/stock/SKU-001/reserve');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['connection'], 'close');
});

test('close finishes what is in flight, ends the streams and closes idle connections', async (t) => {
  let finish = (): void => undefined;
  let begun = (): void => undefined;
  const inFlight = new Promise<void>((resolve) => (begun = resolve));
  const service = await startService(t, {
    settings: { keepAliveTimeoutMs: 60_000 },
    wrap: (store) => {
      const { submit } = store;
      store.submit = async (command, options) => {
        if (command.type === 'reserve') {
          await new Promise<void>((resolve) => {
            finish = resolve;
            begun();
          });
        }
        return submit.call(store, command, options) as never;
      };
      return store;
    },
  });
  await service.put('SKU-001', 1);
  const { port, url } = await listen(service);
  const idle = open(t, port);
  idle.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await idle.until((received) => received.endsWith('}'));
  const stream = await fetch(`${url}/events`, { headers: { accept: 'text/event-stream' } });
  const streamed = stream.text();
  const busy = open(t, port);
  busy.send('POST /stock/SKU-001/reserve HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
  await inFlight;
  const started = performance.now();
  const closed = service.app.close();
  assert.match(await streamed, /id: 1\n/);
  await idle.closed();
  await assert.rejects(fetch(`${url}/healthz`));
  finish();
  assert.equal(parseAnswers(await busy.closed())[0]?.status, 200);
  await closed;
  assert.ok(performance.now() - started < 30_000, 'it waited for an idle connection');
});
