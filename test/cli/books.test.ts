import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { call, holdfast, serve, sharedFile, tempFolder } from './support.ts';

test('a file with wrong rows is refused row by row, and nothing is sent', async () => {
  const file = sharedFile('shopify-products-apparel.csv');
  const { code, stdout } = await holdfast(['import', file, '--url', 'http://127.0.0.1:9']);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^line 2: error in Variant SKU: ocean-blue-shirt has no SKU: .*--sku-from handle/m,
  );
  assert.match(stdout, /Nothing was sent: .* has 22 errors in 22 rows\./);
  const json = await holdfast(['import', file, '--json', '--url', 'http://127.0.0.1:9']);
  const told = JSON.parse(json.stdout) as Record<string, unknown>;
  assert.deepEqual([told['imported'], told['rows'], told['errors']], [false, 22, 22]);
});

test('the stock of a real shop: tried, imported, exported, imported again, backed up, restored', async (t) => {
  const cwd = tempFolder(t);
  const service = await serve(t, cwd);
  const run = (...args: string[]) => holdfast(args, { cwd });
  const file = sharedFile('shopify-products-apparel.csv');
  const shopify = ['import', file, '--sku-from', 'handle', '--url', service.url];

  const tried = await run(...shopify, '--dry-run');
  assert.equal(tried.code, 0, tried.stderr);
  assert.match(tried.stdout, /^classic-varsity-top-small +0 +1 +created$/m);
  assert.match(tried.stdout, /nothing has changed/);
  const triedJson = await run(...shopify, '--dry-run', '--json');
  const told = JSON.parse(triedJson.stdout) as Record<string, unknown>;
  assert.deepEqual([told['imported'], told['dry_run'], told['created']], [false, true, 22]);
  assert.deepEqual([told['rows'], told['errors'], told['warnings']], [22, 0, 0]);
  assert.equal((await call(service, 'GET', '/stock/led-high-tops')).status, 404);
  const imported = await run(...shopify);
  assert.match(imported.stdout, /Set 22 SKUs \(22 named by their handle\): 22 new/);
  assert.equal((await call(service, 'GET', '/stock/led-high-tops')).body['available'], 1);

  const policy = { safety_stock: 1, max_per_customer: 2, opens_at: '2026-11-27T03:00:00Z' };
  await call(service, 'PUT', '/stock/with,comma', { on_hand: 7, ...policy });
  const exported = await run('export', '--output', 'stock.csv');
  assert.equal(exported.code, 0, exported.stderr);
  const lines = readFileSync(join(cwd, 'stock.csv'), 'utf8').trimEnd().split('\r\n');
  assert.equal(lines.length, 24);
  assert.ok(lines.includes('"with,comma",7,1,none,2,none,2026-11-27T03:00:00.000Z,none'));
  const again = await run('import', 'stock.csv', '--url', service.url);
  assert.match(again.stdout, /0 new, 0 changed, 23 as they were/);
  const piped = await holdfast(['import', '-', '--url', service.url], {
    cwd,
    input: (await run('export', '--format', 'ndjson')).stdout,
  });
  assert.match(piped.stdout, /0 new, 0 changed, 23 as they were/);

  await call(service, 'POST', '/stock/led-high-tops/reserve', { customer_id: 'ana' });
  const reservations = await run('export', '--what', 'reservations', '--format', 'ndjson');
  assert.equal((JSON.parse(reservations.stdout) as { customer_id: string }).customer_id, 'ana');
  await call(service, 'PUT', '/stock/led-high-tops', { opens_at: '2020-01-01T00:00:00Z' });
  const ledger = await run('export', '--what', 'ledger');
  assert.match(ledger.stdout, /,policy,led-high-tops,.*2020-01-01T00:00:00\.000Z/);
  assert.match(ledger.stdout, /^\d+,[^,]+,reserve,led-high-tops,[^,]+,0,1,0,0,/m);

  const backup = await run('backup', 'copy.db', '--json');
  assert.equal(backup.code, 0, backup.stderr);
  assert.equal((await run('backup', 'copy.db')).code, 2);
  const audited = await run('audit', '--json');
  const report = JSON.parse(audited.stdout) as Record<string, unknown>;
  assert.deepEqual([audited.code, report['ok'], report['skus']], [0, true, 23]);
  const restored = await run('restore', 'copy.db', '--data-dir', 'elsewhere');
  assert.match(restored.stdout, /to elsewhere: 23 SKUs, 1 reservation\.\nIts audit passed\./);
  const refused = await run('restore', 'copy.db', '--data-dir', 'elsewhere');
  assert.deepEqual([refused.code, refused.stdout], [2, '']);
  assert.match(refused.stderr, /with --replace they are moved aside/);
  writeFileSync(join(cwd, 'notes.db'), 'these are notes, and no database at all'.repeat(99));
  const notes = await run('restore', 'notes.db', '--data-dir', 'elsewhere', '--replace');
  assert.equal(notes.code, 2);
  assert.match(notes.stderr, /notes\.db is no backup of Holdfast's books: it is not a database\n$/);
  const replaced = await run('restore', 'copy.db', '--data-dir', 'elsewhere', '--replace');
  assert.match(replaced.stdout, /The books that were there are now in \S+replaced-/);
});

test('an export that fails leaves no half file', async (t) => {
  const cwd = tempFolder(t);
  const { code, stderr } = await holdfast(['export', '--output', 'x.csv'], { cwd });
  assert.equal(code, 2);
  assert.match(stderr, /there are no books at/);
  assert.ok(!existsSync(join(cwd, 'x.csv')) && !existsSync(join(cwd, 'x.csv.part')));
});

test('a damaged file of books is told apart from one that is not there', async (t) => {
  const cwd = tempFolder(t);
  writeFileSync(
    join(cwd, 'holdfast.db'),
    'these are no books, however long one looks at them'.repeat(99),
  );
  const { code, stdout } = await holdfast(['audit', '--data-dir', '.'], { cwd });
  assert.equal(code, 1);
  assert.match(stdout, /record_damaged: .*holdfast\.db cannot be read/);
});
