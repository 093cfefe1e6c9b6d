import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { runWith, settingsFor } from './run.fixture.ts';

test('retry --all leaves dead letters that may have arrived, and says so', async (t) => {
  const posted: string[] = [];
  const dead = [1, 2, 3].map((id) => ({ message_id: id, may_have_arrived: id === 2 }));
  const service = createServer(({ method, url = '' }, answer) => {
    if (method === 'POST') posted.push(url);
    const page = url.includes('cursor=2')
      ? { items: dead.slice(2), next: null }
      : { items: dead.slice(0, 2), next: '/outbox?cursor=2' };
    answer.setHeader('content-type', 'application/json');
    answer.end(JSON.stringify(method === 'POST' ? {} : { ...page, counts: { dead: 3 } }));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  t.after(() => service.close());
  const serviceUrl = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  const { code, stdout, stderr } = await runWith(
    ['outbox', 'retry', '--all', '--reason', 'seen to'],
    { settings: () => settingsFor(serviceUrl) },
  );
  assert.equal(stderr, '');
  assert.equal(code, 1);
  assert.deepEqual(posted, ['/outbox/1/retry', '/outbox/3/retry']);
  assert.match(stdout, /^2 messages are pending: sent again\.\nMessage 2 may have arrived/);
});
