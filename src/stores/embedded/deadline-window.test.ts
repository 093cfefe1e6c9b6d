import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineWindow, type Deadline } from './deadline-window.ts';

function inOrder(a: Deadline, b: Deadline): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** A table of deadlines and the window on it, which must say what the table says. */
class Fixture {
  readonly rows = new Map<string, Deadline>();
  reads = 0;
  readonly window = new DeadlineWindow((after, limit) => {
    this.reads += 1;
    return this.sorted()
      .filter((row) => inOrder(after, row) < 0)
      .slice(0, limit);
  });

  sorted(): Deadline[] {
    return [...this.rows.values()].sort(inOrder);
  }

  add(at: number, id: string): void {
    const row = { at, id };
    this.rows.set(id, row);
    this.window.add(row);
  }

  remove(id: string): void {
    const row = this.rows.get(id);
    assert.ok(row);
    this.rows.delete(id);
    this.window.remove(row);
  }

  check(time: number, limit: number): void {
    const expected = this.sorted()
      .filter(({ at }) => at <= time)
      .slice(0, limit);
    assert.deepEqual(this.window.upTo(time, limit), expected);
    const first = this.sorted()[0];
    if (first !== undefined) assert.ok(this.window.earliest() <= first.at);
  }
}

test('what is due, in order, whatever comes and goes', () => {
  const fixture = new Fixture();
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state % below;
  };
  for (let index = 0; index < 3_000; index += 1) {
    fixture.rows.set(`r${index}`, { at: random(5_000), id: `r${index}` });
  }
  let now = 0;
  for (let step = 0; step < 9_000; step += 1) {
    const roll = random(10);
    if (roll < 5) fixture.add(now + random(roll === 0 ? 20 : 6_000), `n${step}`);
    else if (roll < 7 && fixture.rows.size > 0) fixture.remove([...fixture.rows.keys()][0] ?? '');
    else now += random(3);
    if (step % 10 > 0) continue;
    fixture.check(now, 1 + random(80));
    for (const { id } of fixture.window.upTo(now, 50)) fixture.remove(id);
  }
});

test('while nothing is due it reads nothing', () => {
  const fixture = new Fixture();
  for (let index = 0; index < 5_000; index += 1) {
    fixture.rows.set(`r${index}`, { at: 1_000 + index, id: `r${index}` });
  }
  fixture.check(500, 10);
  const { reads } = fixture;
  for (let step = 0; step < 1_000; step += 1) fixture.check(999, 64);
  assert.equal(fixture.reads, reads);
});

test('it holds no more than its bound, however much is added in its reach', () => {
  const fixture = new Fixture();
  fixture.check(10, 1);
  for (let index = 0; index < 20_000; index += 1) fixture.add(100 + index, `r${index}`);
  fixture.check(20_100, 20_000);
});
