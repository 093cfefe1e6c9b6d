import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { DEFAULT_RULES } from '../../core/rules.ts';
import { SharedClock } from './anchored-clock.ts';
import { dataFiles, type DataFiles } from './data-files.ts';
import { openBooks, openDatabase } from './open-database.ts';
import { checkWal } from './wal-check.ts';
import { Writer } from './writer.ts';

const COMMITS = 8;
const PAGE = 4_096;
const FRAME = 24 + PAGE;

function temporary(t: TestContext): DataFiles {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-wal-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  return dataFiles(directory);
}

interface Made {
  readonly database: Buffer;
  readonly wal: Buffer;
  /** After each commit: the log's size, and the newest ledger entry. */
  readonly commits: readonly { readonly bytes: number; readonly head: number }[];
}

function runCommits(db: DatabaseSync, files: DataFiles, count: number, first = 0): Made['commits'] {
  const writer = new Writer(db, DEFAULT_RULES, () => new SharedClock());
  const sku = (index: number): string => `SKU ${index}`.padEnd(100, '.');
  return Array.from({ length: count }, (_, index) => {
    const commands = Array.from({ length: 5 + index }, (_, row) => {
      const onHand = first + index * 100 + row + 1;
      return { type: 'set_stock', sku: sku(index * 20 + row), onHand } as const;
    });
    const { results } = writer.run([
      ...commands.map((command) => ({ kind: 'command', command, idempotency: null }) as const),
      { kind: 'stats' },
    ]);
    const { headSeq: head } = results.at(-1) as { headSeq: number };
    return { bytes: statSync(files.wal).size, head };
  });
}

/** Books with commits that are in the log only. */
function make(t: TestContext): Made {
  const files = temporary(t);
  const db = openDatabase(files);
  const commits = runCommits(db, files, COMMITS);
  const made = { database: readFileSync(files.database), wal: readFileSync(files.wal), commits };
  db.close();
  return made;
}

/** Opens a copy with this log: the newest entry and what was said of it, or the code of the refusal. */
function open(
  files: DataFiles,
  { database }: Made,
  wal: Buffer,
): { head: number; warned: boolean } | string {
  for (const file of [files.running, `${files.database}-shm`]) rmSync(file, { force: true });
  writeFileSync(files.database, database);
  writeFileSync(files.wal, wal);
  try {
    const { db, warnings } = openBooks(files, 'off');
    const [head] = Object.values(db.prepare('SELECT max(seq) FROM ledger').get() ?? {});
    db.close();
    return { head: Number(head ?? 0), warned: warnings.length > 0 };
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error, String(error));
    return String(error.code);
  }
}

test('a log that was cut anywhere in its last commits opens with what was whole before the cut', (t) => {
  const made = make(t);
  const files = temporary(t);
  const from = made.commits[COMMITS - 4]?.bytes ?? 0;
  let cuts = 0;
  for (let cut = from; cut <= made.wal.length; cut += 1) {
    // Every byte of the last frame's header, and a few of each frame.
    const inFrame = (cut - 32) % FRAME;
    const last = cut >= made.wal.length - FRAME && inFrame <= 24;
    if (!last && ![0, 1, 8, 23, 24, 2_000, FRAME - 1].includes(inFrame)) continue;
    cuts += 1;
    const whole = made.commits.filter(({ bytes }) => bytes <= cut).at(-1);
    assert.deepEqual(
      open(files, made, made.wal.subarray(0, cut)),
      { head: whole?.head ?? 0, warned: cut !== whole?.bytes },
      `cut at ${cut}`,
    );
  }
  assert.ok(cuts > 100);
});

test('a flipped bit is refused where a later commit follows; in the last one it is dropped, and said so', (t) => {
  const made = make(t);
  const files = temporary(t);
  const lastBegins = made.commits[COMMITS - 2]?.bytes ?? 0;
  const before = made.commits[COMMITS - 2]?.head ?? 0;
  let refused = 0;
  let dropped = 0;
  let state = 11;
  for (let flip = 0; flip < 400; flip += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    // Half of them in frame headers, where the most can be misread.
    const frame = state % Math.floor((made.wal.length - 32) / FRAME);
    const at = flip % 2 === 0 ? 32 + frame * FRAME + ((state >> 7) % 24) : state % made.wal.length;
    const wal = Buffer.from(made.wal);
    wal.writeUInt8(wal.readUInt8(at) ^ (1 << ((state >> 13) % 8)), at);
    const outcome = open(files, made, wal);
    if (outcome === 'STORE_DAMAGED') refused += 1;
    else {
      assert.ok(at >= lastBegins, `bit flipped at ${at}: ${JSON.stringify(outcome)}`);
      assert.deepEqual(outcome, { head: before, warned: true }, `bit flipped at ${at}`);
      dropped += 1;
    }
  }
  assert.ok(refused > 100 && dropped > 20, `${refused} refused, ${dropped} dropped`);
});

test('whole frames that have gone bad are found, the commit mark with them', (t) => {
  const made = make(t);
  const files = temporary(t);
  const frames = (made.wal.length - 32) / FRAME;
  const lastBegins = ((made.commits[COMMITS - 2]?.bytes ?? 0) - 32) / FRAME;
  for (let frame = 0; frame < frames; frame += 1) {
    const wal = Buffer.from(made.wal);
    wal.fill(0, 32 + frame * FRAME, 32 + (frame + 1) * FRAME);
    const outcome = open(files, made, wal);
    if (frame < lastBegins) assert.equal(outcome, 'STORE_DAMAGED', `frame ${frame}`);
    else if (frame < frames - 1) assert.equal(typeof outcome === 'string' || outcome.warned, true);
  }
});

test('what an older generation of the log left behind is not damage', (t) => {
  const files = temporary(t);
  const db = openDatabase(files);
  runCommits(db, files, COMMITS);
  db.exec('PRAGMA wal_checkpoint(RESTART)');
  const size = statSync(files.wal).size;
  const commits = runCommits(db, files, 2, 5_000);
  assert.equal(statSync(files.wal).size, size, 'the log is written over from its beginning');
  assert.equal(checkWal(files.wal), null);
  const copy = `${files.wal}.copy`;
  copyFileSync(files.wal, copy);
  assert.equal(checkWal(copy), null);
  assert.ok(commits.length > 0);
  db.close();
});

test('no log, an empty one, a header without frames', (t) => {
  const made = make(t);
  const files = temporary(t);
  assert.equal(checkWal(files.wal), null);
  writeFileSync(files.wal, '');
  assert.equal(checkWal(files.wal), null);
  writeFileSync(files.wal, made.wal.subarray(0, 32));
  assert.equal(checkWal(files.wal), null);
  writeFileSync(files.wal, made.wal.subarray(0, 20));
  assert.match(checkWal(files.wal) ?? '', /cut before its first frame/);
});
