/**
 * An instance that is killed: `node coordinator.fixture.ts <address> <hash tag> <shards> <seed> <SKUs> <seconds to live>`.
 * Makes carts over several SKUs, confirms or releases some, and says on stdout what it was told, at once.
 */
import { writeSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { DEFAULT_RULES } from '../../../src/core/rules.ts';
import { Fault } from '../../../src/engine/faults.ts';
import { openRedisStore } from '../../../src/stores/redis/open-redis-store.ts';
import { Random } from '../../linearizability/random.ts';
import { confirm, release, reserve } from '../../support/commands.ts';
import { patient } from '../store.ts';

const BUYERS = 6;

const [url = '', hashTag = '', shards = '', seed = '', skus = '', ttl = ''] = process.argv.slice(2);
const random = new Random(Number(seed));
const store = await openRedisStore({
  connection: patient(url),
  rules: DEFAULT_RULES,
  hashTag,
  shards: Number(shards),
  report: () => undefined,
});

function told(id: string, word: string): void {
  writeSync(1, `${id} ${word}\n`);
}

async function buy(): Promise<void> {
  const wanted = new Set<string>();
  const size = random.between(2, 10);
  while (wanted.size < size) wanted.add(`SKU-${random.between(0, Number(skus) - 1)}`);
  const id = store.placeId?.(randomUUID(), [...wanted]) ?? randomUUID();
  told(id, 'asked');
  const answer = await store.submit(reserve(id, [...wanted].join(' '), { ttl: Number(ttl) }));
  if (!answer.ok) return;
  told(id, 'active');
  const chance = random.fraction();
  if (chance < 0.3) return;
  const next = await store.submit(chance < 0.8 ? confirm(id) : release(id));
  if (next.ok && 'reservation' in next) told(id, next.reservation.status);
}

async function buyer(): Promise<void> {
  for (;;) {
    try {
      await buy();
    } catch (error) {
      // Too many at once: certainly not done.
      if (!(error instanceof Fault) || error.outcomeUnknown) throw error;
    }
  }
}

told('-', 'ready');
await Promise.all(Array.from({ length: BUYERS }, () => buyer()));
