import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { DEFAULT_RULES } from '../../core/rules.ts';
import { auditDataDir } from './audit.ts';
import { backupBooks, restoreBooks } from './backup.ts';
import { dataFiles } from './data-files.ts';
import { EmbeddedStore } from './embedded-store.ts';
import { readBooks } from './export.ts';

class Fixture {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-backup-'));
  readonly dataDir = join(this.root, 'data');
  readonly file = join(this.root, 'copy.db');
  #made = 0;

  constructor(t: TestContext) {
    t.after(() => {
      rmSync(this.root, { recursive: true });
    });
  }

  async open(dataDir = this.dataDir): Promise<EmbeddedStore> {
    const store = await EmbeddedStore.open({ dataDir, rules: DEFAULT_RULES });
    await store.submit({ type: 'set_stock', sku: 'A', onHand: 1_000_000 });
    return store;
  }

  async reserve(store: EmbeddedStore): Promise<void> {
    this.#made += 1;
    const answer = await store.submit({
      type: 'reserve',
      reservationId: `r${String(this.#made).padStart(6, '0')}`,
      lines: [{ sku: 'A', quantity: 1 }],
      customerId: null,
      ttlSeconds: null,
      allowPartial: false,
    });
    assert.ok(answer.ok);
  }

  async reserveMany(store: EmbeddedStore, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.reserve(store)));
  }
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

test('a backup under load is the books of one moment, sound and restorable', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  for (let round = 0; round < 10; round += 1) await fixture.reserveMany(store, 500);
  const sale = new AbortController();
  const load = (async () => {
    while (!sale.signal.aborted) await fixture.reserveMany(store, 50);
  })();
  const steps: number[] = [];
  await backupBooks(fixture.dataDir, fixture.file, ({ remainingPages }) => {
    steps.push(remainingPages);
  });
  sale.abort();
  await load;
  await store.close();
  assert.deepEqual(readdirSync(fixture.root).sort(), ['copy.db', 'data']);
  const other = join(fixture.root, 'other');
  assert.deepEqual(restoreBooks(fixture.file, other), { movedTo: null });
  const restored = await EmbeddedStore.open({ dataDir: other, rules: DEFAULT_RULES });
  const { active } = await restored.stats();
  assert.ok(active >= 5_000, `${active} in the backup`);
  assert.equal((await restored.level('A'))?.reserved, active);
  assert.deepEqual((await restored.audit()).problems, []);
  await restored.close();
});

test('a backup has the webhooks that wait, and remembers those that were acted on', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  const webhook = { topic: 'stock.updated', hints: ['sku:A'], receivedAt: 5 };
  for (const eventId of ['done', 'waits']) await store.inbox.put({ ...webhook, eventId });
  const [done] = await store.inbox.pending(0, 1);
  await store.inbox.settle([done?.number ?? 0]);
  await backupBooks(fixture.dataDir, fixture.file);
  const pending = await store.inbox.pending(0, 10);
  await store.close();
  restoreBooks(fixture.file, fixture.dataDir, true);
  const restored = await fixture.open();
  assert.deepEqual(await restored.inbox.pending(0, 10), pending);
  assert.equal(await restored.inbox.put({ ...webhook, eventId: 'done' }), 'seen');
  await restored.close();
});

test('nothing is overwritten: neither a file by a backup, nor books by a restore', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  await fixture.reserve(store);
  await backupBooks(fixture.dataDir, fixture.file);
  await assert.rejects(backupBooks(fixture.dataDir, fixture.file), /is there already/);
  assert.throws(() => restoreBooks(fixture.file, fixture.dataDir), { code: 'STORE_LOCKED' });
  await fixture.reserve(store);
  await store.close();
  assert.throws(() => restoreBooks(fixture.file, fixture.dataDir), /books in .* already/);
  const { movedTo } = restoreBooks(fixture.file, fixture.dataDir, true);
  const again = await EmbeddedStore.open({ dataDir: fixture.dataDir, rules: DEFAULT_RULES });
  assert.equal((await again.stats()).active, 1);
  await again.close();
  assert.ok(movedTo !== null);
  const old = await EmbeddedStore.open({ dataDir: movedTo, rules: DEFAULT_RULES });
  assert.equal((await old.stats()).active, 2, 'what was there before can be opened');
  await old.close();
});

test('what is no sound backup is refused before anything is touched', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  await fixture.reserveMany(store, 300);
  await backupBooks(fixture.dataDir, fixture.file);
  await store.close();
  const before = readdirSync(fixture.dataDir);
  truncateSync(fixture.file, 60_000);
  assert.throws(() => restoreBooks(fixture.file, fixture.dataDir, true), { code: 'STORE_DAMAGED' });
  writeFileSync(fixture.file, 'not a database at all, whatever it is called');
  assert.throws(() => restoreBooks(fixture.file, fixture.dataDir, true), /is no backup/);
  assert.throws(() => restoreBooks(join(fixture.root, 'none'), fixture.dataDir), /no such file/);
  assert.deepEqual(readdirSync(fixture.dataDir), before);
});

test('a restore that was interrupted does not open as empty books', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  await backupBooks(fixture.dataDir, fixture.file);
  await store.close();
  const files = dataFiles(fixture.dataDir);
  writeFileSync(files.restoring, readFileSync(fixture.file));
  rmSync(files.database);
  await assert.rejects(fixture.open(), { message: /restore .* was interrupted/ });
  restoreBooks(fixture.file, fixture.dataDir);
  const again = await fixture.open();
  await again.close();
});

test('an export reads all the books as of one moment, also what the rows of SKUs still lack', async (t) => {
  const fixture = new Fixture(t);
  const store = await fixture.open();
  await fixture.reserveMany(store, 2_500);
  const reader = readBooks(fixture.dataDir);
  const levels = await all(reader.levels());
  await fixture.reserve(store);
  const reservations = await all(reader.reservations());
  const entries = await all(reader.ledger());
  reader.close();
  assert.deepEqual(
    levels.map(({ sku, reserved }) => [sku, reserved]),
    [['A', 2_500]],
  );
  assert.equal(reservations.length, 2_500);
  assert.deepEqual(reservations[0], { ...(await store.reservation('r000001')) });
  assert.deepEqual(
    entries.map(({ seq }) => seq),
    Array.from({ length: 2_501 }, (_, index) => index + 1),
  );
  assert.deepEqual((await auditDataDir(fixture.dataDir)).problems, []);
  await store.close();
  assert.deepEqual((await auditDataDir(fixture.dataDir)).problems, [], 'also when nobody writes');
  assert.ok(!existsSync(dataFiles(fixture.dataDir).running));
});
