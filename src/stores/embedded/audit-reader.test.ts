/** Each kind of damage that only this store can have, planted in the file and found. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import type { ProblemKind } from '../../core/audit.ts';
import type { Command } from '../../core/command.ts';
import { DEFAULT_RULES } from '../../core/rules.ts';
import { SharedClock } from './anchored-clock.ts';
import { auditFile } from './audit-reader.ts';
import { dataFiles } from './data-files.ts';
import { closeBooks, openDatabase } from './open-database.ts';
import { Writer } from './writer.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-audit-'));
const files = dataFiles(directory);
const copy = join(directory, 'copy.db');

function reserve(id: number): Command {
  return {
    type: 'reserve',
    reservationId: `r${String(id).padStart(4, '0')}`,
    lines: [{ sku: id % 3 === 0 ? 'B' : 'A', quantity: 1 }],
    customerId: `c${id % 10}`,
    ttlSeconds: null,
    allowPartial: false,
  };
}

before(() => {
  const db = openDatabase(files);
  const writer = new Writer(db, DEFAULT_RULES, () => new SharedClock());
  const commands: Command[] = [
    { type: 'set_stock', sku: 'A', onHand: 10_000 },
    { type: 'set_stock', sku: 'B', onHand: 10_000 },
    ...Array.from({ length: 600 }, (_, id) => reserve(id)),
    { type: 'release', reservationId: 'r0007' },
  ];
  writer.run(
    commands.map((command) => {
      const idempotency =
        command.type === 'release' ? { key: 'once', fingerprint: 'release r0007' } : null;
      return { kind: 'command', command, idempotency };
    }),
  );
  const webhook = { eventId: 'e1', topic: 'stock.updated', hints: ['sku:A'], receivedAt: 5 };
  writer.run([{ kind: 'inbox', request: { verb: 'put', webhook } }]);
  closeBooks(db, files);
});

after(() => {
  rmSync(directory, { recursive: true });
});

/** The kinds of problem found after this change to the file. */
function found(sql: string): ProblemKind[] {
  copyFileSync(files.database, copy);
  const db = new DatabaseSync(copy);
  db.exec(`PRAGMA journal_mode = DELETE; ${sql}`);
  db.close();
  const { problems } = auditFile(copy);
  return [...new Set(problems.map(({ kind }) => kind))].sort();
}

const DAMAGES: readonly [name: string, sql: string, kinds: ProblemKind[]][] = [
  ['nothing', '', []],
  [
    'a reservation changed',
    "UPDATE reservation SET status = 'released', ended_at = 1 WHERE id = 'r0001'",
    ['entry_stray', 'index_differs', 'record_damaged', 'reserved_differs'],
  ],
  [
    'a level changed',
    "UPDATE sku SET reserved = reserved - 1 WHERE sku = 'A'",
    ['level_missing', 'record_damaged'],
  ],
  [
    'an active line gone',
    "DELETE FROM active_line WHERE reservation_id = 'r0002'",
    ['index_differs'],
  ],
  ['an active line too many', "INSERT INTO active_line VALUES (1, 'r9', 1, 1)", ['index_differs']],
  [
    'an active line moved',
    "UPDATE active_line SET expires_at = 9 WHERE reservation_id = 'r0002'",
    ['index_differs'],
  ],
  [
    'a chain broken',
    'UPDATE ledger SET prev = 1 WHERE seq = 300',
    ['index_differs', 'record_damaged'],
  ],
  [
    'an entry changed where no sum shows it',
    'UPDATE ledger SET at = at + 1 WHERE seq = 300',
    ['record_damaged'],
  ],
  [
    'a mark gone',
    'DELETE FROM ledger_mark WHERE seq = (SELECT min(seq) FROM ledger_mark)',
    ['index_differs'],
  ],
  ['a mark too many', 'INSERT INTO ledger_mark VALUES (1, 5)', ['index_differs']],
  ['a count changed', 'UPDATE meta SET active = active + 1', ['record_damaged']],
  [
    'a remembered answer changed',
    "UPDATE idempotency SET fingerprint = 'other' WHERE n = 1",
    ['record_damaged'],
  ],
  ['a webhook changed', 'UPDATE webhook SET settled = 1', ['record_damaged']],
  [
    'a ledger entry gone',
    'DELETE FROM ledger WHERE seq = 300',
    ['index_differs', 'ledger_gap', 'level_differs', 'reservation_stray'],
  ],
  [
    'a SKU unknown',
    'UPDATE ledger SET sku_id = 99 WHERE seq = 603',
    ['level_differs', 'record_damaged', 'reservation_differs'],
  ],
];

for (const [name, sql, kinds] of DAMAGES) {
  test(`found: ${name}`, () => {
    const kindsFound = found(sql);
    for (const kind of kinds) {
      assert.ok(kindsFound.includes(kind), `${kind} among ${kindsFound.join(', ')}`);
    }
    if (kinds.length === 0) assert.deepEqual(kindsFound, []);
  });
}

test('pages of rubbish are reported, not crashed on', () => {
  const pages = statSync(files.database).size / 4_096;
  for (let page = 1; page < pages; page += 1) {
    copyFileSync(files.database, copy);
    const fd = openSync(copy, 'r+');
    writeSync(fd, Buffer.alloc(4_096, 0xa5), 0, 4_096, page * 4_096);
    closeSync(fd);
    const report = auditFile(copy);
    assert.equal(report.ok, false, `page ${page}`);
    rmSync(`${copy}-wal`, { force: true });
    rmSync(`${copy}-shm`, { force: true });
  }
});
