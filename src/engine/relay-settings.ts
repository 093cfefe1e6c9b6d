/** How the relay goes about its work. */
export interface RelaySettings {
  readonly parcelsAtOnce: number;
  /** The share of the ERP's limits that is left to reads. */
  readonly readShare: number;
  /** So old, and still refused for a reason of its own: a dead letter. What ails the ERP as a whole lets nothing die. */
  readonly giveUpAfterMs: number;
  /** Looked for so often and never found out: a dead letter. */
  readonly maxLooks: number;
  /** For all calls of one parcel, in ms. */
  readonly timeoutMs: number;
}

export const DEFAULT_RELAY_SETTINGS: RelaySettings = {
  parcelsAtOnce: 4,
  readShare: 0.2,
  giveUpAfterMs: 86_400_000,
  maxLooks: 20,
  timeoutMs: 120_000,
};
