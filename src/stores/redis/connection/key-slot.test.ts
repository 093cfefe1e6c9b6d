import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOfKey } from './key-slot.ts';

void test('slots as Redis computes them', () => {
  // The check value of CRC16/XMODEM, and what CLUSTER KEYSLOT answers.
  assert.equal(slotOfKey('123456789'), 0x31c3);
  assert.equal(slotOfKey(''), 0);
  assert.equal(slotOfKey('foo'), 12_182);
  assert.equal(slotOfKey('a{foo}b{bar}'), 12_182);
  assert.equal(slotOfKey('{}foo'), slotOfKey('{}foo'));
  assert.notEqual(slotOfKey('{}foo'), 12_182);
  assert.notEqual(slotOfKey('{foo'), 12_182);
});
