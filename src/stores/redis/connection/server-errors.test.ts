import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOf } from './server-errors.ts';

void test('what a server has not done is told from what it may have done in part', () => {
  assert.equal(refusalOf('LOADING Redis is loading the dataset in memory')?.kind, 'later');
  assert.equal(
    refusalOf("OOM command not allowed when used memory > 'maxmemory'.")?.kind,
    'refused',
  );
  assert.equal(refusalOf('NOSCRIPT No matching script.')?.kind, 'no_script');
  const sha = 'a'.repeat(40);
  assert.equal(refusalOf(`NOPERM no rights script: ${sha}, on @user_script:7.`), null);
  assert.equal(refusalOf('WRONGTYPE Operation against a key of the wrong kind'), null);
  assert.equal(refusalOf('ERR unknown command'), null);
});

void test('where else to ask', () => {
  assert.deepEqual(refusalOf('MOVED 12182 10.0.0.7:7001')?.target, {
    host: '10.0.0.7',
    port: 7001,
  });
  assert.deepEqual(refusalOf('ASK 1 fe80::1:7001')?.target, { host: 'fe80::1', port: 7001 });
  // The node does not know its own name: the one that answers is meant.
  assert.deepEqual(refusalOf('MOVED 1 :7001')?.target, { host: '', port: 7001 });
});
