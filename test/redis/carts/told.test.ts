/**
 * An ERP is told of carts over three shards by somebody that dies after each of its round trips: another finds the sale
 * told once, and both books equal, whether whole sales are told or the units of each SKU. At no step would a balance of
 * the ERP be misread. In every run a part of the deaths; all: HOLDFAST_CARTS=1000.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RedisConnection } from '../../../src/stores/redis/connection/redis-connection.ts';
import { seeded, setting } from '../../faults/chance.ts';
import { withRedis } from '../../conformance/redis-subject.ts';
import { ownConnection } from './own-connection.ts';
import { TELLINGS, ToldMarket, type Death } from './told.ts';
import type { Misdeed } from './wire.ts';

const FULL = setting('HOLDFAST_CARTS', 0) >= 1_000;
/** Of the round trips, one in so many, in every run. */
const EVERY = FULL ? 1 : 12;
const MOST_STEPS = 200;

let connection: () => RedisConnection;
let markets = 0;

async function die(death: Death): Promise<boolean> {
  const market = new ToldMarket(connection(), `told-${(markets += 1)}`, death.grouping);
  try {
    return await market.die(death);
  } finally {
    await market.close();
  }
}

/** What each may do wrong, where others have to hear of what a home has decided. */
const MISDEEDS: readonly Misdeed[] = ['tells_nobody', 'forgets_what_is_left'];

withRedis(() => {
  describe('sales of carts over several shards', () => {
    connection = ownConnection();

    for (const grouping of ['sale', 'sku'] as const) {
      it(`are told once, wherever somebody dies (by ${grouping})`, async (t) => {
        const random = seeded(t, import.meta.filename);
        let deaths = 0;
        const last: string[] = [];
        for (const kind of TELLINGS) {
          let step = FULL ? 0 : random.between(0, EVERY - 1);
          while (await die({ grouping, kind, dieAfter: step })) {
            deaths += 1;
            step += EVERY;
            assert.ok(step < MOST_STEPS, kind);
          }
          last.push(`${kind} ${step}`);
        }
        t.diagnostic(`${deaths} deaths; lived with: ${last.join(', ')} round trips`);
        assert.ok(deaths > 0);
      });
    }

    it('are missed when they are not told: planted misdeeds are found', async (t) => {
      for (const misdeed of MISDEEDS) {
        let found: string | null = null;
        for (let step = 0; step < MOST_STEPS && found === null; step += 1) {
          try {
            const died = await die({ grouping: 'sale', kind: 'deliver', dieAfter: step, misdeed });
            if (!died) break;
          } catch (error) {
            assert.ok(error instanceof assert.AssertionError, String(error));
            found = error.message.split('\n')[0] ?? '';
          }
        }
        t.diagnostic(`${misdeed}: ${found ?? 'not found'}`);
        assert.ok(found !== null, misdeed);
      }
    });
  });
});
