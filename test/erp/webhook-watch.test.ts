/** The silence of webhooks is noticed, and what is long settled is forgotten. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { WebhookWatch } from '../../src/engine/webhook-watch.ts';
import { DAY, MINUTE, World } from './webhook-world.ts';

describe('watching over the inbox', () => {
  interface Told {
    readonly silent: boolean;
    readonly last: number | null;
  }

  function watch(world: World, silenceMs: number | null): { watch: WebhookWatch; told: Told[] } {
    const told: Told[] = [];
    const made = new WebhookWatch({
      inbox: world.store.inbox,
      now: () => world.clock.now(),
      sleep: () => turn(),
      silenceMs,
      onSilence: (silent, last) => told.push({ silent, last }),
      onError: () => undefined,
    });
    return { watch: made, told };
  }

  it('tells of a silence once, and of its end once', async () => {
    const world = new World();
    const { watch: watching, told } = watch(world, 60 * MINUTE);
    await world.deliver('e1', 'A');
    const last = world.clock.now();
    for (let minute = 0; minute < 59; minute += 1) {
      world.clock.advance(MINUTE);
      await watching.look();
    }
    assert.deepEqual([told, watching.silence], [[], { silent: false, afterMs: 60 * MINUTE }]);
    for (let minute = 0; minute < 90; minute += 1) {
      world.clock.advance(MINUTE);
      await watching.look();
    }
    assert.deepEqual(told, [{ silent: true, last }]);
    assert.equal(watching.silence.silent, true);
    // What was there before is no sign of life.
    assert.equal(await world.deliver('e1', 'A'), 'seen');
    await watching.look();
    assert.equal(told.length, 1);
    await world.deliver('e2', 'A');
    await watching.look();
    await watching.look();
    assert.deepEqual(told.at(-1), { silent: false, last: world.clock.now() });
    assert.equal(told.length, 2);
  });

  it('counts from the start where no webhook ever came, and never where it is switched off', async () => {
    const world = new World();
    const [on, off] = [watch(world, 30 * MINUTE), watch(world, null)];
    world.clock.advance(29 * MINUTE);
    await on.watch.look();
    assert.deepEqual(on.told, []);
    world.clock.advance(30 * DAY);
    await on.watch.look();
    await off.watch.look();
    assert.deepEqual([on.told, off.told], [[{ silent: true, last: null }], []]);
    assert.deepEqual(off.watch.silence, { silent: false, afterMs: null });
  });

  it('gives the ERP a while after a start', async () => {
    const world = new World();
    await world.deliver('e1', 'A');
    world.clock.advance(2 * DAY);
    const { watch: watching, told } = watch(world, DAY);
    await watching.look();
    assert.deepEqual(told, []);
    world.clock.advance(16 * MINUTE);
    await watching.look();
    assert.equal(told.length, 1);
  });

  it('forgets what was settled a week ago, and what waits never', async () => {
    const world = await new World().stock(1);
    for (let n = 0; n < 1_100; n += 1) await world.deliver(`old${n}`, 'A');
    await world.worker.round();
    await world.deliver('waits', 'A');
    const { watch: watching } = watch(world, null);
    world.clock.advance(6 * DAY);
    await watching.look();
    assert.equal(await world.deliver('old7', 'A'), 'seen');
    world.clock.advance(2 * DAY);
    await watching.look();
    assert.equal(await world.deliver('waits', 'A'), 'seen');
    assert.equal(await world.deliver('old7', 'A'), 'stored');
    assert.equal(await world.pending(), 2);
  });
});
