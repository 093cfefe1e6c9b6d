import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  acknowledge,
  cancel,
  confirm,
  importStock,
  purge,
  release,
  reserve,
  setStock,
  setting,
  sweep,
} from '../../test/support/commands.ts';
import { START } from '../../test/support/fake-clock.ts';
import { Scenario, WITH_ERP } from '../../test/support/scenario.ts';

/** More than are swept in passing. */
const MANY = 200;

function lapsing(ttlSeconds: number): Scenario {
  const scenario = new Scenario();
  scenario.do(setStock('A', MANY));
  for (let n = 0; n < MANY; n += 1) {
    scenario.do(reserve(`r${String(n).padStart(3, '0')}`, 'A:1', { ttl: ttlSeconds }));
  }
  return scenario;
}

describe('a lapsed unit', () => {
  it('is available at once at the deadline, and not a millisecond before', () => {
    new Scenario().walk([
      [0, setStock('A', 1), 'created A 1 = 1 available'],
      [0, reserve('r1', 'A:1', { ttl: 10 }), 'active A:1 until 10'],
      [9.999, reserve('r2', 'A:1'), 'all_reserved A:0/1 until 10'],
      [10, reserve('r2', 'A:1'), 'active A:1 until 610'],
    ]);
  });

  it('is available at once however many lapsed with it', () => {
    const scenario = lapsing(10);
    scenario.walk([[10, reserve('new', `A:${MANY}`), `active A:${MANY} until 610`]]);
    assert.equal(scenario.level('A'), `A ${MANY} = ${MANY} reserved + 0 available`);
  });

  it('reads as available before anything has recorded it', () => {
    const scenario = lapsing(10);
    scenario.now += 10_000;
    assert.equal(scenario.level('A'), `A ${MANY} = ${MANY} available`);
    assert.equal(scenario.book.activeCount, MANY);
  });

  it('cannot be sold by its reservation any more', () => {
    lapsing(10).walk([
      [10, confirm('r199'), 'reservation_expired at 10'],
      [10, release('r198'), 'reservation_expired at 10'],
    ]);
  });

  it('is recorded in passing, whatever is asked, oldest first', () => {
    const scenario = new Scenario().walk([
      [0, setStock('A', 3), 'created A 3 = 3 available'],
      [0, reserve('r2', 'A:1', { ttl: 10 }), 'active A:1 until 10'],
      [0, reserve('r1', 'A:1', { ttl: 10 }), 'active A:1 until 10'],
      [0, reserve('r3', 'A:1', { ttl: 9 }), 'active A:1 until 9'],
      [11, confirm('nobody'), 'reservation_not_found'],
    ]);
    assert.deepEqual(scenario.ledger('A').slice(4), [
      'expire r3 reserved-1',
      'expire r1 reserved-1',
      'expire r2 reserved-1',
    ]);
    assert.equal(scenario.reservation('r3').endedAt, START + 11_000);
  });
});

describe('sweep', () => {
  it('records at most as many as it is told, by deadline, then id, and says whether more are left', () => {
    new Scenario().walk([
      [0, setStock('A', 3), 'created A 3 = 3 available'],
      [0, reserve('r3', 'A:1', { ttl: 10 }), 'active A:1 until 10'],
      [0, reserve('r1', 'A:1', { ttl: 11 }), 'active A:1 until 11'],
      [0, reserve('r2', 'A:1', { ttl: 10 }), 'active A:1 until 10'],
      [9.999, sweep(), 'expired none'],
      [11, sweep(2), 'expired r2 r3, more'],
      [11, sweep(2), 'expired r1'],
      [11, sweep(2), 'expired none'],
    ]);
  });

  it('frees nothing twice', () => {
    const scenario = lapsing(10);
    scenario.walk([
      [10, reserve('new', 'A:1'), 'active A:1 until 610'],
      [10, confirm('r150', { late: 'reacquire' }), 'acknowledged A:1 reacquired'],
    ]);
    while (scenario.do(sweep(7)).ok && scenario.book.activeCount > 1);
    assert.equal(scenario.level('A'), `A ${MANY - 1} = 1 reserved + ${MANY - 2} available`);
    assert.deepEqual(scenario.audit().problems, []);
  });
});

describe('purge', () => {
  it('forgets what ended before the given moment, and only that', () => {
    const scenario = new Scenario(WITH_ERP).walk([
      [0, setStock('A', 9), 'created A 9 = 9 available'],
      [0, reserve('active', 'A:1', { ttl: 9_999 }), 'active A:1 until 9999'],
      [0, reserve('confirmed', 'A:1'), 'active A:1 until 600'],
      [1, confirm('confirmed'), 'confirmed A:1'],
      [1, reserve('acknowledged', 'A:1'), 'active A:1 until 601'],
      [2, confirm('acknowledged'), 'confirmed A:1'],
      [3, acknowledge('acknowledged'), 'acknowledged A:1'],
      [3, reserve('cancelled', 'A:1'), 'active A:1 until 603'],
      [3, confirm('cancelled'), 'confirmed A:1'],
      [4, cancel('cancelled'), 'cancelled A:0'],
      [4, reserve('released', 'A:1'), 'active A:1 until 604'],
      [5, release('released'), 'released A:1'],
      [5, reserve('expired', 'A:1', { ttl: 1 }), 'active A:1 until 6'],
      [6, sweep(), 'expired expired'],
      [10, purge(START + 3_000), 'purged 0'],
      [10, purge(START + 3_001), 'purged 1'],
      [10, purge(START + 6_000, 1), 'purged 1, more'],
      [10, purge(START + 6_000), 'purged 1'],
      [10, confirm('released'), 'reservation_not_found'],
      [10, confirm('expired'), 'reservation_expired at 6'],
      [9_000, purge(START + 9_000_000), 'purged 1'],
      [9_000, confirm('confirmed'), 'again confirmed A:1'],
      [9_000, confirm('active'), 'confirmed A:1'],
    ]);
    assert.equal(scenario.level('A'), 'A 8 = 2 allocated + 6 available');
  });

  it('forgets answers to old keys, oldest first', () => {
    const scenario = new Scenario();
    const ask = (key: string): unknown => scenario.do(setStock('A', 1), { key, fingerprint: key });
    ask('k1');
    scenario.now += 1_000;
    ask('k2');
    scenario.do(purge(START + 1_000));
    assert.equal(scenario.book.remembered('k1'), undefined);
    assert.notEqual(scenario.book.remembered('k2'), undefined);
  });
});

describe('a request repeated with the same idempotency key', () => {
  const KEY = { key: 'k1', fingerprint: 'f1' };

  it('has one effect and one answer, whatever happened in between', () => {
    const scenario = new Scenario();
    scenario.do(setStock('A', 5));
    const first = scenario.do(reserve('r1', 'A:2'), KEY);
    scenario.do(release('r1'));
    scenario.now += 700_000;
    assert.equal(scenario.do(reserve('r2', 'A:2'), KEY), first);
    assert.equal(scenario.book.reservation('r2'), undefined);
    assert.equal(scenario.level('A'), 'A 5 = 5 available');
  });

  it('gives a refusal again, even if it would be served by now', () => {
    const scenario = new Scenario();
    scenario.do(setStock('A', 0));
    const first = scenario.do(reserve('r1', 'A:1'), KEY);
    scenario.do(setStock('A', 5));
    assert.deepEqual(scenario.do(reserve('r1', 'A:1'), KEY), first);
    assert.ok(!first.ok && first.rejection.code === 'sold_out');
  });

  it('is refused for another request, which changes nothing, and then still answers the first', () => {
    const scenario = new Scenario();
    scenario.do(setStock('A', 5));
    const first = scenario.do(reserve('r1', 'A:2'), KEY);
    const other = scenario.do(reserve('r2', 'A:3'), { ...KEY, fingerprint: 'f2' });
    assert.ok(!other.ok && other.rejection.code === 'idempotency_key_reused');
    assert.deepEqual(scenario.do(reserve('r3', 'A:2'), KEY), first);
    assert.equal(scenario.level('A'), 'A 5 = 2 reserved + 3 available');
  });

  it('does not count for other keys, or without one', () => {
    const scenario = new Scenario();
    scenario.do(setStock('A', 5));
    scenario.do(reserve('r1', 'A:1'), KEY);
    scenario.do(reserve('r2', 'A:1'), { ...KEY, key: 'k2' });
    scenario.do(reserve('r3', 'A:1'));
    assert.equal(scenario.level('A'), 'A 5 = 3 reserved + 2 available');
  });

  it('holds for imports as for anything else', () => {
    const scenario = new Scenario();
    const command = importStock([setting('A', 5)]);
    const first = scenario.do(command, KEY);
    scenario.do(setStock('A', 3));
    assert.deepEqual(scenario.do(command, KEY), first);
    assert.equal(scenario.level('A'), 'A 3 = 3 available');
  });
});
