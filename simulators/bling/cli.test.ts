import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { send, type Lifetime } from './testing.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

function run(t: Lifetime, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const said = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(text)) resolve(text);
      };
      child.stdout.on('data', look);
      void ended.then(() => reject(new Error(`ended after saying: ${text}`)));
      look();
    });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  }
  return { child, ended, said, text: () => text };
}

test('it greets with settings that work, and ends when told', async (t) => {
  const { child, ended, said } = run(
    t,
    ...['--port', '0', '--products', '3', '--stock', '7', '--redirect-uri', ''],
  );
  const greeting = await said(/Ctrl-C/);
  const setting = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(greeting)![1]!;
  const api = setting('HOLDFAST_BLING_API_URL');
  const oauth = setting('HOLDFAST_BLING_OAUTH_URL');
  const id = setting('HOLDFAST_BLING_CLIENT_ID');
  const basic = Buffer.from(`${id}:${setting('HOLDFAST_BLING_CLIENT_SECRET')}`).toString('base64');
  const page = await send(`${oauth}/oauth/authorize?response_type=code&client_id=${id}`);
  const code = /<h1>(\w+)<\/h1>/.exec(page.text)![1]!;
  const tokens = await send(`${oauth}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, 'enable-jwt': '1' },
    body: new URLSearchParams({ grant_type: 'authorization_code', code }),
  });
  const { access_token: token } = tokens.body as { access_token: string };
  const deposits = await send(`${api}/depositos`, {
    headers: { authorization: `Bearer ${token}`, 'enable-jwt': '1' },
  });
  const [first] = (deposits.body as { data: { id: number }[] }).data;
  assert.equal(String(first!.id), setting('HOLDFAST_BLING_DEPOSIT_ID'));
  const control = new URL('/__control/balances', api).href;
  const balances = (await send(control)).body as { physical: number }[];
  assert.deepEqual(
    balances.map(({ physical }) => physical),
    [7, 7, 7],
  );
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
});

test('an option that makes no sense stops it with the reason', async (t) => {
  for (const [option, value, reason] of [
    ['--port', 'x', /^--port is a number from 0 up, not x\n/],
    ['--speed', '-1', /^--speed is a number from 0 to 100000, not -1\n/],
    ['--no-such', '1', /--no-such/],
  ] as const) {
    const { ended, text } = run(t, `${option}=${value}`);
    assert.equal(await ended, 2);
    assert.match(text(), reason);
  }
});
