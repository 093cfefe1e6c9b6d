import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { holdfast, tempFolder } from './support.ts';

test('what cannot be understood ends with 2 and a hint', async () => {
  const misspelt = await holdfast(['serv']);
  assert.equal(misspelt.code, 2);
  assert.match(misspelt.stderr, /unknown command 'serv'\n\(Did you mean serve\?\)/);
  const option = await holdfast(['audit', '--jsn']);
  assert.equal(option.code, 2);
  assert.match(option.stderr, /unknown option '--jsn'/);
  const noFile = await holdfast(['import', '/no/such/file.csv']);
  assert.equal(noFile.code, 2);
  assert.equal(noFile.stderr, 'holdfast: /no/such/file.csv: there is no such file\n');
  const nobody = await holdfast(['audit', '--url', 'http://127.0.0.1:9']);
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /nobody answers at http:\/\/127\.0\.0\.1:9\. Start the service with/);
  const shares = await holdfast([
    'rush',
    'http://127.0.0.1:9',
    '--release',
    '0.7',
    '--abandon',
    '1',
  ]);
  assert.equal(shares.code, 2);
  assert.match(shares.stderr, /--abandon are shares: together they must make 1/);
  const scopes = await holdfast(['keys', 'create', '--name', 'x', '--scopes', 'all']);
  assert.equal(scopes.code, 2);
  assert.match(scopes.stderr, /Expected storefront, orders, admin/);
});

test('version and exit codes', async () => {
  const version = await holdfast(['--version']);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(version.code, 0);
  const codes = await holdfast(['help', 'exit-codes']);
  assert.match(codes.stdout, /78 {2}a setting is wrong/);
});

test('config shows each value and where it came from, and keeps secrets', async (t) => {
  const cwd = tempFolder(t);
  writeFileSync(join(cwd, '.env'), 'HOLDFAST_PORT=9001\nHOLDFAST_RETENTION_DAYS=30\n');
  const settings = { HOLDFAST_PORT: '9002', HOLDFAST_KEY: 'hf_secret', HOLDFAST_PROT: '1' };
  const { code, stdout } = await holdfast(['config'], { cwd, settings });
  assert.equal(code, 0);
  assert.match(stdout, /^HOLDFAST_PORT +9002 +environment$/m);
  assert.match(stdout, /^HOLDFAST_RETENTION_DAYS +30 +\.env$/m);
  assert.match(stdout, /^HOLDFAST_HOST +127\.0\.0\.1 +default$/m);
  assert.match(stdout, /^HOLDFAST_KEY +\(set\) +environment$/m);
  assert.match(stdout, /^warning: HOLDFAST_PROT .* did you mean HOLDFAST_PORT\?$/m);
  assert.doesNotMatch(stdout, /hf_secret/);
  const json = await holdfast(['config', 'check', '--json'], { cwd, settings });
  assert.deepEqual((JSON.parse(json.stdout) as { given: number }).given, 3);
});

test('wrong settings end every command that needs them with 78, all named', async (t) => {
  const settings = {
    HOLDFAST_PORT: 'x',
    HOLDFAST_STORE: 'postgres://:pw@host',
    HOLDFAST_ERP: 'sap',
  };
  for (const command of ['serve', 'config', 'audit']) {
    const { code, stderr } = await holdfast([command], { cwd: tempFolder(t), settings });
    assert.equal(code, 78, command);
    assert.match(stderr, /3 settings are wrong/);
    assert.match(stderr, /HOLDFAST_PORT=x: expected a whole number/);
    assert.match(stderr, /the PostgreSQL store is not in this version/);
    assert.match(stderr, /HOLDFAST_ERP=sap: expected one of none, bling, webhook/);
    assert.doesNotMatch(stderr, /pw/);
  }
});
