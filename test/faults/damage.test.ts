/**
 * T2: the files are damaged. The log is cut at any byte of its last three transactions; a bit is flipped anywhere in
 * the log or in the database. The store refuses and names the file, or it opens with exactly what it had acknowledged
 * up to some batch, and says if something was dropped. A wrong stock is never read; what else a flip has changed, the
 * audit finds. `HOLDFAST_CUTS=all` and `HOLDFAST_FLIPS=2000` make as many.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../src/engine/faults.ts';
import { auditFile } from '../../src/stores/embedded/audit-reader.ts';
import { dataFiles, type DataFiles } from '../../src/stores/embedded/data-files.ts';
import type { SharedClock } from '../../src/stores/embedded/anchored-clock.ts';
import type { EmbeddedStore } from '../../src/stores/embedded/embedded-store.ts';
import { openBooks } from '../../src/stores/embedded/open-database.ts';
import type { Random } from '../linearizability/random.ts';
import { seeded, setting } from './chance.ts';
import { openStore, startClock } from './clocked-store.ts';
import {
  Historian,
  lapsed,
  LONG_AFTER,
  readBooks,
  readRecords,
  RULES,
  truthOf,
  type Batch,
  type Truth,
} from './damaged-history.ts';

const ALL_CUTS = process.env['HOLDFAST_CUTS'] === 'all';
const CUTS = ALL_CUTS ? Infinity : setting('HOLDFAST_CUTS', 150);
const FLIPS = setting('HOLDFAST_FLIPS', 60);
const BATCHES_IN_FILE = 120;
const BATCHES_IN_LOG = 60;
/** Cuts after which everything is read through the store; after the others, the rows are compared. */
const READ_THROUGH = 10;

/** The files of a store that was killed, and how far the log had grown at each acknowledged batch. */
interface Killed {
  readonly files: DataFiles;
  readonly batches: readonly Batch[];
  /** The first `batches` are in the first `bytes` of the log. */
  readonly acknowledged: readonly { readonly batches: number; readonly bytes: number }[];
  /** After the last of them. */
  readonly now: number;
}

/** In memory where the machine has a place for that: these tests are about bytes, not about the disk. */
async function newDir(t: TestContext): Promise<string> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = await mkdtemp(join(parent, 'holdfast-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Some batches end in the database file, as after a clean end; the rest is in the log only. */
async function kill(dir: string, random: Random): Promise<Killed> {
  const live = join(dir, 'live');
  const historian = new Historian(random);
  const batches: Batch[] = [];
  const clock = startClock();
  let store = await openStore(live, clock, RULES);
  const submit = async (batch: Batch): Promise<void> => {
    batches.push(batch);
    clock.set(batch.at);
    await store.submitAll(batch.submissions);
  };
  await submit(historian.opening());
  for (let n = 0; n < BATCHES_IN_FILE; n += 1) await submit(historian.batch());
  await store.close();
  store = await openStore(live, clock, RULES);
  const { wal } = dataFiles(live);
  const acknowledged = [{ batches: batches.length, bytes: 0 }];
  const size = (): number => statSync(wal, { throwIfNoEntry: false })?.size ?? 0;
  for (let n = 0; n < BATCHES_IN_LOG; n += 1) {
    await submit(n < BATCHES_IN_LOG - 4 ? historian.batch() : historian.single());
    acknowledged.push({ batches: batches.length, bytes: size() });
  }
  const dead = join(dir, 'dead');
  await cp(live, dead, { recursive: true });
  await store.close();
  return { files: dataFiles(dead), batches, acknowledged, now: clock.now() };
}

/** The same, after SQLite has carried the log over into the database: as it does whenever the log has grown long. */
async function carriedOver({ files }: Killed, dir: string): Promise<DataFiles> {
  const carried = dataFiles(join(dir, 'carried'));
  await cp(files.directory, carried.directory, { recursive: true });
  const db = new DatabaseSync(carried.database);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
  return carried;
}

/** Every row of the tables that cannot be derived from others. */
function digest(db: DatabaseSync): string {
  const tables = ['sku', 'reservation', 'ledger', 'idempotency', 'meta'];
  return tables
    .map((table) => JSON.stringify(db.prepare(`SELECT * FROM ${table}`).all()))
    .join('\n');
}

async function copyTo(dir: string, files: DataFiles): Promise<DataFiles> {
  const copy = dataFiles(join(dir, 'copy'));
  await rm(copy.directory, { recursive: true, force: true });
  await cp(files.directory, copy.directory, { recursive: true });
  return copy;
}

/** Everything that a store can be asked equals the truth after these batches. */
async function assertTrue(
  store: EmbeddedStore,
  batches: readonly Batch[],
  now: number,
): Promise<void> {
  const truth = await truthOf(batches, now);
  assert.deepEqual(await readBooks(store), truth.books);
  assert.deepEqual(await readRecords(store, batches), truth.records);
}

function cutsOf({ acknowledged }: Killed, random: Random): number[] {
  const [from = 0, to = 0] = [acknowledged.at(-4)?.bytes, acknowledged.at(-1)?.bytes];
  const every = Array.from({ length: to - from }, (_, index) => from + index);
  if (every.length <= CUTS) return every;
  // At and about the end of each transaction, and anywhere.
  const ends = acknowledged.slice(-4).flatMap(({ bytes }) => [bytes - 1, bytes, bytes + 1]);
  const some = Array.from({ length: CUTS }, () => random.between(from, to - 1));
  return [...ends, ...some].filter((cut) => cut < to).slice(0, CUTS);
}

test('the log is cut at any byte: exactly the transactions before the cut are there, and a torn one is told', async (t) => {
  const random = seeded(t, import.meta.filename);
  const dir = await newDir(t);
  const killed = await kill(dir, random);
  const { files, acknowledged, batches, now } = killed;
  const digests = new Map<number, string>();
  const tally = { cuts: 0, told: 0, whole: 0, readThrough: 0 };
  const cutTo = async (bytes: number): Promise<DataFiles> => {
    const copy = await copyTo(dir, files);
    truncateSync(copy.wal, bytes);
    return copy;
  };
  const cuts = cutsOf(killed, random);
  const stride = Math.ceil(cuts.length / READ_THROUGH);
  for (const [index, cut] of cuts.entries()) {
    const survivors = acknowledged.findLast(({ bytes }) => bytes <= cut);
    assert.ok(survivors !== undefined);
    const torn = cut > survivors.bytes;
    tally.cuts += 1;
    if (torn) tally.told += 1;
    else tally.whole += 1;
    if (index % stride === 0) {
      tally.readThrough += 1;
      const copy = await cutTo(cut);
      const store = await openStore(copy.directory, startClock(now), RULES);
      assert.equal(store.warnings.length > 0, torn, `cut to ${cut}: ${store.warnings.join()}`);
      await assertTrue(store, batches.slice(0, survivors.batches), now);
      assert.deepEqual(auditFile(copy.database).problems, []);
      await store.close();
      // The same rows without the torn transaction are what every other cut here must leave.
      const { db } = openBooks(await cutTo(survivors.bytes), 'quick');
      digests.set(survivors.bytes, digest(db));
      db.close();
    }
    const { db, warnings } = openBooks(await cutTo(cut), 'quick');
    const rows = digest(db);
    db.close();
    assert.equal(warnings.length > 0, torn, `cut to ${cut}: ${warnings.join()}`);
    if (!digests.has(survivors.bytes)) digests.set(survivors.bytes, rows);
    assert.ok(
      rows === digests.get(survivors.bytes),
      `cut to ${cut}: other rows than at ${survivors.bytes}`,
    );
  }
  t.diagnostic(
    `cuts ${tally.cuts}: torn transactions dropped and told ${tally.told}, cut between transactions ${tally.whole}; all of them read through the store ${tally.readThrough}; wrong 0`,
  );
});

const GOOD = ['refused', 'stopped', 'dropped', 'audit', 'harmless'] as const;
type Verdict = (typeof GOOD)[number] | 'silent' | 'wrong' | `names no file: ${string}`;

interface Flip {
  readonly file: string;
  readonly byte: number;
  readonly bit: number;
}

function damage({ file, byte, bit }: Flip): void {
  const bytes = readFileSync(file);
  bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
  writeFileSync(file, bytes);
}

class Examiner {
  readonly #killed: Killed;
  readonly #truths = new Map<number, Truth>();

  constructor(killed: Killed) {
    this.#killed = killed;
  }

  async #truth(batches: number): Promise<Truth> {
    const known = this.#truths.get(batches);
    if (known !== undefined) return known;
    const truth = await truthOf(this.#killed.batches.slice(0, batches), this.#killed.now);
    this.#truths.set(batches, truth);
    return truth;
  }

  /** Opens the damaged copy and reads all there is. */
  async examine(files: DataFiles): Promise<Verdict> {
    let store: EmbeddedStore;
    const clock = startClock(this.#killed.now);
    try {
      store = await openStore(files.directory, clock, RULES);
    } catch (error) {
      const located = error instanceof Fault && error.message.includes(files.directory);
      return located ? 'refused' : `names no file: ${String(error)}`;
    }
    try {
      return await this.#read(store, clock, auditFile(files.database).ok);
    } catch (error) {
      if (error instanceof Fault) return 'stopped';
      throw error;
    } finally {
      await store.close();
    }
  }

  async #read(store: EmbeddedStore, clock: SharedClock, audited: boolean): Promise<Verdict> {
    const books = await readBooks(store);
    const { batches, acknowledged } = this.#killed;
    const whole = await this.#truth(batches.length);
    if (isDeepStrictEqual(books, whole.books)) {
      if (!audited) return 'audit';
      const records = await readRecords(store, batches);
      if (!isDeepStrictEqual(records, whole.records)) return 'silent';
      clock.set(LONG_AFTER);
      return isDeepStrictEqual(await lapsed(store), whole.lapsed) ? 'harmless' : 'silent';
    }
    for (const part of acknowledged) {
      const truth = await this.#truth(part.batches);
      if (isDeepStrictEqual(books, truth.books))
        return store.warnings.length > 0 ? 'dropped' : 'silent';
    }
    return audited ? 'silent' : 'wrong';
  }
}

test(`${FLIPS} bits are flipped in the log and in the database: never a wrong stock, and nothing changed in silence`, async (t) => {
  const random = seeded(t, import.meta.filename);
  const dir = await newDir(t);
  const killed = await kill(dir, random);
  const carried = await carriedOver(killed, dir);
  const examiner = new Examiner(killed);
  const verdicts = new Map<Verdict, number>();
  const bad: string[] = [];
  for (let n = 0; n < FLIPS; n += 1) {
    const from = random.pick([killed.files, carried]) ?? carried;
    const copy = await copyTo(dir, from);
    const file = from === carried || random.chance(0.3) ? copy.database : copy.wal;
    const flip = {
      file,
      byte: random.between(0, statSync(file).size - 1),
      bit: random.between(0, 7),
    };
    damage(flip);
    const verdict = await examiner.examine(copy);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    if (!(GOOD as readonly string[]).includes(verdict)) {
      const where = `${from === carried ? 'carried over' : 'killed'}: ${file} byte ${flip.byte} bit ${flip.bit}`;
      bad.push(`${verdict}, ${where}`);
    }
  }
  const count = (verdict: Verdict): number => verdicts.get(verdict) ?? 0;
  t.diagnostic(
    `flips ${FLIPS}: refused ${count('refused')}, stopped at a read ${count('stopped')}, tail dropped and told ${count('dropped')}, found by audit ${count('audit')}, harmless ${count('harmless')}, wrong ${count('wrong')}, silent ${count('silent')}`,
  );
  assert.deepEqual(bad, []);
});
