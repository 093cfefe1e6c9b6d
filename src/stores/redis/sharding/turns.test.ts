import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Turns } from './turns.ts';

function names(...all: string[]) {
  return { waitsFor: all, holds: all };
}

void it('who names the same waits, who does not goes on; a failure ends a turn too', async () => {
  const turns = new Turns();
  const done: string[] = [];
  const first = Promise.withResolvers<undefined>();
  const work = (name: string, until?: Promise<unknown>) => async () => {
    await until;
    done.push(name);
  };
  assert.ok(turns.isFree(names('A')));
  const all = [
    turns.take(names('A', 'B'), work('first', first.promise)),
    turns.take(names('B', 'C'), work('second')),
    turns.take(names('D'), work('beside')),
    turns.take(names('C'), () => Promise.reject(new Error('third'))),
    turns.take(names('C'), work('fourth')),
  ];
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(done, ['beside']);
  assert.deepEqual([turns.isFree(names('C')), turns.isFree(names('D'))], [false, true]);
  first.resolve(undefined);
  const results = await Promise.allSettled(all);
  assert.deepEqual(done, ['beside', 'first', 'second', 'fourth']);
  assert.equal(results[3]?.status, 'rejected');
  assert.ok(turns.isFree(names('A', 'B', 'C', 'D')));
});

void it('who waits for a name waits for all that hold it, also where these do not wait for each other', async () => {
  const turns = new Turns();
  const ends = ['first', 'second', 'third'].map((name) => ({
    name,
    ...Promise.withResolvers<undefined>(),
  }));
  const begun: string[] = [];
  const beside = ends.map(({ name, promise }) =>
    turns.take({ waitsFor: [], holds: ['verbs', 'verbs'] }, async () => {
      begun.push(name);
      await promise;
    }),
  );
  const after = turns.take(
    { waitsFor: ['verbs'], holds: [] },
    async () => void begun.push('after'),
  );
  // In an order of their own, the first of them last.
  for (const { resolve } of ends.toReversed()) {
    await new Promise((turn) => setImmediate(turn));
    assert.deepEqual(begun, ['first', 'second', 'third']);
    resolve(undefined);
  }
  await Promise.all([...beside, after]);
  assert.equal(begun.at(-1), 'after');
  assert.ok(turns.isFree({ waitsFor: ['verbs'], holds: [] }));
});
