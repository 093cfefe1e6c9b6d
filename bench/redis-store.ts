/**
 * The Redis store beside its server's plain SET: `node bench/redis-store.ts [--count 50000] [--rounds 3]`. Starts a
 * server of its own. For each: the server's processor time for one operation, on average and in the best of all batches;
 * and how many a second went through one process, with 256 waiting for an answer at any time (the last two rows: fewer).
 * On a machine that others use too the average tells how crowded it is: a server that is woken for every few SETs, and
 * finds its caches used by others, takes many times as long. The best batch is what holds; from it follow the ratios, and
 * what a call costs and what each reserve in it.
 */
import { randomFillSync } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Command } from '../src/core/command.ts';
import { createIdSource } from '../src/engine/ids.ts';
import type { Submission } from '../src/engine/ports.ts';
import type { RedisStore } from '../src/stores/redis/redis-store.ts';
import { openStore } from '../test/redis/store.ts';
import { RedisServer } from '../test/support/redis-servers.ts';
import { count, median } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
  },
});
const total = Number(options.count);
const rounds = Number(options.rounds);
const DEPTH = 256;
const SKUS = 1_000;
const PLENTY = 2_000_000_000;

const cleanups: (() => unknown)[] = [];
const lifetime = { after: (done: () => unknown) => cleanups.unshift(done) };
const newId = createIdSource(randomFillSync, Date.now);

function reserve(sku: string, customerId: string | null = null): Command {
  return {
    type: 'reserve',
    reservationId: newId(),
    lines: [{ sku, quantity: 1 }],
    customerId,
    ttlSeconds: null,
    allowPartial: false,
  };
}

/** Sends `total` operations, `DEPTH` at a time, as `send` does with as many as it is told. */
interface Case {
  readonly name: string;
  /** Of `total`, so that small calls do not take all day. */
  readonly share: number;
  readonly send: (operations: number) => Promise<unknown>;
}

interface Result {
  readonly perSecond: number;
  /** For an operation, on average and in the best batch. */
  readonly serverMicros: number;
  readonly least: number;
}

async function serverMicros(server: RedisServer): Promise<number> {
  const info = await server.info('cpu');
  const seconds = ['used_cpu_user_main_thread', 'used_cpu_sys_main_thread'].map((name) =>
    Number(info.get(name)),
  );
  return seconds.reduce((sum, each) => sum + each, 0) * 1e6;
}

/** What it costs to ask for that. */
async function askingMicros(server: RedisServer): Promise<number> {
  const costs: number[] = [];
  for (let last = await serverMicros(server); costs.length < 50;) {
    const now = await serverMicros(server);
    costs.push(now - last);
    last = now;
  }
  return median(costs);
}

async function measure(server: RedisServer, { send, share }: Case): Promise<Result> {
  await send(DEPTH * 2);
  const asking = await askingMicros(server);
  const batches = Math.ceil((total * share) / DEPTH);
  const used: number[] = [];
  let milliseconds = 0;
  for (let last = await serverMicros(server); used.length < batches;) {
    const begun = performance.now();
    await send(DEPTH);
    milliseconds += performance.now() - begun;
    const now = await serverMicros(server);
    used.push((now - last - asking) / DEPTH);
    last = now;
  }
  return {
    perSecond: (batches * DEPTH * 1000) / milliseconds,
    serverMicros: used.reduce((sum, each) => sum + each, 0) / batches,
    least: Math.min(...used),
  };
}

/** `perCall`: commands that share one call. */
function through(
  store: RedisStore,
  name: string,
  make: (n: number) => Command,
  { perCall = DEPTH, keyed = false } = {},
): Case {
  let made = 0;
  const next = (): Submission => {
    const command = make((made += 1));
    const idempotency = keyed ? { key: newId(), fingerprint: 'f'.repeat(64) } : null;
    return { command, idempotency };
  };
  return {
    name,
    share: Math.min(1, perCall / 16),
    send: async (operations) => {
      for (let sent = 0; sent < operations; sent += perCall) {
        await store.submitAll(Array.from({ length: perCall }, next));
      }
    },
  };
}

async function cases(server: RedisServer, store: RedisStore): Promise<Case[]> {
  const client = server.client();
  lifetime.after(() => client.disconnect());
  const rows = Array.from({ length: SKUS }, (_, n) => ({ sku: `S${n}`, onHand: PLENTY }));
  await store.submit({ type: 'import_stock', rows, dryRun: false });
  await store.submit({ type: 'set_stock', sku: 'OUT', onHand: 0 });
  const value = 'x'.repeat(300);
  return [
    {
      name: 'SET of 300 bytes',
      share: 1,
      send: (operations) =>
        Promise.all(Array.from({ length: operations }, () => client.set(newId(), value))),
    },
    through(store, 'reserve, one SKU', () => reserve('S0')),
    through(store, 'reserve, one SKU, with customer', (n) => reserve('S0', `customer-${n}`)),
    through(store, 'reserve, one SKU, with idempotency key', () => reserve('S0'), { keyed: true }),
    through(store, `reserve, ${count(SKUS)} SKUs`, (n) => reserve(`S${n % SKUS}`)),
    through(store, 'reserve, sold out', () => reserve('OUT')),
    ...[1, 16].map((perCall) =>
      through(store, `reserve, ${perCall} per call`, (n) => reserve(`S${n % SKUS}`), { perCall }),
    ),
  ];
}

try {
  const server = await RedisServer.start(lifetime);
  const all = await cases(server, await openStore(lifetime, server.url));
  const results = new Map<Case, Result[]>(all.map((each) => [each, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const each of all) results.get(each)?.push(await measure(server, each));
  }
  const middle = (each: Case | undefined, field: keyof Result): number =>
    median((each ? results.get(each) : [])?.map((result) => result[field]) ?? []);
  const [set] = all;
  const least = (each: Case | undefined): number =>
    Math.min(...((each ? results.get(each) : []) ?? []).map((result) => result.least));
  const named = (name: string): number => least(all.find((each) => each.name === name));
  console.log('| operation | server CPU, µs | in the best batch | SET ÷ it | per second | ÷ SET |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const each of all) {
    const perSecond = middle(each, 'perSecond');
    const cells = [
      middle(each, 'serverMicros').toFixed(1),
      least(each).toFixed(2),
      (least(set) / least(each)).toFixed(2),
      count(perSecond),
      (perSecond / middle(set, 'perSecond')).toFixed(2),
    ];
    console.log(`| ${[each.name, ...cells].join(' | ')} |`);
  }
  // What a call costs, whatever is in it, and what each command adds.
  const alone = named('reserve, 1 per call');
  const together = named(`reserve, ${count(SKUS)} SKUs`);
  const call = (alone - together) / (1 - 1 / DEPTH);
  console.log(
    `\na call ${call.toFixed(1)} µs, each reserve in it ${(together - call / DEPTH).toFixed(1)} µs`,
  );
} finally {
  for (const cleanup of cleanups) await cleanup();
}
