/** Rows of the ledger's beginning and what they mean. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { StoryLine } from '../../core/audit-story.ts';
import {
  storyLine,
  storyTuple,
  UNCUT,
  type LedgerCut,
  type Opening,
  type StoryTuple,
} from '../../core/ledger-cut.ts';
import type { Policy } from '../../core/stock-level.ts';
import type { Story } from '../../engine/books-file/whole-books.ts';
import { checksum, RowDamage } from './rows.ts';
import { Statement, type Row } from './statement.ts';

export const CUT_COLUMNS = 'seq, at, exported_through, checksum';
export const OPENING_COLUMNS =
  'sku, on_hand, reserved, allocated, safety_stock, policy, shortfall_seen, entries, last_seq, checksum';
export const STORY_COLUMNS = 'reservation_id, lines, checksum';

export function cutRow({ seq, at, exportedThrough }: LedgerCut): SQLOutputValue[] {
  const row: SQLOutputValue[] = [seq, at, exportedThrough];
  row.push(checksum(row));
  return row;
}

function readCutRow(row: Row | undefined): LedgerCut {
  const [seq, at, exportedThrough, stated] = (row ?? []) as number[];
  if (row === undefined || stated !== checksum(row.slice(0, 3))) {
    throw new RowDamage("the row of the ledger's cut", 'its checksum does not fit');
  }
  return { seq, at, exportedThrough } as LedgerCut;
}

/** Books that no newer version has opened yet have no such table. */
function knowsCuts(db: DatabaseSync): boolean {
  const sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'ledger_cut'";
  return new Statement(db, sql).get()?.[0] === 1;
}

export function readCut(db: DatabaseSync): LedgerCut {
  if (!knowsCuts(db)) return UNCUT;
  return readCutRow(new Statement(db, `SELECT ${CUT_COLUMNS} FROM ledger_cut`).get());
}

export function openingRow(opening: Opening): SQLOutputValue[] {
  const { sku, onHand, reserved, allocated, safetyStock, policy } = opening;
  const row: SQLOutputValue[] = [sku, onHand, reserved, allocated, safetyStock];
  row.push(JSON.stringify(policy), Number(opening.shortfallSeen));
  row.push(opening.entries, opening.lastSeq);
  row.push(checksum(row));
  return row;
}

export function readOpening(row: Row): Opening {
  const [sku, onHand, reserved, allocated, safetyStock, policy, shortfallSeen] = row;
  const [entries, lastSeq, stated] = row.slice(7) as number[];
  if (stated !== checksum(row.slice(0, 9))) {
    throw new RowDamage(`the opening of ${String(sku)}`, 'its checksum does not fit');
  }
  return {
    sku: sku as string,
    onHand: onHand as number,
    reserved: reserved as number,
    allocated: allocated as number,
    safetyStock: safetyStock as number,
    policy: JSON.parse(policy as string) as Policy,
    shortfallSeen: shortfallSeen === 1,
    entries: entries as number,
    lastSeq: lastSeq as number,
  };
}

export function storyRow(reservationId: string, lines: readonly StoryLine[]): SQLOutputValue[] {
  const row: SQLOutputValue[] = [reservationId, JSON.stringify(lines.map(storyTuple))];
  row.push(checksum(row));
  return row;
}

export function readStory(row: Row): Story {
  const [reservationId, lines, stated] = row;
  if (stated !== checksum(row.slice(0, 2))) {
    const what = `what the cut ledger told of reservation ${String(reservationId)}`;
    throw new RowDamage(what, 'its checksum does not fit');
  }
  return {
    reservationId: reservationId as string,
    lines: (JSON.parse(lines as string) as StoryTuple[]).map(storyLine),
  };
}

/** Every opening and story, in order of SKU and of id. */
export function beginningOf(db: DatabaseSync): {
  readonly openings: () => Iterable<Opening>;
  readonly stories: () => Iterable<Story>;
} {
  const rows = function* <T>(sql: string, read: (row: Row) => T): Generator<T> {
    if (!knowsCuts(db)) return;
    for (const row of new Statement(db, sql).iterate()) yield read(row);
  };
  const openings = `SELECT ${OPENING_COLUMNS} FROM ledger_opening ORDER BY sku`;
  const stories = `SELECT ${STORY_COLUMNS} FROM ledger_story ORDER BY reservation_id`;
  return { openings: () => rows(openings, readOpening), stories: () => rows(stories, readStory) };
}
