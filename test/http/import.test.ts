/** Stock files: all rows or none, and every problem by its line. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Imported } from '../../src/http/schemas/responses.ts';
import { conforms, isProblem } from './support/conforms.ts';
import type { ReservationStore } from '../../src/engine/ports.ts';
import { startService, type Answer, type Service } from './support/service.ts';

async function send(
  service: Service,
  file: string | Buffer,
  { query = '', type = 'text/csv', headers = {} } = {},
): Promise<Answer> {
  return service.call('POST', `/stock/import${query}`, {
    raw: file,
    headers: { 'content-type': type, ...headers },
  });
}

test('a CSV is imported whole', async (t) => {
  const service = await startService(t);
  await service.put('A', 1);
  await service.put('B', 2);
  const answer = await send(service, 'sku,on_hand,max_per_order\nA,5,2\nB,2,\nC,7,\n');
  assert.equal(answer.status, 200);
  conforms(answer, Imported);
  const { created, updated, unchanged, rows } = answer.body as Record<string, unknown>;
  assert.deepEqual(
    { created, updated, unchanged, rows },
    { created: 1, updated: 1, unchanged: 1, rows: 3 },
  );
  assert.deepEqual(answer.at('changes.0'), {
    sku: 'A',
    effect: 'updated',
    on_hand_before: 1,
    on_hand_after: 5,
  });
  assert.equal((await service.call('GET', '/stock/C')).at('on_hand'), 7);
  assert.equal((await service.call('GET', '/stock/A')).at('max_per_order'), 2);
});

test('a dry run says what would change and changes nothing', async (t) => {
  const service = await startService(t);
  const answer = await send(service, 'sku,on_hand\nA,5\n', { query: '?dry_run=true' });
  assert.deepEqual([answer.at('dry_run'), answer.at('created')], [true, 1]);
  isProblem(await service.call('GET', '/stock/A'), 404, 'unknown_sku');
});

test('NDJSON is read by its type, or by its looks', async (t) => {
  const service = await startService(t);
  const file = '{"sku":"A","on_hand":5}\n{"sku":"B","on_hand":6,"ttl_seconds":60}\n';
  for (const type of [
    'application/x-ndjson',
    'application/ndjson',
    'application/jsonl',
    'text/plain',
  ]) {
    const answer = await send(service, file, { type });
    assert.deepEqual([answer.status, answer.at('format'), answer.at('rows')], [200, 'ndjson', 2]);
  }
});

test('one wrong row and nothing is imported; every problem is told', async (t) => {
  const service = await startService(t);
  const answer = await send(service, 'sku,on_hand\nA,5\nB,-1\n,3\nA,6\n');
  isProblem(answer, 422, 'invalid_file');
  const problems = answer.at('problems') as { line: number }[];
  assert.deepEqual(
    problems.map(({ line }) => line),
    [3, 4, 5],
  );
  assert.equal(answer.at('error_count'), 3);
  isProblem(await service.call('GET', '/stock/A'), 404, 'unknown_sku');
});

test('a Shopify export needs a word on variants without a SKU', async (t) => {
  const service = await startService(t);
  const file =
    'Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty\nshirt,Shirt,Title,Default Title,,4\n';
  isProblem(await send(service, file), 422, 'invalid_file');
  const answer = await send(service, file, { query: '?sku_from=handle' });
  assert.deepEqual([answer.status, answer.at('format')], [200, 'shopify'], answer.text);
});

test('what is no stock file is refused', async (t) => {
  const service = await startService(t);
  isProblem(await send(service, ''), 422, 'invalid_file');
  isProblem(await send(service, Buffer.from([0xff, 0xfe, 0x00])), 422, 'invalid_file');
  isProblem(await send(service, '[]', { type: 'application/json' }), 415, 'unsupported_media_type');
  isProblem(
    await send(service, 'x', { type: 'multipart/form-data; boundary=x' }),
    415,
    'unsupported_media_type',
  );
  isProblem(
    await send(service, 'sku,on_hand\n', { query: '?dryrun=true' }),
    422,
    'validation_failed',
  );
  isProblem(
    await send(service, 'sku,on_hand\n', { query: '?dry_run=1' }),
    422,
    'validation_failed',
  );
});

test('a file over the limit is given up, with and without a declared length', async (t) => {
  const service = await startService(t, { settings: { importBodyLimit: 1_000 } });
  const file = `sku,on_hand\n${Array.from({ length: 200 }, (_, n) => `SKU-${n},1`).join('\n')}\n`;
  isProblem(await send(service, file), 413, 'body_too_large');
  const address = await service.app.listen({ port: 0, host: '127.0.0.1' });
  const chunked = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(file));
      controller.close();
    },
  });
  const answer = await fetch(`${address}/stock/import`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: chunked,
    duplex: 'half',
  });
  assert.equal(answer.status, 413);
  assert.equal(((await answer.json()) as { limit_bytes: number }).limit_bytes, 1_000);
});

test('an import repeated with its key is one import; another file under it is refused', async (t) => {
  const service = await startService(t);
  const headers = { 'idempotency-key': 'monday' };
  const first = await send(service, 'sku,on_hand\nA,5\n', { headers });
  await service.put('A', 9);
  const again = await send(service, 'sku,on_hand\nA,5\n', { headers });
  assert.equal(again.text, first.text);
  assert.equal((await service.call('GET', '/stock/A')).at('on_hand'), 9);
  isProblem(await send(service, 'sku,on_hand\nA,6\n', { headers }), 422, 'idempotency_key_reused');
});

test('an import cut off on its way imports nothing', async (t) => {
  const service = await startService(t);
  const address = await service.app.listen({ port: 0, host: '127.0.0.1' });
  const cut = new AbortController();
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('sku,on_hand\nA,5\n'));
      setTimeout(() => cut.abort(), 50);
    },
  });
  const headers = { 'content-type': 'text/csv' };
  const sent = fetch(`${address}/stock/import`, {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
    signal: cut.signal,
  });
  await assert.rejects(sent);
  isProblem(await service.call('GET', '/stock/A'), 404, 'unknown_sku');
});

test('a file may arrive slowly, as long as it keeps coming', async (t) => {
  const service = await startService(t, { settings: { requestTimeoutMs: 500 } });
  const address = await service.app.listen({ port: 0, host: '127.0.0.1' });
  const rows = ['sku,on_hand\n', ...Array.from({ length: 12 }, (_, n) => `SKU-${n},1\n`)];
  const send = (pauseMs: number): Promise<Response> =>
    fetch(`${address}/stock/import`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: new ReadableStream({
        pull: async (controller) => {
          const row = rows.shift();
          if (!row?.startsWith('sku')) await new Promise((resolve) => setTimeout(resolve, pauseMs));
          if (row === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(row));
        },
      }),
      duplex: 'half',
    });
  const answer = await send(200);
  assert.equal(answer.status, 200);
  assert.equal(((await answer.json()) as { created: number }).created, 12);
  rows.push('sku,on_hand\n', 'LATE,1\n');
  await assert.rejects(send(3_000));
  isProblem(await service.call('GET', '/stock/LATE'), 404, 'unknown_sku');
});

test('the store may take longer than the file did to arrive', async (t) => {
  const wrap = (store: ReservationStore): ReservationStore => {
    const submit = store.submit.bind(store);
    store.submit = async (command, options) => {
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      return submit(command, options);
    };
    return store;
  };
  const service = await startService(t, { settings: { requestTimeoutMs: 500 }, wrap });
  const address = await service.app.listen({ port: 0, host: '127.0.0.1' });
  const answer = await fetch(`${address}/stock/import`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: 'sku,on_hand\nA,1\n',
  });
  assert.equal(answer.status, 200);
});
