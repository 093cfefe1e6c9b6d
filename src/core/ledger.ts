/** The append-only record of every change. Summing its deltas gives every level. */
import type { StockLevel } from './stock-level.ts';

export const ENTRY_KINDS = [
  'set',
  'adjust',
  'policy',
  'shortfall',
  'reserve',
  'extend',
  'confirm',
  'adopt',
  'acknowledge',
  'release',
  'expire',
  'cancel',
  'refund_required',
  'dead_letter',
  'outbox_retry',
  'outbox_discard',
  'reconcile',
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

export type Detail = Readonly<Record<string, string | number | boolean | null>>;

/** One change of one SKU: deltas in units. Kinds without deltas record an event that levels do not show. */
export interface EntryDraft {
  readonly kind: EntryKind;
  readonly sku: string;
  readonly reservationId: string | null;
  readonly onHand: number;
  readonly reserved: number;
  readonly allocated: number;
  readonly safetyStock: number;
  readonly detail: Detail | null;
}

/** An entry as recorded: `seq` rises by one with each, `at` is the store's clock. */
export interface LedgerEntry extends EntryDraft {
  readonly seq: number;
  readonly at: number;
}

type Deltas = Partial<Pick<EntryDraft, 'onHand' | 'reserved' | 'allocated' | 'safetyStock'>>;

export function entry(
  kind: EntryKind,
  sku: string,
  reservationId: string | null,
  deltas: Deltas,
  detail: Detail | null = null,
): EntryDraft {
  const { onHand = 0, reserved = 0, allocated = 0, safetyStock = 0 } = deltas;
  return {
    kind,
    sku,
    reservationId,
    // `+ 0` makes of a -0, which some stores cannot tell from 0, a 0.
    onHand: onHand + 0,
    reserved: reserved + 0,
    allocated: allocated + 0,
    safetyStock: safetyStock + 0,
    detail,
  };
}

export function applyEntry(level: StockLevel, change: EntryDraft): StockLevel {
  return {
    sku: level.sku,
    onHand: level.onHand + change.onHand,
    reserved: level.reserved + change.reserved,
    allocated: level.allocated + change.allocated,
    safetyStock: level.safetyStock + change.safetyStock,
    policy: level.policy,
  };
}

const TIMES = ['opens_at', 'closes_at'];

/** The detail for readers: a policy's times, which the books keep in epoch milliseconds, as ISO 8601. */
export function readableDetail({ kind, detail }: EntryDraft): Detail | null {
  if (kind !== 'policy' || detail === null) return detail;
  return Object.fromEntries(
    Object.entries(detail).map(([name, value]) => {
      const time = typeof value === 'number' && TIMES.includes(name);
      return [name, time ? new Date(value).toISOString() : value];
    }),
  );
}
