/** What can be asked of a store, each a whole atomic verb, and what it answers. Quantities in units, times in epoch milliseconds. */
import type { OutboxMessage, Parcel } from './outbox/message.ts';
import type { LedgerCut } from './ledger-cut.ts';
import type { Drift } from './reconcile.ts';
import type { Rejection, RejectionCode } from './rejection.ts';
import type { Line, Reservation } from './reservation.ts';
import type { PaymentMethod } from './rules.ts';
import type { LevelView, Policy } from './stock-level.ts';

export interface ReserveCommand {
  readonly type: 'reserve';
  /** The new reservation's id: a UUID that the caller of the store made, unguessable. */
  readonly reservationId: string;
  /** 1 to `MAX_LINES`; lines of one SKU are summed before the check. */
  readonly lines: readonly Line[];
  readonly customerId: string | null;
  readonly ttlSeconds: number | null;
  /** Take what there is and say what was refused, instead of all or nothing. */
  readonly allowPartial: boolean;
}

export interface ConfirmCommand {
  readonly type: 'confirm';
  readonly reservationId: string;
  readonly orderId: string | null;
  /** Confirm less than was reserved; what is not named is given back. At least one line; null: all of it. */
  readonly lines: readonly Line[] | null;
  readonly onExpired: 'reject' | 'reacquire';
}

export interface ReleaseCommand {
  readonly type: 'release';
  readonly reservationId: string;
}

export interface ExtendCommand {
  readonly type: 'extend';
  readonly reservationId: string;
  readonly ttlSeconds: number | null;
  /** Latches the reservation to this order, with the payment deadline of `paymentMethod`. */
  readonly orderId: string | null;
  readonly paymentMethod: PaymentMethod | null;
}

export interface CancelLine extends Line {
  /** Do the units go back on sale? False: they are gone (damaged, lost). */
  readonly restock: boolean;
}

export interface CancelCommand {
  readonly type: 'cancel';
  readonly reservationId: string;
  /** At least one line; null: all that remains confirmed, restocked as `restock` says. */
  readonly lines: readonly CancelLine[] | null;
  readonly restock: boolean;
  /** Names this cancellation, so that repeating it changes nothing. */
  readonly cancellationId: string | null;
}

/** The ERP has deducted the units of a confirmed reservation. */
export interface AcknowledgeCommand {
  readonly type: 'acknowledge';
  readonly reservationId: string;
}

/** Fields left out keep their value; a policy field set to null is cleared. */
export interface StockSetting {
  readonly sku: string;
  readonly onHand?: number;
  readonly safetyStock?: number;
  readonly policy?: Partial<Policy>;
}

export interface SetStockCommand extends StockSetting {
  readonly type: 'set_stock';
}

export interface AdjustStockCommand {
  readonly type: 'adjust_stock';
  readonly sku: string;
  readonly delta: number;
  readonly reason: string;
}

/** All rows or none. With `dryRun` nothing changes and the answer tells what would. */
export interface ImportStockCommand {
  readonly type: 'import_stock';
  readonly rows: readonly StockSetting[];
  readonly dryRun: boolean;
}

/** Records the expiry of at most `limit` lapsed reservations. Tidying only: lapsed units are on sale already. */
export interface SweepCommand {
  readonly type: 'sweep';
  readonly limit: number;
}

/** Forgets at most `limit` ended reservations that ended before `endedBefore`, and idempotency records as old. */
export interface PurgeCommand {
  readonly type: 'purge';
  readonly endedBefore: number;
  readonly limit: number;
}

/**
 * Cuts at most `limit` of the oldest entries off the ledger: of those that were exported, of a moment before `before`,
 * and never one of the newest `keepEntries`. What they sum to stays, so that every level can still be proven.
 */
export interface TrimLedgerCommand {
  readonly type: 'trim_ledger';
  /** Entries up to this one stand in an export that is kept; null: nothing new is known of exports. */
  readonly exportedThrough: number | null;
  /** Epoch ms; null: nothing is cut off. */
  readonly before: number | null;
  /** 1 at least: the newest always stays. */
  readonly keepEntries: number;
  readonly limit: number;
}

/** Takes what is to be sent to the ERP next, at most `limit` parcels; they are in flight until they are settled. */
export interface ClaimMessagesCommand {
  readonly type: 'claim_messages';
  readonly limit: number;
  readonly messagesPerParcel: number;
}

/** Writes down, before a parcel is sent, what a reading will need to tell whether it was applied. */
export interface NoteParcelCommand {
  readonly type: 'note_parcel';
  readonly parcelId: number;
  readonly memo: string;
}

/**
 * What became of a parcel. `applied`: the ERP has it, and what it sold is acknowledged. `not_applied`: certainly not;
 * it is pending again. `given_up`: a dead letter. `unknown`: nobody knows; it is frozen until a reading tells.
 */
export interface SettleParcelCommand {
  readonly type: 'settle_parcel';
  readonly parcelId: number;
  readonly outcome: 'applied' | 'not_applied' | 'given_up' | 'unknown';
  /** The ERP's name for what was applied. */
  readonly reference: string | null;
  /** Why it was not applied, for people. */
  readonly reason: string | null;
  /** When to send it again (`not_applied`) or to look for it again (`unknown`). */
  readonly nextAttemptAt: number;
}

/** After a start: whatever is in flight was sent by nobody knows whom, and has become unknown. */
export interface RecoverMessagesCommand {
  readonly type: 'recover_messages';
  readonly nextAttemptAt: number;
}

/** A person wants a dead letter to be sent again. */
export interface RetryMessageCommand {
  readonly type: 'retry_message';
  readonly messageId: number;
  readonly reason: string;
}

/**
 * A person wants the ERP not to be told of a dead letter. Of a sale, `units` says what becomes of its units: `deduct`,
 * it stands and they leave the shelf; `restock`, it is cancelled and they are on sale again. Of a cancellation: null.
 */
export interface DiscardMessageCommand {
  readonly type: 'discard_message';
  readonly messageId: number;
  readonly reason: string;
  readonly units: 'deduct' | 'restock' | null;
}

/** Compares a balance that the ERP told with the books, and with `fix` makes them agree. */
export interface ReconcileCommand {
  readonly type: 'reconcile';
  readonly sku: string;
  /** Whole units; may be negative. */
  readonly erpOnHand: number;
  /** The outbox's number when the ERP was asked. Had anything moved since, the balance is refused as outdated. */
  readonly fence: number;
  readonly fix: boolean;
  /** Why it was asked, for the ledger: `schedule`, `webhook`, `pull`, `operator`. */
  readonly cause: string;
}

export type Command =
  | ReserveCommand
  | ConfirmCommand
  | ReleaseCommand
  | ExtendCommand
  | CancelCommand
  | AcknowledgeCommand
  | SetStockCommand
  | AdjustStockCommand
  | ImportStockCommand
  | SweepCommand
  | PurgeCommand
  | TrimLedgerCommand
  | ClaimMessagesCommand
  | NoteParcelCommand
  | SettleParcelCommand
  | RecoverMessagesCommand
  | RetryMessageCommand
  | DiscardMessageCommand
  | ReconcileCommand;

export type CommandType = Command['type'];

/** A line of a partial reserve that was not granted in full. */
export interface RefusedLine {
  readonly sku: string;
  readonly requested: number;
  readonly granted: number;
  readonly reason: RejectionCode;
}

export interface ReservedAnswer {
  readonly ok: true;
  readonly type: 'reserve';
  readonly reservation: Reservation;
  readonly refused: readonly RefusedLine[];
}

/** `changed` is false where the command found its work already done and gave the first answer again. */
export interface ReservationAnswer {
  readonly ok: true;
  readonly type: 'confirm' | 'release' | 'extend' | 'cancel' | 'acknowledge';
  readonly reservation: Reservation;
  readonly changed: boolean;
}

export interface StockAnswer {
  readonly ok: true;
  readonly type: 'set_stock' | 'adjust_stock';
  readonly created: boolean;
  readonly level: LevelView;
  /** Reservations released because the stock fell below the promises and the rules say so. */
  readonly released: readonly string[];
}

export interface ImportedRow {
  readonly sku: string;
  readonly effect: 'created' | 'updated' | 'unchanged';
  readonly onHandBefore: number;
  readonly onHandAfter: number;
}

export interface ImportAnswer {
  readonly ok: true;
  readonly type: 'import_stock';
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** The first rows that change something, at most `IMPORT_SAMPLE` of them. */
  readonly changes: readonly ImportedRow[];
}

export const IMPORT_SAMPLE = 1_000;

export interface SweepAnswer {
  readonly ok: true;
  readonly type: 'sweep';
  readonly expired: readonly Reservation[];
  /** Are lapsed reservations left that `limit` did not reach? */
  readonly more: boolean;
}

export interface PurgeAnswer {
  readonly ok: true;
  readonly type: 'purge';
  readonly purged: number;
  readonly more: boolean;
}

export interface TrimAnswer {
  readonly ok: true;
  readonly type: 'trim_ledger';
  /** Entries that were cut off. */
  readonly trimmed: number;
  /** As it is now. */
  readonly cut: LedgerCut;
  readonly more: boolean;
}

export interface ClaimAnswer {
  readonly ok: true;
  readonly type: 'claim_messages';
  readonly parcels: readonly Parcel[];
}

export interface ParcelAnswer {
  readonly ok: true;
  readonly type: 'note_parcel' | 'settle_parcel';
  /** As they are now. */
  readonly messages: readonly OutboxMessage[];
  /** Reservations that were acknowledged with it. */
  readonly acknowledged: readonly string[];
}

export interface RecoverAnswer {
  readonly ok: true;
  readonly type: 'recover_messages';
  readonly recovered: number;
}

export interface MessageAnswer {
  readonly ok: true;
  readonly type: 'retry_message' | 'discard_message';
  readonly message: OutboxMessage;
}

export interface ReconcileAnswer {
  readonly ok: true;
  readonly type: 'reconcile';
  readonly drift: Drift;
  /** Do the books agree now, where they did not? */
  readonly corrected: boolean;
  /** Reservations released because the stock fell below the promises and the rules say so. */
  readonly released: readonly string[];
}

export interface Rejected {
  readonly ok: false;
  readonly type: CommandType;
  readonly rejection: Rejection;
}

interface Answers {
  reserve: ReservedAnswer;
  confirm: ReservationAnswer;
  release: ReservationAnswer;
  extend: ReservationAnswer;
  cancel: ReservationAnswer;
  acknowledge: ReservationAnswer;
  set_stock: StockAnswer;
  adjust_stock: StockAnswer;
  import_stock: ImportAnswer;
  sweep: SweepAnswer;
  purge: PurgeAnswer;
  trim_ledger: TrimAnswer;
  claim_messages: ClaimAnswer;
  note_parcel: ParcelAnswer;
  settle_parcel: ParcelAnswer;
  recover_messages: RecoverAnswer;
  retry_message: MessageAnswer;
  discard_message: MessageAnswer;
  reconcile: ReconcileAnswer;
}

/** The answer to a command: what was done, or the refusal. */
export type AnswerTo<C extends Command> = Answers[C['type']] | Rejected;
export type Answer = Answers[CommandType] | Rejected;

/** A repeated request with the same key has one effect and one answer; `fingerprint` tells whether it is the same request. */
export interface Idempotency {
  readonly key: string;
  readonly fingerprint: string;
}

export function rejected(type: CommandType, rejection: Rejection): Rejected {
  return { ok: false, type, rejection };
}
