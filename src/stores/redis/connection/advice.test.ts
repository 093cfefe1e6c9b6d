import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withAdvice } from './advice.ts';

void test('what stands in the way is told with what to do about it', () => {
  assert.equal(
    withAdvice('NOAUTH Authentication required.'),
    'NOAUTH Authentication required; it asks for a password: HOLDFAST_STORE=redis://user:password@host:port',
  );
  for (const [told, advice] of [
    ['WRONGPASS invalid username-password pair or user is disabled.', /is wrong$/],
    ['connect ECONNREFUSED 127.0.0.1:6379', /start Redis/],
    ['getaddrinfo ENOTFOUND redis', /no host of that name/],
    ['no node answers (a:1: ERR This instance has cluster support disabled)', /write redis:\/\//],
    ['no answer in time', /rediss:\/\//],
    ['self-signed certificate', /TLS_CA_FILE/],
  ] as const) {
    assert.match(withAdvice(told), advice);
  }
});

void test('what says by itself what to do is left as it is', () => {
  const own = 'a:1 is a replica: the address of the primary is needed';
  assert.equal(withAdvice(own), own);
});
