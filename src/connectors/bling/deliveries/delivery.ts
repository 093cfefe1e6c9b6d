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

/** How long after a call whose answer was lost a search is trusted to show what it did, in ms. */
export const SETTLE_AFTER_MS = 10_000;
/** Twice looked for in vain, some time apart, and never seen. */
const LOOKS_BEFORE_GONE = 1;

/** The one message of a parcel, where sales are told one by one. */
export function onlyMessage({ messages, id }: Parcel): OutboxMessage {
  const [message, ...others] = messages;
  if (message === undefined || others.length > 0) {
    throw new Error(`parcel ${id} has ${messages.length} messages where one is told at a time`);
  }
  return message;
}

/** Not seen: it may still show, until it has been looked for long enough. */
export function notSeen({ messages }: Parcel, now: number, what: string): SettleOutcome {
  const [first] = messages;
  const since = now - (first?.unknownAt ?? now);
  if (since >= SETTLE_AFTER_MS && (first?.looks ?? 0) >= LOOKS_BEFORE_GONE) {
    return { outcome: 'not_applied', reason: `${what} did not show` };
  }
  return { outcome: 'unknown', reason: `${what} does not show yet` };
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

/** A reading that failed settles nothing. */
export async function byReading(settle: () => Promise<SettleOutcome>): Promise<SettleOutcome> {
  try {
    return await settle();
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
