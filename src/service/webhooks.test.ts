import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebhookOutcome } from '../engine/webhook-intake.ts';
import { webhookOptions } from './webhooks.ts';

const DAY = 86_400_000;

function reporting() {
  const lines: string[] = [];
  const counted: WebhookOutcome[] = [];
  const time = { now: Date.parse('2026-11-27T12:00:00Z') };
  const note =
    (level: string) =>
    (_fields: object, message: string): void => {
      lines.push(`${level}: ${message}`);
    };
  const options = webhookOptions({
    erp: 'bling',
    logger: { info: note('info'), warn: note('warn') } as never,
    metrics: { received: (outcome) => counted.push(outcome) },
    silenceMs: DAY,
    now: () => time.now,
  });
  return { options, lines, counted, time };
}

test('of many refusals of a kind one is told in a minute, with how many there were', () => {
  const { options, lines, counted, time } = reporting();
  for (let second = 0; second < 130; second += 1) {
    options.onOutcome('forged', 'the signature does not fit');
    options.onOutcome('stored', null);
    time.now += 1_000;
  }
  options.onOutcome('stale', 'sent more than four days ago');
  assert.deepEqual(lines, [
    'warn: a webhook for bling was refused as forged: the signature does not fit',
    'warn: a webhook for bling was refused as forged: the signature does not fit (and 59 more since the last such line)',
    'warn: a webhook for bling was refused as forged: the signature does not fit (and 59 more since the last such line)',
    'warn: a webhook for bling was refused as stale: sent more than four days ago',
  ]);
  assert.equal(counted.filter((outcome) => outcome === 'forged').length, 130);
});

test('a silence is a warning that says since when, and its end is no warning', () => {
  const { options, lines, time } = reporting();
  options.onSilence(true, time.now - DAY);
  options.onSilence(false, time.now);
  options.onSilence(true, null);
  assert.match(lines[0] ?? '', /^warn: no webhook of bling for 1440 minutes .*2026-11-26T12:00/);
  assert.equal(lines[1], "info: bling's webhooks come again");
  assert.match(lines[2] ?? '', /none has come since the start/);
});

test('a reading is told where it found something', () => {
  const { options, lines } = reporting();
  const report = { compared: 1, drifts: [], moving: [], problems: [] };
  options.onReport(report);
  assert.deepEqual(lines, []);
  options.onReport({ ...report, problems: [{ sku: 'A', reason: 'a kit' }] });
  assert.equal(lines.length, 1);
  const drift = { sku: 'B', cause: 'sold_elsewhere', known: true, corrected: true } as never;
  options.onReport({ ...report, drifts: [drift] });
  assert.equal(lines.length, 3);
  assert.match(lines.join('\n'), /\ninfo: B: .*; corrected$/);
});
