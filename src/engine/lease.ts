/**
 * What only one of several instances may do is done by the one that holds the lease: it has a length, is renewed long
 * before its end, and each new holder gets a higher token. Commands that carry the token are refused by the store once
 * somebody else has the lease, so that a holder which was paused past its lease changes nothing (docs/adr/0015).
 */

/** `housekeeping`: sweeps and purges. `erp`: delivery and reconciliation. */
export type LeaseName = 'housekeeping' | 'erp';

/** Names a tenure of the lease; a command that carries it is refused after a later one has begun. */
export interface Fence {
  readonly lease: LeaseName;
  readonly token: number;
  /** A store that lost its newest changes may give one token twice, but never to one holder and then to another. */
  readonly holder: string;
}

export interface LeaseState {
  /** Of the latest holder; 0: there has been none. */
  readonly token: number;
  /** Null: free. */
  readonly holder: string | null;
}

/** Who holds what, kept by the store on its clock. */
export interface Leases {
  /**
   * Takes the lease for `lengthMs` if it is free, or keeps it for so long from now if `holder` has it; else only tells
   * who has. The token rises whenever it is taken. Throws `Fault`.
   */
  acquire(lease: LeaseName, holder: string, lengthMs: number): Promise<LeaseState>;
  /** Gives it up, if it is still that tenure's. Throws `Fault`. */
  release(fence: Fence): Promise<void>;
}

/** Of a store that a lock keeps for one process: whoever asks has the lease. */
export function soleLeases(): Leases {
  return {
    acquire: (_lease, holder) => Promise.resolve({ token: 1, holder }),
    release: () => Promise.resolve(),
  };
}
