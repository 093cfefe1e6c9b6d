/**
 * What happens to servers in a long sale, one thing after another, in an order of chance: restarts, forgotten scripts,
 * a full memory, a slot that moves. Callers see grants, refusals and 503s, and the books agree with what they saw.
 * More of it: HOLDFAST_UPSETS=50.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { slotOfKey } from '../../src/stores/redis/connection/key-slot.ts';
import type { RedisStore } from '../../src/stores/redis/redis-store.ts';
import { hasRedis, RedisServer, startCluster, type ClusterNode } from '../support/redis-servers.ts';
import { seeded, setting } from '../faults/chance.ts';
import type { Random } from '../linearizability/random.ts';
import { allReady, judge, openInstance, putOnSale, startSale, type Instance } from './sale.ts';
import { openStore, TAG } from './store.ts';
import { moveSlot } from './slots.ts';

const UPSETS = setting('HOLDFAST_UPSETS', 6);
/** More than is sold in the time it takes: the sale is stopped. */
const ON_HAND = 1_000_000;
const SETTINGS = { appendonly: 'yes', appendfsync: 'always' };

type Upset = readonly [name: string, act: () => Promise<unknown>];

async function sellThrough(
  instances: readonly Instance[],
  auditor: RedisStore,
  upsets: readonly Upset[],
  say: (text: string) => void,
): Promise<void> {
  const [instance] = instances;
  assert.ok(instance !== undefined);
  await putOnSale(instance, 'A', ON_HAND);
  const { sale, done, stop } = startSale(instances, { sku: 'A', onHand: ON_HAND, lanes: 4 });
  for (const [, act] of upsets) {
    const before = sale.granted.size;
    await act();
    await allReady(instances);
    while (sale.granted.size === before) await sleep(5);
    await sleep(50);
  }
  stop();
  await done;
  const verdict = await judge(auditor, sale);
  say(
    `${upsets.map(([name]) => name).join(', ')}: granted ${sale.granted.size}, ` +
      `not done ${sale.notDone.size}, unknown ${sale.unknown.size}, lost ${verdict.lost}`,
  );
  assert.deepEqual(verdict, { lost: 0, oversold: 0, phantoms: 0 });
  assert.ok(sale.granted.size > 0);
}

/** Each kind once, then in an order of chance. */
function inTurn(kinds: readonly Upset[], random: Random): Upset[] {
  return Array.from({ length: Math.max(UPSETS, kinds.length) }, (_, index) => {
    const chosen = kinds[index] ?? kinds[random.between(0, kinds.length - 1)];
    assert.ok(chosen !== undefined);
    return chosen;
  });
}

void test('one server: killed, frozen, full, and made to forget its scripts in the middle of a sale', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t, SETTINGS);
  const settings = { commandDeadlineMs: 500 };
  const instances = [
    await openInstance(t, server.url, settings),
    await openInstance(t, server.url, settings),
  ];
  const kinds: Upset[] = [
    ['killed', () => server.restart()],
    ['scripts forgotten', () => server.ask('SCRIPT', 'FLUSH')],
    [
      'frozen',
      async () => {
        server.pause();
        await sleep(800);
        server.resume();
      },
    ],
    [
      'full',
      async () => {
        await server.ask('CONFIG', 'SET', 'maxmemory', '1');
        await sleep(100);
        await server.ask('CONFIG', 'SET', 'maxmemory', '0');
      },
    ],
    ['stopped and started', () => server.restart('SIGTERM')],
  ];
  await sellThrough(
    instances,
    await openStore(t, server.url),
    inTurn(kinds, seeded(t, import.meta.filename)),
    (text) => t.diagnostic(text),
  );
});

void test('a cluster: the slot of the books moves to and fro, and nodes are killed in the middle of a sale', async (t) => {
  if (!hasRedis(t)) return;
  const cluster = await startCluster(t, { settings: SETTINGS, replicas: 0, nodeTimeoutMs: 5_000 });
  const url = `redis+cluster://${cluster.nodes.map(({ server }) => `127.0.0.1:${server.port}`).join(',')}`;
  const instances = [await openInstance(t, url), await openInstance(t, url)];
  const slot = slotOfKey(`{${TAG}}`);
  const owner = (): Promise<ClusterNode> => cluster.ownerOf(slot);
  const kinds: Upset[] = [
    [
      'moved',
      async () => {
        const from = await owner();
        const to = cluster.nodes[(cluster.nodes.indexOf(from) + 1) % 3];
        assert.ok(to !== undefined);
        await moveSlot(slot, from, to);
        await cluster.whole();
      },
    ],
    [
      'killed',
      async () => {
        await (await owner()).server.restart();
        await cluster.whole();
      },
    ],
    ['scripts forgotten', async () => (await owner()).server.ask('SCRIPT', 'FLUSH')],
  ];
  await sellThrough(
    instances,
    await openStore(t, url),
    inTurn(kinds, seeded(t, import.meta.filename)),
    (text) => t.diagnostic(text),
  );
});
