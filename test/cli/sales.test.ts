import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { call, holdfast, serve, sharedFile, tempFolder } from './support.ts';

interface Replayed {
  readonly passed: boolean;
  readonly units: Record<string, number>;
  readonly carts_sold: number;
  readonly carts_refused: Record<string, { units: number }>;
  readonly audit: { readonly ok: boolean };
  readonly file: { readonly rows: Record<string, number>; readonly records: number };
}

test("three days of a real wholesaler's orders: every unit accounted for, and the books agree", async (t) => {
  const cwd = tempFolder(t);
  const service = await serve(t, cwd);
  const file = sharedFile('online-retail-part1.csv');
  const replayed = await holdfast(['replay', file, '--url', service.url, '--json'], { cwd });
  assert.equal(replayed.code, 0, replayed.stderr);
  const result = JSON.parse(replayed.stdout) as Replayed;
  assert.equal(result.passed, true);
  assert.equal(result.carts_sold, 268);
  assert.deepEqual(result.units, {
    offered: 56_560,
    sold: 56_512,
    cancelled: 14,
    cancelled_before_file: 10_455,
    written_off: 48,
    remaining: 14,
  });
  const rows = Object.values(result.file.rows).reduce((sum, each) => sum + each, 0);
  assert.equal(rows, result.file.records);
  assert.equal(result.audit.ok, true);
  const audited = await holdfast(['audit'], { cwd });
  assert.equal(audited.code, 0, audited.stdout);
  assert.match(audited.stdout, /1,585 SKUs, 268 reservations/);

  const scarce = await holdfast(['replay', file, '--url', service.url, '--stock', '20', '--json'], {
    cwd,
  });
  assert.equal(scarce.code, 0, scarce.stderr);
  const less = JSON.parse(scarce.stdout) as Replayed;
  const refused = Object.values(less.carts_refused).reduce((sum, { units }) => sum + units, 0);
  assert.equal((less.units['sold'] ?? 0) + refused, 56_512);
  assert.equal((await holdfast(['audit'], { cwd })).code, 0);
});

test('a replay takes cancellations back from what the customer bought, and reads columns by name', async (t) => {
  const cwd = tempFolder(t);
  const service = await serve(t, cwd, {}, ['--store', 'memory']);
  writeFileSync(
    join(cwd, 'orders.csv'),
    [
      'nr;artikel;anzahl;kunde',
      '1;HAT-1;3;ana',
      '2;HAT-1;2;ana',
      '3;HAT-1;4;beto',
      'C4;HAT-1;-4;ana',
      'C5;HAT-1;-9;beto',
      'C6;CAP-2;-1;carla',
      '7;CAP-2;-2;',
      '8;POST;1;ana',
    ].join('\n'),
  );
  const columns =
    '--order-column nr --sku-column artikel --quantity-column anzahl --customer-column kunde';
  const run = (...args: string[]) =>
    holdfast(['replay', 'orders.csv', '--url', service.url, ...columns.split(' '), ...args], {
      cwd,
    });
  const read = await run('--dry-run');
  assert.equal(read.code, 0, read.stderr);
  assert.match(read.stdout, /order “nr”, sku “artikel”/);
  const { code, stdout } = await run();
  assert.equal(code, 0, stdout);
  assert.match(stdout, /sold +9 +9$/m);
  assert.match(
    stdout,
    /cancelled +14 +8 +the other 6 units, on 2 lines: bought before the file began/,
  );
  assert.match(stdout, /written off +2 +2$/m);
  assert.match(stdout, /not products \(POST 1\)/);
  assert.equal((await call(service, 'GET', '/stock/HAT-1')).body['available'], 8);
  assert.equal((await call(service, 'GET', '/stock/CAP-2')).body['available'], 0);
});

test('a replay of a file with unreadable rows plays nothing unless told to', async (t) => {
  const cwd = tempFolder(t);
  const service = await serve(t, cwd, {}, ['--store', 'memory']);
  writeFileSync(join(cwd, 'orders.csv'), 'order,sku,quantity\n1,HAT-1,3\n2,HAT-1,many\n');
  const stopped = await holdfast(['replay', 'orders.csv', '--url', service.url], { cwd });
  assert.equal(stopped.code, 1);
  assert.match(stopped.stdout, /^line 3: error: Expected the quantity/m);
  assert.match(stopped.stdout, /Nothing was played: 1 row cannot be read\./);
  const played = await holdfast(
    ['replay', 'orders.csv', '--url', service.url, '--skip-unreadable'],
    { cwd },
  );
  assert.equal(played.code, 0, played.stdout);
  assert.match(played.stdout, /1 unreadable/);
});

test('a rush takes the service from its arguments, its key from the environment, and ends with its verdict', async (t) => {
  const cwd = tempFolder(t);
  const created = await holdfast(['keys', 'create', '--name', 'me', '--scopes', 'admin'], { cwd });
  const service = await serve(t, cwd);
  const rush = ['rush', service.url, '--buyers', '200', '--stock', '20', '--json'];
  const keyless = await holdfast(rush, { cwd });
  assert.equal(keyless.code, 2);
  const { code, stdout, stderr } = await holdfast(rush, {
    cwd,
    settings: { HOLDFAST_KEY: created.stdout.trim() },
  });
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout) as { verdict: string; buyers: { granted: number } };
  assert.deepEqual([result.verdict, result.buyers.granted], ['passed', 20]);
  assert.equal((await holdfast(['rush', service.url, '--buyers', 'many'], { cwd })).code, 2);
});

test('the demo passes and leaves nothing behind', async (t) => {
  const folder = tempFolder(t);
  const settings = { TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: '1' };
  const { code, stdout, stderr } = await holdfast(['demo', '--buyers', '400', '--json'], {
    settings,
  });
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout) as {
    passed: boolean;
    audit: { ok: boolean; skus: number };
    rush: { buyers: { granted: number; refused: number } };
  };
  assert.ok(result.passed && result.audit.ok);
  assert.equal(result.audit.skus, 12);
  assert.equal(result.rush.buyers.granted + result.rush.buyers.refused, 800);
  assert.deepEqual(readdirSync(folder), []);
});
