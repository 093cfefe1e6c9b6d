import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { describe, it } from 'node:test';
import { createIdSource } from './ids.ts';

const AT = Date.UTC(2027, 0, 15, 8);
const strong = (buffer: Uint8Array): unknown => webcrypto.getRandomValues(buffer);

describe('reservation ids', () => {
  it('are UUIDs of version 7, also when the pool of random bytes is used up and filled again', () => {
    const newId = createIdSource(strong, () => AT);
    const ids = Array.from({ length: 2_000 }, newId);
    for (const id of ids) {
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    assert.equal(new Set(ids).size, ids.length);
  });

  it('begin with the time in 48 bits, so that later ones sort behind', () => {
    let now = AT;
    const newId = createIdSource(strong, () => now);
    assert.equal(parseInt(newId().replaceAll('-', '').slice(0, 12), 16), AT);
    const first = newId();
    now += 1;
    assert.ok(newId() > first);
    now = 0;
    assert.match(newId(), /^00000000-0000-7/);
    now = 2 ** 48 - 1;
    assert.match(newId(), /^ffffffff-ffff-7/);
  });

  it('take a fraction of a millisecond as the whole one before it', () => {
    const newId = createIdSource(strong, () => AT + 0.999);
    assert.equal(parseInt(newId().replaceAll('-', '').slice(0, 12), 16), AT);
  });

  it('show every one of their 74 random bits, and no byte of the pool twice', () => {
    // A pool that counts: byte n is n, so that each id must show ten bytes that no other shows.
    let filled = 0;
    const counting = (buffer: Uint8Array): void => {
      filled += 1;
      for (let index = 0; index < buffer.length; index += 1) buffer[index] = index & 0xff;
    };
    const newId = createIdSource(counting, () => AT);
    assert.equal(newId().slice(14), '7001-8203-040506070809');
    assert.equal(newId().slice(14), '7a0b-8c0d-0e0f10111213');
    assert.equal(filled, 1);
    const ones = createIdSource(
      (buffer) => buffer.fill(0xff),
      () => 0,
    );
    assert.equal(ones(), '00000000-0000-7fff-bfff-ffffffffffff');
  });
});
