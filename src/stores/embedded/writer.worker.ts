/** The writer's thread: takes batches, answers each after its commit, and stops for good at the first error. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { StockSetting } from '../../core/command.ts';
import { Fault } from '../../engine/faults.ts';
import { AnchoredClock, anchorClock, SharedClock, type ClockBase } from './anchored-clock.ts';
import { dataFiles } from './data-files.ts';
import { takeLock } from './lock.ts';
import { closeBooks, openBooks } from './open-database.ts';
import {
  decodeOperations,
  encodeResults,
  type FromWriter,
  type ToWriter,
  type WriterSettings,
} from './protocol.ts';
import { describeError } from './sqlite-error.ts';
import { Writer } from './writer.ts';

const port = parentPort as MessagePort;
const settings = workerData as WriterSettings;
/** Rows of imports, sent ahead of their commands. */
const transfers = new Map<number, StockSetting[]>();

function tell(message: FromWriter): void {
  port.postMessage(message);
}

/** For good: nothing is tried again, above all no sync, whose second success would mean nothing. */
function stop(): void {
  port.off('message', onMessage);
  // The thread stays: its end would close the connection, and SQLite would write once more.
  setInterval(() => undefined, 2 ** 30);
}

function fail(error: unknown): void {
  stop();
  const code = error instanceof Fault ? error.code : 'STORE_UNAVAILABLE';
  const message = describeError(error, settings.dataDir);
  tell({ type: 'failed', code, message });
}

function open(): { writer: Writer; close: () => void } {
  const files = dataFiles(settings.dataDir);
  const lock = takeLock(files);
  try {
    let base: ClockBase = { anchor: 0, floor: 0 };
    const { db, warnings, unchecked } = openBooks(files, settings.startCheck);
    const writer = new Writer(db, settings.rules, (floor) => {
      base = anchorClock(floor);
      return settings.clock === null
        ? new AnchoredClock(base)
        : new SharedClock(settings.clock, floor);
    });
    const { highestId } = writer;
    tell({ type: 'open', clock: base, warnings, highestId, unchecked });
    return {
      writer,
      close: () => {
        writer.settle();
        closeBooks(db, files);
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function handle(message: ToWriter, { writer, close }: ReturnType<typeof open>): void {
  switch (message.type) {
    case 'batch': {
      const operations = decodeOperations(message.operations, takeRows);
      const { results, soldOut, notice } = writer.run(operations);
      tell({ type: 'answers', answers: encodeResults(operations, results), soldOut, notice });
      break;
    }
    case 'rows': {
      const rows = transfers.get(message.transfer) ?? [];
      for (const row of JSON.parse(message.rows) as StockSetting[]) rows.push(row);
      transfers.set(message.transfer, rows);
      break;
    }
    case 'drop':
      transfers.delete(message.transfer);
      break;
    case 'listen':
      writer.listening = message.on;
      break;
    case 'halt':
      stop();
      break;
    case 'close':
      close();
      tell({ type: 'closed' });
      port.close();
  }
}

function takeRows(transfer: number): StockSetting[] {
  const rows = transfers.get(transfer) ?? [];
  transfers.delete(transfer);
  return rows;
}

let opened: ReturnType<typeof open> | null = null;

function onMessage(message: ToWriter): void {
  if (opened === null) return;
  try {
    handle(message, opened);
  } catch (error) {
    fail(error);
  }
}

port.on('message', onMessage);
try {
  opened = open();
} catch (error) {
  fail(error);
}
