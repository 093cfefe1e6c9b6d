/** What the engine needs from the outside world. Whoever implements a port imports it from here; the engine imports nobody. */
import type { AuditReport } from '../core/audit.ts';
import type { Answer, AnswerTo, Command, Idempotency } from '../core/command.ts';
import type { LedgerEntry } from '../core/ledger.ts';
import type { LedgerCut, Opening } from '../core/ledger-cut.ts';
import type { MessageState, OutboxMessage } from '../core/outbox/message.ts';
import type { Reservation } from '../core/reservation.ts';
import type { ChangedLevel, LevelView } from '../core/stock-level.ts';
import type { Fence, Leases } from './lease.ts';
import type { WebhookInbox } from './webhook-inbox.ts';

export interface Clock {
  /** Epoch milliseconds, an integer; never runs back. */
  now(): number;
}

export interface SubmitOptions {
  readonly idempotency?: Idempotency | null;
  /** Refused with the fault `LEASE_LOST`, certainly not done, once a later tenure of the lease has begun. */
  readonly fence?: Fence | null;
}

export interface Submission {
  readonly command: Command;
  readonly idempotency: Idempotency | null;
  readonly fence?: Fence | null;
}

export interface LevelsQuery {
  /** SKUs after this one, in code point order; null from the first. */
  readonly after: string | null;
  /** Only SKUs that begin with this. */
  readonly prefix: string | null;
  readonly limit: number;
}

export interface LedgerQuery {
  /** Only this SKU's entries; null for all. */
  readonly sku: string | null;
  /** Entries with a higher `seq`, of those that have not been cut off. */
  readonly after: number;
  readonly limit: number;
}

/** Where a ledger begins. */
export interface LedgerBeginning {
  readonly cut: LedgerCut;
  /** What the SKU's entries up to the cut sum to; null where it has none, or none was asked about. */
  readonly opening: Opening | null;
}

export interface OutboxQuery {
  /** Only messages in this state; null for all that are not delivered. */
  readonly state: MessageState | null;
  /** Messages with a higher id. */
  readonly after: number;
  readonly limit: number;
}

export interface OutboxStats {
  readonly pending: number;
  readonly inFlight: number;
  readonly unknown: number;
  readonly dead: number;
  /** Keys that have a pending message. */
  readonly keys: number;
  /** When the oldest message that is not delivered came to be; null when there is none. */
  readonly oldestAt: number | null;
  /** The outbox's latest number; 0: there has never been a message. */
  readonly head: number;
}

export interface StoreStats {
  readonly skus: number;
  /** Active reservations, lapsed but unswept ones included. */
  readonly active: number;
  /** The newest ledger entry's `seq`; 0 when there is none. */
  readonly headSeq: number;
  /** The deadline of the oldest lapsed reservation that no sweep has tidied; null when there is none. */
  readonly oldestDueAt: number | null;
}

/** What one commit changed, told after it is durable and before its answers are given. */
export interface CommitNotice {
  readonly headSeq: number;
  /** Commands that shared the commit; 0 where another instance made it, of which only the head is told. */
  readonly commands: number;
  readonly seconds: number;
  readonly at: number;
  /** Reservations whose expiry was recorded, in passing or by a sweep. */
  readonly expired: readonly { readonly reservationId: string; readonly expiresAt: number }[];
  /** SKUs whose level changed, as they stand. */
  readonly levels: readonly ChangedLevel[];
}

export interface StoreHealth {
  readonly ready: boolean;
  /** Why it is not ready, for people; null when it is. */
  readonly reason: string | null;
  /** Commands waiting or in flight. */
  readonly queued: number;
}

/**
 * The books. Each command is one whole atomic step: it happens entirely or not at all, is decided on the
 * store's clock in the order of submission, and is durable (as the store promises) before its answer.
 * Expected refusals are returned; `Fault` is thrown when the store cannot answer.
 */
export interface ReservationStore {
  readonly name: string;
  submit<C extends Command>(command: C, options?: SubmitOptions): Promise<AnswerTo<C>>;
  /** Independent commands in one go, decided in order, one answer each. */
  submitAll(submissions: readonly Submission[]): Promise<Answer[]>;

  /** A SKU at this moment, lapsed units counted as available; null if unknown. */
  level(sku: string): Promise<LevelView | null>;
  levels(query: LevelsQuery): Promise<LevelView[]>;
  /** A reservation at this moment: one past its deadline reads as expired; null if unknown or purged. */
  reservation(id: string): Promise<Reservation | null>;
  ledger(query: LedgerQuery): Promise<LedgerEntry[]>;
  /** `sku`: whose opening is asked for; null: nobody's. */
  ledgerBeginning(sku: string | null): Promise<LedgerBeginning>;
  stats(): Promise<StoreStats>;
  /** Proves the books against the ledger, without stopping sales. */
  audit(): Promise<AuditReport>;
  /** Every retained reservation in order of id after `after`, as recorded (a lapsed one still reads as active). */
  reservations(after: string | null, limit: number): Promise<Reservation[]>;

  /**
   * Where the books are spread: the id (a UUID), changed so that a reservation of these SKUs is kept where they are.
   * Any other id works as well, but costs more.
   */
  placeId?(id: string, skus: readonly string[]): string;

  readonly clock: Clock;
  /** Who of the instances over these books does what only one may do. */
  readonly leases: Leases;
  health(): StoreHealth;
  /** Calls the listener, which must not throw, after each commit that changed something; returns the way to stop it. */
  onCommit(listener: (notice: CommitNotice) => void): () => void;
  /** Calls the listener once if the store stops by itself. */
  onFailure(listener: (fault: Error) => void): void;
  /** Answers what is queued, then closes. Safe to call twice. */
  close(): Promise<void>;
}

/** A store that keeps what the ERP is still to be told, and what it has told us. */
export interface OutboxStore extends ReservationStore {
  readonly inbox: WebhookInbox;
  /** By id. */
  outbox(query: OutboxQuery): Promise<OutboxMessage[]>;
  /** Null if unknown, or forgotten with its reservation. */
  message(id: number): Promise<OutboxMessage | null>;
  outboxStats(): Promise<OutboxStats>;
  /** For `ReconcileCommand.fence` of balances that the ERP is asked for from now on. */
  balanceFence(): Promise<number>;
}

export function keepsOutbox(store: ReservationStore): store is OutboxStore {
  return 'outboxStats' in store;
}
