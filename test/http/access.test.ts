/** Who may call what; and nobody gets in with a key that was not given. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import type { Scope } from '../../src/engine/api-keys.ts';
import { isProblem } from './support/conforms.ts';
import { testKeys } from './support/keys.ts';
import { startService, type CallOptions } from './support/service.ts';

const ID = '01a21ce0-6e00-70ed-a164-5e7019d7e07b';
const CSV = { raw: 'sku,on_hand\nA,1\n', headers: { 'content-type': 'text/csv' } };

type Call = [method: string, url: string, scopes: Scope[] | 'open', body?: object];

const CALLS: Call[] = [
  ['POST', '/stock/SKU-001/reserve', ['storefront', 'admin']],
  ['POST', '/reservations', ['storefront', 'admin'], { lines: [{ sku: 'SKU-001', quantity: 1 }] }],
  ['GET', `/reservations/${ID}`, ['storefront', 'orders', 'admin']],
  ['POST', '/stock/confirm', ['orders', 'admin'], { reservation_id: ID }],
  ['POST', `/reservations/${ID}/confirm`, ['orders', 'admin']],
  ['POST', `/reservations/${ID}/release`, ['storefront', 'admin']],
  ['POST', `/reservations/${ID}/extend`, ['storefront', 'admin']],
  ['POST', `/reservations/${ID}/cancel`, ['orders', 'admin']],
  ['POST', '/reservations/batch', ['storefront', 'orders', 'admin'], { commands: [{}] }],
  ['GET', '/stock/SKU-001', ['storefront', 'orders', 'admin']],
  ['HEAD', '/stock/SKU-001', ['storefront', 'orders', 'admin']],
  ['GET', '/stock', ['storefront', 'orders', 'admin']],
  ['PUT', '/stock/SKU-001', ['admin'], { on_hand: 100 }],
  ['POST', '/stock/SKU-001/adjust', ['admin'], { delta: 1, reason: 'x' }],
  ['POST', '/stock/import?dry_run=true', ['admin']],
  ['GET', '/stock/SKU-001/ledger', ['admin']],
  ['GET', '/events', ['admin']],
  ['GET', '/audit', ['admin']],
  ['GET', '/ledger', ['admin']],
  ['POST', '/ledger/trim', ['admin'], { exported_through: 0 }],
  ['GET', '/erp', ['admin']],
  ['GET', '/erp/pull', ['admin']],
  ['POST', '/erp/pull', ['admin'], {}],
  ['GET', '/erp/reconcile', ['admin']],
  ['POST', '/erp/reconcile', ['admin'], {}],
  ['POST', '/erp/accept', ['admin']],
  ['GET', '/outbox', ['admin']],
  ['GET', '/outbox/1', ['admin']],
  ['POST', '/outbox/1/retry', ['admin'], { reason: 'x' }],
  ['POST', '/outbox/1/discard', ['admin'], { reason: 'x' }],
  ['GET', '/metrics', ['admin']],
  // Signed, and nothing but signed: see webhooks.test.ts.
  ['POST', '/webhooks/{}', 'open'],
  ['GET', '/healthz', 'open'],
  ['GET', '/readyz', 'open'],
  ['GET', '/', 'open'],
  ['GET', '/docs/', 'open'],
  ['GET', '/docs/errors', 'open'],
  ['GET', '/docs/static/swagger-ui.css', 'open'],
  ['GET', '/openapi.json', 'open'],
];

test('each route lets in its scopes and no other', async (t) => {
  const keys = testKeys();
  const service = await startService(t, { keys: keys.directory });
  const scopes: Scope[] = ['storefront', 'orders', 'admin'];
  const headers = {
    storefront: keys.make('storefront'),
    orders: keys.make('orders'),
    admin: keys.make('admin'),
  };
  await service.call('PUT', '/stock/SKU-001', {
    body: { on_hand: 9 },
    headers: headers.admin,
  });
  for (const [method, url, allowed, body] of CALLS) {
    const sent: CallOptions = url.startsWith('/stock/import')
      ? CSV
      : { ...(body === undefined ? {} : { body }) };
    for (const scope of [...scopes, null]) {
      const key = scope === null ? {} : headers[scope];
      const answer = await service.call(method, url, {
        ...sent,
        headers: { ...sent.headers, ...key },
      });
      const name = `${method} ${url} with ${String(scope)}: ${answer.status}`;
      if (allowed === 'open' || (scope !== null && allowed.includes(scope))) {
        assert.ok(![401, 403].includes(answer.status), name);
      } else if (method === 'HEAD') {
        assert.equal(answer.status, scope === null ? 401 : 403, name);
      } else if (scope === null) {
        isProblem(answer, 401, 'unauthorized');
        assert.equal(answer.headers['www-authenticate'], 'Bearer realm="holdfast"');
      } else {
        isProblem(answer, 403, 'forbidden');
        assert.deepEqual(answer.at('scopes'), allowed, name);
      }
    }
  }
});

test('every route there is stands in the table above', async (t) => {
  const service = await startService(t);
  const document = await service.call('GET', '/openapi.json');
  const known = CALLS.map(
    ([method, url]) =>
      `${method} ${(url.split('?')[0] ?? '').replace(ID, '{}').replace(/SKU-001|(?<=outbox\/)1/, '{}')}`,
  );
  for (const [path, methods] of Object.entries(document.at('paths') as Record<string, object>)) {
    for (const method of Object.keys(methods)) {
      const call = `${method.toUpperCase()} ${path.replace(/\{[a-z_]+\}/, '{}')}`;
      assert.ok(known.includes(call), call);
    }
  }
});

test('a batch holds each command to its own scope', async (t) => {
  const keys = testKeys();
  const service = await startService(t, { keys: keys.directory });
  const commands = [
    { type: 'reserve', lines: [{ sku: 'SKU-001', quantity: 1 }] },
    { type: 'release', reservation_id: ID },
    { type: 'extend', reservation_id: ID },
    { type: 'confirm', reservation_id: ID },
    { type: 'cancel', reservation_id: ID },
  ];
  const ask = async (...scopes: Scope[]): Promise<number[]> => {
    const answer = await service.call('POST', '/reservations/batch', {
      body: { commands },
      headers: keys.make(...scopes),
    });
    return (answer.at('results') as { status: number }[]).map(({ status }) => status);
  };
  assert.deepEqual(await ask('storefront'), [404, 404, 404, 403, 403]);
  assert.deepEqual(await ask('orders'), [403, 403, 403, 404, 404]);
  assert.deepEqual(await ask('storefront', 'orders'), [404, 404, 404, 404, 404]);
  assert.deepEqual(await ask('admin'), [404, 404, 404, 404, 404]);
});

test('a key is sent as a bearer token or in X-Api-Key, in this form only', async (t) => {
  const keys = testKeys();
  const service = await startService(t, { keys: keys.directory });
  const key = keys.make('storefront').authorization.slice('Bearer '.length);
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await service.call('GET', '/stock', { headers })).status;
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) {
    assert.equal(await status({ authorization: `${scheme} ${key}` }), 200);
  }
  assert.equal(await status({ 'x-api-key': key }), 200);
  for (const value of [key, `Basic ${key}`, `Bearer ${key} x`, 'Bearer', `Bearer "${key}"`]) {
    assert.equal(await status({ authorization: value }), 401, value);
  }
  // A wrong Authorization is not made good by anything beside it.
  assert.equal(await status({ authorization: 'Bearer x', 'x-api-key': key }), 401);
  assert.equal((await service.call('GET', `/stock?api_key=${key}`)).status, 401);
});

test('guessed keys, foreign secrets and guessed ids: none is accepted', async (t) => {
  const keys = testKeys();
  const service = await startService(t, { keys: keys.directory });
  const storefront = keys.make('storefront');
  const known = storefront.authorization.split('_')[1] ?? '';
  const cases = Number(process.env['HOLDFAST_CASES'] ?? 1_000);
  for (let index = 0; index < cases; index += 1) {
    const secret = randomBytes(32).toString('base64url');
    const id = index % 2 === 0 ? known : randomBytes(6).toString('hex');
    const headers = { authorization: `Bearer hf_${id}_${secret}` };
    assert.equal((await service.call('GET', '/stock', { headers })).status, 401);
    const guess = `01a21ce0-6e00-7${randomBytes(2).toString('hex').slice(1)}-a164-${randomBytes(6).toString('hex')}`;
    const stranger = await service.call('GET', `/reservations/${guess}`, { headers: storefront });
    assert.equal(stranger.status, 404);
  }
});

test('a revoked key is refused at once', async (t) => {
  const keys = testKeys();
  let revoked = false;
  const service = await startService(t, {
    keys: {
      find: (id) => (revoked ? undefined : keys.directory.find(id)),
      enabled: () => true,
    },
  });
  const headers = keys.make('storefront');
  assert.equal((await service.call('GET', '/stock', { headers })).status, 200);
  revoked = true;
  assert.equal((await service.call('GET', '/stock', { headers })).status, 401);
});

test('without keys everything is open, unless keys are required', async (t) => {
  const open = await startService(t);
  assert.equal((await open.call('GET', '/audit')).status, 200);
  const closed = await startService(t, { settings: { requireKeys: true } });
  isProblem(await closed.call('GET', '/audit'), 401, 'unauthorized');
  isProblem(await closed.call('GET', '/stock'), 401, 'unauthorized');
  assert.equal((await closed.call('GET', '/healthz')).status, 200);
});

test('metrics can be opened by setting', async (t) => {
  const keys = testKeys();
  keys.make('admin');
  const service = await startService(t, { keys: keys.directory, settings: { openMetrics: true } });
  const answer = await service.call('GET', '/metrics');
  assert.equal(answer.status, 200);
  assert.equal(answer.text, 'holdfast_up 1\n');
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
});

test('a key is refused before its body is read', async (t) => {
  const keys = testKeys();
  keys.make('admin');
  const service = await startService(t, { keys: keys.directory });
  const headers = { 'content-type': 'application/json' };
  const answer = await service.call('POST', '/reservations', { raw: '{broken', headers });
  isProblem(answer, 401, 'unauthorized');
});
