import assert from 'node:assert/strict';
import { it } from 'node:test';
import { uuid } from '../../../../test/support/commands.ts';
import { slotOfKey } from '../connection/key-slot.ts';
import { Placement, shardTags } from './placement.ts';

void it('a SKU has its shard for good', () => {
  const shards = (count: number): number[] =>
    ['A', 'B', 'sku-1', 'SKU-1', 'Ａ', ''].map((sku) => new Placement(count).shardOf(sku));
  // Books that were written by another version are found by these.
  assert.deepEqual(shards(3), [2, 1, 0, 1, 0, 0]);
  assert.deepEqual(shards(64), [37, 6, 41, 21, 43, 0]);
  assert.deepEqual(shards(1), [0, 0, 0, 0, 0, 0]);
});

void it('SKUs are spread evenly', () => {
  for (const count of [2, 3, 16, 64]) {
    const placement = new Placement(count);
    const found = new Array<number>(count).fill(0);
    for (let n = 0; n < 64_000; n += 1) {
      const shard = placement.shardOf(`SKU-${n}`);
      found[shard] = (found[shard] ?? 0) + 1;
    }
    const fair = 64_000 / count;
    for (const each of found) assert.ok(each > fair * 0.8 && each < fair * 1.2, String(found));
  }
});

void it('an id is placed where its lines are; of several shards, at the last', () => {
  const placement = new Placement(64);
  const skus = ['A', 'B', 'C', 'D'];
  for (let n = 0; n < 500; n += 1) {
    const id = uuid(n);
    for (const wanted of [skus.slice(0, 1), skus]) {
      const placed = placement.place(id, wanted);
      const home = Math.max(...wanted.map((sku) => placement.shardOf(sku)));
      assert.equal(placement.homeOf(placed), home);
      assert.match(placed, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
      assert.equal(placed.slice(18), id.slice(18));
      assert.equal(placement.place(placed, wanted), placed);
    }
  }
});

void it('the slots of shards are spread over a cluster; one shard keeps the tag as it is', () => {
  assert.deepEqual(shardTags('shop', 1), ['shop']);
  for (const count of [2, 3, 7, 64]) {
    const tags = shardTags('shop', count);
    assert.equal(new Set(tags).size, count);
    for (const [shard, tag] of tags.entries()) {
      const slot = slotOfKey(`{${tag}}:meta`);
      assert.equal(Math.floor((slot * count) / 16_384), shard);
    }
  }
  assert.deepEqual(shardTags('holdfast', 3), shardTags('holdfast', 3));
});
