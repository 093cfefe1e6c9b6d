/**
 * T14: carts over 2 to 10 shards of a Cluster of three primaries, their coordinator killed after each of its round
 * trips. Whatever it was about to do, another instance finds all of it done or nothing, before the deadline if it
 * looks for what was left, and after it without looking. In every run a part of these; all: HOLDFAST_CARTS=1000.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseRedisAddress } from '../../../src/stores/redis/connection/redis-address.ts';
import {
  openRedisConnection,
  type RedisConnection,
} from '../../../src/stores/redis/connection/redis-connection.ts';
import { loadScripts } from '../../../src/stores/redis/connection/scripts.ts';
import { release, reserve } from '../../support/commands.ts';
import { outcome } from '../../support/outcome.ts';
import { startCluster } from '../../support/redis-servers.ts';
import { seeded, setting, shuffled } from '../../faults/chance.ts';
import { withRedis } from '../../conformance/redis-subject.ts';
import { patient } from '../store.ts';
import { expectedOf, KINDS, LATE, Market, type CartTrial, type Tried } from './market.ts';
import type { Misdeed } from './wire.ts';

const FULL = setting('HOLDFAST_CARTS', 0) >= 1_000;
const SIZES = FULL ? [2, 3, 4, 5, 6, 7, 8, 9, 10] : [2, 3];
/** Of the carts of a round, in every run. */
const SHARE = 1 / 3;
const SCRIPTS = new URL('../../../src/stores/redis/commands', import.meta.url).pathname;
/** More than any command makes over ten shards. */
const MOST_STEPS = 80;
const AUDIT_EVERY = 4;

const cleanups: (() => unknown)[] = [];
let connection: RedisConnection;
let markets = 0;

function nextTag(): string {
  return `market-${(markets += 1)}`;
}

/** What each may do wrong, and what it would do it to. */
const MISDEEDS = [
  ['skips_the_decision', 'reserve'],
  ['tells_before_deciding', 'confirm'],
  ['tells_nobody', 'confirm'],
] as const;
const RACES = FULL ? 160 : 16;

/** One round: each of these carts with a coordinator that dies after so many steps. */
async function round(
  market: Market,
  trials: readonly CartTrial[],
  dieAfter: number,
  misdeed: Misdeed | null = null,
): Promise<Tried[]> {
  const late = trials.filter(({ kind }) => LATE.includes(kind));
  const inTime = trials.filter(({ kind }) => !LATE.includes(kind));
  const begun = await Promise.all(late.map((trial) => market.prepare(trial)));
  if (late.length > 0) market.passDeadlines();
  begun.push(...(await Promise.all(inTime.map((trial) => market.prepare(trial)))));
  const tried = await Promise.all(begun.map((each) => market.attempt(each, dieAfter, misdeed)));
  // In the middle of everything the books of each shard agree with themselves, and no cart leads its home.
  if (dieAfter % AUDIT_EVERY === 0) await market.assertSound();
  if (dieAfter % 2 === 0) {
    market.passUntilLeft();
    await market.sweep();
    for (const each of tried) await market.assertWhole(each);
  } else {
    market.passDeadlines();
    await assertOnSale(market, tried);
  }
  market.passPaymentDeadlines();
  await market.sweep();
  for (const each of tried) await market.assertWhole(each);
  return tried;
}

/** After the deadline, and before anybody sweeps: what is not sold is on sale, to the last unit. */
async function assertOnSale(market: Market, tried: readonly Tried[]): Promise<void> {
  const store = await market.rescuer();
  for (const { asked, kind, id } of tried) {
    // One has another deadline, the other none: what its home has decided, others hear from a sweep.
    if (kind === 'extend' || kind === 'cancel') continue;
    const found = await store.reservation(id);
    for (const sku of asked.keys()) {
      const [free] = expectedOf(found, sku);
      if (free === 0) continue;
      const buyer = market.newId([sku]);
      const answer = await store.submit(reserve(buyer, [{ sku, quantity: free }]));
      assert.ok(answer.ok, `${kind} ${id} leaves ${free} of ${sku}: ${outcome(answer)}`);
      assert.ok((await store.submit(release(buyer))).ok);
    }
  }
}

withRedis(() => {
  describe('carts over several shards', () => {
    before(async () => {
      const lifetime = { after: (done: () => unknown) => cleanups.push(done) };
      const { nodes } = await startCluster(lifetime, { replicas: 0 });
      const hosts = nodes.map(({ server }) => `${server.host}:${server.port}`);
      const settings = patient(`redis+cluster://${hosts.join(',')}`);
      const address = parseRedisAddress(`redis+cluster://${hosts.join(',')}`);
      const scripts = loadScripts(SCRIPTS);
      connection = await openRedisConnection({ ...settings, address }, scripts, () => undefined);
    });
    after(async () => {
      await connection.close();
      for (const cleanup of cleanups) await cleanup();
    });

    it('are missed when they are not: planted misdeeds of a coordinator are found', async (t) => {
      const random = seeded(t, import.meta.filename);
      const found: Record<string, string> = {};
      for (const [misdeed, kind] of MISDEEDS) {
        const market = new Market(connection, nextTag(), random);
        try {
          for (let dieAfter = 0; dieAfter < 16 && !(misdeed in found); dieAfter += 1) {
            await round(market, [{ kind, size: 3 }], dieAfter, misdeed);
          }
        } catch (error) {
          assert.ok(error instanceof assert.AssertionError, String(error));
          found[misdeed] = error.message.split('\n')[0] ?? '';
        }
        await market.close();
      }
      for (const [misdeed, message] of Object.entries(found))
        t.diagnostic(`${misdeed}: ${message}`);
      assert.deepEqual(
        Object.keys(found),
        MISDEEDS.map(([misdeed]) => misdeed),
      );
    });

    it('a deadline that passes between any two steps of a confirm decides', async (t) => {
      const market = new Market(connection, nextTag(), seeded(t, import.meta.filename));
      const outcomes = { in_time: 0, late: 0 };
      for (const misdeed of [null, 'ignores_the_deadline'] as const) {
        let wrong = 0;
        for (let jump = 1; jump <= 9; jump += 1) {
          const begun = await market.prepare({ kind: 'confirm', size: 4 });
          const { told, decidedInTime } = await market.confirmAcross(begun, jump, misdeed);
          if (told.ok !== decidedInTime) wrong += 1;
          if (misdeed === null) outcomes[told.ok ? 'in_time' : 'late'] += 1;
          if (misdeed !== null) continue;
          market.passDeadlines();
          await market.sweep();
          await market.assertWhole({ ...begun, told: told.ok ? told : null, died: false });
        }
        // A home that did not look at its clock would be found out.
        assert.equal(wrong > 0, misdeed !== null, `${misdeed}: ${wrong}`);
      }
      t.diagnostic(JSON.stringify(outcomes));
      assert.ok(outcomes.in_time > 0 && outcomes.late > 0);
      await market.assertSound();
      await market.close();
    });

    it('that want the same SKUs in opposite orders are had by one, though a coordinator dies', async (t) => {
      const random = seeded(t, import.meta.filename);
      const market = new Market(connection, nextTag(), random);
      let [both, one, none] = [0, 0, 0];
      for (let dieAfter = 0; dieAfter < RACES; dieAfter += 1) {
        const skus = await market.stock(random.between(2, 10));
        const granted = await market.race(skus, dieAfter % 16);
        assert.ok(granted.told <= 1, `${granted.told} carts were granted, and there is one`);
        assert.ok(granted.there <= 1, `${granted.there} carts are there, and there is one`);
        if (granted.told === 1) one += 1;
        else none += 1;
        both += granted.there;
      }
      t.diagnostic(
        `${RACES} races: ${one} with a winner, ${none} with none, ${both} carts in the books`,
      );
      await market.assertSound();
      await market.close();
    });

    for (const skewMs of [0, 20_000]) {
      it(`are whole or not at all, wherever the coordinator dies (clocks ±${skewMs / 1000} s)`, async (t) => {
        const random = seeded(t, import.meta.filename);
        const market = new Market(connection, nextTag(), random, skewMs);
        const every = SIZES.flatMap((size) => KINDS.map((kind) => ({ kind, size })));
        const deaths = new Map<string, number>();
        let [carts, died] = [0, 0];
        // Each goes on to die one step later, until it has lived to its end.
        let trials: CartTrial[] = shuffled(every, random);
        for (let dieAfter = 0; trials.length > 0; dieAfter += 1) {
          assert.ok(dieAfter < MOST_STEPS);
          const share = Math.ceil(trials.length * SHARE);
          const chosen = FULL ? trials : shuffled(trials, random).slice(0, share);
          const tried = await round(market, chosen, dieAfter);
          carts += tried.length;
          died += tried.filter((each) => each.died).length;
          const alive = new Set(tried.flatMap((each, at) => (each.died ? [] : [at])));
          for (const each of tried) {
            if (each.died) deaths.set(each.kind, dieAfter);
          }
          const order = [
            ...chosen.filter(({ kind }) => LATE.includes(kind)),
            ...chosen.filter(({ kind }) => !LATE.includes(kind)),
          ];
          const ended = new Set(order.filter((_, at) => alive.has(at)));
          trials = trials.filter((each) => !ended.has(each));
        }
        await market.assertSound();
        await market.close();
        const last = Array.from(deaths, ([kind, at]) => `${kind} ${at}`).join(', ');
        t.diagnostic(`${carts} carts, ${died} coordinators died; last steps: ${last}`);
        if (FULL) assert.equal(deaths.size, KINDS.length);
        assert.ok(died > 0);
      });
    }
  });
});
