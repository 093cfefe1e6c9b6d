/**
 * Several tell an ERP of one cart at once, or a shard goes away in the middle: nobody takes away what another has left
 * to be done, and what is done is answered so.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MessageGrouping, Parcel } from '../../../src/core/outbox/message.ts';
import { DEFAULT_RULES } from '../../../src/core/rules.ts';
import { Fault } from '../../../src/engine/faults.ts';
import type { RedisConnection } from '../../../src/stores/redis/connection/redis-connection.ts';
import { Placement, shardTags } from '../../../src/stores/redis/sharding/placement.ts';
import { ShardedStore } from '../../../src/stores/redis/sharding/sharded-store.ts';
import { withRedis } from '../../conformance/redis-subject.ts';
import {
  cancel,
  claimMessages,
  confirm,
  discardMessage,
  purge,
  reserve,
  retryMessage,
  setStock,
  settleParcel,
  sweep,
  uuid,
} from '../../support/commands.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { outcome } from '../../support/outcome.ts';
import { ownConnection } from './own-connection.ts';
import { Wire } from './wire.ts';

const SHARDS = 3;
const DAY_MS = 86_400_000;
const placement = new Placement(SHARDS);
const SKUS = Array.from({ length: SHARDS }, (_, shard) => {
  for (let n = 0; ; n += 1) if (placement.shardOf(`SKU-${n}`) === shard) return `SKU-${n}`;
});
const ID = placement.place(uuid(1), SKUS);

let connection: () => RedisConnection;
let markets = 0;

/** Books with a cart of two units of a SKU of each shard, confirmed. */
class Market {
  readonly clock = new FakeClock();
  readonly #tag = `races-${(markets += 1)}`;
  readonly #grouping: MessageGrouping;

  constructor(grouping: MessageGrouping) {
    this.#grouping = grouping;
  }

  wire(options: { dieAfter?: number } = {}): Wire {
    return new Wire(connection(), { tags: shardTags(this.#tag, SHARDS), skews: [], ...options });
  }

  open(wire: Wire): Promise<ShardedStore> {
    return ShardedStore.open({
      connection: wire,
      rules: { ...DEFAULT_RULES, acknowledgeOnConfirm: false, messageGrouping: this.#grouping },
      hashTag: this.#tag,
      shards: SHARDS,
      queueLimit: 1_000,
      deadlineMs: 120_000,
      clock: this.clock,
      leftAfterMs: 4_000,
      afterFailover: 'safety',
      numberEveryMs: 0,
    });
  }

  async sold(): Promise<ShardedStore> {
    const store = await this.open(this.wire());
    for (const sku of SKUS) await store.submit(setStock(sku, 10));
    const lines = SKUS.map((sku) => `${sku}:2`).join(' ');
    for (const command of [reserve(ID, lines), confirm(ID)]) {
      const answer = await store.submit(command);
      assert.ok(answer.ok, outcome(answer));
    }
    return store;
  }
}

async function claimed(store: ShardedStore): Promise<readonly Parcel[]> {
  const answer = await store.submit(claimMessages(SHARDS));
  assert.ok(answer.ok);
  return answer.parcels;
}

/** Before a step of this type is sent. */
function beforeStep(wire: Wire, type: string, wait: () => Promise<unknown> | undefined): void {
  const run = wire.run.bind(wire);
  wire.run = async (script, keys, args) => {
    if (String(args[0]).includes(`"type":"${type}"`)) await wait();
    return run(script, keys, args);
  };
}

withRedis(() => {
  describe('sales of a cart that several tell at once', () => {
    connection = ownConnection();

    it('are acknowledged although who told the last died, and another was just looking', async () => {
      const market = new Market('sku');
      const store = await market.sold();
      const parcels = await claimed(store);
      const [first, second, last] = parcels.map(({ id }) => id);
      await store.submit(settleParcel(first ?? 0, 'applied'));
      const slowWire = market.wire();
      const [looked, goOn] = [
        Promise.withResolvers<undefined>(),
        Promise.withResolvers<undefined>(),
      ];
      beforeStep(slowWire, 'outbox_settled', () => {
        looked.resolve(undefined);
        return goOn.promise;
      });
      const slow = await market.open(slowWire);
      const settling = slow.submit(settleParcel(second ?? 0, 'applied'));
      await looked.promise;
      const dyingWire = market.wire({ dieAfter: 1 });
      const dying = await market.open(dyingWire);
      await Promise.race([dying.submit(settleParcel(last ?? 0, 'applied')), dyingWire.died]);
      await dyingWire.quiet();
      goOn.resolve(undefined);
      await settling;
      await store.submit(sweep());
      assert.equal((await store.reservation(ID))?.status, 'acknowledged');
      assert.deepEqual((await store.audit()).problems, []);
      await Promise.all([store.close(), slow.close()]);
    });

    it('a cancellation that was written down is answered so, though a shard has gone away since', async () => {
      const market = new Market('sale');
      const store = await market.sold();
      const wire = market.wire();
      beforeStep(wire, 'outbox_open', () => {
        throw new Fault('STORE_UNAVAILABLE', 'its server is away', { retryable: true });
      });
      const lame = await market.open(wire);
      const answer = await lame.submit(cancel(ID, { lines: `${SKUS[0] ?? ''}:1` }));
      assert.ok(answer.ok, outcome(answer));
      assert.deepEqual((await store.audit()).problems, []);
      await Promise.all([store.close(), lame.close()]);
    });

    it('a dead letter that was sent again or discarded is answered so, though a shard has gone away since', async () => {
      for (const command of [retryMessage, (id: number) => discardMessage(id, 'deduct')]) {
        const market = new Market('sale');
        const store = await market.sold();
        const [parcel] = await claimed(store);
        await store.submit(settleParcel(parcel?.id ?? 0, 'given_up', { reason: 'refused' }));
        const wire = market.wire();
        for (const step of ['cart_apply', 'outbox_open']) {
          beforeStep(wire, step, () => {
            throw new Fault('STORE_UNAVAILABLE', 'its server is away', { retryable: true });
          });
        }
        const lame = await market.open(wire);
        const answer = await lame.submit(command(parcel?.messages[0]?.id ?? 0));
        assert.ok(answer.ok, outcome(answer));
        await store.submit(sweep());
        assert.deepEqual((await store.audit()).problems, []);
        await Promise.all([store.close(), lame.close()]);
      }
    });

    it('a cart is acknowledged although a shard has purged its part, whose lines were all cancelled', async () => {
      const market = new Market('sku');
      const store = await market.sold();
      const parcels = await claimed(store);
      const [first, second, last] = parcels;
      const id = last?.messages[0]?.id ?? 0;
      // Perhaps the ERP has heard of it, so that its cancellation does not undo it.
      await store.submit(settleParcel(last?.id ?? 0, 'unknown'));
      await store.submit(settleParcel(last?.id ?? 0, 'given_up', { reason: 'nobody knows' }));
      const undone = await store.submit(cancel(ID, { lines: `${last?.key ?? ''}:2` }));
      assert.ok(undone.ok, outcome(undone));
      market.clock.advance(10 * DAY_MS);
      const purged = await store.submit(purge(market.clock.now() - 7 * DAY_MS));
      assert.ok(purged.ok, outcome(purged));
      assert.deepEqual((await store.audit()).problems, []);
      for (const parcel of [first, second]) {
        await store.submit(settleParcel(parcel?.id ?? 0, 'applied'));
      }
      const discarded = await store.submit(discardMessage(id, 'deduct'));
      assert.ok(discarded.ok, outcome(discarded));
      await store.submit(sweep());
      assert.equal((await store.reservation(ID))?.status, 'acknowledged');
      await store.close();
    });
  });
});
