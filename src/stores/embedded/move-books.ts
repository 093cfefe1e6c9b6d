/** Whole books out of a data folder, and into one that has none; nobody else may write it meanwhile. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { AuditReport } from '../../core/audit.ts';
import { emptyLevel } from '../../core/stock-level.ts';
import type { BooksHead, BooksRecord, BooksSource } from '../../engine/books-file/whole-books.ts';
import { Fault } from '../../engine/faults.ts';
import { makeFolder } from '../../engine/folder.ts';
import { auditFile } from './audit-reader.ts';
import { beginningOf, readCut } from './cut-rows.ts';
import { dataFiles, type DataFiles } from './data-files.ts';
import { readBooks, type BooksReader } from './export.ts';
import { headOf } from './ledger-table.ts';
import { takeLock } from './lock.ts';
import { closeBooks, openDatabase, syncDirectory, syncFile } from './open-database.ts';
import {
  MESSAGE_COLUMNS,
  OUTBOX_LEVEL_COLUMNS,
  readMessage,
  readOutboxHead,
  readOutboxLevel,
} from './outbox-rows.ts';
import { openReadOnly } from './read-only.ts';
import { ANSWER_COLUMNS, META_COLUMNS, readAnswer, readMeta } from './rows.ts';
import { SqliteBook } from './sqlite-book.ts';
import { Statement, type Row } from './statement.ts';

/** Throws `Fault` while a service runs on the folder: what it sells meanwhile would be in neither place. */
export function exportBooks(dataDir: string): BooksSource {
  const files = dataFiles(dataDir);
  // Looked at first: asking for the lock would make a folder that is not there.
  openReadOnly(files.database).close();
  const lock = takeLock(files);
  const db = openReadOnly(files.database);
  const reader = readBooks(dataDir);
  return {
    head: booksHead(db),
    records: () => recordsOf(db, reader),
    close: () => {
      reader.close();
      db.close();
      lock.release();
      return Promise.resolve();
    },
  };
}

function booksHead(db: DatabaseSync): BooksHead {
  const { clock, purgedBefore } = readMeta(
    new Statement(db, `SELECT ${META_COLUMNS} FROM meta`).get(),
  );
  const head = new Statement(db, 'SELECT number, checksum FROM outbox_head').get();
  const outboxHead = readOutboxHead(head);
  return { clock, purgedBefore, headSeq: headOf(db), outboxHead, cut: readCut(db) };
}

async function* recordsOf(db: DatabaseSync, reader: BooksReader): AsyncGenerator<BooksRecord> {
  const rows = function* <T>(sql: string, read: (row: Row) => T): Generator<T> {
    for (const row of new Statement(db, sql).iterate()) yield read(row);
  };
  const { openings, stories } = beginningOf(db);
  for (const value of openings()) yield { kind: 'opening', value };
  for (const value of stories()) yield { kind: 'story', value };
  for await (const value of reader.ledger()) yield { kind: 'entry', value };
  const messages = `SELECT ${MESSAGE_COLUMNS} FROM outbox ORDER BY id`;
  for (const value of rows(messages, readMessage)) yield { kind: 'message', value };
  const levels = `SELECT ${OUTBOX_LEVEL_COLUMNS} FROM outbox_level ORDER BY sku`;
  for (const value of rows(levels, readOutboxLevel)) yield { kind: 'outbox_level', value };
  for await (const value of reader.reservations()) yield { kind: 'reservation', value };
  for await (const value of reader.levels()) yield { kind: 'level', value };
  const answers = `SELECT ${ANSWER_COLUMNS} FROM idempotency ORDER BY n`;
  const kept = (row: Row) => ({ key: row[0] as string, at: row[3] as number, ...readAnswer(row) });
  for (const value of rows(answers, kept)) yield { kind: 'answer', value };
}

/** Records that one transaction takes. */
const AT_ONCE = 20_000;

/**
 * Puts the books into the folder, all or nothing; `records` must have been proven sound. Interrupted, it leaves a
 * folder that refuses to open until it is run again. Throws `Fault` where there are books already.
 */
export async function importBooks(
  dataDir: string,
  head: BooksHead,
  records: AsyncIterable<BooksRecord>,
): Promise<AuditReport> {
  const files = dataFiles(dataDir);
  makeFolder(dataDir);
  const lock = takeLock(files);
  try {
    if (existsSync(files.database) || existsSync(files.wal)) {
      const message = `there are books in ${dataDir} already: whole books go into a folder without any.`;
      throw new Fault('STORE_UNAVAILABLE', message);
    }
    const making: DataFiles = {
      ...files,
      database: files.restoring,
      wal: `${files.restoring}-wal`,
    };
    discard(making);
    try {
      await makeBooks(making, head, records);
      const report = auditFile(making.database);
      if (!report.ok) {
        const message = `the books as they were written do not pass their audit: ${report.problems[0]?.message ?? ''}`;
        throw new Fault('STORE_DAMAGED', message);
      }
      syncFile(making.database);
      syncDirectory(dataDir);
      renameSync(making.database, files.database);
      syncDirectory(dataDir);
      return report;
    } finally {
      discard(making);
    }
  } finally {
    lock.release();
  }
}

function discard({ database, wal }: DataFiles): void {
  for (const file of [database, wal, `${database}-shm`]) rmSync(file, { force: true });
}

async function makeBooks(
  files: DataFiles,
  head: BooksHead,
  records: AsyncIterable<BooksRecord>,
): Promise<void> {
  const db = openDatabase(files);
  try {
    const book = new SqliteBook(db);
    book.beginAt(head.cut);
    let taken = 0;
    for await (const record of records) {
      take(book, record);
      taken += 1;
      if (taken % AT_ONCE === 0) book.commit(head.clock);
    }
    book.outbox.setHead(head.outboxHead);
    book.notePurge(head.purgedBefore);
    book.commit(head.clock);
    book.settle();
    closeBooks(db, files);
  } finally {
    if (db.isOpen) db.close();
  }
}

function take(book: SqliteBook, { kind, value }: BooksRecord): void {
  switch (kind) {
    case 'opening':
      book.open(value);
      return;
    case 'story':
      book.trimming.putStory(value.reservationId, value.lines);
      return;
    case 'entry': {
      if (book.level(value.sku) === undefined) book.putLevel(emptyLevel(value.sku));
      const { seq: _, at, ...change } = value;
      book.append(change, at);
      return;
    }
    case 'message':
      book.outbox.put(value);
      return;
    case 'outbox_level':
      book.outbox.putLevel(value);
      return;
    case 'reservation':
      book.putReservation(value);
      return;
    case 'level':
      // Its figures are the sums of its entries, which are there already.
      book.putLevel({ ...(book.level(value.sku) ?? emptyLevel(value.sku)), policy: value.policy });
      return;
    case 'answer': {
      const { key, at, ...answer } = value;
      book.remember(key, answer, at);
    }
  }
}
