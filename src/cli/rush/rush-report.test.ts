import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFollowAnswer, readReserveAnswer } from './rush-answers.ts';
import { parseRetryAfter } from './rush-client.ts';
import { narrowServerClock } from './rush-clock.ts';
import { Latencies, RushMeter } from './rush-meter.ts';
import { type RushProgress, progressLine } from './rush-progress.ts';
import { wantsColour } from './rush-report.ts';

function answer(status: number, body: unknown): Parameters<typeof readReserveAnswer>[0] {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, body: text, retryAfterMs: null, stampMs: null };
}

test('answers to a reserve are read with care', () => {
  const granted = { reservation_id: 'r1', expires_at: '2026-11-27T00:00:00Z' };
  const cases: [number, unknown, string, string?][] = [
    [200, granted, 'granted'],
    [201, granted, 'granted'],
    [200, 'not JSON', 'undecided', 'maybe'],
    [200, { reservation_id: 'r1' }, 'undecided', 'maybe'],
    [409, { code: 'sold_out' }, 'refused'],
    [409, { code: 'all_reserved' }, 'refused'],
    [409, { code: 'insufficient_stock' }, 'refused'],
    [409, {}, 'refused'],
    [409, { code: 'max_per_customer' }, 'declined'],
    [409, { code: 'request_in_progress' }, 'undecided', 'maybe'],
    [429, {}, 'undecided', 'no'],
    [503, { code: 'overloaded', outcome: 'not_done' }, 'undecided', 'no'],
    [503, { code: 'store_timeout', outcome: 'unknown' }, 'undecided', 'maybe'],
    [503, { code: 'store_unavailable' }, 'undecided', 'maybe'],
    [503, '<html>', 'undecided', 'maybe'],
    [500, {}, 'undecided', 'maybe'],
    [401, { code: 'unauthorized' }, 'failed'],
    [404, { code: 'unknown_sku' }, 'failed'],
    [422, {}, 'failed'],
  ];
  for (const [status, body, kind, acted] of cases) {
    const meaning = readReserveAnswer(answer(status, body));
    const what = `${status} ${JSON.stringify(body)}`;
    assert.equal(meaning.kind, kind, what);
    if (meaning.kind === 'undecided') assert.equal(meaning.acted, acted, what);
  }
});

test('answers to a confirm or release are read with care', () => {
  assert.equal(readFollowAnswer(answer(200, {})).kind, 'done');
  for (const status of [404, 409, 410]) {
    assert.equal(readFollowAnswer(answer(status, { code: 'x' })).kind, 'gone');
  }
  assert.equal(readFollowAnswer(answer(503, {})).kind, 'undecided');
  assert.equal(readFollowAnswer(answer(403, {})).kind, 'failed');
});

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('Sun, 22 Nov 2026 06:00:00 GMT');
  assert.equal(parseRetryAfter('3', now), 3000);
  assert.equal(parseRetryAfter('Sun, 22 Nov 2026 06:00:07 GMT', now), 7000);
  assert.equal(parseRetryAfter('', now), null);
  assert.equal(parseRetryAfter('soon', now), null);
});

test('each answer narrows what is known of the clock of the service, a step of it starts anew', () => {
  const first = narrowServerClock(null, 1_000_000, 500, 510);
  assert.ok(first.most - first.least < 1600);
  const second = narrowServerClock(first, 1_001_000, 900, 905);
  assert.ok(second.most - second.least < first.most - first.least);
  assert.deepEqual(narrowServerClock(first, 9_000_000, 500, 510), {
    least: 9_000_000 - 510 - 250,
    most: 9_000_000 + 1000 - 500 + 250,
  });
});

test('percentiles are never above the slowest, and nothing is not a number', () => {
  const latencies = new Latencies();
  assert.deepEqual(Object.values(latencies.summary()), [0, 0, 0, 0, 0, 0]);
  for (let ms = 1; ms <= 1000; ms++) latencies.record(ms + 0.137);
  const { p50Ms, p99Ms, p999Ms, maxMs } = latencies.summary();
  assert.ok(Math.abs(p50Ms - 500) < 2 && Math.abs(p99Ms - 990) < 3);
  assert.ok(p999Ms <= maxMs);
  const meter = new RushMeter();
  meter.decided(true, 0, 0, 1e9);
  assert.equal(meter.bars.at(-1), 1);
});

function progress(elapsedMs: number): RushProgress {
  return {
    phase: 'rushing',
    elapsedMs,
    round: 1,
    rounds: 1,
    buyers: 200,
    sent: 100,
    granted: 7,
    refused: 90,
    errors: 3,
    rps: 1234.5,
    p99Ms: 8.76,
  };
}

test('a terminal has one line, rewritten and cleared; a file has one every two seconds', () => {
  let terminal = '';
  const live = progressLine({ write: (text) => (terminal += text), isTTY: true, columns: 60 });
  for (let at = 0; at <= 4000; at += 250) live.update(progress(at));
  live.end();
  assert.ok(!terminal.includes('\n'));
  assert.ok(terminal.endsWith('\r\u001b[2K'));
  for (const line of terminal.split('\r\u001b[2K')) assert.ok(line.length < 60, line);

  let file = '';
  const plain = progressLine({ write: (text) => (file += text) });
  for (let at = 0; at <= 4000; at += 250) plain.update(progress(at));
  plain.end();
  assert.equal(file.split('\n').length - 1, 3);
  assert.match(
    file,
    /100\/200 sent · 7 granted · 90 refused · 3 errors · 123[45]\/s · p99 8\.8 ms/,
  );
});

test('colour is for terminals that want it', () => {
  assert.equal(wantsColour({ isTTY: true }, {}), true);
  assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '1' }), false);
  assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '' }), true);
  assert.equal(wantsColour({ isTTY: true }, { TERM: 'dumb' }), false);
  assert.equal(wantsColour({}, {}), false);
});
