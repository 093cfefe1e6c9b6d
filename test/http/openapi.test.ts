/** `/openapi.json` and `/docs`: complete, correct, and every example in them works. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { EXAMPLES, LAST_RESERVATION } from '../../src/http/schemas/examples.ts';
import { readIncoming } from '../../src/connectors/webhook/incoming.ts';
import type { ErpConnector } from '../../src/engine/erp-port.ts';
import { claimMessages, settleParcel } from '../support/commands.ts';
import { FakeErp } from '../support/fake-erp.ts';
import { startService, type Answer, type Service } from './support/service.ts';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema?: object;
  readonly example?: string | number | boolean;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: string[];
  readonly security: object[];
  readonly parameters?: Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Record<string, { readonly schema: object; readonly example?: unknown }>;
  };
  readonly responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: object; securitySchemes: object };
  readonly tags: { name: string }[];
}

async function documentOf(service: Service): Promise<Document> {
  return (await service.call('GET', '/openapi.json')).body as Document;
}

function* operationsOf({ paths }: Document): Generator<[string, string, Operation]> {
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) yield [method, path, operation];
  }
}

test('the headers that an operation heeds are declared', async (t) => {
  const document = await documentOf(await startService(t));
  const headers = (method: string, path: string): string[] =>
    (document.paths[path]?.[method]?.parameters ?? [])
      .filter((parameter) => parameter.in === 'header')
      .map(({ name }) => name);
  assert.deepEqual(headers('get', '/events'), ['Last-Event-ID']);
  assert.deepEqual(headers('post', '/reservations'), ['Idempotency-Key']);
  assert.deepEqual(headers('get', '/stock'), []);
});

test('the document is OpenAPI 3.1 and every operation is complete', async (t) => {
  const service = await startService(t);
  const document = await documentOf(service);
  assert.equal(document.openapi, '3.1.0');
  assert.deepEqual(Object.keys(document.components.securitySchemes), ['bearer', 'header']);
  const tags = document.tags.map(({ name }) => name);
  const ids = new Set<string>();
  for (const [method, path, operation] of operationsOf(document)) {
    const name = `${method} ${path}`;
    assert.match(operation.operationId, /^[a-z][A-Za-z]+$/, name);
    assert.ok(!ids.has(operation.operationId), name);
    ids.add(operation.operationId);
    assert.ok(operation.summary.length > 3 && operation.description.length > 10, name);
    assert.ok(
      operation.tags.every((tag) => tags.includes(tag)),
      name,
    );
    assert.ok(Array.isArray(operation.security), name);
    assert.ok(
      Object.keys(operation.responses).some((status) => /^2\d\d$/.test(status)),
      name,
    );
    assert.ok(operation.responses['default']?.content?.['application/problem+json'], name);
    const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, parameter]) => parameter);
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    assert.deepEqual(
      declared.map((parameter) => parameter.name),
      inPath,
      name,
    );
    assert.ok(
      declared.every(({ required }) => required === true),
      name,
    );
  }
  assert.ok(ids.size >= 20);
});

test('every reference in the document leads somewhere', async (t) => {
  const document = await documentOf(await startService(t));
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
  let count = 0;
  for (const [, pointer = ''] of references) {
    const target = pointer
      .split('/')
      .reduce<unknown>(
        (value, step) => (value as Record<string, unknown> | undefined)?.[step],
        document,
      );
    assert.ok(target !== undefined, pointer);
    count += 1;
  }
  assert.ok(count > 10);
});

test('every operation has an example, and every example an operation', async (t) => {
  const document = await documentOf(await startService(t));
  const ids: string[] = [];
  for (const [method, path, operation] of operationsOf(document)) {
    ids.push(operation.operationId);
    const json = operation.requestBody?.content;
    if (json === undefined) continue;
    const examples = Object.values(json).filter(({ example }) => example !== undefined);
    const hasFields = JSON.stringify(json).includes('"properties":{"');
    assert.equal(examples.length > 0, hasFields || 'text/csv' in json, `${method} ${path}`);
  }
  assert.deepEqual(ids.sort(), Object.keys(EXAMPLES).sort());
});

const ERP: Pick<ErpConnector, 'name' | 'readWebhook'> = {
  name: 'webhook',
  readWebhook: (request) =>
    readIncoming(request, [`whsec_${Buffer.alloc(24, 1).toString('base64')}`]),
};

/** What a reader's click on "Execute" sends, the page having put in the last reservation. */
async function tryOut(
  service: Service,
  method: string,
  path: string,
  operation: Operation,
  reservation: string,
): Promise<Answer> {
  const fill = (text: string): string => text.replaceAll(LAST_RESERVATION, reservation);
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let url = path;
  for (const { name, in: place, required = false, example } of operation.parameters ?? []) {
    if (place === 'header') {
      if (example !== undefined) headers[name] = String(example);
    } else if (example === undefined) {
      assert.ok(!required, `${method} ${path}: ${name} has no example`);
    } else if (place === 'path') {
      url = url.replace(`{${name}}`, encodeURIComponent(fill(String(example))));
    } else {
      query.set(name, String(example));
    }
  }
  const address = query.size === 0 ? url : `${url}?${query.toString()}`;
  const [type, content] =
    Object.entries(operation.requestBody?.content ?? {}).find(
      ([, { example }]) => example !== undefined,
    ) ?? [];
  if (type === undefined) return service.call(method.toUpperCase(), address);
  const example = content?.example;
  const raw = fill(typeof example === 'string' ? example : JSON.stringify(example));
  return service.call(method.toUpperCase(), address, {
    raw,
    headers: { ...headers, 'content-type': type },
  });
}

/** A dead letter, and a job of each kind that has ended. */
async function prepareErp(service: Service, reservation: string): Promise<void> {
  await service.call('POST', `/reservations/${reservation}/confirm`);
  await service.store.submit(claimMessages());
  await service.store.submit(settleParcel(2, 'given_up', { reason: 'no such product' }));
  for (const job of ['pull', 'reconcile']) {
    assert.equal((await service.call('POST', `/erp/${job}`)).status, 202);
    while ((await service.call('GET', `/erp/${job}`)).at('state') === 'running');
  }
}

test('every example works against a fresh service that knows SKU-001', async (t) => {
  const document = await documentOf(await startService(t));
  for (const [method, path, operation] of operationsOf(document)) {
    const isErp = operation.tags.includes('erp') && operation.operationId !== 'receiveWebhook';
    const service = await startService(t, isErp ? { loop: new FakeErp() } : { erp: ERP });
    await service.put('SKU-001', 100);
    const reserved = await service.call('POST', '/stock/SKU-001/reserve', {
      body: { quantity: 2 },
    });
    const id = String(reserved.at('reservation_id'));
    if (operation.operationId === 'cancelReservation') {
      await service.call('POST', `/reservations/${id}/confirm`);
    }
    if (isErp) await prepareErp(service, id);
    const answer = await tryOut(service, method, path, operation, id);
    const name = `${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`;
    assert.ok(answer.status >= 200 && answer.status < 300, name);
    assert.ok(String(answer.status) in operation.responses, name);
    if (operation.operationId !== 'batch') continue;
    const results = answer.at('results') as { status: number }[];
    assert.ok(
      results.every(({ status }) => status < 300),
      name,
    );
  }
});

test('/ leads to the documentation, also below a prefix', async (t) => {
  const service = await startService(t);
  const answer = await service.call('GET', '/');
  assert.deepEqual([answer.status, answer.headers.location], [302, 'docs']);
});

test('/docs works without anything from outside', async (t) => {
  const service = await startService(t);
  const page = await service.call('GET', '/docs/');
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.text, /(?:src|href)="(?:https?:)?\/\//);
  const assets = Array.from(page.text.matchAll(/(?:src|href)="\.\/([^"]+)"/g), ([, path]) => path);
  assert.ok(assets.length >= 5);
  for (const asset of assets) {
    assert.equal((await service.call('GET', `/docs/${asset ?? ''}`)).status, 200, asset);
  }
  const policy = String(page.headers['content-security-policy']);
  assert.match(policy, /script-src 'self';/);
  assert.match(policy, /default-src 'none';/);
  assert.equal((await service.call('GET', '/docs/json')).status, 200);
});

test('the page puts the last reservation into the examples', async (t) => {
  const service = await startService(t);
  const script = await service.call('GET', '/docs/static/swagger-initializer.js');
  interface Page {
    onload?: () => void;
  }
  let config: Record<string, (message: object) => object> = {};
  const bundle = Object.assign(
    (given: typeof config) => {
      config = given;
      return { initOAuth: () => undefined };
    },
    { presets: {}, plugins: {} },
  );
  const page: Page & Record<string, unknown> = { location: { href: 'http://x/docs/' } };
  const element = { href: '' };
  const context = createContext({
    window: page,
    document: { createElement: () => element, querySelector: () => ({ appendChild: () => null }) },
    SwaggerUIBundle: bundle,
    SwaggerUIStandalonePreset: {},
  });
  runInContext(script.text, context);
  page.onload?.();
  const id = '01a21ce0-6e00-70ed-a164-5e7019d7e07b';
  const request = {
    url: `/reservations/${LAST_RESERVATION}`,
    body: `{"id":"${LAST_RESERVATION}"}`,
  };
  assert.deepEqual(config['requestInterceptor']?.({ ...request }), request);
  config['responseInterceptor']?.({ obj: { reservation_id: id } });
  config['responseInterceptor']?.({ obj: { other: 1 } });
  config['responseInterceptor']?.({});
  const replaced = { url: `/reservations/${id}`, body: `{"id":"${id}"}` };
  assert.deepEqual(config['requestInterceptor']({ ...request }), replaced);
});

test('links lead to where callers reach the service', async (t) => {
  const settings = { publicUrl: 'https://stock.example/holdfast' };
  const service = await startService(t, { settings });
  const document = await documentOf(service);
  assert.deepEqual((document as unknown as { servers: object }).servers, [
    { url: settings.publicUrl },
  ]);
  const answer = await service.call('GET', '/stock/NOPE');
  assert.equal(answer.at('type'), 'https://stock.example/holdfast/docs/errors#unknown_sku');
  const page = await service.call('GET', '/docs/');
  assert.match(
    String(page.headers['content-security-policy']),
    /connect-src 'self' https:\/\/stock\.example/,
  );
});
