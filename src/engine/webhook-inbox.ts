/**
 * Where webhooks wait that were accepted and not acted on yet. An event is put in once, however often it is delivered,
 * and is durable (as the store promises) before its sender is told so.
 */
import type { WebhookEvent } from './erp-port.ts';

export interface IncomingWebhook extends WebhookEvent {
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

export interface PendingWebhook extends IncomingWebhook {
  /** Rises with each one that is stored. */
  readonly number: number;
}

/** `seen`: an event of that id was stored before, and nothing has changed. */
export type PutOutcome = 'stored' | 'seen';

export interface InboxStats {
  /** Not settled. */
  readonly pending: number;
  /** When the first of them, by number, was received; null where there is none. */
  readonly oldestAt: number | null;
  /** When the newest of all was received, pruned ones included; null: there never was one. */
  readonly lastReceivedAt: number | null;
}

/** Throws `Fault` where the store cannot answer; what it has answered outlives a restart. */
export interface WebhookInbox {
  /** One without hints has nothing to act on: it is settled at once, and only remembered. */
  put(webhook: IncomingWebhook): Promise<PutOutcome>;
  /** Those not settled with a number above `after`, by number. */
  pending(after: number, limit: number): Promise<PendingWebhook[]>;
  /** Nothing is left to do for these; numbers of none that is pending are ignored. */
  settle(numbers: readonly number[]): Promise<void>;
  stats(): Promise<InboxStats>;
  /** Forgets up to `limit` settled ones that were received before this time, oldest first, and says how many. */
  prune(receivedBefore: number, limit: number): Promise<number>;
}
