/** Four instances of the store over one Cluster, and many more buyers than units. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Answer } from '../../src/core/command.ts';
import { confirm, reserve, setStock, uuid } from '../support/commands.ts';
import { hasRedis, startCluster } from '../support/redis-servers.ts';
import { openStore } from './store.ts';

const UNITS = 100;
const BUYERS = 20_000;
const INSTANCES = 4;

/** More for a proof by hand: `HOLDFAST_ROUNDS=20`. */
const ROUNDS = Number(process.env['HOLDFAST_ROUNDS'] ?? 3);

void it('of 20,000 buyers at four instances exactly as many are served as there are units', async (t) => {
  if (!hasRedis(t)) return;
  const { nodes } = await startCluster(t, { replicas: 0 });
  const url = `redis+cluster://${nodes.map(({ server }) => `${server.host}:${server.port}`).join(',')}`;
  const stores = await Promise.all(
    Array.from({ length: INSTANCES }, () => openStore(t, url, { queueLimit: BUYERS })),
  );
  const [first] = stores;
  assert.ok(first !== undefined);
  for (let round = 0; round < ROUNDS; round += 1) {
    const sku = `SKU-${round}`;
    await first.submit(setStock(sku, UNITS));
    const id = (buyer: number): string => uuid(round * BUYERS + buyer);
    const answers = await Promise.all(
      Array.from({ length: BUYERS }, (_, buyer): Promise<Answer> => {
        const store = stores[buyer % INSTANCES] ?? first;
        return store.submit(reserve(id(buyer), `${sku}:1`));
      }),
    );
    const winners = answers.flatMap(({ ok }, buyer) => (ok ? [buyer] : []));
    assert.equal(winners.length, UNITS, `round ${round}`);
    // Whoever made a reservation, another instance confirms it.
    const sales = await Promise.all(
      winners.map((buyer) => (stores[(buyer + 1) % INSTANCES] ?? first).submit(confirm(id(buyer)))),
    );
    assert.ok(sales.every(({ ok }) => ok));
    const level = await first.level(sku);
    assert.deepEqual([level?.onHand, level?.reserved, level?.available], [0, 0, 0]);
  }
  assert.deepEqual((await first.audit()).problems, []);
});
