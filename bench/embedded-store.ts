/**
 * The embedded store by itself, without HTTP: `node bench/embedded-store.ts [--dir /dev/shm/bench] [--count 1000000]
 * [--only reserve]`. Each figure is the median of many batches, with the processor time beside it, which says more on
 * a machine that others use too. On tmpfs it is the cost of the code, on a disk that of the syncs as well.
 */
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Command, ReserveCommand } from '../src/core/command.ts';
import { DEFAULT_RULES } from '../src/core/rules.ts';
import { createIdSource } from '../src/engine/ids.ts';
import { SharedClock } from '../src/stores/embedded/anchored-clock.ts';
import { dataFiles } from '../src/stores/embedded/data-files.ts';
import { EmbeddedStore } from '../src/stores/embedded/embedded-store.ts';
import { openBooks } from '../src/stores/embedded/open-database.ts';
import { structureFindings } from '../src/stores/embedded/structure.ts';
import { Writer, type Operation } from '../src/stores/embedded/writer.ts';
import { count, median } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    dir: { type: 'string', default: tmpdir() },
    count: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '300' },
    only: { type: 'string', default: '' },
    skus: { type: 'string', default: '' },
  },
});
const total = Number(options.count);
const rounds = Number(options.rounds);
const directory = mkdtempSync(join(options.dir, 'holdfast-bench-'));
const PLENTY = 2_147_483_647;
const RULES = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };

const clock = new SharedClock();
clock.set(Date.now());
const newId = createIdSource(randomFillSync, () => clock.now());

function reserve(sku: string, more: Partial<ReserveCommand> = {}): ReserveCommand {
  return {
    type: 'reserve',
    reservationId: newId(),
    lines: [{ sku, quantity: 1 }],
    customerId: null,
    ttlSeconds: null,
    allowPartial: false,
    ...more,
  };
}

function operation(command: Command, key: string | null = null): Operation {
  const idempotency = key === null ? null : { key, fingerprint: 'f' };
  return { kind: 'command', command, idempotency };
}

interface Books {
  readonly writer: Writer;
  readonly files: ReturnType<typeof dataFiles>;
}

function books(name: string, skus: number): Books {
  const dataDir = join(directory, name);
  mkdtempSync(`${dataDir}-`);
  rmSync(dataDir, { recursive: true, force: true });
  const files = dataFiles(mkdtempSync(`${dataDir}-`));
  const { db } = openBooks(files, 'off');
  const writer = new Writer(db, RULES, () => clock);
  const rows = Array.from({ length: skus }, (_, n) => ({ sku: `S${n}`, onHand: PLENTY }));
  writer.run([operation({ type: 'import_stock', rows, dryRun: false })]);
  return { writer, files };
}

/** Runs `make(round)` as one batch, many times; prints the cost of one operation. */
function measure(
  name: string,
  { writer }: Books,
  perBatch: number,
  make: (round: number) => Operation[],
  times = rounds,
): void {
  if (!name.includes(options.only)) return;
  const walls: number[] = [];
  let used = 0;
  for (let round = 0; round < times; round += 1) {
    const batch = make(round);
    const cpu = process.threadCpuUsage();
    const start = performance.now();
    writer.run(batch);
    walls.push(((performance.now() - start) * 1000) / perBatch);
    const { user, system } = process.threadCpuUsage(cpu);
    used += user + system;
    clock.advance(5);
  }
  const wall = median(walls);
  const best = walls.sort((a, b) => a - b)[Math.floor(times / 10)] ?? 0;
  const columns = [
    wall.toFixed(2),
    best.toFixed(2),
    (used / times / perBatch).toFixed(2),
    count(1e6 / wall),
    count(1e6 / best),
  ];
  console.log(`| ${[name, perBatch, ...columns].join(' | ')} |`);
}

function many(size: number, make: (n: number) => Operation): Operation[] {
  return Array.from({ length: size }, (_, n) => make(n));
}

function reserves(): void {
  const hot = books('hot', 1);
  for (const size of [1, 16, 64, 256]) {
    measure('reserve, one SKU', hot, size, () => many(size, () => operation(reserve('S0'))));
  }
  measure('reserve, one SKU, with customer', hot, 256, () =>
    many(256, () => operation(reserve('S0', { customerId: newId() }))),
  );
  measure('reserve, one SKU, with idempotency key', hot, 256, () =>
    many(256, () => operation(reserve('S0'), newId().split('').reverse().join(''))),
  );
  const spread = books('spread', 10_000);
  for (const size of [16, 256]) {
    measure('reserve, 10,000 SKUs', spread, size, (round) =>
      many(size, (n) => operation(reserve(`S${((round * size + n) * 7919) % 10_000}`))),
    );
  }
  measure('reserve, cart of 3 of 10,000 SKUs', spread, 256, (round) =>
    many(256, (n) => {
      const lines = [1, 2, 3].map((k) => ({
        sku: `S${((round * 256 + n) * k * 7919) % 10_000}`,
        quantity: 1,
      }));
      return operation(reserve('', { lines }));
    }),
  );
}

function lifecycle(): void {
  const { writer, files } = books('life', 1);
  const ids: string[][] = [];
  const fill = (batches: number): void => {
    ids.length = 0;
    for (let batch = 0; batch < batches; batch += 1) {
      const commands = Array.from({ length: 256 }, () => reserve('S0'));
      ids.push(commands.map(({ reservationId }) => reservationId));
      writer.run(commands.map((command) => operation(command)));
      clock.advance(5);
    }
  };
  const of = (round: number): string[] => ids[round] ?? [];
  const each = (round: number, make: (reservationId: string) => Command): Operation[] =>
    of(round).map((id) => operation(make(id)));
  fill(rounds);
  measure('confirm', { writer, files }, 256, (round) =>
    each(round, (reservationId) => ({
      type: 'confirm',
      reservationId,
      orderId: reservationId,
      lines: null,
      onExpired: 'reject',
    })),
  );
  measure('acknowledge', { writer, files }, 256, (round) =>
    each(round, (reservationId) => ({ type: 'acknowledge', reservationId })),
  );
  fill(rounds);
  measure('release', { writer, files }, 256, (round) =>
    each(round, (reservationId) => ({ type: 'release', reservationId })),
  );
  fill(rounds);
  measure('reservation, read', { writer, files }, 256, (round) =>
    of(round).map((id) => ({ kind: 'reservation', id })),
  );
  clock.advance(600_000);
  measure(
    'sweep of 1,000 lapsed',
    { writer, files },
    1_000,
    () => [operation({ type: 'sweep', limit: 1_000 })],
    Math.floor((rounds * 256) / 1_000),
  );
  writer.run([operation({ type: 'set_stock', sku: 'S0', onHand: 0 })]);
  measure('reserve, sold out', { writer, files }, 256, () =>
    many(256, () => operation(reserve('S0'))),
  );
  clock.advance(1_000);
  const endedBefore = clock.now();
  measure(
    'purge of 1,000',
    { writer, files },
    1_000,
    () => [operation({ type: 'purge', endedBefore, limit: 1_000 })],
    Math.floor((rounds * 256) / 1_000),
  );
}

function resident(): number {
  return process.memoryUsage().rss;
}

/** A million active reservations, on one SKU and on as many as there are: filling, starting, checking. */
async function scale(skus: number): Promise<void> {
  const { writer, files } = books(`scale-${skus}`, skus);
  global.gc?.();
  const before = resident();
  const start = performance.now();
  for (let from = 0; from < total; from += 512) {
    const size = Math.min(512, total - from);
    writer.run(many(size, (n) => operation(reserve(`S${(from + n) % skus}`))));
    clock.advance(10);
  }
  const filled = (performance.now() - start) / 1000;
  global.gc?.();
  const grown = (resident() - before) / total;
  console.log(`\n${count(total)} active reservations of ${count(skus)} SKUs:`);
  console.log(
    `- filled in ${filled.toFixed(1)} s; ${grown.toFixed(0)} bytes of process memory each`,
  );
  console.log(`- file ${count(statSync(files.database).size / 1e6)} MB`);
  const times: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const begun = performance.now();
    const cpu = process.threadCpuUsage();
    const { db } = openBooks(files, 'off');
    const again = new Writer(db, RULES, () => clock);
    const { user, system } = process.threadCpuUsage(cpu);
    times.push(performance.now() - begun);
    console.log(
      `- opened after no clean end: ${times.at(-1)?.toFixed(0) ?? ''} ms (processor ${count((user + system) / 1000)} ms)`,
    );
    again.settle();
    if (round === 2) {
      const checking = performance.now();
      structureFindings(db, 'quick_check');
      console.log(`- quick_check ${(performance.now() - checking).toFixed(0)} ms`);
    }
    db.close();
  }
  const begun = performance.now();
  const store = await EmbeddedStore.open({ dataDir: files.directory, rules: RULES, clock });
  await store.level('S0');
  console.log(
    `- EmbeddedStore.open to the first answer ${(performance.now() - begun).toFixed(0)} ms`,
  );
  clock.advance(700_000);
  await store.level('S0');
  const lags: number[] = [];
  for (let probe = 0; probe < 300; probe += 1) {
    const asked = performance.now();
    await store.submit(reserve(`S${(probe * 7919) % skus}`));
    lags.push(performance.now() - asked);
  }
  lags.sort((a, b) => a - b);
  console.log(
    `- all lapsed: a reserve takes p50 ${median(lags).toFixed(1)} ms, max ${lags.at(-1)?.toFixed(1) ?? ''} ms`,
  );
  await store.close();
}

/** In a process of its own, so that its memory can be told. */
function scaleApart(skus: number): void {
  const flags = ['--expose-gc', '--max-semi-space-size=8', '--disable-warning=ExperimentalWarning'];
  const own = ['--only', 'scale', '--skus', String(skus)];
  const args = [...flags, import.meta.filename, ...process.argv.slice(2), ...own];
  spawnSync(process.execPath, args, { stdio: 'inherit' });
}

async function throughThread(): Promise<void> {
  const dataDir = mkdtempSync(join(directory, 'thread-'));
  const store = await EmbeddedStore.open({ dataDir, rules: RULES });
  await store.submit({ type: 'set_stock', sku: 'S0', onHand: PLENTY });
  for (const [size, inFlight] of [
    [256, 4],
    [256, 1],
    [1, 64],
    [1, 1],
  ] as const) {
    const start = performance.now();
    let done = 0;
    const loop = async (): Promise<void> => {
      while (performance.now() - start < 2_000) {
        if (size === 1) await store.submit(reserve('S0'));
        else {
          const submissions = many(size, () => operation(reserve('S0'))) as never;
          await store.submitAll(submissions);
        }
        done += size;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, loop));
    const perSecond = done / ((performance.now() - start) / 1000);
    console.log(
      `- through the thread, ${size} a call, ${inFlight} calls in flight: ${count(perSecond)} reserves/s`,
    );
  }
  await store.close();
}

try {
  if (options.only !== 'scale')
    console.log(
      '| operation | in a batch | µs median | µs best tenth | µs processor | /s median | /s best tenth |',
    );
  if (options.only !== 'scale') console.log('| --- | --- | --- | --- | --- | --- | --- |');
  if (!options.only.startsWith('scale') && options.only !== 'thread') {
    reserves();
    lifecycle();
  }
  if (options.only === '' || options.only === 'thread') await throughThread();
  if (options.skus !== '') await scale(Number(options.skus));
  else if (options.only === '' || options.only === 'scale') {
    for (const skus of [1, 10_000, total]) scaleApart(skus);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
