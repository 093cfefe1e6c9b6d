/** The stock commands against the books: set, adjust, import, and what a shortfall may release. */
import type { Book } from './book.ts';
import {
  IMPORT_SAMPLE,
  rejected,
  type AdjustStockCommand,
  type Answer,
  type ImportAnswer,
  type ImportedRow,
  type ImportStockCommand,
  type SetStockCommand,
  type StockAnswer,
  type StockSetting,
} from './command.ts';
import { land } from './land.ts';
import { applyEntry } from './ledger.ts';
import { expire, release } from './decide/release.ts';
import { decideAdjustStock, decideSetStock, type StockChange } from './decide/stock.ts';
import type { Rules } from './rules.ts';
import {
  emptyLevel,
  shortfall,
  viewLevel,
  type LevelView,
  type StockLevel,
} from './stock-level.ts';

export function executeSet(
  book: Book,
  command: SetStockCommand,
  now: number,
  rules: Rules,
): StockAnswer {
  const level = book.level(command.sku);
  const change = decideSetStock(level, command, lapsedUnits(book, level, now));
  return landStock(book, 'set_stock', command.sku, change, now, rules);
}

export function executeAdjust(
  book: Book,
  command: AdjustStockCommand,
  now: number,
  rules: Rules,
): Answer {
  const { sku, delta, reason } = command;
  const level = book.level(sku);
  if (level === undefined) return rejected('adjust_stock', { code: 'unknown_sku', skus: [sku] });
  const change = decideAdjustStock(level, delta, reason, lapsedUnits(book, level, now));
  if (change === null) {
    const onHand = level.onHand + delta;
    return rejected('adjust_stock', { code: 'stock_out_of_range', sku, onHand });
  }
  return landStock(book, 'adjust_stock', sku, change, now, rules);
}

export function executeImport(
  book: Book,
  command: ImportStockCommand,
  now: number,
  rules: Rules,
): ImportAnswer {
  const counts = { created: 0, updated: 0, unchanged: 0 };
  const changes: ImportedRow[] = [];
  /** A dry run's levels as they would stand, so that a SKU named twice is told as it would happen. */
  const planned = new Map<string, StockLevel>();
  for (const row of command.rows) {
    const level = planned.get(row.sku) ?? book.level(row.sku);
    const change = decideSetStock(level, row, lapsedUnits(book, level, now));
    const effect = change === null ? 'unchanged' : change.created ? 'created' : 'updated';
    counts[effect] += 1;
    if (change === null) continue;
    const onHandBefore = level?.onHand ?? 0;
    if (changes.length < IMPORT_SAMPLE) {
      const onHandAfter = row.onHand ?? onHandBefore;
      changes.push({ sku: row.sku, effect, onHandBefore, onHandAfter });
    }
    if (command.dryRun) planned.set(row.sku, change.entries.reduce(applyEntry, change.base));
    else landStock(book, 'set_stock', row.sku, change, now, rules);
  }
  return { ok: true, type: 'import_stock', ...counts, changes };
}

export function landStock(
  book: Book,
  type: StockAnswer['type'],
  sku: StockSetting['sku'],
  change: StockChange | null,
  now: number,
  rules: Rules,
): StockAnswer {
  const released: string[] = [];
  if (change !== null) {
    book.putLevel(change.base);
    land(book, { entries: change.entries, reservation: null }, now);
    released.push(...settleShortfall(book, sku, now, rules));
  }
  const level = levelView(book, sku, now);
  return { ok: true, type, created: change?.created ?? false, level, released };
}

export function lapsedUnits(book: Book, level: StockLevel | undefined, now: number): number {
  return level === undefined || level.reserved === 0 ? 0 : book.lapsedUnits(level.sku, now);
}

/**
 * What has lapsed no longer counts as promised. Of the rest, and only if the rules say so, unlatched reservations
 * are released, newest first: who came first, and who is paying, keeps the promise.
 */
function settleShortfall(book: Book, sku: string, now: number, rules: Rules): string[] {
  const released: string[] = [];
  for (;;) {
    const level = book.level(sku);
    if (level === undefined || shortfall(level) === 0) return released;
    const due = book.oldestDue(sku, now);
    if (due !== undefined) {
      land(book, expire(due, now), now);
      continue;
    }
    if (rules.onShortfall === 'keep') return released;
    const newest = book.newestUnlatched(sku);
    if (newest === undefined) return released;
    land(book, release(newest, now), now);
    released.push(newest.id);
  }
}

/** The SKU as callers see it at `now`. */
export function levelView(book: Book, sku: string, now: number): LevelView {
  const level = book.level(sku) ?? emptyLevel(sku);
  if (level.reserved === 0) return viewLevel(level, 0, null);
  return viewLevel(level, lapsedUnits(book, level, now), book.nextExpiry(sku, now));
}
