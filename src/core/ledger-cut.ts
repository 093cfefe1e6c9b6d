/**
 * Where a trimmed ledger begins, and what stands in place of the entries that were cut off: the opening of each SKU,
 * and of each reservation that is not over what they told. The audit goes on from there as if it had read them.
 */
import { ONCE, type StoryLine } from './audit-story.ts';
import type { EntryKind, LedgerEntry } from './ledger.ts';
import { NO_POLICY, POLICY_COLUMNS, type Policy } from './stock-level.ts';

export interface LedgerCut {
  /** The last entry that was cut off; 0: none was. */
  readonly seq: number;
  /** Its moment (epoch ms). */
  readonly at: number;
  /** Entries up to this one stand in an export that somebody keeps; only these are ever cut off. */
  readonly exportedThrough: number;
}

export const UNCUT: LedgerCut = { seq: 0, at: 0, exportedThrough: 0 };

/** What entries of a SKU sum to; units, and how many entries they were. */
export interface Opening {
  readonly sku: string;
  onHand: number;
  reserved: number;
  allocated: number;
  safetyStock: number;
  policy: Policy;
  /** A recorded shortfall explains promises beyond the stock. */
  shortfallSeen: boolean;
  entries: number;
  /** The newest of them; 0: none. */
  lastSeq: number;
}

export function newOpening(sku: string): Opening {
  return {
    sku,
    onHand: 0,
    reserved: 0,
    allocated: 0,
    safetyStock: 0,
    policy: NO_POLICY,
    shortfallSeen: false,
    entries: 0,
    lastSeq: 0,
  };
}

/** Counts the entry in. */
export function addToOpening(opening: Opening, entry: LedgerEntry): void {
  opening.onHand += entry.onHand;
  opening.reserved += entry.reserved;
  opening.allocated += entry.allocated;
  opening.safetyStock += entry.safetyStock;
  opening.entries += 1;
  opening.lastSeq = entry.seq;
  if (entry.kind === 'shortfall') opening.shortfallSeen = true;
  if (entry.kind === 'policy') opening.policy = withChanges(opening.policy, entry.detail);
}

function withChanges(policy: Policy, changes: LedgerEntry['detail']): Policy {
  const after: Record<keyof Policy, number | null> = { ...policy };
  for (const [field, column] of Object.entries(POLICY_COLUMNS) as [keyof Policy, string][]) {
    const value = changes?.[column];
    if (value === null || typeof value === 'number') after[field] = value;
  }
  return after;
}

export function newStoryLine(sku: string): StoryLine {
  return {
    sku,
    quantity: 0,
    reserved: 0,
    allocated: 0,
    confirmed: 0,
    cancelled: 0,
    kinds: 0,
    lastAt: 0,
    orderId: null,
  };
}

/** Counts an entry of this SKU in; true where a kind that happens once has happened before. */
export function addToStory(line: StoryLine, entry: LedgerEntry): boolean {
  const bit = (ONCE as Partial<Record<EntryKind, number>>)[entry.kind] ?? 0;
  const doubled = (line.kinds & bit) !== 0;
  line.kinds |= bit;
  line.reserved += entry.reserved;
  line.allocated += entry.allocated;
  line.lastAt = entry.at;
  if (entry.kind === 'reserve') line.quantity += entry.reserved;
  if (entry.kind === 'confirm') line.confirmed += entry.allocated;
  const orderId = entry.detail?.['order_id'];
  if (typeof orderId === 'string') line.orderId = orderId;
  if (entry.kind === 'cancel') line.cancelled += Number(entry.detail?.['quantity'] ?? 0);
  return doubled;
}

/** A line of a story as stores keep it, without the names of its fields. */
export type StoryTuple = readonly [
  ...[sku: string, quantity: number, reserved: number, allocated: number, confirmed: number],
  ...[cancelled: number, kinds: number, lastAt: number, orderId: string | null],
];

export function storyTuple(line: StoryLine): StoryTuple {
  const { sku, quantity, reserved, allocated, confirmed, cancelled, kinds, lastAt, orderId } = line;
  return [sku, quantity, reserved, allocated, confirmed, cancelled, kinds, lastAt, orderId];
}

export function storyLine(tuple: StoryTuple): StoryLine {
  const [sku, quantity, reserved, allocated, confirmed, cancelled, kinds, lastAt, orderId] = tuple;
  return { sku, quantity, reserved, allocated, confirmed, cancelled, kinds, lastAt, orderId };
}

/** Does the story hold no units? Then nothing is lost with it once its reservation has been purged. */
export function isClosed(lines: readonly StoryLine[]): boolean {
  return lines.every(({ reserved, allocated }) => reserved === 0 && allocated === 0);
}
