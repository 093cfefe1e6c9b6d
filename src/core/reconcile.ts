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
