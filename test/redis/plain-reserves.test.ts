/**
 * Batches of plain reserves, which go a way of their own over Redis (commands/lib/plain-reserves.lua), beside the memory
 * store: random rushes with everything that turns a plain reserve into another one in the middle of its batch.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Command } from '../../src/core/command.ts';
import type { Submission } from '../../src/engine/ports.ts';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { redisShardsSubject, redisSubject, withRedis } from '../conformance/redis-subject.ts';
import { ALL, everything, type StoreSubject } from '../conformance/subject.ts';
import { shardKeys } from '../../src/stores/redis/keys.ts';
import { ownScripts } from '../../src/stores/redis/own-scripts.ts';
import { confirm, extend, reserve, setStock, sweep, uuid } from '../support/commands.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hasRedis, RedisServer } from '../support/redis-servers.ts';
import { assertProperty, untilTired } from '../support/replay.ts';
import { openStore, TAG } from './store.ts';

/** One SKU that lasts, some that are short, one with a policy that reserves run into, one that nobody knows. */
const STOCK = [
  setStock('plenty', 5_000),
  setStock('short', 25),
  setStock('one', 1),
  setStock('limited', 40, { policy: { maxPerCustomer: 3, maxPerOrder: 2, ttlSeconds: 20 } }),
  setStock('later', 40, { policy: { opensAt: new FakeClock().now() + 30_000 } }),
];
const SKUS = ['plenty', 'short', 'one', 'limited', 'later', 'unknown'];

/** Many of one kind, so that plain ones follow each other, and now and then something else. */
const asked = fc.record({
  sku: fc.nat({ max: 99 }),
  quantity: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.constantFrom(2, 3, 3, 1_000_001)),
  customer: fc.option(fc.constantFrom('ana', 'beto', 'çé "\\'), { nil: null, freq: 3 }),
  ttl: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(null, 5, 30) }, fc.constant(10_000_000)),
  key: fc.option(fc.nat({ max: 40 }), { nil: null, freq: 3 }),
  again: fc.nat({ max: 99 }),
});
const rush = fc.record({
  waitMs: fc.constantFrom(0, 1, 4_000, 21_000, 700_000),
  columns: fc.record({ customer: fc.boolean(), ttl: fc.boolean(), key: fc.boolean() }),
  skus: fc.constantFrom(['plenty'], ['plenty', 'short'], ['plenty', 'limited'], SKUS),
  /** Of ids that were asked for before: none; some of earlier batches; some of this batch too, which is not plain. */
  again: fc.constantFrom('none', 'none', 'earlier', 'any'),
  asked: fc.array(asked, { minLength: 1, maxLength: 200, size: 'max' }),
  after: fc.constantFrom('nothing', 'confirm', 'extend', 'sweep'),
});
type Rush = typeof rush extends fc.Arbitrary<infer T> ? T : never;
/** In 100. */
const ASKED_AGAIN = 3;

class Twins {
  readonly #made: Command[] = [];
  #ids = 0;

  /** `oneBook`: else of two reserves with one key at different shards either may come first. */
  batchOf(rush: Rush, oneBook: boolean): Submission[] {
    const { columns, skus } = rush;
    const earlier = rush.again === 'earlier' ? [...this.#made] : this.#made;
    return rush.asked.map(({ sku, quantity, customer, ttl, key, again }) => {
      const options = {
        ...(columns.customer && customer !== null ? { customer } : {}),
        ...(columns.ttl && ttl !== null ? { ttl } : {}),
      };
      const known =
        again < ASKED_AGAIN && rush.again !== 'none' ? earlier.splice(-1 - again, 1)[0] : undefined;
      const lines = [{ sku: skus[sku % skus.length] ?? '', quantity }];
      const command = known ?? reserve(uuid((this.#ids += 1)), lines, options);
      this.#made.push(command);
      const idempotency =
        columns.key && key !== null
          ? {
              key: `key ${key}${oneBook ? '' : (lines[0]?.sku ?? '')}`,
              fingerprint: `of ${key % 7}`,
            }
          : null;
      return { command, idempotency };
    });
  }

  after(kind: Rush['after']): Submission[] {
    const id = uuid(Math.max(1, this.#ids - 3));
    const command =
      kind === 'confirm' ? confirm(id) : kind === 'extend' ? extend(id, { order: 'o' }) : sweep(50);
    return kind === 'nothing' ? [] : [{ command, idempotency: null }];
  }
}

async function compare(subject: StoreSubject, rushes: readonly Rush[]): Promise<void> {
  const cleanups: (() => unknown)[] = [];
  const home = await subject.home({ after: (done) => cleanups.push(done) });
  const clock = new FakeClock();
  const store = await home.open({ rules: DEFAULT_RULES, clock });
  const reference = new MemoryStore(clock, DEFAULT_RULES);
  const submit = async (batch: readonly Submission[]): Promise<void> => {
    assert.deepEqual(await store.submitAll(batch), await reference.submitAll(batch));
  };
  try {
    await submit(STOCK.map((command) => ({ command, idempotency: null })));
    const twins = new Twins();
    for (const each of rushes) {
      clock.set(clock.now() + each.waitMs);
      if (!subject.supports.oneBook) await submit([{ command: sweep(ALL), idempotency: null }]);
      await submit(twins.batchOf(each, subject.supports.oneBook));
      await submit(twins.after(each.after));
      const [mine, theirs] = [await everything(store), await everything(reference)];
      if (subject.supports.oneBook) assert.deepEqual(mine, theirs);
      else assert.deepEqual(mine.reservations, theirs.reservations);
      assert.deepEqual(mine.levels, theirs.levels);
    }
    for (const sku of SKUS) {
      for (const after of subject.supports.oneBook ? [0, 3, 70] : []) {
        const query = { sku, after, limit: 90 };
        assert.deepEqual(await store.ledger(query), await reference.ledger(query));
      }
    }
    assert.deepEqual((await store.audit()).problems, []);
  } finally {
    await store.close();
    for (const cleanup of cleanups) await cleanup();
  }
}

void it('a plain reserve makes nothing of what it does not need, and whatever else happens does', async (t) => {
  if (!hasRedis(t)) return;
  const server = await RedisServer.start(t);
  const store = await openStore(t, server.url);
  await store.submit(setStock('A', 3));
  await store.submit(setStock('policed', 3, { policy: { maxPerOrder: 2 } }));
  const whole = ownScripts().get('plain-reserves')?.text ?? '';
  const script = whole.replace('local function later()', "$&\n  do return error('made') end");
  const run = async (sku: string, columns = '', row: readonly string[] = []): Promise<unknown> => {
    const rules = JSON.stringify({ rules: DEFAULT_RULES });
    const args = [rules, '', '1', '600', '1', columns, uuid((ids += 1)), sku, '1', ...row];
    const keys = shardKeys(TAG).books;
    return server.ask('EVAL', script, keys.length, ...keys, ...args);
  };
  let ids = 0;
  await run('A');
  await run('A', 'c', ['ana']);
  await run('A', 'k', ['key', 'fingerprint']);
  for (const unusual of [() => run('A'), () => run('unknown'), () => run('policed')]) {
    await assert.rejects(unusual(), /made/);
  }
  assert.deepEqual((await store.level('A'))?.available, 0);
  assert.deepEqual((await store.audit()).problems, []);
});

withRedis(() => {
  for (const [subject, runs] of [
    [redisSubject, 25],
    [redisShardsSubject, 5],
  ] as const) {
    void it(`plain reserves in batches: the ${subject.name} store answers like the memory store`, async () => {
      const histories = fc.array(rush, { minLength: 1, maxLength: 8 });
      await assertProperty(
        fc.asyncProperty(
          histories,
          untilTired((rushes) => compare(subject, rushes)),
        ),
        { runs, file: 'test/redis/plain-reserves.test.ts' },
      );
    });
  }
});
