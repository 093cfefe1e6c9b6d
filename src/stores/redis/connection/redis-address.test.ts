import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisAddress, RedisAddressError } from './redis-address.ts';

const PLAIN = {
  topology: 'standalone',
  hosts: [{ host: 'localhost', port: 6379 }],
  primaryName: null,
  username: null,
  password: null,
  database: 0,
  tls: false,
};

void test('each form of an address', () => {
  assert.deepEqual(parseRedisAddress('redis://localhost'), PLAIN);
  assert.deepEqual(parseRedisAddress('redis://localhost/'), PLAIN);
  assert.deepEqual(parseRedisAddress('rediss://ana:p%40ss%2F@[::1]:6380/3'), {
    ...PLAIN,
    hosts: [{ host: '::1', port: 6380 }],
    username: 'ana',
    password: 'p@ss/',
    database: 3,
    tls: true,
  });
  assert.deepEqual(parseRedisAddress('redis+sentinel://:pw@a,b:26380/shop/2'), {
    ...PLAIN,
    topology: 'sentinel',
    hosts: [
      { host: 'a', port: 26379 },
      { host: 'b', port: 26380 },
    ],
    primaryName: 'shop',
    password: 'pw',
    database: 2,
  });
  assert.deepEqual(parseRedisAddress('rediss+cluster://a:7000,b:7001'), {
    ...PLAIN,
    topology: 'cluster',
    hosts: [
      { host: 'a', port: 7000 },
      { host: 'b', port: 7001 },
    ],
    tls: true,
  });
});

const MALFORMED: readonly (readonly [string, RegExp])[] = [
  ['http://s3cret@localhost', /not the address of a Redis server/],
  ['redis:localhost', /not the address of a Redis server/],
  ['redis://', /a host is missing/],
  ['redis://:s3cret@', /a host is missing/],
  ['redis+cluster://a,,b', /a host is missing/],
  ['redis://s3cret@localhost', /a user needs a password/],
  ['redis://ana:@localhost', /password is empty/],
  ['redis://ana:s3cret%zz@localhost', /hexadecimal/],
  ['redis://ana:s3cret?x@localhost', /no options/],
  ['redis://ana:s3cret@localhost?tls=true', /no options/],
  ['redis://ana:s3/cret@localhost', /not of the form|nothing else/],
  ['redis://localhost:0', /port 0/],
  ['redis://localhost:70000', /port 70000/],
  ['redis://localhost:64x', /not of the form/],
  ['redis://::1', /not of the form/],
  ['redis://a,b', /redis\+cluster/],
  ['redis://localhost/x', /database/],
  ['redis://localhost/0/1', /nothing else/],
  ['redis+sentinel://a,b', /name of the primary/],
  ['redis+sentinel://a/shop/0/1', /nothing else/],
  ['redis+cluster://a/1', /no databases/],
];

void test('each malformed address has its reason, and no message repeats a secret', () => {
  for (const [text, reason] of MALFORMED) {
    assert.throws(
      () => parseRedisAddress(text),
      (error: unknown) => {
        assert.ok(error instanceof RedisAddressError, text);
        assert.match(error.message, reason, text);
        assert.match(error.message, /expected one of/);
        assert.doesNotMatch(error.message, /s3|cret/, text);
        return true;
      },
    );
  }
});
