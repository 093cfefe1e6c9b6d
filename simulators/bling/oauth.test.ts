import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, send, type Bench, type Reply } from './testing.ts';

const HOUR = 3_600_000;

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly token_type: string;
  readonly scope: string;
}

function errorOf({ body }: Reply): { type: string; message: string; description: string } {
  return (body as { error: { type: string; message: string; description: string } }).error;
}

function authorize(bling: Bench, more = ''): Promise<Reply> {
  const query = `response_type=code&client_id=${bling.client.id}&state=s-1${more}`;
  return send(`${bling.apiUrl}/oauth/authorize?${query}`);
}

async function code(bling: Bench): Promise<string> {
  const location = (await authorize(bling)).headers.get('location');
  return new URL(location!).searchParams.get('code')!;
}

const redirecting = { switches: { redirectUri: 'http://127.0.0.1:9/callback?a=1' } };

async function tokens(bling: Bench): Promise<Tokens> {
  const form = { grant_type: 'authorization_code', code: await code(bling) };
  const answer = await bling.token(form);
  assert.equal(answer.status, 200, answer.text);
  return answer.body as Tokens;
}

const read = (bling: Bench, token: string, headers: Record<string, string> = {}) =>
  bling.call('GET', '/depositos', undefined, { authorization: `Bearer ${token}`, ...headers });

test('the authorize page sends code and state back, or the refusal of a person', async (t) => {
  const bling = await bench(t, redirecting);
  const said = await authorize(bling);
  assert.equal(said.status, 302);
  const target = new URL(said.headers.get('location')!);
  assert.equal(target.searchParams.get('a'), '1');
  assert.equal(target.searchParams.get('state'), 's-1');
  assert.match(target.searchParams.get('code')!, /^[0-9a-f]{40}$/);

  bling.control.setSwitches({ autoApprove: false });
  const asked = await authorize(bling);
  assert.equal(asked.status, 200);
  assert.match(asked.text, /decision=approve/);
  const refused = await authorize(bling, '&decision=refuse');
  const answer = new URL(refused.headers.get('location')!).searchParams;
  assert.equal(answer.get('error'), 'access_denied');
  assert.equal(answer.get('state'), 's-1');
  assert.equal(answer.has('code'), false);
});

test('a code becomes tokens as long as Bling’s, good for six hours', async (t) => {
  const bling = await bench(t, redirecting);
  const given = await tokens(bling);
  assert.equal(given.expires_in, 21_600);
  assert.equal(given.token_type, 'Bearer');
  assert.match(given.scope, /^\d+( \d+)*$/);
  assert.equal(given.access_token.split('.').length, 3);
  assert.ok(given.access_token.length >= 1_500 && given.access_token.length <= 3_000);
  assert.equal((await read(bling, given.access_token)).status, 200);
  await bling.control.advance(6 * HOUR);
  const expired = await read(bling, given.access_token);
  assert.equal(expired.status, 401);
  assert.deepEqual(expired.body, {
    error: {
      type: 'invalid_token',
      message: 'invalid_token',
      description: 'The access token provided has expired',
    },
  });
});

test('a code is good for a minute, and once: its reuse revokes the access', async (t) => {
  const bling = await bench(t, redirecting);
  const old = await code(bling);
  await bling.control.advance(60_000);
  const late = await bling.token({ grant_type: 'authorization_code', code: old });
  assert.equal(late.status, 400);
  assert.equal(errorOf(late).type, 'invalid_grant');
  assert.equal(errorOf(late).description, 'The authorization code has expired');

  const form = { grant_type: 'authorization_code', code: await code(bling) };
  const first = (await bling.token(form)).body as Tokens;
  const again = await bling.token(form);
  assert.equal(again.status, 400);
  assert.equal(errorOf(again).message, 'Invalid authorization code');
  assert.equal((await read(bling, first.access_token)).status, 401);
  const refresh = { grant_type: 'refresh_token', refresh_token: first.refresh_token };
  assert.equal(errorOf(await bling.token(refresh)).type, 'invalid_grant');
});

test('a refresh token rotates: the old one is refused, the new one works, for 30 days', async (t) => {
  const bling = await bench(t, redirecting);
  const first = await tokens(bling);
  const refresh = (token: string) =>
    bling.token({ grant_type: 'refresh_token', refresh_token: token });
  const second = (await refresh(first.refresh_token)).body as Tokens;
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.equal(errorOf(await refresh(first.refresh_token)).description, 'Invalid refresh token');
  assert.equal((await read(bling, second.access_token)).status, 200);
  await bling.control.advance(30 * 24 * HOUR);
  const late = errorOf(await refresh(second.refresh_token));
  assert.equal(late.description, 'Refresh token has expired');
});

test('the token endpoint wants the client’s credentials and a known grant', async (t) => {
  const bling = await bench(t);
  const refused = await bling.token(
    { grant_type: 'refresh_token' },
    { authorization: 'Basic eDp5' },
  );
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.body, {
    error: {
      type: 'invalid_client',
      message: 'invalid_client',
      description: 'The client credentials are invalid',
    },
  });
  const unknown = await bling.token({ grant_type: 'client_credentials' });
  assert.equal(errorOf(unknown).type, 'unsupported_grant_type');
});

test('without enable-jwt tokens are short, and with the switch off they are not given', async (t) => {
  const bling = await bench(t, redirecting);
  const form = { grant_type: 'authorization_code', code: await code(bling) };
  const opaque = (await bling.token(form, { 'enable-jwt': '0' })).body as Tokens;
  assert.match(opaque.access_token, /^[0-9a-f]{40}$/);
  assert.equal((await read(bling, opaque.access_token, { 'enable-jwt': '0' })).status, 200);
  bling.control.setSwitches({ opaqueTokens: false });
  assert.equal((await read(bling, opaque.access_token, { 'enable-jwt': '0' })).status, 401);
  const next = { grant_type: 'authorization_code', code: await code(bling) };
  assert.equal((await bling.token(next, { 'enable-jwt': '0' })).status, 400);
});

test('no token, a malformed header, a wrong scope: 401, 400, 403 with their bodies', async (t) => {
  const bling = await bench(t);
  const none = await send(`${bling.apiUrl}/depositos`);
  assert.equal(none.status, 401);
  assert.equal(errorOf(none).description, 'The access token provided is invalid');
  const malformed = await bling.call('GET', '/depositos', undefined, { authorization: 'Token x' });
  assert.equal(malformed.status, 400);
  assert.equal(errorOf(malformed).description, 'Malformed auth header');
  bling.control.setSwitches({ scopes: ['produtos'] });
  const narrow = await bling.call('GET', '/depositos');
  assert.equal(narrow.status, 403);
  assert.deepEqual(narrow.body, {
    error: {
      type: 'insufficient_scope',
      message: 'insufficient_scope',
      description: 'The request requires higher privileges than provided by the access token',
    },
  });
});

test('access can be revoked by the app and by the user; an inactive company renews nothing', async (t) => {
  const bling = await bench(t, redirecting);
  const first = await tokens(bling);
  bling.control.setSwitches({ companyActive: false });
  const refresh = { grant_type: 'refresh_token', refresh_token: first.refresh_token };
  assert.equal(errorOf(await bling.token(refresh)).message, 'Empresa inativa');
  bling.control.setSwitches({ companyActive: true });
  const basic = Buffer.from(`${bling.client.id}:${bling.client.secret}`).toString('base64');
  const revoked = await send(`${bling.apiUrl}/oauth/revoke`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams({ token: first.access_token }),
  });
  assert.equal(revoked.status, 200);
  assert.equal((await read(bling, first.access_token)).status, 401);
  bling.control.revokeAll();
  assert.equal((await bling.call('GET', '/depositos')).status, 401);
});

test('an answer with new tokens can be lost: the old refresh token is dead all the same', async (t) => {
  const bling = await bench(t, redirecting);
  const first = await tokens(bling);
  const form = { grant_type: 'refresh_token', refresh_token: first.refresh_token };
  bling.control.addFault({ kind: 'reset_after', path: '/oauth/token', times: 1 });
  await assert.rejects(bling.token(form));
  assert.equal(errorOf(await bling.token(form)).description, 'Invalid refresh token');
});
