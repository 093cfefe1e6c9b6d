/** set_stock, adjust_stock: what the ERP or an operator says of one SKU. Accepted even where it falls below the promises. */
import type { StockSetting } from '../command.ts';
import { entry, type EntryDraft } from '../ledger.ts';
import { isStock } from '../quantities.ts';
import {
  emptyLevel,
  POLICY_COLUMNS,
  shortfall,
  type Policy,
  type StockLevel,
} from '../stock-level.ts';

export interface StockChange {
  /** The level with its new policy; quantities change by the entries. */
  readonly base: StockLevel;
  readonly entries: readonly EntryDraft[];
  readonly created: boolean;
}

/** Null where the setting changes nothing. `lapsed`: units of `level.reserved` whose deadline has passed. */
export function decideSetStock(
  level: StockLevel | undefined,
  setting: StockSetting,
  lapsed: number,
): StockChange | null {
  const before = level ?? emptyLevel(setting.sku);
  const policy: Policy = { ...before.policy, ...setting.policy };
  const onHand = (setting.onHand ?? before.onHand) - before.onHand;
  const safetyStock = (setting.safetyStock ?? before.safetyStock) - before.safetyStock;
  const entries: EntryDraft[] = [];
  if (level === undefined || onHand !== 0) {
    entries.push(entry('set', setting.sku, null, { onHand }));
  }
  const changed = changedPolicy(before.policy, policy);
  if (safetyStock !== 0 || changed !== null) {
    entries.push(entry('policy', setting.sku, null, { safetyStock }, changed));
  }
  if (entries.length === 0) return null;
  entries.push(...shortfallEntry(before, onHand - safetyStock, lapsed));
  return { base: { ...before, policy }, entries, created: level === undefined };
}

/** Null where the result would leave the range of stock. */
export function decideAdjustStock(
  level: StockLevel,
  delta: number,
  reason: string,
  lapsed: number,
): StockChange | null {
  if (!isStock(level.onHand + delta)) return null;
  const entries = [entry('adjust', level.sku, null, { onHand: delta }, { reason })];
  entries.push(...shortfallEntry(level, delta, lapsed));
  return { base: level, entries, created: false };
}

function changedPolicy(before: Policy, after: Policy): Record<string, number | null> | null {
  const changed: Record<string, number | null> = {};
  for (const [field, column] of Object.entries(POLICY_COLUMNS) as [keyof Policy, string][]) {
    if (before[field] !== after[field]) changed[column] = after[field];
  }
  return Object.keys(changed).length > 0 ? changed : null;
}

/** A shortfall that this change opens or deepens is recorded beside it, in units. */
export function shortfallEntry(level: StockLevel, delta: number, lapsed: number): EntryDraft[] {
  const before = { ...level, reserved: level.reserved - lapsed };
  const units = shortfall({ ...before, onHand: before.onHand + delta });
  if (units <= shortfall(before)) return [];
  return [entry('shortfall', level.sku, null, {}, { units })];
}
