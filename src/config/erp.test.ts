import assert from 'node:assert/strict';
import test from 'node:test';
import { ConfigError, readConfig } from '../config.ts';

const BLING = {
  HOLDFAST_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
  HOLDFAST_BLING_CLIENT_ID: 'id',
  HOLDFAST_BLING_CLIENT_SECRET: 'secret',
  HOLDFAST_BLING_DEPOSIT_ID: '14888000001',
  HOLDFAST_BLING_SITUATIONS: '15, 9',
};

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

test('without a word about a connector there is none', () => {
  const { config } = readConfig({});
  assert.equal(config.bling, null);
  assert.equal(config.webhook, null);
});

test('whoever names the app is told at once what else is missing', () => {
  const problems = problemsOf({ HOLDFAST_BLING_CLIENT_ID: 'id' });
  assert.deepEqual(
    problems.map((problem) => problem.split('=')[0]),
    [
      'HOLDFAST_BLING_CLIENT_SECRET',
      'HOLDFAST_SECRET_KEY',
      'HOLDFAST_BLING_DEPOSIT_ID',
      'HOLDFAST_BLING_SITUATIONS',
    ],
  );
});

test('the situations count only where orders do', () => {
  const { HOLDFAST_BLING_SITUATIONS: _, ...others } = BLING;
  assert.match(problemsOf(others)[0] ?? '', /SITUATIONS=: expected .*ORDER_MODE=observe/);
  assert.deepEqual(problemsOf({ ...others, HOLDFAST_BLING_ORDER_MODE: 'movement' }), []);
});

test('an ERP that is named needs what its connector needs', () => {
  assert.equal(problemsOf({ HOLDFAST_ERP: 'bling' }).length, 5);
  assert.equal(problemsOf({ HOLDFAST_ERP: 'webhook' }).length, 2);
  const { config } = readConfig({ ...BLING, HOLDFAST_ERP: 'bling' });
  assert.equal(config.erp, 'bling');
  assert.deepEqual(config.reconcile, { everyMs: 3_600_000, fix: true });
  const never = readConfig({ HOLDFAST_RECONCILE_INTERVAL_SECONDS: '0' });
  assert.equal(never.config.reconcile.everyMs, null);
});

test('what is given is what the connector gets, and no secret is shown', () => {
  const { config, settings } = readConfig(BLING);
  assert.equal(config.bling?.depositId, 14_888_000_001);
  assert.deepEqual(config.bling.situations, [15, 9]);
  assert.equal(config.bling.storeId, null);
  const shown = settings.find(({ name }) => name === 'HOLDFAST_BLING_CLIENT_SECRET');
  assert.equal(shown?.value, '(set)');
});

test('the webhook connector needs an address and a secret, and takes two while they change', () => {
  const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
  const url = { HOLDFAST_WEBHOOK_URL: 'https://erp.example/holdfast' };
  assert.match(problemsOf(url)[0] ?? '', /^HOLDFAST_WEBHOOK_SECRETS=: expected/);
  const both = { ...url, HOLDFAST_WEBHOOK_SECRETS: `${secret},${secret}` };
  assert.deepEqual(readConfig(both).config.webhook?.secrets, [secret, secret]);
  const [problem] = problemsOf({
    ...url,
    HOLDFAST_WEBHOOK_SECRETS: `${secret},${secret},${secret}`,
  });
  assert.doesNotMatch(problem ?? 'whsec_', /whsec_[^ ]/);
});
