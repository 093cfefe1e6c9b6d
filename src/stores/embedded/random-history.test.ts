/** Random histories against the memory store, answer by answer, with one clock for both; the seed is in the message. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from '../../core/command.ts';
import { DEFAULT_RULES, type Rules } from '../../core/rules.ts';
import type { Submission } from '../../engine/ports.ts';
import { MemoryStore } from '../memory/memory-store.ts';
import { SharedClock } from './anchored-clock.ts';
import { dataFiles } from './data-files.ts';
import { auditFile } from './audit-reader.ts';
import { EmbeddedStore } from './embedded-store.ts';
import { closeBooks, openDatabase } from './open-database.ts';
import { Writer, type Operation } from './writer.ts';

const SEEDS = Number(process.env['HOLDFAST_TEST_SEEDS'] ?? 12);
const STEPS = 250;

/** mulberry32 */
function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class History {
  readonly #random: () => number;
  readonly ids: string[] = [];
  #made = 0;

  constructor(seed: number) {
    this.#random = randomSource(seed);
  }

  chance(p: number): boolean {
    return this.#random() < p;
  }

  int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.int(values.length)] as T;
  }

  sku(): string {
    return this.pick(['A', 'A', 'A', 'B', 'C', 'ção "x"']);
  }

  id(): string {
    if (this.ids.length === 0 || this.chance(0.03)) return 'unknown';
    const recent = this.ids.slice(-12);
    return this.pick(this.chance(0.8) ? recent : this.ids);
  }

  lines(): { sku: string; quantity: number }[] {
    const count = this.chance(0.7) ? 1 : 1 + this.int(3);
    return Array.from({ length: count }, () => ({ sku: this.sku(), quantity: 1 + this.int(3) }));
  }

  customer(): string | null {
    return this.chance(0.3) ? null : this.pick(['ana', 'bia', 'caio']);
  }

  reserve(): Command {
    this.#made += 1;
    // Not in the order of creation, as ids of several instances would be.
    const reservationId = `${String(this.int(1000)).padStart(4, '0')}-${this.#made}`;
    this.ids.push(reservationId);
    return {
      type: 'reserve',
      reservationId,
      lines: this.lines(),
      customerId: this.customer(),
      ttlSeconds: this.chance(0.3) ? 1 + this.int(20) : null,
      allowPartial: this.chance(0.2),
    };
  }

  stock(sku: string): Command {
    const policy = {
      maxPerOrder: this.chance(0.2) ? 1 + this.int(4) : null,
      maxPerCustomer: this.chance(0.3) ? 1 + this.int(6) : null,
      ttlSeconds: this.chance(0.5) ? 1 + this.int(15) : null,
    };
    return {
      type: 'set_stock',
      sku,
      ...(this.chance(0.8) ? { onHand: this.int(12) } : {}),
      ...(this.chance(0.2) ? { safetyStock: this.int(3) } : {}),
      ...(this.chance(0.4) ? { policy } : {}),
    };
  }

  command(now: number): Command {
    const roll = this.int(100);
    const reservationId = this.id();
    const orderId = this.chance(0.5) ? this.pick(['o1', 'o2']) : null;
    if (roll < 45) return this.reserve();
    if (roll < 60) {
      const lines = this.chance(0.3) ? this.lines() : null;
      const onExpired = this.chance(0.5) ? 'reacquire' : 'reject';
      return { type: 'confirm', reservationId, orderId, lines, onExpired };
    }
    if (roll < 68) return { type: 'release', reservationId };
    if (roll < 76) {
      const ttlSeconds = this.chance(0.5) ? this.int(60) : null;
      const paymentMethod = this.chance(0.5) ? this.pick(['card', 'pix', 'boleto'] as const) : null;
      return { type: 'extend', reservationId, ttlSeconds, orderId, paymentMethod };
    }
    if (roll < 82) {
      const restock = this.chance(0.5);
      const lines = this.chance(0.5) ? this.lines().map((line) => ({ ...line, restock })) : null;
      const cancellationId = this.chance(0.5) ? this.pick(['x', 'y']) : null;
      return { type: 'cancel', reservationId, lines, restock, cancellationId };
    }
    if (roll < 86) return { type: 'acknowledge', reservationId };
    if (roll < 92) return this.stock(this.sku());
    if (roll < 94) {
      const delta = this.int(9) - 3;
      return { type: 'adjust_stock', sku: this.sku(), delta, reason: 'counted' };
    }
    if (roll < 96) {
      const rows = ['A', 'B', 'N', 'A'].map((sku) => ({ sku, onHand: this.int(10) }));
      return { type: 'import_stock', rows, dryRun: this.chance(0.3) };
    }
    if (roll < 98) return { type: 'sweep', limit: 1 + this.int(5) };
    const endedBefore = now - this.int(30_000);
    return { type: 'purge', endedBefore, limit: 1 + this.int(20) };
  }

  submission(now: number): Submission {
    const command = this.command(now);
    const key = this.pick(['k1', 'k2', 'k3', 'k4']);
    const fingerprint = this.pick(['f1', 'f1', 'f2']);
    return { command, idempotency: this.chance(0.1) ? { key, fingerprint } : null };
  }
}

function rulesFor(seed: number): Rules {
  return {
    ...DEFAULT_RULES,
    ttlSeconds: 10,
    extendCapSeconds: 40,
    maxTtlSeconds: 50,
    acknowledgeOnConfirm: seed % 2 === 0,
    messageGrouping: seed % 4 === 1 ? 'sku' : 'sale',
    onShortfall: seed % 3 === 0 ? 'release_newest' : 'keep',
  };
}

const READS: readonly Operation[] = [
  { kind: 'levels', query: { after: null, prefix: null, limit: 100 } },
  { kind: 'stats' },
  { kind: 'reservations', after: null, limit: 10_000 },
  { kind: 'ledger', query: { sku: null, after: 0, limit: 100_000 } },
  { kind: 'ledger', query: { sku: 'A', after: 10, limit: 50 } },
  { kind: 'ledger', query: { sku: 'ção "x"', after: 130, limit: 500 } },
];

async function readMemory(memory: MemoryStore, operation: Operation): Promise<unknown> {
  switch (operation.kind) {
    case 'levels':
      return memory.levels(operation.query);
    case 'stats':
      return memory.stats();
    case 'reservations':
      return memory.reservations(operation.after, operation.limit);
    case 'ledger':
      return memory.ledger(operation.query);
    case 'ledger_beginning':
      return memory.ledgerBeginning(operation.sku);
    case 'outbox':
      return memory.outbox(operation.query);
    case 'message':
      return memory.message(operation.id);
    case 'outbox_stats':
      return memory.outboxStats();
    case 'inbox':
      return memory.inbox.stats();
    case 'level':
      return memory.level(operation.sku);
    case 'reservation':
      return memory.reservation(operation.id);
    case 'command':
      return memory.submit(operation.command, { idempotency: operation.idempotency });
  }
}

async function compareWriter(seed: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-history-'));
  const rules = rulesFor(seed);
  const history = new History(seed);
  const clock = new SharedClock();
  clock.set(1_800_000_000_000);
  const memory = new MemoryStore(clock, rules);
  const files = dataFiles(directory);
  let db = openDatabase(files);
  const open = (): Writer => new Writer(db, rules, (floor) => new SharedClock(clock.buffer, floor));
  let writer = open();
  try {
    for (let step = 0; step < STEPS; step += 1) {
      if (history.chance(0.4)) clock.advance(history.int(history.chance(0.1) ? 30_000 : 1_500));
      const batch: Operation[] = Array.from({ length: 1 + history.int(8) }, () => {
        if (history.chance(0.05)) return { kind: 'level', sku: history.sku() };
        if (history.chance(0.05)) return { kind: 'reservation', id: history.id() };
        return { kind: 'command', ...history.submission(clock.now()) };
      });
      if (history.chance(0.1)) batch.push(...READS);
      const { results } = writer.run(batch);
      for (const [index, operation] of batch.entries()) {
        const expected = await readMemory(memory, operation);
        const where = `seed ${seed}, step ${step}.${index}: ${JSON.stringify(operation)}`;
        assert.deepEqual(results[index], expected, where);
      }
      if (history.chance(0.02)) {
        // Not settled: the next start must catch up.
        if (history.chance(0.5)) writer.settle();
        closeBooks(db, files);
        db = openDatabase(files);
        writer = open();
      }
    }
    closeBooks(db, files);
    const report = auditFile(files.database);

    assert.deepEqual(report.problems, [], `seed ${seed}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('the writer answers every random history as the memory store does', async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) await compareWriter(seed);
});

test('so does the store, through its thread', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-history-'));
  const clock = new SharedClock();
  clock.set(1_800_000_000_000);
  const history = new History(99);
  const memory = new MemoryStore(clock, rulesFor(99));
  const store = await EmbeddedStore.open({ dataDir: directory, rules: rulesFor(99), clock });
  try {
    for (let step = 0; step < 400; step += 1) {
      if (history.chance(0.3)) clock.advance(history.int(1_500));
      if (history.chance(0.3)) {
        const submissions = Array.from({ length: 5 }, () => history.submission(clock.now()));
        const expected = await memory.submitAll(submissions);
        assert.deepEqual(await store.submitAll(submissions), expected, `step ${step}`);
        continue;
      }
      const { command, idempotency } = history.submission(clock.now());
      const expected = await memory.submit(command, { idempotency });
      const answer = await store.submit(command, { idempotency });
      assert.deepEqual(answer, expected, `step ${step}: ${JSON.stringify(command)}`);
      assert.deepEqual(await store.level('A'), await memory.level('A'));
    }
    assert.deepEqual(await store.audit(), await memory.audit());
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
