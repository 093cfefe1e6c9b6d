import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closingFigure, complaintAbout } from './check.ts';

const summary = (tests: number, skipped: number): string =>
  `✔ prints "ℹ skipped 7"\nℹ tests ${tests}\nℹ pass ${tests - skipped}\nℹ skipped ${skipped}\n`;

test('reads the closing lines of both reporters, coloured or not', () => {
  assert.equal(closingFigure(summary(5, 2), 'skipped'), 2);
  assert.equal(closingFigure('# tests 5\n# skipped 3\n', 'skipped'), 3);
  assert.equal(closingFigure('\u001B[34mℹ skipped 4\u001B[39m\n', 'skipped'), 4);
  assert.equal(closingFigure('nothing\n', 'skipped'), undefined);
});

test('the closing lines count, not those that a test printed before them', () => {
  assert.equal(closingFigure(`ℹ skipped 9\n${summary(5, 0)}`, 'skipped'), 0);
});

test('a skipped test fails in CI and only there', () => {
  assert.match(complaintAbout(summary(5, 2), true) ?? '', /^2 skipped/);
  assert.equal(complaintAbout(summary(5, 2), false), undefined);
  assert.equal(complaintAbout(summary(5, 0), true), undefined);
});

test('a run that found no test, or printed no summary, fails anywhere', () => {
  assert.match(complaintAbout(summary(0, 0), false) ?? '', /no test/);
  assert.match(complaintAbout('', false) ?? '', /no summary/);
});
