import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import test from 'node:test';
import { authenticate, createApiKey, type ApiKeyRecord } from './api-keys.ts';

const fill = (bytes: Uint8Array): unknown => randomFillSync(bytes);

function directory(...records: ApiKeyRecord[]) {
  return {
    find: (id: string) => records.find((record) => record.id === id),
    enabled: () => records.length > 0,
  };
}

test('a new key opens with its secret and with no other', () => {
  const one = createApiKey({ name: 'shop', scopes: ['orders', 'storefront'] }, fill, 5);
  const two = createApiKey({ name: 'erp', scopes: ['admin'] }, fill, 6);
  const keys = directory(one.record, two.record);
  assert.deepEqual(one.record.scopes, ['storefront', 'orders']);
  assert.equal(one.record.createdAt, 5);
  assert.equal(authenticate(keys, one.key), one.record);
  assert.equal(authenticate(keys, two.key), two.record);
  const secret = one.key.split('_').slice(2).join('_');
  assert.equal(authenticate(keys, `hf_${two.record.id}_${secret}`), undefined);
});

test('what is kept does not contain the secret', () => {
  const { key, record } = createApiKey({ name: 'shop', scopes: ['admin'] }, fill, 0);
  const secret = key.slice(`hf_${record.id}_`.length);
  assert.ok(Buffer.from(secret, 'base64url').length >= 24);
  assert.ok(!JSON.stringify(record).includes(secret));
  assert.match(record.secretHash, /^[0-9a-f]{64}$/);
});

test('every changed character, and whatever is no key, is refused', () => {
  const { key, record } = createApiKey({ name: 'shop', scopes: ['admin'] }, fill, 0);
  const keys = directory(record);
  for (let index = 0; index < key.length; index += 1) {
    const other = key[index] === 'A' ? 'B' : 'A';
    const changed = key.slice(0, index) + other + key.slice(index + 1);
    assert.equal(authenticate(keys, changed), undefined, String(index));
  }
  const wrong = [
    '',
    'hf_',
    'hf__',
    key.slice(0, -1),
    `${key}A`,
    ` ${key}`,
    `${key}\n`,
    key.toUpperCase(),
  ];
  for (const text of wrong) assert.equal(authenticate(keys, text), undefined, text);
});

test('a damaged record opens to nobody', () => {
  const { key, record } = createApiKey({ name: 'shop', scopes: ['admin'] }, fill, 0);
  for (const secretHash of ['', 'zz', record.secretHash.slice(2)]) {
    assert.equal(authenticate(directory({ ...record, secretHash }), key), undefined);
  }
});

test('a key without a scope is a mistake', () => {
  assert.throws(() => createApiKey({ name: 'x', scopes: [] }, fill, 0), TypeError);
});
