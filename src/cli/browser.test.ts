import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { openBrowser, openerOf } from './browser.ts';
import { codeIn, readPasted } from './pasted-code.ts';

const ADDRESS = 'https://bling.example/oauth/authorize?response_type=code&client_id=a b&state=s';

test('a browser is opened where there is a desktop, and nowhere else', () => {
  assert.equal(openerOf('darwin', {})?.file, 'open');
  assert.equal(openerOf('win32', {})?.file, 'rundll32');
  assert.equal(openerOf('linux', { DISPLAY: ':0' })?.file, 'xdg-open');
  assert.equal(openerOf('linux', { WAYLAND_DISPLAY: 'wayland-0' })?.file, 'xdg-open');
  assert.equal(openerOf('linux', { WSL_DISTRO_NAME: 'Ubuntu' })?.file, 'rundll32.exe');
  assert.equal(openerOf('linux', {}), null);
  assert.equal(openerOf('linux', { DISPLAY: '' }), null);
  assert.equal(openerOf('darwin', { SSH_CONNECTION: '10.0.0.1 5 10.0.0.2 22' }), null);
});

test('the opener gets the address as one word; one that fails or is missing is no browser', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-browser-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'opener');
  writeFileSync(file, `#!/bin/sh\nprintf '%s' "$1" > '${folder}/seen'\n`);
  chmodSync(file, 0o755);
  assert.equal(await openBrowser(ADDRESS, { file, args: [] }), true);
  assert.equal(readFileSync(join(folder, 'seen'), 'utf8'), ADDRESS);
  assert.equal(await openBrowser(ADDRESS, { file: '/bin/false', args: [] }), false);
  const missing = join(folder, 'missing');
  assert.ok(!existsSync(missing));
  assert.equal(await openBrowser(ADDRESS, { file: missing, args: [] }), false);
});

test('what people paste: the code, or the address it stands in; anything else is explained', () => {
  assert.equal(codeIn('3f9c2a', 's'), '3f9c2a');
  assert.equal(codeIn('http://127.0.0.1:8765/callback?code=3f9c2a&state=s', 's'), '3f9c2a');
  assert.equal(codeIn('https://shop.example/callback?state=old&code=3f9c2a', null), '3f9c2a');
  assert.throws(
    () => codeIn('http://127.0.0.1:8765/callback?code=3f9c2a&state=t', 's'),
    /another try/,
  );
  assert.throws(() => codeIn(ADDRESS, 's'), /no code in that address/);
  const refusal = 'http://127.0.0.1:8765/callback?error=access_denied&state=s';
  assert.throws(() => codeIn(refusal, 's'), /was not authorized: access_denied/);
});

test('a wrong line is explained, the next one is taken', async () => {
  const input = new PassThrough();
  const said: string[] = [];
  const pasted = readPasted(input, 's', (text) => said.push(text));
  input.write(`\n${ADDRESS}\nhttp://127.0.0.1:8765/callback?code=abc&state=s\n`);
  assert.equal(await pasted.code, 'abc');
  assert.equal(said.length, 1);
  pasted.close();
});
