/** Our books against the ERP's: what differs, by how much, and what explains it. */

export interface Drift {
  readonly sku: string;
  /** What the ERP said. */
  readonly erpOnHand: number;
  /** What our books said. */
  readonly onHand: number;
  /** What our books would say if they agreed; never below 0. */
  readonly expected: number;
  /** `expected − onHand`: positive where the ERP has more. */
  readonly units: number;
  /** Active reservations, which no balance touches. */
  readonly reserved: number;
  /** Confirmed and not acknowledged: still on our shelf. */
  readonly allocated: number;
  /** Units that the ERP is still to hear of: still on its shelf. */
  readonly owed: number;
  /** Did our books have the SKU? */
  readonly known: boolean;
}

export type DriftCause =
  'agrees' | 'new_sku' | 'oversold_in_erp' | 'sold_elsewhere' | 'received_elsewhere';

/** The likeliest story behind a drift. */
export function explain({ units, known, erpOnHand }: Drift): DriftCause {
  if (!known) return 'new_sku';
  if (erpOnHand < 0) return 'oversold_in_erp';
  if (units === 0) return 'agrees';
  return units < 0 ? 'sold_elsewhere' : 'received_elsewhere';
}

/** For people: what `explain` found. */
export const DRIFT_STORIES: Readonly<Record<DriftCause, string>> = {
  agrees: 'the books agree',
  new_sku: 'it is new here',
  oversold_in_erp: 'the ERP has less than none: more were sold there than it had',
  sold_elsewhere: 'the ERP has fewer: units left there that were not sold here',
  received_elsewhere: 'the ERP has more: units came in, or a sale was undone there',
};
