import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ActiveUnits, sumOf, type LineColumns } from './active-units.ts';

/** mulberry32 */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

interface Line {
  readonly sku: number;
  readonly at: number;
  readonly units: number;
}

function nextAfter(lines: readonly Line[], sku: number, time: number): number | null {
  const later = lines.filter((line) => line.sku === sku && line.at > time).map(({ at }) => at);
  return later.length === 0 ? null : Math.min(...later);
}

function unitsUpTo(lines: readonly Line[], sku: number, time: number): number {
  return lines.reduce(
    (sum, line) => (line.sku === sku && line.at <= time ? sum + line.units : sum),
    0,
  );
}

/** From few SKUs with many lines to many with few; deadlines that rise, and deadlines in any order. */
const SHAPES = [
  { name: 'one SKU, rising deadlines', skus: 1, rising: true },
  { name: 'a few SKUs, any order', skus: 3, rising: false },
  { name: 'many SKUs, rising deadlines', skus: 400, rising: true },
  { name: 'many SKUs, any order', skus: 400, rising: false },
];

for (const { name, skus, rising } of SHAPES) {
  test(`answers as a plain list does: ${name}`, () => {
    const random = randomSource(skus + Number(rising));
    const units = new ActiveUnits();
    const lines: Line[] = [];
    for (let step = 0; step < 6_000; step += 1) {
      // Grows, then shrinks to nothing, so that blocks split and join.
      const grow = step < 3_500 ? random(10) < 8 : random(10) < 1;
      if (grow || lines.length === 0) {
        const at = rising ? 1_000 + Math.floor(step / 3) : 1_000 + random(800);
        const line = { sku: 1 + random(skus), at, units: 1 + random(9) };
        lines.push(line);
        units.add(line.sku, line.at, line.units);
      } else {
        const [line] = lines.splice(random(lines.length), 1) as [Line];
        units.remove(line.sku, line.at, line.units);
      }
      if (step % 7 > 0) continue;
      const sku = 1 + random(skus);
      const time = 900 + random(2_500);
      assert.equal(units.nextAfter(sku, time), nextAfter(lines, sku, time), `step ${step}`);
      assert.equal(units.nextAfter(sku, -1), nextAfter(lines, sku, -1), `step ${step}`);
      assert.equal(units.unitsUpTo(sku, time), unitsUpTo(lines, sku, time), `step ${step}`);
    }
    for (const line of lines) units.remove(line.sku, line.at, line.units);
    for (let sku = 1; sku <= skus; sku += 1) assert.equal(units.nextAfter(sku, -1), null);
  });
}

test('a line that was never added is a bug, not a silent nothing', () => {
  const units = new ActiveUnits();
  units.add(1, 10, 2);
  assert.throws(() => units.remove(1, 11, 2), /no active line/);
  assert.throws(() => units.remove(2, 10, 2), /no active line/);
});

test('loading many lines at once comes to the same as adding them', () => {
  const random = randomSource(3);
  for (const count of [0, 1, 2_000]) {
    const lines = Array.from({ length: count }, (_, index) => {
      return { sku: 1 + random(40), at: 5_000 + Math.floor(index / 7), units: 1 + random(9) };
    });
    const units = new ActiveUnits();
    units.load({
      length: count,
      sku: Uint32Array.from([...lines.map(({ sku }) => sku), 9, 9]),
      at: Float64Array.from(lines.map(({ at }) => at)),
      units: Uint32Array.from(lines.map((line) => line.units)),
    });
    for (let probe = 0; probe < 400; probe += 1) {
      const sku = 1 + random(42);
      const time = 4_900 + random(500);
      assert.equal(units.nextAfter(sku, time), nextAfter(lines, sku, time));
      assert.equal(units.unitsUpTo(sku, time), unitsUpTo(lines, sku, time));
    }
    const { sum } = units;
    for (const { sku, at, units: quantity } of lines) units.remove(sku, at, quantity);
    assert.equal(units.sum, 0);
    for (const { sku, at, units: quantity } of lines) units.add(sku, at, quantity);
    assert.equal(units.sum, sum);
  }
});

test('a bit changed anywhere in a line makes another sum', () => {
  const columns = (sku: number, at: number, units: number): LineColumns => ({
    length: 2,
    sku: Uint32Array.of(sku, 7),
    at: Float64Array.of(at, 1_800_000_000_000),
    units: Uint32Array.of(units, 3),
  });
  const [sku, at, units] = [123_456, 1_800_000_123_456, 2];
  const sum = sumOf(columns(sku, at, units));
  for (let bit = 0; bit < 32; bit += 1) {
    assert.notEqual(sumOf(columns((sku ^ (1 << bit)) >>> 0, at, units)), sum, `SKU, bit ${bit}`);
    assert.notEqual(sumOf(columns(sku, at, (units ^ (1 << bit)) >>> 0)), sum, `units, bit ${bit}`);
  }
  for (let bit = 0; bit < 48; bit += 1) {
    const flipped = Number(BigInt(at) ^ (1n << BigInt(bit)));
    assert.notEqual(sumOf(columns(sku, flipped, units)), sum, `deadline, bit ${bit}`);
  }
});
