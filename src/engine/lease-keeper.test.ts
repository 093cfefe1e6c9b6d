import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Fault } from './faults.ts';
import type { Leases, LeaseState } from './lease.ts';
import { LeaseKeeper, type LeaseStatus, type Tenure } from './lease-keeper.ts';

const LENGTH = 900;

/** A lease that the test gives and takes, and a keeper that looks when the test says so. */
function world(t: TestContext) {
  const answers = {
    now: { token: 1, holder: 'me' } as LeaseState | Fault,
    asked: 0,
    released: [] as number[],
  };
  const leases: Leases = {
    acquire: () => {
      answers.asked += 1;
      return answers.now instanceof Fault
        ? Promise.reject(answers.now)
        : Promise.resolve(answers.now);
    },
    release: ({ token }) => {
      answers.released.push(token);
      return Promise.resolve();
    },
  };
  const said: string[] = [];
  const waits: number[] = [];
  const tenures: Tenure[] = [];
  let time = 0;
  let wake = (): void => undefined;
  const changes: LeaseStatus[] = [];
  const keeper = new LeaseKeeper({
    leases,
    lease: 'erp',
    holder: 'me',
    lengthMs: LENGTH,
    monotonic: () => time,
    onChange: (status) => changes.push(status),
    sleep: (ms, signal) => {
      waits.push(ms);
      return new Promise((resolve) => {
        wake = resolve;
        signal.addEventListener('abort', () => resolve());
        if (signal.aborted) resolve();
      });
    },
    work: (tenure) => {
      tenures.push(tenure);
      said.push(`begins ${tenure.fence.token}`);
      return () => {
        said.push(`ends ${tenure.fence.token}`);
        return Promise.resolve();
      };
    },
  });
  t.after(() => keeper.stop());
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const look = async (found: LeaseState | Fault, passed = 0): Promise<void> => {
    answers.now = found;
    time += passed;
    wake();
    await settle();
  };
  const start = async (found: LeaseState | Fault): Promise<void> => {
    answers.now = found;
    keeper.start();
    await settle();
  };
  const pass = (ms: number): void => void (time += ms);
  return { keeper, answers, said, waits, tenures, changes, look, start, pass };
}

const OURS = { token: 4, holder: 'me' };
const THEIRS = { token: 5, holder: 'other' };
const AWAY = new Fault('STORE_UNAVAILABLE', 'away', { retryable: true });

describe('a keeper of a lease', () => {
  it('works while it has the lease, renews it in time, and looks more often while it has not', async (t) => {
    const { said, waits, look, start, keeper, changes } = world(t);
    await start({ token: 3, holder: 'other' });
    assert.deepEqual([said, keeper.status.ours], [[], false]);
    await look(OURS);
    await look(OURS, 300);
    assert.deepEqual(said, ['begins 4']);
    assert.deepEqual(keeper.status, { ...OURS, lease: 'erp', ours: true });
    assert.deepEqual(waits, [90, 300, 300]);
    assert.deepEqual(
      changes.map(({ holder, ours }) => [holder, ours]),
      [
        ['other', false],
        ['me', true],
      ],
    );
  });

  it('stops when somebody else has it, and begins anew when it is free again', async (t) => {
    const { said, look, start } = world(t);
    await start(OURS);
    await look(THEIRS, 1_000);
    await look({ token: 6, holder: 'me' }, 1_000);
    assert.deepEqual(said, ['begins 4', 'ends 4', 'begins 6']);
  });

  it('begins anew where it was given again after it had run out', async (t) => {
    const { said, look, start, tenures } = world(t);
    await start(OURS);
    await look({ token: 5, holder: 'me' }, 10_000);
    assert.deepEqual(said, ['begins 4', 'ends 4', 'begins 5']);
    assert.throws(() => tenures[0]?.assertHeld(), { code: 'LEASE_LOST' });
    assert.doesNotThrow(() => tenures[1]?.assertHeld());
  });

  it('goes on through an outage shorter than the lease, and stops in a longer one', async (t) => {
    const { said, look, start, tenures, waits } = world(t);
    await start(OURS);
    await look(AWAY, 300);
    await look(AWAY, 300);
    assert.deepEqual(waits, [300, 90, 90]);
    assert.doesNotThrow(() => tenures[0]?.assertHeld());
    await look(OURS, 200);
    await look(AWAY, LENGTH - 1);
    assert.deepEqual(said, ['begins 4']);
    assert.doesNotThrow(() => tenures[0]?.assertHeld());
    await look(AWAY, 1);
    assert.deepEqual(said, ['begins 4', 'ends 4']);
    assert.throws(() => tenures[0]?.assertHeld(), { code: 'LEASE_LOST' });
  });

  it('one that was asleep may do nothing outside, before it has heard anything', async (t) => {
    const { pass, look, start, tenures, said } = world(t);
    await start(OURS);
    pass(LENGTH - 1);
    assert.doesNotThrow(() => tenures[0]?.assertHeld());
    pass(1);
    assert.throws(() => tenures[0]?.assertHeld(), { code: 'LEASE_LOST' });
    // Nobody has taken it meanwhile.
    await look(OURS);
    assert.doesNotThrow(() => tenures[0]?.assertHeld());
    assert.deepEqual(said, ['begins 4']);
  });

  it('stopping ends the work, then gives the lease up; without it there is nothing to give up', async (t) => {
    const mine = world(t);
    await mine.start(OURS);
    await mine.keeper.stop();
    assert.deepEqual([mine.said, mine.answers.released], [['begins 4', 'ends 4'], [4]]);
    assert.equal(mine.keeper.status.ours, false);
    const theirs = world(t);
    await theirs.start(THEIRS);
    await theirs.keeper.stop();
    assert.deepEqual([theirs.said, theirs.answers.released], [[], []]);
  });
});
