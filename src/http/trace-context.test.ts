import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceIdOf } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

const of = (traceparent: string | undefined) =>
  traceIdOf({ headers: traceparent === undefined ? {} : { traceparent } });

test('a trace is followed where its caller keeps one', () => {
  assert.equal(of(`00-${TRACE}-${SPAN}-01`), TRACE);
  assert.equal(of(`00-${TRACE}-${SPAN}-00`), TRACE);
  assert.equal(of(undefined), null);
});

test('a later version is read as far as it begins like this one', () => {
  assert.equal(of(`01-${TRACE}-${SPAN}-01`), TRACE);
  assert.equal(of(`01-${TRACE}-${SPAN}-01-what-the-future-holds`), TRACE);
  assert.equal(of(`01-${TRACE}-${SPAN}-01.what`), null);
});

test('what is no trace context is as good as none', () => {
  for (const bad of [
    '',
    TRACE,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}"-${SPAN}-01`,
  ]) {
    assert.equal(of(bad), null, bad);
  }
});
