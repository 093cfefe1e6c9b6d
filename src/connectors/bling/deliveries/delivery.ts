/** How sales reach Bling: one of three ways, by the order mode. */
import type { MessageGrouping, OutboxMessage, Parcel } from '../../../core/outbox/message.ts';
import {
  ErpFault,
  type ErpCall,
  type PushCall,
  type PushOutcome,
  type SettleOutcome,
} from '../../../engine/erp-port.ts';
import type { WriteReply } from '../client.ts';

export interface Delivery {
  readonly grouping: MessageGrouping;
  readonly callsPerPush: number;
  readonly messagesPerParcel: number;
  /** Asks Bling for what this mode needs; throws `ErpFault`. */
  check(call: ErpCall): Promise<void>;
  push(parcel: Parcel, call: PushCall): Promise<PushOutcome>;
  settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome>;
}

/** How long after a call whose answer was lost a search can be expected to show what it did, in ms. */
export const SETTLE_AFTER_MS = 10_000;
/** One reading is not believed alone, however late it comes. */
const LOOKS_BEFORE_GONE = 1;

/** The one message of a parcel, where sales are told one by one. */
export function onlyMessage({ messages, id }: Parcel): OutboxMessage {
  const [message, ...others] = messages;
  if (message === undefined || others.length > 0) {
    throw new Error(`parcel ${id} has ${messages.length} messages where one is told at a time`);
  }
  return message;
}

/**
 * Not seen: it may still show. A request can wait in a queue of Bling's long after we have stopped waiting, and
 * sending again what then arrives would do it twice: so it is looked for ever less often until `patienceMs` are over.
 */
export function notSeen(
  { messages }: Parcel,
  { now, patienceMs }: { readonly now: number; readonly patienceMs: number },
  what: string,
): SettleOutcome {
  const [first] = messages;
  const since = now - (first?.unknownAt ?? now);
  if (since >= patienceMs && (first?.looks ?? 0) >= LOOKS_BEFORE_GONE) {
    const seconds = Math.round(since / 1_000);
    return { outcome: 'not_applied', reason: `${what} did not show in ${seconds} s` };
  }
  const waitMs = Math.max(SETTLE_AFTER_MS, Math.min(since, patienceMs - since));
  return { outcome: 'unknown', reason: `${what} does not show yet`, waitMs };
}

export function rejected(
  reason: string,
  retry = false,
  waitMs: number | null = null,
): Extract<PushOutcome, { outcome: 'rejected' }> {
  return { outcome: 'rejected', reason, retry, waitMs };
}

/** A reading that failed before anything was sent is no trouble of the message. */
export async function beforeSending(push: () => Promise<PushOutcome>): Promise<PushOutcome> {
  try {
    return await push();
  } catch (error) {
    if (!(error instanceof ErpFault)) throw error;
    const patience = error.code === 'ERP_MISCONFIGURED' ? 60_000 : null;
    return rejected(error.message, true, error.waitMs ?? patience);
  }
}

/** A reading that failed, of something that may have been sent, settles nothing. */
export async function byReading<T>(
  read: () => Promise<T>,
): Promise<T | { outcome: 'unknown'; reason: string }> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ErpFault)) throw error;
    return { outcome: 'unknown', reason: error.message };
  }
}

export function pushOutcome(reply: WriteReply, reference: string | null): PushOutcome {
  switch (reply.kind) {
    case 'done':
      return { outcome: 'applied', reference };
    case 'refused':
      return rejected(reply.reason, reply.retry, reply.waitMs);
    case 'unknown':
      return { outcome: 'unknown', reason: reply.reason };
  }
}
