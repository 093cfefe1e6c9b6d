/** reconcile: what a balance of the ERP says of our books, and the entry that would make them agree. */
import type { ReconcileCommand } from '../command.ts';
import { entry, type EntryDraft } from '../ledger.ts';
import type { OutboxLevel } from '../outbox/message.ts';
import { MAX_STOCK } from '../quantities.ts';
import type { Drift } from '../reconcile.ts';
import { emptyLevel, type StockLevel } from '../stock-level.ts';
import { shortfallEntry, type StockChange } from './stock.ts';

/**
 * What the ERP has still to deduct (`owed`) is in its balance, what we have still to deduct (`allocated`) in ours;
 * where both are the same sales, on hand is the balance. Reservations are counted on our side and change nothing.
 * `change` is null where the books agree. `lapsed` as in `decideSetStock`.
 */
export function decideReconcile(
  level: StockLevel | undefined,
  { owed }: OutboxLevel,
  { sku, erpOnHand, cause }: ReconcileCommand,
  lapsed: number,
): { readonly drift: Drift; readonly change: StockChange | null } {
  const before = level ?? emptyLevel(sku);
  const { onHand, reserved, allocated } = before;
  const meant = Math.min(MAX_STOCK, Math.max(0, erpOnHand + allocated - owed));
  const units = meant - onHand;
  const drift: Drift = {
    sku,
    erpOnHand,
    onHand,
    expected: meant,
    units,
    reserved: reserved - lapsed,
    allocated,
    owed,
    known: level !== undefined,
  };
  if (units === 0 && level !== undefined) return { drift, change: null };
  const detail = { erp_on_hand: erpOnHand, owed, cause };
  const entries: EntryDraft[] = [entry('reconcile', sku, null, { onHand: units }, detail)];
  entries.push(...shortfallEntry(before, units, lapsed));
  return { drift, change: { base: before, entries, created: level === undefined } };
}
