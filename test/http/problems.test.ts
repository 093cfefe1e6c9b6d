/** Problems: in two languages, of every origin, never a guess. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Fault, type FaultCode } from '../../src/engine/faults.ts';
import type { ReservationStore } from '../../src/engine/ports.ts';
import { languageOf } from '../../src/http/languages.ts';
import { isProblem } from './support/conforms.ts';
import { startService } from './support/service.ts';

test('the language is the acceptable one of the highest weight', () => {
  const cases: [string | undefined, string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['pt-BR', 'pt-BR'],
    ['pt', 'pt-BR'],
    ['PT-pt', 'pt-BR'],
    ['en-GB', 'en'],
    ['fr', 'en'],
    ['fr,pt;q=0.1', 'pt-BR'],
    ['en;q=0.5,pt;q=0.9', 'pt-BR'],
    ['pt;q=0.5,en;q=0.9', 'en'],
    ['pt;q=0', 'en'],
    ['pt,en', 'pt-BR'],
    ['*', 'en'],
    ['*;q=0.1,pt;q=0.2', 'pt-BR'],
    ['pt; q=1.0 , en', 'pt-BR'],
    ['pt;q=x', 'pt-BR'],
    ['ptx', 'en'],
    [`${'x,'.repeat(500)}pt`, 'en'],
  ];
  for (const [header, language] of cases) assert.equal(languageOf(header), language, header);
});

test('title and detail follow Accept-Language; the code does not', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 0);
  const speak = (language: string) =>
    service.call('POST', '/stock/SKU-001/reserve', { headers: { 'accept-language': language } });
  const english = await speak('en');
  isProblem(english, 409, 'sold_out');
  assert.equal(english.at('title'), 'Sold out');
  assert.equal(english.at('detail'), 'Sold out: SKU-001.');
  const portuguese = await speak('pt-BR,en;q=0.5');
  isProblem(portuguese, 409, 'sold_out');
  assert.equal(portuguese.at('title'), 'Esgotado');
  assert.equal(portuguese.at('detail'), 'Esgotado: SKU-001.');
  assert.equal(portuguese.headers['content-language'], 'pt-BR');
  assert.equal(portuguese.headers['vary'], 'accept-language');
  assert.deepEqual(portuguese.at('short'), english.at('short'));
});

test('validation says where, what and what instead, in both languages', async (t) => {
  const service = await startService(t);
  const body = {
    lines: [{ sku: 'SKU-001', quantity: 0 }, { sku: ' x' }],
    nope: 1,
    ttl_seconds: '9',
  };
  const english = await service.call('POST', '/reservations', { body });
  isProblem(english, 422, 'validation_failed');
  assert.deepEqual(english.at('errors'), [
    {
      param: 'nope',
      message: 'nope is not a field of this request',
      expected: 'an object with lines, customer_id, ttl_seconds, allow_partial',
    },
    {
      param: 'lines[0].quantity',
      message: 'lines[0].quantity is not valid',
      expected: 'a whole number from 1 to 1,000,000',
    },
    {
      param: 'lines[1].quantity',
      message: 'lines[1].quantity is missing',
      expected: 'a whole number from 1 to 1,000,000',
    },
    {
      param: 'lines[1].sku',
      message: 'lines[1].sku is not valid',
      expected: 'a SKU: 1 to 128 characters, no control characters, no spaces around it',
    },
    {
      param: 'ttl_seconds',
      message: 'ttl_seconds is not valid',
      expected: 'a whole number from 1 to 2,147,483,647 or null',
    },
  ]);
  const headers = { 'accept-language': 'pt' };
  const portuguese = await service.call('POST', '/reservations', { body, headers });
  assert.equal(portuguese.at('errors.1.expected'), 'um número inteiro de 1 a 1.000.000');
  assert.match(String(portuguese.at('detail')), /^A requisição não é válida: nope não é um campo/);
});

test('a hopeless body gets a bounded answer', async (t) => {
  const service = await startService(t);
  const lines = Array.from({ length: 1_000 }, () => ({ sku: '', quantity: -1 }));
  const answer = await service.call('POST', '/reservations', { body: { lines } });
  isProblem(answer, 422, 'validation_failed');
  assert.equal((answer.at('errors') as unknown[]).length, 20);
  const long = await service.call('POST', '/reservations', { body: { ['x'.repeat(5_000)]: 1 } });
  assert.ok(long.text.length < 2_000);
});

test('a body is read exactly', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 9);
  const send = (raw: string | Buffer) =>
    service.call('POST', '/stock/SKU-001/reserve', {
      raw,
      headers: { 'content-type': 'application/json' },
    });
  for (const raw of [
    '{',
    '{"quantity":1,}',
    "{'quantity':1}",
    '\ufeff{}',
    '{"quantity":01}',
    'NaN',
    '{}{}',
  ]) {
    isProblem(await send(raw), 400, 'malformed_json');
  }
  isProblem(
    await send(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    400,
    'malformed_json',
  );
  const wrong = [
    'null',
    '[]',
    '1',
    '"x"',
    'true',
    '{"quantity":1,"quantity":1}',
    '{"quantity":1,"\\u0071uantity":1}',
    '{"__proto__":{"quantity":5}}',
    '{"constructor":{}}',
    '{"quantity":1e999}',
    '{"quantity":-1}',
    '{"quantity":9007199254740992}',
    '{"quantity":1000001}',
    '{"quantity":"5"}',
    '{"quantity":true}',
    '{"quantity":[1]}',
    '{"quantity":null}',
    '{"customer_id":"a\\u0000b"}',
    '{"customer_id":"\\ud800"}',
    '{"customer_id":""}',
    `{"customer_id":"${'x'.repeat(256)}"}`,
    `{"customer_id":${'['.repeat(50)}${']'.repeat(50)}}`,
    `{"a":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
  ];
  for (const raw of wrong) isProblem(await send(raw), 422, 'validation_failed');
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('reserved'), 0);
  for (const raw of [
    '{"quantity":1.0}',
    '{"quantity":1e0}',
    ' {"quantity" : 1}\n',
    '{"customer_id":"a:b\\"{"}',
  ]) {
    assert.equal((await send(raw)).status, 200, raw);
  }
});

test('only JSON is read', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 9);
  for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'x']) {
    const answer = await service.call('POST', '/stock/SKU-001/reserve', {
      raw: '{}',
      headers: { 'content-type': type },
    });
    isProblem(answer, 415, 'unsupported_media_type');
    assert.deepEqual(answer.at('accepted'), ['application/json']);
  }
  const untyped = await service.call('POST', '/stock/SKU-001/reserve', { raw: Buffer.from('{}') });
  isProblem(untyped, 415, 'unsupported_media_type');
});

test('other addresses and methods', async (t) => {
  const service = await startService(t);
  isProblem(await service.call('GET', '/nowhere'), 404, 'not_found');
  isProblem(await service.call('POST', '/stock/SKU-001/reserve/'), 404, 'not_found');
  const cases: [string, string, string][] = [
    ['DELETE', '/stock/SKU-001', 'GET, HEAD, PUT'],
    ['GET', '/stock/SKU-001/reserve', 'POST'],
    ['POST', '/stock', 'GET, HEAD'],
    ['HEAD', '/events', 'GET'],
    ['PATCH', '/reservations/x', 'GET, HEAD'],
    ['OPTIONS', '/reservations', 'POST'],
  ];
  for (const [method, url, allow] of cases) {
    const answer = await service.call(method, url);
    assert.equal(answer.headers['allow'], allow, `${method} ${url}`);
    assert.equal(answer.status, 405);
    if (method !== 'HEAD') isProblem(answer, 405, 'method_not_allowed');
  }
});

const faults: FaultCode[] = [
  'STORE_OVERLOADED',
  'STORE_TIMEOUT',
  'STORE_UNAVAILABLE',
  'STORE_DAMAGED',
  'STORE_LOCKED',
  'STORE_VERSION',
];

function broken(error: () => Error): (store: ReservationStore) => ReservationStore {
  return (store) => {
    const fail = (): Promise<never> => Promise.reject(error());
    const failing = { submit: fail, submitAll: fail, level: fail, levels: fail, reservation: fail };
    return Object.assign(store, failing, { ledger: fail, stats: fail, audit: fail });
  };
}

const EVERY_CALL: [string, string, object?][] = [
  ['POST', '/stock/SKU-001/reserve'],
  ['POST', '/reservations', { lines: [{ sku: 'A', quantity: 1 }] }],
  ['GET', '/reservations/01a21ce0-6e00-70ed-a164-5e7019d7e07b'],
  ['POST', '/reservations/01a21ce0-6e00-70ed-a164-5e7019d7e07b/confirm'],
  ['POST', '/stock/confirm', { reservation_id: '01a21ce0-6e00-70ed-a164-5e7019d7e07b' }],
  [
    'POST',
    '/reservations/batch',
    { commands: [{ type: 'reserve', lines: [{ sku: 'A', quantity: 1 }] }] },
  ],
  ['GET', '/stock/SKU-001'],
  ['GET', '/stock'],
  ['PUT', '/stock/SKU-001', { on_hand: 1 }],
  ['POST', '/stock/SKU-001/adjust', { delta: 1, reason: 'x' }],
  ['GET', '/stock/SKU-001/ledger'],
  ['GET', '/events'],
  ['GET', '/audit'],
];

test('a store that cannot answer is always 503, whatever was asked, and says what is known', async (t) => {
  for (const code of faults) {
    for (const outcomeUnknown of [false, true]) {
      const fault = (): Fault => new Fault(code, 'secret detail', { outcomeUnknown });
      const service = await startService(t, { wrap: broken(fault) });
      for (const [method, url, body] of EVERY_CALL) {
        const answer = await service.call(method, url, body === undefined ? {} : { body });
        isProblem(answer, 503, code.toLowerCase());
        assert.equal(answer.at('outcome'), outcomeUnknown ? 'unknown' : 'not_done');
        assert.doesNotMatch(answer.text, /secret/);
      }
      assert.equal(service.logged.length, EVERY_CALL.length);
    }
  }
});

test('a bug is 500, tells nothing of itself to the caller and everything to the log', async (t) => {
  const service = await startService(t, { wrap: broken(() => new TypeError('secret detail')) });
  for (const [method, url, body] of EVERY_CALL) {
    const answer = await service.call(method, url, body === undefined ? {} : { body });
    isProblem(answer, 500, 'internal_error');
    assert.equal(answer.at('outcome'), method === 'GET' ? 'not_done' : 'unknown');
    assert.doesNotMatch(answer.text, /secret/);
  }
  assert.equal(service.logged.length, EVERY_CALL.length);
  assert.match((service.logged[0]?.err as Error).message, /secret/);
});

test('the request id is the caller’s own where it is harmless', async (t) => {
  const service = await startService(t);
  const ask = async (id: string) =>
    (await service.call('GET', '/healthz', { headers: { 'x-request-id': id } })).headers[
      'x-request-id'
    ];
  for (const id of ['a', 'req_1.2:3/4+5=6@7', 'x'.repeat(128)]) assert.equal(await ask(id), id);
  for (const id of ['', 'x'.repeat(129), 'a b', '"', '<script>', 'é', '\\']) {
    assert.match(String(await ask(id)), /^[0-9a-f]{12}-[0-9a-z]+$/);
  }
  const [one, two] = [await service.call('GET', '/healthz'), await service.call('GET', '/healthz')];
  assert.notEqual(one.headers['x-request-id'], two.headers['x-request-id']);
});

test('whoever keeps a trace finds its id on every answer, and nobody else is given one', async (t) => {
  const service = await startService(t);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
  for (const url of ['/healthz', '/stock/NOPE', '/nowhere', '/openapi.json']) {
    assert.equal((await service.call('GET', url, { headers })).headers['x-trace-id'], trace);
    for (const none of [{}, { traceparent: 'no trace' }]) {
      const answer = await service.call('GET', url, { headers: none });
      assert.equal(answer.headers['x-trace-id'], undefined);
    }
  }
});

test('every answer carries the headers that make it harmless in a browser', async (t) => {
  const service = await startService(t);
  for (const url of ['/healthz', '/stock/NOPE', '/nowhere', '/openapi.json']) {
    const { headers } = await service.call('GET', url);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'");
  }
});
