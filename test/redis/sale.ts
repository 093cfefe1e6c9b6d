/** A sale over several instances of the Redis store, watched from outside: what callers were told is what counts. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnswerTo, ReserveCommand } from '../../src/core/command.ts';
import { Fault } from '../../src/engine/faults.ts';
import type { ConnectionSettings } from '../../src/stores/redis/connection/redis-connection.ts';
import type { RedisStore } from '../../src/stores/redis/redis-store.ts';
import { confirm, reserve, setStock, uuid } from '../support/commands.ts';
import { until } from '../support/redis-servers.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { openStore, PROMPT } from './store.ts';

export interface Instance {
  readonly store: RedisStore;
  readonly reports: readonly string[];
}

/** As a shop runs it: what is late is a fault. */
export async function openInstance(
  t: Lifetime,
  url: string,
  settings: Partial<ConnectionSettings> = {},
): Promise<Instance> {
  const reports: string[] = [];
  const report = (message: string): void => void reports.push(message);
  return { store: await openStore(t, url, { ...PROMPT, ...settings }, { report }), reports };
}

export async function allReady(instances: readonly Instance[]): Promise<void> {
  await until('every instance sells', async () =>
    instances.every(({ store }) => store.health().ready),
  );
}

/** What buyers were told, by reservation. */
export interface Sale {
  readonly sku: string;
  readonly onHand: number;
  readonly granted: Set<string>;
  readonly confirmed: Set<string>;
  readonly notDone: Set<string>;
  readonly unknown: Set<string>;
  refused: number;
  /** The longest time without a grant while there was still something to grant, in ms. */
  longestPauseMs: number;
}

let ids = 0;

interface SaleOptions {
  readonly sku: string;
  readonly onHand: number;
  /** Buyers at each instance at the same time. */
  readonly lanes?: number;
  /** From one of them to the next. */
  readonly restMs?: number;
}

/** One SKU, sold until it is sold out or `stop` says so. */
export function startSale(
  instances: readonly Instance[],
  { sku, onHand, lanes = 8, restMs = 0 }: SaleOptions,
): { readonly sale: Sale; readonly done: Promise<void>; stop(): void } {
  const sale: Sale = {
    sku,
    onHand,
    granted: new Set(),
    confirmed: new Set(),
    notDone: new Set(),
    unknown: new Set(),
    refused: 0,
    longestPauseMs: 0,
  };
  let stopped = false;
  let grantedAt = performance.now();
  const buyer = async (store: RedisStore): Promise<void> => {
    while (!stopped) {
      if (restMs > 0) await sleep(restMs);
      const id = uuid((ids += 1));
      const answer = await told(sale, id, () => reserveOnce(store, sku, id));
      if (answer === null) continue;
      if (!answer.ok && answer.rejection.code === 'unknown_sku') {
        // This instance is still at a primary that was replaced before it heard of the SKU.
        sale.notDone.add(id);
        await sleep(5);
        continue;
      }
      if (!answer.ok) {
        assert.match(answer.rejection.code, /^(all_reserved|sold_out)$/);
        sale.refused += 1;
        return;
      }
      sale.granted.add(id);
      sale.longestPauseMs = Math.max(sale.longestPauseMs, performance.now() - grantedAt);
      grantedAt = performance.now();
      if (ids % 4 !== 0) continue;
      const paid = await told(sale, id, () => store.submit(confirm(id, { order: id })));
      if (paid?.ok) sale.confirmed.add(id);
    }
  };
  const buyers = instances.flatMap(({ store }) =>
    Array.from({ length: lanes }, () => buyer(store)),
  );
  return {
    sale,
    done: Promise.all(buyers).then(() => undefined),
    stop: () => {
      stopped = true;
    },
  };
}

function reserveOnce(
  store: RedisStore,
  sku: string,
  id: string,
): Promise<AnswerTo<ReserveCommand>> {
  return store.submit(reserve(id, sku), { idempotency: { key: id, fingerprint: sku } });
}

/** Null where the store gave no answer; anything but a `Fault` that says whether to try again fails the test. */
async function told<T>(sale: Sale, id: string, ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Fault) || !error.retryable) throw error;
    if (!sale.granted.has(id)) (error.outcomeUnknown ? sale.unknown : sale.notDone).add(id);
    await sleep(5);
    return null;
  }
}

/** Setting it again does no harm: on a busy machine the replicas may be late. */
export async function putOnSale(
  instance: Instance | undefined,
  sku: string,
  onHand: number,
): Promise<void> {
  await until('it is on sale', async () => {
    const answer = await instance?.store.submit(setStock(sku, onHand));
    return answer?.ok === true;
  });
}

export interface Verdict {
  /** Reservations that a caller was granted, or confirmations that were answered, and that are not in the books. */
  readonly lost: number;
  /** Units granted to callers beyond what there was. */
  readonly oversold: number;
  /** Reservations in the books of which the caller was told that nothing was done. */
  readonly phantoms: number;
}

/** Compares what callers were told with the books, which must agree with themselves. */
export async function judge(store: RedisStore, sale: Sale): Promise<Verdict> {
  const report = await store.audit();
  assert.deepEqual(report.problems, []);
  const lost = await countOf(sale.granted, async (id) => {
    const found = await store.reservation(id);
    const paid = found?.status === 'confirmed' || found?.status === 'acknowledged';
    return sale.confirmed.has(id) ? !paid : found === null;
  });
  const phantoms = await countOf(
    sale.notDone,
    async (id) => (await store.reservation(id)) !== null,
  );
  return { lost, oversold: Math.max(0, sale.granted.size - sale.onHand), phantoms };
}

/**
 * What a caller does whose reserve ended with an unknown outcome: it repeats it, with the same key. The answer is then
 * the one that the books have; returns for how many of them it is that they were granted.
 */
export async function settleUnknown(store: RedisStore, { sku, unknown }: Sale): Promise<number> {
  return countOf(unknown, async (id) => {
    const before = await store.reservation(id);
    const answer = await reserveOnce(store, sku, id);
    assert.deepEqual(await reserveOnce(store, sku, id), answer);
    if (before !== null) assert.ok(answer.ok && answer.reservation.createdAt === before.createdAt);
    assert.equal((await store.reservation(id)) !== null, answer.ok);
    return before !== null;
  });
}

async function countOf(
  ids: ReadonlySet<string>,
  holds: (id: string) => Promise<boolean>,
): Promise<number> {
  let count = 0;
  const waiting = [...ids];
  while (waiting.length > 0) {
    const found = await Promise.all(waiting.splice(0, 500).map(holds));
    count += found.filter(Boolean).length;
  }
  return count;
}
