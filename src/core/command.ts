/** What can be asked of a store, each a whole atomic verb, and what it answers. Quantities in units, times in epoch milliseconds. */
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
  | PurgeCommand;

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
