import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { authenticate, createApiKey, type NewApiKey } from '../../engine/api-keys.ts';
import { ApiKeyFile, ApiKeyFileError } from './api-key-file.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-keys-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function newKey(name = 'shop'): NewApiKey {
  return createApiKey({ name, scopes: ['storefront'] }, (b) => randomFillSync(b), Date.now());
}

test('a key that was added is found by another reader of the folder, and only its hash is kept', async (t) => {
  const path = folder(t);
  const { key, record } = newKey();
  const file = await ApiKeyFile.open(path);
  assert.equal(file.enabled(), false);
  await file.add(record);
  assert.ok(file.enabled());
  const other = await ApiKeyFile.open(path);
  assert.deepEqual(await other.list(), [record]);
  assert.deepEqual(authenticate(other, key), record);
  assert.equal(
    authenticate(other, `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`),
    undefined,
  );
  const text = readFileSync(file.path, 'utf8');
  assert.ok(!text.includes(key.split('_')[2] ?? '?'));
  assert.equal(statSync(file.path).mode & 0o777, 0o600);
});

test('a running reader sees keys come and go, and stays closed when the last one goes', async (t) => {
  const path = folder(t);
  const running = await ApiKeyFile.open(path);
  t.after(running.watch((error) => assert.fail(String(error))));
  const { record } = newKey();
  const operator = await ApiKeyFile.open(path);
  await operator.add(record);
  for (let tries = 0; running.find(record.id) === undefined; tries += 1) {
    assert.ok(tries < 100, 'never seen');
    await sleep(50);
  }
  assert.equal(await operator.revoke(record.id), true);
  for (let tries = 0; running.find(record.id) !== undefined; tries += 1) {
    assert.ok(tries < 100, 'never gone');
    await sleep(50);
  }
  assert.equal(running.enabled(), true);
  assert.equal(await operator.revoke(record.id), false);
});

test('many commands at the same moment lose no key', async (t) => {
  const path = folder(t);
  const keys = Array.from({ length: 12 }, (_, n) => newKey(`key ${n}`));
  await Promise.all(
    keys.map(async ({ record }) => {
      const file = await ApiKeyFile.open(path);
      await file.add(record);
    }),
  );
  const file = await ApiKeyFile.open(path);
  assert.equal((await file.list()).length, keys.length);
});

test('the lock of a process that died is removed', async (t) => {
  const path = folder(t);
  const file = await ApiKeyFile.open(path);
  const lock = `${file.path}.lock`;
  writeFileSync(lock, '');
  utimesSync(lock, 1, 1);
  await file.add(newKey().record);
  assert.equal((await file.list()).length, 1);
});

test('a file that is not ours is refused, never taken for "no keys"', async (t) => {
  const path = folder(t);
  for (const text of ['', '{', '[]', '{"version":2,"keys":[]}', '{"version":1,"keys":[{}]}']) {
    writeFileSync(join(path, 'api-keys.json'), text);
    await assert.rejects(ApiKeyFile.open(path), ApiKeyFileError);
  }
});

test('while running, a damaged file is complained of once and the keys stay as they were', async (t) => {
  const path = folder(t);
  const { record } = newKey();
  const running = await ApiKeyFile.open(path);
  await running.add(record);
  const errors: unknown[] = [];
  t.after(running.watch((error) => errors.push(error)));
  writeFileSync(running.path, '{');
  await sleep(2_300);
  assert.equal(errors.length, 1);
  assert.deepEqual(running.find(record.id), record);
});
