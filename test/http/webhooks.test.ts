/** `POST /webhooks/{erp}`: what is signed is stored before it is answered; anything else costs us little and changes nothing. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { readWebhook } from '../../src/connectors/bling/webhook.ts';
import { readIncoming } from '../../src/connectors/webhook/incoming.ts';
import type { ErpConnector } from '../../src/engine/erp-port.ts';
import { Fault } from '../../src/engine/faults.ts';
import { WebhookStored } from '../../src/http/schemas/webhook-operations.ts';
import { assertProperty } from '../support/replay.ts';
import { conforms, isProblem } from './support/conforms.ts';
import { testKeys } from './support/keys.ts';
import { listen, open, parseAnswers } from './support/raw-socket.ts';
import { startService, type Answer, type Service, type ServiceOptions } from './support/service.ts';

const KEY = 'client-secret-test';
const LIMIT = 1_048_576;
const BLING: Pick<ErpConnector, 'name' | 'readWebhook'> = {
  name: 'bling',
  readWebhook: (request) => readWebhook(request, KEY),
};

/** Computed independently of this program, for this key. */
const VECTOR = {
  body: '{"eventId":"01945027-150e-72b4-e7cf-4943a042cd9c","date":"2025-01-10T12:18:46Z","version":"v1","event":"stock.updated","companyId":"d4475854366a36c86a37e792f9634a51","data":{"produto":{"id":12345678},"deposito":{"id":12345678,"saldoFisico":10,"saldoVirtual":8},"operacao":"S","quantidade":2,"saldoFisicoTotal":10,"saldoVirtualTotal":8}}',
  signature: 'sha256=8b8aa87f5441acfa7373867b8019af6be209e97a25d320a6244b5e3336435873',
  at: Date.parse('2025-01-10T12:18:50Z'),
};

function signatureOf(body: string | Buffer): string {
  return `sha256=${createHmac('sha256', KEY).update(body).digest('hex')}`;
}

async function start(t: TestContext, options: ServiceOptions = {}): Promise<Service> {
  const service = await startService(t, { erp: BLING, ...options });
  service.clock.time = VECTOR.at;
  return service;
}

function post(
  service: Service,
  raw: string | Buffer,
  headers: Record<string, string> = {},
  address = '/webhooks/bling',
): Promise<Answer> {
  const signed = { 'x-bling-signature-256': signatureOf(raw), 'content-type': 'application/json' };
  return service.call('POST', address, { raw, headers: { ...signed, ...headers } });
}

/** A body of this many bytes that is signed and understood. */
function bodyOf(bytes: number): string {
  const frame = '{"event":"product.updated","data":{"id":1,"nome":""}}';
  return frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`);
}

async function pending(service: Service): Promise<unknown[]> {
  return (await service.inbox.pending(0, 1_000)).map(({ hints }) => hints[0]);
}

describe('a signed webhook', () => {
  it('is stored, and when it comes again it is known', async (t) => {
    const service = await start(t);
    const headers = { 'x-bling-signature-256': VECTOR.signature };
    for (const status of ['stored', 'seen', 'seen']) {
      const answer = await post(service, VECTOR.body, headers);
      assert.equal(answer.status, 200, answer.text);
      conforms(answer, WebhookStored);
      assert.deepEqual(answer.body, { status });
    }
    assert.deepEqual(await pending(service), ['stock:12345678']);
    assert.deepEqual(service.outcomes, ['stored', 'seen', 'seen']);
    assert.deepEqual(service.finished.map(({ route }) => route).at(-1), '/webhooks/:erp');
  });

  it('needs no key, and no key gets an unsigned one in', async (t) => {
    const keys = testKeys();
    const admin = keys.make('admin');
    const service = await start(t, { keys: keys.directory });
    assert.equal((await post(service, VECTOR.body)).status, 200);
    assert.equal((await service.call('GET', '/stock')).status, 401);
    const forged = { ...admin, 'x-bling-signature-256': 'sha256=00' };
    isProblem(await post(service, VECTOR.body, forged), 401, 'webhook_forged');
    const strange = { authorization: 'Bearer nobody', 'x-bling-signature-256': VECTOR.signature };
    assert.equal((await post(service, VECTOR.body, strange)).status, 200);
  });

  it('is taken as the bytes that came, whatever they are called', async (t) => {
    const service = await start(t);
    const spaced = ` \r\n{ "event" : "stock.updated", "eventId":"ção 🎟", "data":{"produto":{"id":7}}}\n`;
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
      const answer = await post(service, spaced, { 'content-type': type });
      assert.equal(answer.status, 200, `${type}: ${answer.text}`);
    }
    // Names twice, a prototype, nesting, numbers past 2^53: nothing of the body is believed but the hint.
    const wild = `{"event":"stock.updated","event":"stock.updated","__proto__":{"x":1},"n":1e999,"data":{"produto":{"id":8},"deep":${'['.repeat(200)}${']'.repeat(200)}}}`;
    assert.equal((await post(service, wild)).status, 200);
    assert.deepEqual(await pending(service), ['stock:7', 'stock:8']);
  });

  it('is taken up to the limit of a body, and not beyond it', async (t) => {
    const service = await start(t);
    assert.equal((await post(service, bodyOf(LIMIT))).status, 200);
    const larger = await post(service, bodyOf(LIMIT + 1));
    isProblem(larger, 413, 'body_too_large');
    assert.equal(larger.at('limit_bytes'), LIMIT);
    assert.deepEqual(await pending(service), ['product:1']);
    // What is too large is not even looked at.
    assert.deepEqual(service.outcomes, ['stored']);
  });

  it('of the other protocol is taken as Standard Webhooks has it', async (t) => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const erp = {
      name: 'webhook',
      readWebhook: (request: Parameters<typeof readIncoming>[0]) => readIncoming(request, [secret]),
    };
    const service = await start(t, { erp });
    service.clock.time = 1_614_265_330_000;
    // The vector that the specification's libraries are tested with.
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    const body = '{"test": 2432232314}';
    const first = await post(service, body, headers, '/webhooks/webhook');
    assert.deepEqual([first.status, first.body], [200, { status: 'stored' }]);
    const again = await post(service, body, headers, '/webhooks/webhook');
    assert.deepEqual(again.body, { status: 'seen' });
    service.clock.time += 301_000;
    isProblem(await post(service, body, headers, '/webhooks/webhook'), 400, 'webhook_stale');
    const renamed = { ...headers, 'webhook-id': 'msg_other' };
    isProblem(await post(service, body, renamed, '/webhooks/webhook'), 401, 'webhook_forged');
  });
});

describe('refused, with nothing stored', () => {
  it('whatever is not signed by the right secret over the very bytes', async (t) => {
    const service = await start(t);
    const { body, signature } = VECTOR;
    const bodies = [body + ' ', body.replace('10', '11'), body.slice(0, -1), '', '\u0000', '{}'];
    for (const other of bodies) {
      const headers = { 'x-bling-signature-256': signature };
      isProblem(await post(service, other, headers), 401, 'webhook_forged');
    }
    const signatures = [
      ...['', 'sha256=', 'sha256', signature.slice(7), signature.toUpperCase()],
      ...[`${signature},${signature}`, `sha1=${signature.slice(7)}`, 'x'.repeat(5_000), '\u00e9'],
      ...[signature.replace(/.$/, '4'), `sha256=${'0'.repeat(64)}`],
    ];
    for (const wrong of signatures) {
      const answer = await post(service, body, { 'x-bling-signature-256': wrong });
      isProblem(answer, 401, 'webhook_forged');
    }
    const unsigned = await service.call('POST', '/webhooks/bling', { raw: body });
    isProblem(unsigned, 401, 'webhook_forged');
    assert.equal(unsigned.headers['www-authenticate'], undefined);
    assert.doesNotMatch(unsigned.text, /SECRET|sha256/);
    assert.deepEqual(await pending(service), []);
  });

  it('what is stale: captured long ago, or from the future', async (t) => {
    const service = await start(t);
    for (const at of [VECTOR.at + 5 * 86_400_000, VECTOR.at - 3_600_000]) {
      service.clock.time = at;
      isProblem(await post(service, VECTOR.body), 400, 'webhook_stale');
    }
    assert.deepEqual(await pending(service), []);
  });

  it('what is signed and cannot be understood', async (t) => {
    const service = await start(t);
    const bodies = [
      '',
      '[]',
      'null',
      '"x"',
      '{"event":',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    ];
    for (const body of bodies) isProblem(await post(service, body), 400, 'webhook_unreadable');
    const { body } = VECTOR;
    const portuguese = await post(service, '[]', { 'accept-language': 'pt-BR' });
    assert.match(String(portuguese.at('detail')), /não é o que este ERP envia/);
    assert.equal((await post(service, body)).status, 200);
    assert.equal((await pending(service)).length, 1);
  });

  it('what is for another ERP, or for none', async (t) => {
    const service = await start(t);
    const names = [
      'webhook',
      'Bling',
      'bling%20',
      '__proto__',
      'constructor',
      'x'.repeat(500),
      '%00',
    ];
    for (const name of names) {
      const answer = await post(service, VECTOR.body, {}, `/webhooks/${name}`);
      isProblem(answer, 404, 'webhook_unknown_erp');
    }
    isProblem(await post(service, VECTOR.body, {}, '/webhooks/'), 404, 'webhook_unknown_erp');
    isProblem(await post(service, VECTOR.body, {}, '/webhooks'), 404, 'not_found');
    isProblem(await post(service, VECTOR.body, {}, '/webhooks/bling/x'), 404, 'not_found');
    isProblem(await post(service, VECTOR.body, {}, '/webhooks/%ff'), 400, 'malformed_url');
    for (const method of ['GET', 'PUT', 'DELETE']) {
      isProblem(await service.call(method, '/webhooks/bling'), 405, 'method_not_allowed');
    }
    const none = await startService(t);
    isProblem(await post(none, VECTOR.body), 404, 'webhook_unknown_erp');
    assert.deepEqual([await pending(service), service.outcomes], [[], []]);
  });
});

it('of random bytes, whatever is not signed is refused, and what is signed is never a failure of ours', async (t) => {
  const service = await start(t);
  const near = fc.record({
    eventId: fc.oneof(fc.string(), fc.constant(null), fc.integer(), fc.constant({})),
    date: fc.oneof(fc.date().map(String), fc.string(), fc.constant('2025-01-10T12:18:46Z')),
    event: fc.oneof(fc.constantFrom('stock.updated', 'product.deleted', 'order.x'), fc.anything()),
    data: fc.oneof(fc.anything(), fc.record({ produto: fc.anything(), id: fc.anything() })),
  });
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    near.map((value) => Buffer.from(JSON.stringify(value))),
  );
  const property = fc.asyncProperty(body, fc.boolean(), async (raw, signed) => {
    const before = (await service.inbox.stats()).pending;
    const headers = signed ? {} : { 'x-bling-signature-256': signatureOf('another body') };
    const { status } = await post(service, raw, headers);
    if (signed) assert.ok(status === 200 || status === 400, `${status}`);
    else assert.equal(status, 401);
    const { pending: after } = await service.inbox.stats();
    assert.ok(after === before || status === 200);
  });
  await assertProperty(property, { runs: 300, file: 'test/http/webhooks.test.ts' });
  assert.deepEqual(service.logged, []);
});

describe('when it cannot be taken now', () => {
  it('503 says so, and nothing else does', async (t) => {
    const service = await start(t);
    const put = service.inbox.put.bind(service.inbox);
    const faults = [
      new Fault('STORE_OVERLOADED', 'full', { retryable: true }),
      new Fault('STORE_TIMEOUT', 'late', { retryable: true, outcomeUnknown: true }),
      new Fault('STORE_UNAVAILABLE', 'gone'),
    ];
    for (const fault of faults) {
      service.inbox.put = () => Promise.reject(fault);
      isProblem(await post(service, VECTOR.body), 503, fault.code.toLowerCase());
    }
    service.inbox.put = put;
    assert.deepEqual((await post(service, VECTOR.body)).body, { status: 'stored' });
    assert.deepEqual(service.outcomes, ['unavailable', 'unavailable', 'unavailable', 'stored']);
  });

  it('is answered only after it is stored', async (t) => {
    const service = await start(t);
    const put = service.inbox.put.bind(service.inbox);
    const gate = Promise.withResolvers<undefined>();
    service.inbox.put = async (webhook) => {
      await gate.promise;
      return put(webhook);
    };
    let answered = false;
    const answer = post(service, VECTOR.body).then((given) => {
      answered = true;
      return given;
    });
    await sleep(20);
    assert.equal(answered, false);
    gate.resolve(undefined);
    assert.equal((await answer).status, 200);
  });

  it('the rate limit holds for it as for anything else', async (t) => {
    const service = await start(t, { settings: { ratePerSecond: 5 } });
    const statuses: number[] = [];
    for (let n = 0; n < 8; n += 1) statuses.push((await post(service, VECTOR.body)).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    isProblem(await post(service, VECTOR.body), 429, 'rate_limited');
  });

  it('a thousand in a moment are all taken', async (t) => {
    const service = await start(t);
    const put = service.inbox.put.bind(service.inbox);
    const gate = Promise.withResolvers<undefined>();
    let waiting = 0;
    service.inbox.put = async (webhook) => {
      if ((waiting += 1) === 1_000) gate.resolve(undefined);
      await gate.promise;
      return put(webhook);
    };
    // Whoever is refused opens the gate too, so that a refusal is seen and not waited for.
    const sent = async () => {
      const answer = await post(service, VECTOR.body);
      gate.resolve(undefined);
      return answer;
    };
    const answers = await Promise.all(Array.from({ length: 1_000 }, sent));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  });

  it('so many bytes may arrive at once, and those that break off are not counted', async (t) => {
    const service = await start(t);
    const { port } = await listen(service);
    const declared = ['content-length: 1048576', 'transfer-encoding: chunked', 'content-length: 1'];
    const slow = Array.from({ length: 400 }, () => open(t, port));
    for (const [n, each] of slow.entries()) {
      const header = declared[n < 80 ? n % 2 : 2] ?? '';
      each.send(`POST /webhooks/bling HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`);
    }
    const full = async (): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${port}/webhooks/bling`, {
        method: 'POST',
        body: VECTOR.body,
        headers: { 'x-bling-signature-256': VECTOR.signature },
      });
      if (answer.status === 503) assert.ok(Number(answer.headers.get('retry-after')) >= 1);
      return answer.status;
    };
    while ((await full()) !== 503) await sleep(5);
    // Sales go on.
    assert.equal((await service.call('GET', '/healthz')).status, 200);
    isProblem(await service.call('GET', '/stock/NOPE'), 404, 'unknown_sku');
    for (const each of slow) each.socket.destroy();
    while ((await full()) !== 200) await sleep(5);
  });
});

describe('on a raw connection', () => {
  it('a body that is too large is refused before it has come, in pieces or declared', async (t) => {
    const service = await start(t);
    const { port } = await listen(service);
    const declared = open(t, port);
    declared.send(`POST /webhooks/bling HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999\r\n\r\n{`);
    const [first] = parseAnswers(await declared.closed());
    assert.deepEqual(first, { status: 413, code: 'body_too_large' });
    const pieces = open(t, port);
    pieces.send('POST /webhooks/bling HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    const piece = 'x'.repeat(65_536);
    for (let n = 0; n < 20; n += 1) pieces.send(`10000\r\n${piece}\r\n`);
    const [second] = parseAnswers(await pieces.closed());
    assert.deepEqual(second, { status: 413, code: 'body_too_large' });
  });

  it('two signatures in two headers are none', async (t) => {
    const service = await start(t);
    const { port } = await listen(service);
    const connection = open(t, port);
    const length = Buffer.byteLength(VECTOR.body);
    const header = `x-bling-signature-256: ${VECTOR.signature}\r\n`;
    const head = `POST /webhooks/bling HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n`;
    connection.send(`${head}${header}${header}connection: close\r\n\r\n${VECTOR.body}`);
    const [answer] = parseAnswers(await connection.closed());
    assert.deepEqual(answer, { status: 401, code: 'webhook_forged' });
    assert.deepEqual(await pending(service), []);
  });

  it('a body that never ends is given up in time', async (t) => {
    const service = await start(t, { settings: { requestTimeoutMs: 300, headersTimeoutMs: 300 } });
    const { port } = await listen(service);
    const connection = open(t, port);
    connection.send('POST /webhooks/bling HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{');
    const [answer] = parseAnswers(await connection.closed());
    assert.equal(answer?.status, 408);
  });
});
