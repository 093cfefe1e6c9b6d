import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openBlingShop, sayYes } from './bling-shop.ts';
import { converse, holdfast, tempFolder } from './support.ts';

const SETTINGS = {
  HOLDFAST_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
  HOLDFAST_BLING_CLIENT_ID: 'the-app',
  HOLDFAST_BLING_CLIENT_SECRET: 'hush-hush',
  HOLDFAST_BLING_DEPOSIT_ID: '777',
  HOLDFAST_BLING_SITUATIONS: '15,9',
};

test('without a word about Bling, its commands say what to set', async (t) => {
  const { code, stderr } = await holdfast(['bling', 'status'], { cwd: tempFolder(t) });
  assert.equal(code, 78);
  assert.match(stderr, /nothing is said about Bling: set HOLDFAST_BLING_CLIENT_ID/);
});

test('status before anybody has connected: what is to be done, and no secret', async (t) => {
  const cwd = tempFolder(t);
  const { code, stdout } = await holdfast(['bling', 'status'], { cwd, settings: SETTINGS });
  assert.equal(code, 1);
  assert.match(stdout, /^connected +no: holdfast bling connect/m);
  assert.match(stdout, /^mode +observe, by situations 15, 9$/m);
  assert.match(stdout, /^deposit +777, not looked up$/m);
  assert.doesNotMatch(stdout, /hush-hush|BwcHBw/);
  const json = await holdfast(['bling', 'status', '--json'], { cwd, settings: SETTINGS });
  assert.equal((JSON.parse(json.stdout) as { ok: boolean }).ok, false);
});

test('connect with a code while Bling is out of reach: said so, nothing kept', async (t) => {
  const cwd = tempFolder(t);
  const settings = { ...SETTINGS, HOLDFAST_BLING_OAUTH_URL: 'http://127.0.0.1:9' };
  const address = 'https://shop.example/callback?code=abc&state=1';
  const { code, stderr } = await holdfast(['bling', 'connect', '--code', address], {
    cwd,
    settings,
  });
  assert.equal(code, 2);
  assert.match(stderr, /^holdfast: Bling gives no token: /);
  assert.ok(!existsSync(join(cwd, 'data', 'bling-tokens.json')));
  const without = await holdfast(['bling', 'connect', '--code', 'https://shop.example/?state=1'], {
    cwd,
    settings,
  });
  assert.match(without.stderr, /there is no code in that address/);
});

test('connect with the address that the browser ended at, then status: all is well', async (t) => {
  const shop = await openBlingShop(t, { connected: false });
  const { bling: simulator, cwd, settings } = shop;
  const address = await sayYes(simulator);
  assert.match(address, /^https:\/\/shop\.example\/callback\?/);
  const connected = await holdfast(['bling', 'connect', '--code', address], { cwd, settings });
  assert.deepEqual([connected.code, connected.stderr], [0, '']);
  const status = await holdfast(['bling', 'status'], { cwd, settings });
  assert.equal(status.code, 0, status.stdout);
  assert.match(status.stdout, /^deposit +\d+ \(Geral\)$/m);
  assert.match(status.stdout, /^refresh token +good for 29 days$/m);
  assert.ok(!status.stdout.includes(simulator.client.secret));
  const wrong = { ...settings, HOLDFAST_BLING_DEPOSIT_ID: '777' };
  const lost = await holdfast(['bling', 'status'], { cwd, settings: wrong });
  assert.equal(lost.code, 1);
  assert.match(lost.stdout, /deposit 777 does not exist in Bling; active are: \d+ \(Geral\)/);
});

test('connect on a server: the printed address, opened elsewhere, and what it led to pasted', async (t) => {
  const { cwd, settings } = await openBlingShop(t, { connected: false });
  const args = ['bling', 'connect', '--no-browser', '--port', '0'];
  const { said, type, ended } = converse(args, { cwd, settings });
  const address = (await said(/^ {2}(http\S+)$/m))[1] ?? '';
  await said(/paste the address of that page here, within a minute/);
  type('https://shop.example/?state=1');
  await said(/there is no code in that address/);
  const page = await fetch(address, { redirect: 'manual' });
  type(page.headers.get('location') ?? '');
  const { code, stdout } = await ended;
  assert.equal(code, 0);
  assert.match(stdout, /^Connected\./);
  assert.ok(existsSync(join(cwd, 'data', 'bling-tokens.json')));
});
