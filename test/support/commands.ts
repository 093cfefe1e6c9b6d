/** Short ways to write commands in tests: what a test leaves out is what most callers leave out. */
import type {
  AcknowledgeCommand,
  AdjustStockCommand,
  ClaimMessagesCommand,
  DiscardMessageCommand,
  ReconcileCommand,
  RetryMessageCommand,
  SettleParcelCommand,
  CancelCommand,
  ConfirmCommand,
  ExtendCommand,
  ImportStockCommand,
  PurgeCommand,
  ReleaseCommand,
  ReserveCommand,
  SetStockCommand,
  StockSetting,
  SweepCommand,
  TrimLedgerCommand,
} from '../../src/core/command.ts';
import type { Line } from '../../src/core/reservation.ts';
import type { PaymentMethod } from '../../src/core/rules.ts';
import type { Policy } from '../../src/core/stock-level.ts';

/** `'A:2 B:1'` or the lines themselves; a SKU without a quantity means one unit. */
export type LinesText = string | readonly Line[];

export function linesOf(text: LinesText): readonly Line[] {
  if (typeof text !== 'string') return text;
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [sku = '', quantity = '1'] = word.split(':');
      return { sku, quantity: Number(quantity) };
    });
}

/** The `n`th of a row of UUIDs that sort as their numbers do. */
export function uuid(n: number): string {
  return `01890000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function reserve(
  reservationId: string,
  lines: LinesText,
  options: { customer?: string; ttl?: number; partial?: boolean } = {},
): ReserveCommand {
  return {
    type: 'reserve',
    reservationId,
    lines: linesOf(lines),
    customerId: options.customer ?? null,
    ttlSeconds: options.ttl ?? null,
    allowPartial: options.partial ?? false,
  };
}

export function confirm(
  reservationId: string,
  options: { order?: string; lines?: LinesText; late?: 'reacquire' } = {},
): ConfirmCommand {
  return {
    type: 'confirm',
    reservationId,
    orderId: options.order ?? null,
    lines: options.lines === undefined ? null : linesOf(options.lines),
    onExpired: options.late ?? 'reject',
  };
}

export function release(reservationId: string): ReleaseCommand {
  return { type: 'release', reservationId };
}

export function extend(
  reservationId: string,
  options: { ttl?: number; order?: string; method?: PaymentMethod } = {},
): ExtendCommand {
  return {
    type: 'extend',
    reservationId,
    ttlSeconds: options.ttl ?? null,
    orderId: options.order ?? null,
    paymentMethod: options.method ?? null,
  };
}

/** `restock` holds for each line; units go back on sale unless a test says otherwise. */
export function cancel(
  reservationId: string,
  options: { lines?: LinesText; restock?: boolean; as?: string } = {},
): CancelCommand {
  const restock = options.restock ?? true;
  const { lines } = options;
  return {
    type: 'cancel',
    reservationId,
    lines: lines === undefined ? null : linesOf(lines).map((line) => ({ ...line, restock })),
    restock,
    cancellationId: options.as ?? null,
  };
}

export function acknowledge(reservationId: string): AcknowledgeCommand {
  return { type: 'acknowledge', reservationId };
}

export function setting(
  sku: string,
  onHand: number | null,
  rest: { safety?: number; policy?: Partial<Policy> } = {},
): StockSetting {
  return {
    sku,
    ...(onHand === null ? {} : { onHand }),
    ...(rest.safety === undefined ? {} : { safetyStock: rest.safety }),
    ...(rest.policy === undefined ? {} : { policy: rest.policy }),
  };
}

/** `onHand` null: only the rest is set. */
export function setStock(
  sku: string,
  onHand: number | null,
  rest: { safety?: number; policy?: Partial<Policy> } = {},
): SetStockCommand {
  return { type: 'set_stock', ...setting(sku, onHand, rest) };
}

export function adjust(sku: string, delta: number, reason = 'counted'): AdjustStockCommand {
  return { type: 'adjust_stock', sku, delta, reason };
}

export function importStock(rows: readonly StockSetting[], dryRun = false): ImportStockCommand {
  return { type: 'import_stock', rows, dryRun };
}

export function sweep(limit = 1_000): SweepCommand {
  return { type: 'sweep', limit };
}

export function purge(endedBefore: number, limit = 1_000): PurgeCommand {
  return { type: 'purge', endedBefore, limit };
}

/** Everything that may go, unless `rest` says otherwise. */
export function trim(
  exportedThrough: number | null,
  rest: Partial<Omit<TrimLedgerCommand, 'type'>> = {},
): TrimLedgerCommand {
  const all = { before: Number.MAX_SAFE_INTEGER, keepEntries: 1, limit: 1_000 };
  return { type: 'trim_ledger', exportedThrough, ...all, ...rest };
}

export function claimMessages(limit = 1, messagesPerParcel = 100): ClaimMessagesCommand {
  return { type: 'claim_messages', limit, messagesPerParcel };
}

/** `at`: when to try or look again, in epoch ms. */
export function settleParcel(
  parcelId: number,
  outcome: SettleParcelCommand['outcome'],
  options: { reason?: string; reference?: string; at?: number } = {},
): SettleParcelCommand {
  const { reason = null, reference = null, at = 0 } = options;
  return { type: 'settle_parcel', parcelId, outcome, reference, reason, nextAttemptAt: at };
}

export function retryMessage(messageId: number, reason = 'seen to'): RetryMessageCommand {
  return { type: 'retry_message', messageId, reason };
}

export function discardMessage(
  messageId: number,
  units: DiscardMessageCommand['units'],
  reason = 'seen to',
): DiscardMessageCommand {
  return { type: 'discard_message', messageId, reason, units };
}

export function reconcile(
  sku: string,
  erpOnHand: number,
  fence: number,
  fix = false,
): ReconcileCommand {
  return { type: 'reconcile', sku, erpOnHand, fence, fix, cause: 'schedule' };
}
