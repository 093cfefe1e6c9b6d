import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { call, holdfast, serve, tempFolder } from './support.ts';

/** Days are too long for a test: what is kept are the newest entries, of a service whose days are none. */
test('the ledger exported and noted; refused where a gap would be left, or the books are others', async (t) => {
  const cwd = tempFolder(t);
  const settings = { HOLDFAST_LEDGER_KEEP_DAYS: '1', HOLDFAST_LEDGER_KEEP_ENTRIES: '2' };
  const service = await serve(t, cwd, settings);
  const run = (...args: string[]) => holdfast(['export', ...args], { cwd });
  const ledger = ['--what', 'ledger', '--format', 'ndjson', '--url', service.url];
  for (const sku of ['A', 'B', 'C']) await call(service, 'PUT', `/stock/${sku}`, { on_hand: 5 });

  const first = await run(...ledger, '--output', 'one.ndjson', '--trim');
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stderr,
    /Wrote 3 rows of ledger to one\.ndjson\.\nEntries up to 3 are noted as exported\. Trimmed 0 entries; of the last 1 day, and of the newest 2, all are kept\./,
  );
  assert.equal((await call(service, 'GET', '/ledger')).body['exported_through'], 3);
  await call(service, 'PUT', '/stock/D', { on_hand: 5 });
  await call(service, 'PUT', '/stock/E', { on_hand: 5 });

  const gap = await run(...ledger, '--after', '4', '--output', 'gap.ndjson', '--trim');
  assert.equal(gap.code, 2);
  assert.match(
    gap.stderr,
    /entries 4 to 4 are in no export yet: with --trim, --after is at most 3/,
  );
  assert.ok(!existsSync(join(cwd, 'gap.ndjson')));

  const next = await run(...ledger, '--after', '3', '--output', 'two.ndjson', '--trim', '--json');
  assert.equal(next.code, 0, next.stderr);
  assert.deepEqual(JSON.parse(next.stdout), {
    ...{ what: 'ledger', format: 'ndjson', rows: 2, file: 'two.ndjson' },
    ...{ exported_through: 5, trimmed: 0, trimmed_through: 0 },
  });
  const seqs = readFileSync(join(cwd, 'two.ndjson'), 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    seqs.map((line) => (JSON.parse(line) as { seq: number }).seq),
    [4, 5],
  );

  const elsewhere = tempFolder(t);
  const other = await serve(t, elsewhere, settings);
  for (const sku of ['A', 'B', 'C', 'D', 'F']) {
    await call(other, 'PUT', `/stock/${sku}`, { on_hand: 5 });
  }
  const wrong = await run('--what', 'ledger', '--output', 'x.csv', '--trim', '--url', other.url);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /has other books than those that were exported/);
  assert.equal((await call(other, 'GET', '/ledger')).body['exported_through'], 0);
});

test('--trim and --after are of the ledger, and --trim of a file', async (t) => {
  const cwd = tempFolder(t);
  for (const args of [
    ['--trim', '--output', 'x'],
    ['--what', 'stock', '--after', '3'],
  ]) {
    const refused = await holdfast(['export', ...args], { cwd });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /add --what ledger/);
  }
  const nowhere = await holdfast(['export', '--what', 'ledger', '--trim'], { cwd });
  assert.match(nowhere.stderr, /--trim needs --output/);
  const number = await holdfast(['export', '--what', 'ledger', '--after', 'x'], { cwd });
  assert.match(number.stderr, /Expected a whole number/);
});
