import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import type { ConfirmCommand, ReserveCommand } from '../../core/command.ts';
import { DEFAULT_RULES } from '../../core/rules.ts';
import { Fault } from '../../engine/faults.ts';
import type { CommitNotice } from '../../engine/ports.ts';
import { SharedClock } from './anchored-clock.ts';
import { dataFiles } from './data-files.ts';
import { EmbeddedStore, type EmbeddedStoreOptions } from './embedded-store.ts';

const NOON = 1_800_000_000_000;

class Fixture {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
  readonly clock = new SharedClock();
  #made = 0;
  #opened: EmbeddedStore[] = [];

  constructor(t: TestContext) {
    this.clock.set(NOON);
    t.after(async () => {
      for (const store of this.#opened) await store.close();
      rmSync(this.dataDir, { recursive: true, force: true });
    });
  }

  /** This one cannot be closed, and has said so. */
  ended(store: EmbeddedStore): void {
    this.#opened = this.#opened.filter((other) => other !== store);
  }

  async open(options: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
    const store = await EmbeddedStore.open({
      dataDir: this.dataDir,
      rules: DEFAULT_RULES,
      clock: this.clock,
      ...options,
    });
    this.#opened.push(store);
    return store;
  }

  reserve(sku = 'A', more: Partial<ReserveCommand> = {}): ReserveCommand {
    this.#made += 1;
    return {
      type: 'reserve',
      reservationId: `r${this.#made}`,
      lines: [{ sku, quantity: 1 }],
      customerId: null,
      ttlSeconds: null,
      allowPartial: false,
      ...more,
    };
  }

  /** Changes the file behind the store's back. */
  tamper(sql: string): void {
    const db = new DatabaseSync(dataFiles(this.dataDir).database);
    db.exec(sql);
    db.close();
  }
}

function confirm(reservationId: string): ConfirmCommand {
  return { type: 'confirm', reservationId, orderId: null, lines: null, onExpired: 'reject' };
}

/** Keeps the writer busy for a while. */
function busyWork(rows: number): {
  type: 'import_stock';
  rows: { sku: string; onHand: number }[];
  dryRun: boolean;
} {
  return {
    type: 'import_stock',
    rows: Array.from({ length: rows }, (_, index) => ({ sku: `busy ${index}`, onHand: index })),
    dryRun: false,
  };
}

test('what was answered is there after a restart', async (t) => {
  const fixture = new Fixture(t);
  const first = await fixture.open();
  await first.submit({ type: 'set_stock', sku: 'A', onHand: 3 });
  const idempotency = { key: 'k', fingerprint: 'f' };
  const answers = await Promise.all([
    first.submit(fixture.reserve()),
    first.submit(fixture.reserve(), { idempotency }),
  ]);
  await first.close();
  await first.close();
  assert.deepEqual(readdirSync(fixture.dataDir).sort(), ['holdfast.db', 'holdfast.lock']);
  const second = await fixture.open();
  assert.equal((await second.level('A'))?.available, 1);
  assert.deepEqual(await second.submit(fixture.reserve(), { idempotency }), answers[1]);
  assert.equal((await second.stats()).active, 2);
  assert.deepEqual((await second.audit()).problems, []);
});

test('a clock that was set back does not undo a lapse that was used', async (t) => {
  const fixture = new Fixture(t);
  const first = await fixture.open();
  await first.submit({ type: 'set_stock', sku: 'A', onHand: 1 });
  const lapses = fixture.reserve('A', { ttlSeconds: 10 });
  await first.submit(lapses);
  fixture.clock.advance(10_000);
  assert.ok((await first.submit(fixture.reserve('A'))).ok);
  await first.close();
  fixture.clock.set(NOON - 3_600_000);
  const second = await fixture.open();
  assert.equal(second.clock.now(), NOON + 10_000);
  const late = await second.submit(confirm(lapses.reservationId));
  assert.ok(!late.ok && late.rejection.code === 'reservation_expired');
  assert.equal((await second.level('A'))?.available, 0);
});

test('the real clock is the same in both threads', async (t) => {
  const fixture = new Fixture(t);
  const { clock: _, ...options } = { clock: null, dataDir: fixture.dataDir, rules: DEFAULT_RULES };
  const store = await EmbeddedStore.open(options);
  await store.submit({ type: 'set_stock', sku: 'A', onHand: 1_000 });
  for (let round = 0; round < 50; round += 1) {
    const before = store.clock.now();
    const answer = await store.submit(fixture.reserve());
    assert.ok(answer.ok);
    assert.ok(answer.reservation.createdAt >= before);
    assert.ok(answer.reservation.createdAt <= store.clock.now());
  }
  await store.close();
});

test('sold out is answered without asking the writer, and not a moment too long', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  await store.submit({ type: 'set_stock', sku: 'A', onHand: 1 });
  const taken = fixture.reserve();
  await store.submit(taken);
  const refused = store.submit(fixture.reserve());
  assert.equal(store.health().queued, 0);
  const answer = await refused;
  assert.ok(!answer.ok && answer.rejection.code === 'all_reserved');
  const [released, next] = await Promise.all([
    store.submit({ type: 'release', reservationId: taken.reservationId }),
    store.submit(fixture.reserve()),
  ]);
  assert.ok(released.ok && next.ok, 'what may give units back is waited for');
  await store.close();
  const again = await fixture.open();
  await again.submit(fixture.reserve());
  void again.submit(fixture.reserve());
  assert.equal(again.health().queued, 0, 'after a restart it is learnt from the first refusal');
});

test('commands of one call are decided in order in one commit; notices come before answers', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  await store.submit({ type: 'set_stock', sku: 'A', onHand: 2 });
  const heard: (CommitNotice | string)[] = [];
  const stop = store.onCommit((notice) => heard.push(notice));
  const commands = [fixture.reserve(), fixture.reserve(), fixture.reserve()];
  const submissions = commands.map((command) => ({ command, idempotency: null }));
  const answers = await store.submitAll(submissions);
  heard.push('answered');
  assert.deepEqual(
    answers.map(({ ok }) => ok),
    [true, true, false],
  );
  const [notice, then] = heard as [CommitNotice, string];
  assert.equal(then, 'answered');
  assert.equal(notice.commands, 3);
  assert.equal(notice.headSeq, 3);
  assert.deepEqual(notice.levels, [await store.level('A')]);
  fixture.clock.advance(600_000);
  await store.submit({ type: 'sweep', limit: 10 });
  const swept = heard.at(-1) as CommitNotice;
  assert.deepEqual(
    swept.expired,
    commands.slice(0, 2).map(({ reservationId }) => ({ reservationId, expiresAt: NOON + 600_000 })),
  );
  stop();
  await store.submit({ type: 'set_stock', sku: 'A', onHand: 5 });
  assert.equal(heard.at(-1), swept);
  assert.deepEqual(await store.submitAll([]), []);
});

test('a large import is one step, sent in parts', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  const notices: CommitNotice[] = [];
  store.onCommit((notice) => notices.push(notice));
  const command = busyWork(5_001);
  const dry = await store.submit({ ...command, dryRun: true });
  assert.ok(dry.ok);
  assert.equal(dry.created, 5_001);
  assert.equal((await store.stats()).skus, 0);
  const answer = await store.submit(command);
  assert.ok(answer.ok);
  assert.equal(answer.created, 5_001);
  assert.deepEqual(
    notices.map(({ headSeq }) => headSeq),
    [5_001],
  );
  assert.equal(notices[0]?.levels.length, 100);
  assert.equal((await store.level('busy 5000'))?.onHand, 5_000);
});

test('past the bound of the queue, and past the deadline, a command is not done', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open({ queueLimit: 3, commandDeadlineMs: 60 });
  const busy = store.submit(busyWork(30_000));
  while (store.health().queued === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const waiting = [1, 2, 3].map(() => store.submit(fixture.reserve('busy 7')));
  await assert.rejects(store.submit(fixture.reserve('busy 7')), {
    code: 'STORE_OVERLOADED',
    retryable: true,
    outcomeUnknown: false,
  });
  for (const late of waiting) await assert.rejects(late, { code: 'STORE_OVERLOADED' });
  assert.ok((await busy).ok, 'an import has more time, by its size');
  assert.equal((await store.stats()).active, 0);
  assert.deepEqual((await store.audit()).problems, []);
});

test('when the books cannot be trusted it stops: nothing is acknowledged any more', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  const failures: Error[] = [];
  store.onFailure((fault) => failures.push(fault));
  await store.submit({ type: 'set_stock', sku: 'A', onHand: 5 });
  fixture.tamper('CREATE TABLE stranger (word TEXT)');
  await assert.rejects(store.submit(fixture.reserve()), {
    code: 'STORE_UNAVAILABLE',
    outcomeUnknown: true,
  });
  assert.equal(failures.length, 1);
  assert.match(failures[0]?.message ?? '', /another program has written/);
  const { ready, reason } = store.health();
  assert.equal(ready, false);
  assert.match(reason ?? '', /another program/);
  await assert.rejects(store.submit(fixture.reserve()), {
    code: 'STORE_UNAVAILABLE',
    outcomeUnknown: false,
  });
  await assert.rejects(store.level('A'), { code: 'STORE_UNAVAILABLE' });
  await store.close();
  const again = await fixture.open();
  assert.equal((await again.stats()).active, 0);
});

test('a damaged row stops it as soon as it is read', async (t) => {
  const fixture = new Fixture(t);
  const first = await fixture.open();
  await first.submit({ type: 'set_stock', sku: 'A', onHand: 5 });
  await first.submit(fixture.reserve());
  await first.close();
  fixture.tamper("UPDATE reservation SET expires_at = expires_at + 1 WHERE id = 'r1'");
  const store = await fixture.open();
  const stopped = new Promise<Error>((resolve) => {
    store.onFailure(resolve);
  });
  await assert.rejects(store.submit(confirm('r1')), { outcomeUnknown: true });
  const fault = await stopped;
  assert.ok(fault instanceof Fault && fault.code === 'STORE_DAMAGED');
  await store.close();
  await assert.rejects(fixture.open({ startCheck: 'full' }), {
    code: 'STORE_DAMAGED',
    message: /reservation r1/,
  });
});

test('a data folder that is gone does not keep it from ending', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  await store.submit({ type: 'set_stock', sku: 'A', onHand: 5 });
  rmSync(fixture.dataDir, { recursive: true });
  await assert.rejects(store.close(), { code: 'STORE_UNAVAILABLE', message: /no such file/ });
  fixture.ended(store);
  await assert.rejects(store.level('A'), { code: 'STORE_UNAVAILABLE' });
});

test('a writer that does not come back does not keep it from ending', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open({ closeDeadlineMs: 20 });
  const settings = Array.from({ length: 50_000 }, (_, n) => ({
    command: { type: 'set_stock', sku: `S${n}`, onHand: 1 } as const,
    idempotency: null,
  }));
  const lost = assert.rejects(store.submitAll(settings), {
    code: 'STORE_UNAVAILABLE',
    outcomeUnknown: true,
  });
  await assert.rejects(store.close(), { message: /did not end in time/ });
  fixture.ended(store);
  await lost;
  const again = await fixture.open();
  assert.ok((await again.audit()).ok, 'done or not, and nothing in between');
});

test('a second store on the same data is refused; a closed one refuses', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  await assert.rejects(fixture.open(), { code: 'STORE_LOCKED' });
  await store.submit({ type: 'set_stock', sku: 'A', onHand: 5 });
  const last = store.submit(fixture.reserve());
  const closing = store.close();
  await assert.rejects(store.submit(fixture.reserve()), { code: 'STORE_UNAVAILABLE' });
  await closing;
  assert.ok((await last).ok, 'what was queued is answered');
  await assert.rejects(store.level('A'), { message: /closed/ });
});

const KILLED = `
  import { EmbeddedStore } from ${JSON.stringify(join(import.meta.dirname, 'embedded-store.ts'))};
  import { DEFAULT_RULES } from ${JSON.stringify(join(import.meta.dirname, '../../core/rules.ts'))};
  const store = await EmbeddedStore.open({ dataDir: process.argv[2] ?? '', rules: DEFAULT_RULES });
  await store.submit({ type: 'set_stock', sku: 'A', onHand: 1_000_000 });
  let made = 0;
  const loop = async () => {
    for (;;) {
      const reservationId = 'k' + (made += 1);
      const lines = [{ sku: 'A', quantity: 1 }];
      const command = { type: 'reserve', reservationId, lines, customerId: null, ttlSeconds: null, allowPartial: false };
      const { ok } = await store.submit(command);
      if (ok) process.stdout.write(reservationId + '\\n');
    }
  };
  for (let index = 0; index < 32; index += 1) void loop();
`;

test('killed at any moment, it loses nothing that it has acknowledged', async (t) => {
  const fixture = new Fixture(t);
  const script = join(fixture.dataDir, 'seller.ts');
  writeFileSync(script, KILLED);
  const child = spawn(process.execPath, [...process.execArgv, script, fixture.dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    acknowledged.push(line);
    if (acknowledged.length === 500) child.kill('SIGKILL');
  }
  const { clock: _, ...options } = { clock: null, dataDir: fixture.dataDir, rules: DEFAULT_RULES };
  const store = await EmbeddedStore.open(options);
  for (const id of acknowledged) assert.equal((await store.reservation(id))?.status, 'active', id);
  const { active } = await store.stats();
  assert.ok(active >= acknowledged.length);
  assert.equal((await store.level('A'))?.reserved, active);
  assert.deepEqual((await store.audit()).problems, []);
  await store.close();
});
