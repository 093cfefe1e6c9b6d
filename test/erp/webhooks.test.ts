/**
 * Webhooks from the door to the books: each event once, whatever its order; hints followed together; nothing that was
 * accepted is forgotten before the ERP was asked about it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { ErpFault } from '../../src/engine/erp-port.ts';
import { Fault } from '../../src/engine/faults.ts';
import type { WebhookInbox } from '../../src/engine/webhook-inbox.ts';
import { MemoryInbox } from '../../src/stores/memory/memory-inbox.ts';
import { confirm, reserve, uuid } from '../support/commands.ts';
import type { Mishap } from '../support/fake-erp.ts';
import { assertProperty, untilTired } from '../support/replay.ts';
import { MINUTE, SKUS, World } from './webhook-world.ts';

describe('taking webhooks in', () => {
  it('stores what is signed, once, and nothing else', async () => {
    const world = new World();
    assert.equal(await world.deliver('e1', 'A'), 'stored');
    assert.equal(await world.deliver('e1', 'A'), 'seen');
    assert.equal(await world.receive('e2 A', 'wrong'), 'forged');
    assert.equal(await world.receive('', 'secret'), 'unreadable');
    assert.deepEqual(world.outcomes, ['stored', 'seen', 'forged', 'unreadable']);
    const pending = await world.store.inbox.pending(0, 10);
    assert.deepEqual(
      pending.map(({ eventId, hints }) => [eventId, hints]),
      [['e1', ['A']]],
    );
  });

  it('says so where the store cannot take it', async () => {
    const world = new World();
    const fault = new Fault('STORE_OVERLOADED', 'full', { retryable: true });
    world.store.inbox.put = () => Promise.reject(fault);
    await assert.rejects(world.deliver('e1', 'A'), fault);
    assert.deepEqual(world.outcomes, ['unavailable']);
  });
});

describe('following hints', () => {
  it('reads each SKU of a thousand webhooks once, and corrects the books', async () => {
    const world = await new World().stock(100);
    world.erp.balances.set('A', 90);
    world.erp.balances.set('B', 120);
    for (let n = 0; n < 1_000; n += 1) await world.deliver(`e${n}`, n % 3 === 0 ? 'B' : 'A');
    await world.worker.round();
    assert.deepEqual(world.readings, [['B', 'A']]);
    assert.deepEqual([await world.onHand('A'), await world.onHand('B')], [90, 120]);
    assert.equal(await world.pending(), 0);
    const [entry] = await world.store.ledger({ sku: 'A', after: SKUS.length, limit: 1 });
    assert.match(JSON.stringify(entry), /webhook/);
  });

  it('only tells of drift where nothing is to be corrected', async () => {
    const world = await new World().stock(100);
    world.worker = world.newWorker(false);
    world.erp.balances.set('A', 90);
    await world.deliver('e1', 'A');
    await world.worker.round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [100, 0]);
  });

  it('settles no webhook by a reading that began before it came', async () => {
    const world = await new World().stock(100);
    const read = world.erp.readLevels.bind(world.erp);
    let readings = 0;
    world.erp.readLevels = async (skus, call) => {
      const levels = await read(skus, call);
      readings += 1;
      if (readings === 1) {
        world.erp.balances.set('A', 50);
        await world.deliver('e2', 'A');
      }
      return levels;
    };
    await world.deliver('e1', 'A');
    await world.worker.round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [100, 1]);
    await world.worker.round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [50, 0]);
  });

  it('keeps what could not be followed, with a pause that grows, and lets others go first', async () => {
    const world = await new World().stock(100);
    const resolve = world.erp.resolveHint.bind(world.erp);
    let asked = 0;
    world.erp.resolveHint = async (hint, call) => {
      if (hint !== 'A') return resolve(hint, call);
      asked += 1;
      throw new ErpFault('ERP_UNAVAILABLE', 'garbled');
    };
    for (const sku of ['A', 'B', 'C']) {
      world.erp.balances.set(sku, 7);
      await world.deliver(sku, sku);
    }
    await world.worker.round();
    assert.equal(await world.pending(), 3);
    await world.worker.round();
    assert.deepEqual([await world.onHand('B'), await world.onHand('C')], [7, 7]);
    assert.deepEqual([asked, await world.pending()], [1, 1]);
    for (let minute = 0; minute < 60; minute += 1) {
      world.clock.advance(MINUTE);
      await world.worker.round();
    }
    assert.ok(asked > 8 && asked < 20, `${asked} tries in an hour`);
    world.erp.resolveHint = resolve;
    world.clock.advance(10 * MINUTE);
    await world.worker.round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [7, 0]);
  });

  it('follows a hint again whose SKU was moving at each reading', async () => {
    const world = await new World().stock(100);
    await world.store.submit(reserve(uuid(1), 'A:1'));
    await world.store.submit(confirm(uuid(1)));
    world.erp.mishap = () => 'late';
    await world.relay.round();
    world.erp.balances.set('A', 60);
    await world.deliver('e1', 'A');
    await world.worker.round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [100, 1]);
    world.erp.arrive();
    world.clock.advance(MINUTE);
    await world.relay.round();
    await world.worker.round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [59, 0]);
  });

  it('settles nothing by a reading that failed', async () => {
    const world = await new World().stock(100);
    world.erp.balances.set('A', 8);
    world.garbled = true;
    await world.deliver('e1', 'A');
    await world.worker.round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [100, 1]);
    world.garbled = false;
    world.clock.advance(MINUTE);
    await world.worker.round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [8, 0]);
  });

  it('goes on after a restart with what it had not followed', async () => {
    const world = await new World().stock(100);
    world.erp.balances.set('A', 1);
    world.erp.down = true;
    await world.deliver('e1', 'A', 'B');
    await world.worker.round();
    assert.ok(world.errors.length > 0);
    world.erp.down = false;
    await world.newWorker().round();
    assert.deepEqual([await world.onHand('A'), await world.pending()], [1, 0]);
  });

  it('notices new webhooks of an inbox that has lost its count', async () => {
    const world = await new World().stock(100);
    for (let n = 0; n < 5; n += 1) await world.deliver(`e${n}`, 'B');
    await world.worker.round();
    // As after a failover that lost the latest writes.
    Object.assign(world.store.inbox, methodsOf(new MemoryInbox(() => undefined)));
    world.erp.balances.set('A', 4);
    await world.deliver('late', 'A');
    await world.worker.round();
    assert.equal(await world.onHand('A'), 4);
  });

  it('gives a hint up after three days, and says so', async () => {
    const world = await new World().stock(100);
    world.erp.down = true;
    await world.deliver('e1', 'A');
    for (let hour = 0; hour <= 73; hour += 1) {
      assert.equal(await world.pending(), 1);
      await world.worker.round();
      world.clock.advance(60 * MINUTE);
    }
    assert.equal(await world.pending(), 0);
    assert.match(world.errors.at(-1) ?? '', /given up on: A/);
  });

  it('settles what the ERP does not know, and what is no SKU', async () => {
    const world = await new World().stock(100);
    world.erp.resolveHint = () => Promise.resolve(['gone', '', ' ', 'x'.repeat(200)]);
    await world.deliver('e1', 'hint');
    await world.worker.round();
    assert.deepEqual([world.readings, await world.pending()], [[['gone']], 0]);
  });

  it('runs by itself, in rounds apart from each other, and stops', async () => {
    const world = await new World().stock(100);
    world.worker.start();
    for (let n = 0; n < 50; n += 1) {
      world.erp.balances.set('A', n);
      await world.deliver(`e${n}`, 'A');
      await turn();
    }
    while ((await world.pending()) > 0) await turn();
    await world.worker.stop();
    assert.equal(await world.onHand('A'), 49);
    assert.ok(world.readings.length < 50, `${world.readings.length} readings`);
    assert.deepEqual(world.errors, []);
  });

  it('outlives a store that does not answer', async () => {
    const world = await new World().stock(100);
    const { inbox } = world.store;
    const settle = inbox.settle.bind(inbox);
    let faults = 0;
    inbox.settle = (numbers) => {
      faults += 1;
      return faults < 4
        ? Promise.reject(new Fault('STORE_OVERLOADED', 'full', { retryable: true }))
        : settle(numbers);
    };
    world.erp.balances.set('A', 3);
    await world.deliver('e1', 'A');
    world.worker.start();
    while ((await world.pending()) > 0) await turn();
    await world.worker.stop();
    assert.equal(await world.onHand('A'), 3);
    assert.deepEqual(world.errors, ['full', 'full', 'full']);
  });
});

function methodsOf(inbox: WebhookInbox): WebhookInbox {
  return {
    put: (webhook) => inbox.put(webhook),
    pending: (after, limit) => inbox.pending(after, limit),
    settle: (numbers) => inbox.settle(numbers),
    stats: () => inbox.stats(),
    prune: (before, limit) => inbox.prune(before, limit),
  };
}

type Step =
  | { readonly do: 'change'; readonly sku: number; readonly units: number }
  | { readonly do: 'deliver'; readonly which: number }
  | { readonly do: 'sell'; readonly sku: number }
  | { readonly do: 'round' | 'relay' | 'restart' | 'wait' | 'outage' | 'garbled' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('change'),
      sku: fc.nat({ max: SKUS.length - 1 }),
      units: fc.integer({ min: -3, max: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('deliver'), which: fc.nat({ max: 1_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('sell'), sku: fc.nat({ max: SKUS.length - 1 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('round', 'round', 'relay', 'wait', 'restart', 'outage', 'garbled'),
    }),
  },
);

/** Events wait on their way in any order, are delivered at any time, some twice; in the end each has been once at least. */
async function live(world: World, steps: readonly Step[], mishaps: readonly Mishap[]) {
  let pushes = 0;
  world.erp.mishap = () => mishaps[pushes++] ?? 'none';
  const sent: [eventId: string, sku: string][] = [];
  const delivered = new Set<string>();
  const deliver = async ([eventId, sku]: [string, string]): Promise<void> => {
    assert.equal(await world.deliver(eventId, sku), delivered.has(eventId) ? 'seen' : 'stored');
    delivered.add(eventId);
  };
  for (const [index, each] of steps.entries()) {
    switch (each.do) {
      case 'change': {
        const sku = SKUS[each.sku] ?? '';
        world.erp.balances.set(sku, (world.erp.balances.get(sku) ?? 0) + each.units);
        sent.push([`e${index}`, sku]);
        break;
      }
      case 'deliver': {
        const event = sent[each.which % Math.max(1, sent.length)];
        if (event !== undefined) await deliver(event);
        break;
      }
      case 'sell':
        await world.store.submit(reserve(uuid(index), `${SKUS[each.sku] ?? ''}:1`));
        await world.store.submit(confirm(uuid(index)));
        break;
      case 'round':
        await world.worker.round();
        break;
      case 'relay':
        await world.relay.round();
        break;
      case 'restart':
        world.worker = world.newWorker();
        break;
      case 'wait':
        world.clock.advance(MINUTE);
        break;
      case 'outage':
        world.erp.down = !world.erp.down;
        break;
      case 'garbled':
        world.garbled = !world.garbled;
    }
  }
  world.erp.down = false;
  world.garbled = false;
  for (const event of [...sent].reverse()) if (!delivered.has(event[0])) await deliver(event);
}

async function drain(world: World): Promise<void> {
  world.erp.mishap = () => 'none';
  world.erp.arrive();
  for (let n = 0; n < 60; n += 1) {
    world.clock.advance(12 * MINUTE);
    await world.relay.round();
    await world.worker.round();
  }
}

it('in any order, delivered twice, through outages and restarts, the books end as the ERP has them', async () => {
  let corrections = 0;
  const mishaps = fc.array(fc.constantFrom<Mishap>('none', 'lost_answer', 'lost_request', 'late'), {
    maxLength: 6,
  });
  const steps = fc.array(step, { minLength: 5, maxLength: 60, size: 'max' });
  const run = async ([plan, list]: [Step[], Mishap[]]): Promise<void> => {
    const world = await new World().stock(1_000);
    await live(world, plan, list);
    await drain(world);
    assert.equal(await world.pending(), 0);
    for (const sku of SKUS) {
      assert.equal(await world.onHand(sku), world.erp.balances.get(sku), sku);
    }
    const { drifts, moving } = await world.reconciler.compareAll({ fix: false, cause: 'test' });
    assert.deepEqual([drifts, moving], [[], []]);
    assert.deepEqual((await world.store.audit()).problems, []);
    const ledger = await world.store.ledger({ sku: null, after: 0, limit: 10_000 });
    if (ledger.some((entry) => JSON.stringify(entry).includes('webhook'))) corrections += 1;
  };
  const property = fc.asyncProperty(fc.tuple(steps, mishaps), untilTired(run));
  await assertProperty(property, { runs: 200, file: 'test/erp/webhooks.test.ts' });
  assert.ok(corrections > 0, 'no history corrected anything');
});
