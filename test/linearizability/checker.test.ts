/** The checker on an object that everybody knows, one register per name: what it accepts, what it refuses and says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, CheckBudgetError, INFO, type Model, type OperationRecord } from './checker.ts';
import { formatHistory, parseHistory } from './history.ts';

type Input = { readonly name?: string } & ({ readonly write: number } | { readonly read: true });
type Call = OperationRecord<Input, number>;

const registers: Model<number, Input, number> = {
  partition: ({ name = 'x' }) => name,
  init: () => 0,
  step: (state, input, output) => {
    if ('write' in input) return [input.write];
    return output === undefined || output === state ? [state] : [];
  },
  key: String,
};

function write(client: number, value: number, invoke: number, end: number): Call {
  return { client, input: { write: value }, output: value, invoke, return: end };
}

function read(client: number, value: number, invoke: number, end: number): Call {
  return { client, input: { read: true }, output: value, invoke, return: end };
}

function lost(client: number, value: number, invoke: number, end = Infinity): Call {
  return { client, input: { write: value }, output: INFO, invoke, return: end };
}

const accepted: Record<string, Call[]> = {
  'nothing at all': [],
  'one after the other': [write(1, 1, 0, 1), read(2, 1, 2, 3), write(1, 2, 4, 5), read(2, 2, 6, 7)],
  'a read during a write sees the old value': [write(1, 1, 0, 9), read(2, 0, 1, 2)],
  'a read during a write sees the new value': [write(1, 1, 0, 9), read(2, 1, 1, 2)],
  'two reads during a write, first old, then new': [
    write(1, 1, 0, 9),
    read(2, 0, 1, 2),
    read(2, 1, 3, 4),
  ],
  'events at one time are concurrent': [write(1, 1, 0, 5), read(2, 0, 5, 6)],
  'a lost write that nobody sees': [lost(1, 1, 0), read(2, 0, 1, 2), read(2, 0, 3, 4)],
  'a lost write that takes effect late': [lost(1, 1, 0), read(2, 0, 5, 6), read(2, 1, 90, 91)],
  'of two lost writes, both in either order': [
    lost(1, 1, 0),
    lost(2, 2, 0),
    read(3, 2, 5, 6),
    read(3, 1, 7, 8),
  ],
  'the same lost write twice, at different times': [
    lost(1, 1, 0),
    lost(2, 1, 0),
    read(3, 1, 1, 2),
    write(3, 0, 3, 4),
    read(3, 1, 5, 6),
  ],
  'a lost write in time, seen later': [lost(1, 1, 0, 5), read(2, 1, 50, 51)],
};

const refused: Record<string, { readonly calls: Call[]; readonly offender: number }> = {
  'a stale read': { calls: [write(1, 1, 0, 1), read(2, 0, 2, 3)], offender: 1 },
  'new, then old': {
    calls: [write(1, 1, 0, 9), read(2, 1, 1, 2), read(3, 0, 3, 4)],
    offender: 2,
  },
  'a value that nobody wrote': { calls: [write(1, 1, 0, 1), read(2, 7, 0, 1)], offender: 1 },
  'two readers disagree on the order of two writes': {
    calls: [write(1, 1, 0, 1), write(2, 2, 0, 1), read(3, 1, 2, 3), read(4, 2, 4, 5)],
    offender: 3,
  },
  'a lost write seen before it began': { calls: [read(2, 1, 0, 1), lost(1, 1, 2)], offender: 0 },
  'a lost write takes effect only once': {
    calls: [lost(1, 1, 0), read(2, 1, 1, 2), write(2, 0, 3, 4), read(2, 1, 5, 6)],
    offender: 3,
  },
  'a lost write does not come back': {
    calls: [lost(1, 1, 0), read(2, 1, 1, 2), read(2, 0, 3, 4)],
    offender: 2,
  },
  'a lost write takes effect when its time is over': {
    calls: [lost(1, 1, 0, 5), read(2, 0, 7, 8), read(2, 1, 9, 10)],
    offender: 2,
  },
};

for (const [name, calls] of Object.entries(accepted)) {
  test(`accepts: ${name}`, () => {
    const result = check(calls, registers);
    assert.equal(result.ok, true, result.ok ? '' : result.message);
  });
}

for (const [name, { calls, offender }] of Object.entries(refused)) {
  test(`refuses: ${name}`, () => {
    const result = check(calls, registers);
    assert.ok(!result.ok);
    assert.equal(result.offender, calls[offender]);
  });
}

test('a failure says what happened, to whom, and how far an explanation reached', () => {
  const calls = [write(1, 1, 0, 1), write(2, 2, 2, 9), read(3, 1, 3, 4), read(3, 0, 5, 6)];
  const result = check(calls, registers);
  assert.ok(!result.ok);
  assert.equal(result.partition, 'x');
  assert.deepEqual(result.prefix.slice(0, 2), [calls[0], calls[2]]);
  assert.match(result.message, /^not linearizable: x\./);
  assert.match(result.message, /\[5, 6\] client 3: \{"read":true\} -> 0/);
  assert.match(result.message, /places \d of 4 calls/);
});

test('names are judged apart: the wrong one is named, the right one does not hide it', () => {
  const named = (calls: Call[], name: string): Call[] =>
    calls.map((call) => ({ ...call, input: { ...call.input, name } }));
  const right = named([write(1, 1, 0, 1), read(2, 1, 2, 3)], 'right');
  const wrong = named([write(1, 1, 0, 1), read(2, 0, 2, 3)], 'wrong');
  const result = check([...right, ...wrong], registers);
  assert.ok(!result.ok);
  assert.equal(result.partition, 'wrong');
  const both = check([...right, ...named(right, 'left')], registers);
  assert.ok(both.ok);
  assert.deepEqual([...both.witness.keys()], ['right', 'left']);
});

test('writes that are all concurrent cost the sets of them, not the orders', () => {
  const clients = Array.from({ length: 10 }, (_, index) => index);
  const writes = clients.map((client) => write(client, client, 0, 100));
  assert.ok(check([...writes, read(99, 3, 101, 102)], registers).ok);
  const impossible = check([...writes, read(99, 10, 101, 102)], registers);
  assert.ok(!impossible.ok);
  // Sets of writes times the last one among them, and not 10!, which is 3,628,800.
  assert.ok(impossible.configurations <= 10 * 2 ** 10);
});

test('many lost answers cost little where they are not needed', () => {
  const losses = Array.from({ length: 40 }, (_, client) => lost(client, client + 100, client));
  const reads = Array.from({ length: 100 }, (_, index) => read(99, 0, 2 * index, 2 * index + 1));
  const result = check([...losses, ...reads], registers);
  assert.ok(result.ok);
  assert.ok(result.configurations <= 101);
});

test('an undecided search throws: it is neither a yes nor a no', () => {
  const writes = Array.from({ length: 12 }, (_, client) => write(client, client, 0, 100));
  const history = [...writes, read(99, 12, 101, 102)];
  assert.throws(() => check(history, registers, { maxConfigurations: 1_000 }), CheckBudgetError);
});

test('impossible times are a mistake of the recording, not a verdict', () => {
  assert.throws(() => check([write(1, 1, 5, 4)], registers), RangeError);
  assert.throws(() => check([write(1, 1, 5, Infinity)], registers), RangeError);
  assert.throws(() => check([write(1, 1, NaN, 4)], registers), RangeError);
  const placed = { ...write(1, 1, 0, 1), order: { invoke: 0, return: 1 } };
  assert.throws(() => check([placed, write(2, 1, 0, 1)], registers), TypeError);
  const earlier = { ...write(2, 2, 7, 8), order: { invoke: -2, return: -1 } };
  assert.throws(() => check([placed, earlier], registers), /contradict/);
});

test('`order` separates events that a coarse clock puts at one time', () => {
  const calls = [write(1, 1, 0, 0), read(2, 0, 0, 0)];
  assert.ok(check(calls, registers).ok);
  const ordered = calls.map((call, index) => ({
    ...call,
    order: { invoke: 2 * index, return: 2 * index + 1 },
  }));
  assert.ok(!check(ordered, registers).ok);
});

test('a history survives its text form, unanswered calls and their ends included', () => {
  const calls = [write(1, 1, 0, 4), read(2, 0, 1, 2), lost(3, 5, 1), lost(4, 6, 3, 7)];
  const text = formatHistory(calls);
  assert.equal(text.split('\n')[1], 'invoke 0 1 0 {"write":1}');
  assert.match(text, /^info 3 4 7$/m);
  const parsed = parseHistory<Input, number>(text);
  assert.deepEqual(
    parsed.map(({ order: _order, ...call }) => call),
    calls,
  );
  assert.equal(formatHistory(parsed), text);
  assert.throws(() => parseHistory('invoke 0 1'), SyntaxError);
  assert.throws(() => parseHistory('return 0 1 5 {}'), SyntaxError);
});
