/** The webhook inbox of several instances: each event once, whichever of them it is delivered to. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hasRedis, startCluster } from '../support/redis-servers.ts';
import { openStore } from './store.ts';

const EVENTS = 500;
const INSTANCES = 3;

it('an event that is delivered to every instance at once is stored by one of them', async (t) => {
  if (!hasRedis(t)) return;
  const { nodes } = await startCluster(t, { replicas: 0 });
  const url = `redis+cluster://${nodes.map(({ server }) => `${server.host}:${server.port}`).join(',')}`;
  const stores = await Promise.all(Array.from({ length: INSTANCES }, () => openStore(t, url)));
  const events = Array.from({ length: EVENTS }, (_, index) => `event-${index}`);
  const outcomes = await Promise.all(
    events.flatMap((eventId) =>
      stores.map(({ inbox }) =>
        inbox.put({ eventId, topic: 'stock.updated', hints: ['sku:A'], receivedAt: 1 }),
      ),
    ),
  );
  assert.equal(outcomes.filter((outcome) => outcome === 'stored').length, EVENTS);
  const [first, second, third] = stores;
  const pending = (await first?.inbox.pending(0, 2 * EVENTS)) ?? [];
  assert.deepEqual(pending.map(({ eventId }) => eventId).sort(), events.sort());
  await second?.inbox.settle(pending.map(({ number }) => number));
  assert.equal((await third?.inbox.stats())?.pending, 0);
});
