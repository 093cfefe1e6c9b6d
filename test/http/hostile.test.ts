/**
 * T21: generated hostile input. Every answer is a 4xx problem, and afterwards the books are what they were.
 * `HOLDFAST_CASES` sets how many requests are made (default 5,000); a failure prints the seed that repeats it.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { PROBLEM_CODES } from '../../src/http/catalogue/catalogue.ts';
import { listen, open, parseAnswers } from './support/raw-socket.ts';
import { startService, type Service } from './support/service.ts';

const CASES = Number(process.env['HOLDFAST_CASES'] ?? 5_000);

/** JSON text that no field of ours takes. */
const wrongValue = fc.oneof(
  fc.constantFrom(
    '-1',
    '0',
    '1.5',
    '1e999',
    '-1e999',
    '9007199254740993',
    '2147483648',
    '1e-7',
    '""',
    '" x"',
    '"x\\u0000"',
    '"\\ud800"',
    '"\\udc00x"',
    '[]',
    '{}',
    '[[[]]]',
    '{"__proto__":{}}',
    '"1"',
    '"true"',
    '{"constructor":{"prototype":{}}}',
    `"${'x'.repeat(300)}"`,
    `${'['.repeat(100)}${']'.repeat(100)}`,
    '{"$gt":""}',
    '"\\u202e\\n"',
    '[null]',
    '{"toString":1}',
    '"2026-11-27"',
    '-0.1',
  ),
  fc.integer({ max: -1 }).map(String),
  fc.integer({ min: 2_147_483_648, max: Number.MAX_SAFE_INTEGER }).map(String),
  fc.double({ noInteger: true, noNaN: true, noDefaultInfinity: true }).map(String),
);

const FIELDS = [
  'quantity',
  'lines',
  'customer_id',
  'ttl_seconds',
  'reservation_id',
  'on_hand',
  'safety_stock',
  'delta',
  'max_per_order',
  'max_per_customer',
  'opens_at',
  'closes_at',
  'commands',
  'order_id',
  'on_expired',
  'payment_method',
  'allow_partial',
  'restock',
];

/** A name that no body of ours has. */
const strangeName = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'Quantity',
    'quantity ',
    '',
    'on-hand',
  ),
  fc.string({ minLength: 1, maxLength: 20 }).filter((name) => !/^[a-z_]*$/.test(name)),
);

const wrongBody: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...FIELDS), wrongValue)
    // No units at all is a stock like any other.
    .filter(([name, value]) => value !== '0' || !/stock|on_hand/.test(name))
    .map(([name, value]) => `{"${name}":${value}}`),
  fc.tuple(strangeName, fc.json()).map(([name, value]) => `{${JSON.stringify(name)}:${value}}`),
  fc.json().filter((text) => !text.startsWith('{')),
  fc.constantFrom(...FIELDS).map((name) => `{"${name}":1,"${name}":1}`),
  fc
    .tuple(wrongValue, wrongValue)
    .map(([sku, quantity]) => `{"lines":[{"sku":${sku},"quantity":${quantity}}]}`),
  wrongValue.map((value) => `{"reservation_id":${value},"lines":${value},"x":1}`),
);

/** Bytes that are not JSON. */
const brokenBody: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .uint8Array({ minLength: 1, maxLength: 200 })
    .map((bytes) => Buffer.from(bytes))
    .filter(isNoJson),
  fc
    .string({ minLength: 1, maxLength: 200 })
    .map((text) => Buffer.from(text))
    .filter(isNoJson),
  fc.tuple(wrongBody, fc.nat()).map(([text, at]) => {
    const bytes = Buffer.from(text);
    bytes[at % bytes.length] = 0xff;
    return bytes;
  }),
  fc
    .tuple(wrongBody, fc.nat())
    .map(([text, at]) => Buffer.from(text.slice(0, at % text.length)))
    .filter((b) => b.length > 0 && isNoJson(b)),
);

function isNoJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return false;
  } catch {
    return true;
  }
}

const wrongSku = fc.constantFrom(
  '%00',
  '%20',
  'a%0a',
  '%ff',
  '%C3%28',
  '%',
  'x'.repeat(129),
  '%E2%80%A8x%E2%80%A8',
  '%41'.repeat(129),
  '%7f',
);
const unknownId = fc.oneof(
  fc.uuid(),
  fc.string({ maxLength: 50 }).map(encodeURIComponent),
  wrongSku,
);

const address: fc.Arbitrary<[string, string]> = fc.oneof(
  fc.constantFrom<[string, string]>(
    ['POST', '/stock/SKU-001/reserve'],
    ['POST', '/reservations'],
    ['POST', '/stock/confirm'],
    ['PUT', '/stock/SKU-001'],
    ['POST', '/stock/SKU-001/adjust'],
    ['POST', '/reservations/batch'],
  ),
  unknownId.chain((id) =>
    fc.constantFrom<[string, string]>(
      ['POST', `/reservations/${id}/confirm`],
      ['POST', `/reservations/${id}/release`],
      ['POST', `/reservations/${id}/extend`],
      ['POST', `/reservations/${id}/cancel`],
    ),
  ),
  wrongSku.map((sku): [string, string] => ['POST', `/stock/${sku}/reserve`]),
  wrongSku.map((sku): [string, string] => ['PUT', `/stock/${sku}`]),
);

interface Hostile {
  readonly method: string;
  readonly url: string;
  readonly body: string | Buffer;
  readonly headers: Record<string, string>;
}

const strangeHeaders: fc.Arbitrary<Record<string, string>> = fc.oneof(
  fc.constant({}),
  fc.constantFrom<Record<string, string>>(
    { 'idempotency-key': '' },
    { 'idempotency-key': 'x'.repeat(256) },
    { 'accept-language': 'pt;q=9,,;;*' },
    { 'x-request-id': '"><script>' },
    { accept: 'text/event-stream' },
    { 'content-encoding': 'gzip' },
    { 'x-http-method-override': 'DELETE' },
    { authorization: 'Bearer hf_x_y' },
  ),
);

const hostile: fc.Arbitrary<Hostile> = fc
  .tuple(address, fc.oneof(wrongBody, brokenBody), strangeHeaders)
  .map(([[method, url], body, headers]) => ({
    method,
    url,
    body,
    headers: { 'content-type': 'application/json', ...headers },
  }));

const strangeQuery = fc
  .tuple(
    fc.constantFrom('/stock', '/events', '/stock/SKU-001/ledger'),
    fc.oneof(
      fc
        .tuple(
          fc.constantFrom('limit', 'after', 'carry'),
          fc.constantFrom('-1', 'x', '1e3', '%00', '', '0x1', '99999999999999999'),
        )
        .map(([name, value]) => `${name}=${value}`),
      fc.constantFrom('__proto__=1', 'limit=1&limit=1', 'constructor=1', 'limit[]=1', 'unknown=1'),
    ),
  )
  // A SKU may be called x.
  .filter(([path, query]) => !(path === '/stock' && /^after=[^%]/.test(query)))
  .map(([path, query]): Hostile => ({
    method: 'GET',
    url: `${path}?${query}`,
    body: '',
    headers: {},
  }));

async function books(service: Service): Promise<unknown[]> {
  const [levels, stats, audit] = [
    await service.store.levels({ after: null, prefix: null, limit: 100 }),
    await service.store.stats(),
    await service.store.audit(),
  ];
  return [levels, stats, audit.ok];
}

function judge(status: number, code: unknown, what: Hostile): void {
  const said = `${what.method} ${what.url} ${String(what.body).slice(0, 200)}: ${status} ${String(code)}`;
  assert.ok(status >= 400 && status < 500, said);
  assert.ok(PROBLEM_CODES.includes(code as never), said);
}

/** Nothing is left: a reserve that happens to be right is refused as well, with 409. */
async function withReservation(service: Service): Promise<void> {
  await service.put('SKU-001', 3);
  await service.call('POST', '/stock/SKU-001/reserve', { body: { quantity: 3 } });
}

test('hostile requests: 4xx only, and nothing changes', async (t) => {
  const service = await startService(t);
  await withReservation(service);
  const before = await books(service);
  const answers: Record<string, number> = {};
  const check = async (what: Hostile): Promise<void> => {
    const { method, url, body: raw, headers } = what;
    const answer = await service.call(method, url, raw === '' ? {} : { raw, headers });
    answers[answer.status] = (answers[answer.status] ?? 0) + 1;
    if (url === '/reservations/batch' && answer.status === 200) {
      const results = answer.at('results') as { status: number; problem: { code: string } }[];
      for (const { status, problem } of results) judge(status, problem.code, what);
    } else {
      judge(answer.status, answer.at('code'), what);
    }
  };
  const property = fc.asyncProperty(
    fc.oneof({ arbitrary: hostile, weight: 5 }, strangeQuery),
    check,
  );
  await fc.assert(property, { numRuns: CASES, endOnFailure: true });
  t.diagnostic(`${CASES} requests, answers by status: ${JSON.stringify(answers)}`);
  assert.deepEqual(await books(service), before);
  assert.deepEqual(service.logged, []);
});

test('hostile commands in a batch: 4xx each, and the good one beside them is done', async (t) => {
  const service = await startService(t);
  await service.put('SKU-001', 2_147_483_647);
  const good = '{"type":"reserve","lines":[{"sku":"SKU-001","quantity":1}]}';
  const command = fc.oneof(
    fc
      .tuple(fc.constantFrom('reserve', 'confirm', 'release', 'extend', 'cancel'), wrongBody)
      .map(([type, body]) =>
        body.startsWith('{') && !/"reservation_id":""?[^"]*"?,?/.test(body)
          ? `{"type":"${type}","nonsense":1,"value":${body}}`
          : '{}',
      ),
    wrongValue,
    fc.json().filter((text) => !text.includes('"type"')),
  );
  let done = 0;
  const property = fc.asyncProperty(
    fc.array(command, { minLength: 1, maxLength: 5 }),
    async (commands) => {
      const raw = `{"commands":[${[...commands, good].join(',')}]}`;
      const headers = { 'content-type': 'application/json' };
      const answer = await service.call('POST', '/reservations/batch', { raw, headers });
      // The whole is refused for what makes two readers of it differ: a name twice, or no end of nesting.
      if (answer.status === 422) return;
      assert.equal(answer.status, 200, answer.text);
      const results = answer.at('results') as { status: number }[];
      assert.ok(
        results.slice(0, -1).every(({ status }) => status >= 400 && status < 500),
        answer.text,
      );
      assert.equal(results.at(-1)?.status, 201);
      done += 1;
    },
  );
  await fc.assert(property, { numRuns: Math.ceil(CASES / 10), endOnFailure: true });
  assert.ok(done > 0);
  assert.equal((await service.call('GET', '/stock/SKU-001')).at('reserved'), done);
  assert.deepEqual(service.logged, []);
});

test('hostile files: 4xx only, and nothing is imported', async (t) => {
  const service = await startService(t);
  const cell = fc.oneof(
    fc.constantFrom('-1', '1.5', 'x', '', '"', '2147483648', '=1+1', '\u0000', '1,2'),
    fc.string({ maxLength: 10 }),
  );
  const file = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .array(fc.tuple(cell, fc.constantFrom('-1', 'x', '1.5', '', '9e9')))
      .map((rows) =>
        Buffer.from(`sku,on_hand\n${rows.map((row) => row.join(',')).join('\n')}\n,x\n`),
      ),
    fc
      .array(fc.json(), { minLength: 1 })
      .map((lines) => Buffer.from(`${lines.join('\n')}\n{"sku":`)),
  );
  const type = fc.constantFrom('text/csv', 'application/x-ndjson', 'text/plain');
  const property = fc.asyncProperty(file, type, async (raw, contentType) => {
    const headers = { 'content-type': contentType };
    const answer = await service.call('POST', '/stock/import', { raw, headers });
    judge(answer.status, answer.at('code'), {
      method: 'POST',
      url: contentType,
      body: raw,
      headers,
    });
  });
  await fc.assert(property, { numRuns: Math.ceil(CASES / 10), endOnFailure: true });
  assert.deepEqual(await service.store.levels({ after: null, prefix: null, limit: 10 }), []);
  assert.deepEqual(service.logged, []);
});

test('hostile bytes on the socket: refused or cut off, and the service lives', async (t) => {
  const service = await startService(t, {
    settings: { headersTimeoutMs: 300, requestTimeoutMs: 300 },
  });
  await withReservation(service);
  const before = await books(service);
  const { port } = await listen(service);
  const start = fc.constantFrom(
    '',
    'POST /stock/SKU-001/reserve HTTP/1.1\r\n',
    'GET ',
    'PUT /stock/SKU-001 HTTP/1.1\r\nHost: x\r\n',
  );
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
  const property = fc.asyncProperty(start, bytes, async (head, rest) => {
    const raw = open(t, port);
    raw.send(Buffer.concat([Buffer.from(head), Buffer.from(rest), Buffer.from('\r\n\r\n')]));
    raw.socket.end();
    const answers = parseAnswers(await raw.closed());
    assert.ok(
      answers.every(({ status }) => status >= 400 && status < 500),
      JSON.stringify(answers),
    );
  });
  await fc.assert(property, { numRuns: Math.min(500, Math.ceil(CASES / 10)), endOnFailure: true });
  assert.deepEqual(await books(service), before);
  assert.equal((await service.call('GET', '/healthz')).status, 200);
});
