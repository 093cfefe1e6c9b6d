/** Webhooks that wait, in memory. */
import type {
  InboxStats,
  IncomingWebhook,
  PendingWebhook,
  PutOutcome,
  WebhookInbox,
} from '../../engine/webhook-inbox.ts';

export class MemoryInbox implements WebhookInbox {
  readonly #assertOpen: () => void;
  /** When each event that is remembered was received, in the order of arrival. */
  readonly #seen = new Map<string, number>();
  readonly #pending = new Map<number, PendingWebhook>();
  #number = 0;
  #lastReceivedAt: number | null = null;

  /** `assertOpen`: throws where the store is closed. */
  constructor(assertOpen: () => void) {
    this.#assertOpen = assertOpen;
  }

  async put(webhook: IncomingWebhook): Promise<PutOutcome> {
    this.#assertOpen();
    const { eventId, receivedAt, hints } = webhook;
    if (this.#seen.has(eventId)) return 'seen';
    this.#seen.set(eventId, receivedAt);
    this.#number += 1;
    if (hints.length > 0) this.#pending.set(this.#number, { ...webhook, number: this.#number });
    this.#lastReceivedAt = Math.max(this.#lastReceivedAt ?? 0, receivedAt);
    return 'stored';
  }

  async pending(after: number, limit: number): Promise<PendingWebhook[]> {
    this.#assertOpen();
    return [...this.#pending.values()].filter(({ number }) => number > after).slice(0, limit);
  }

  async settle(numbers: readonly number[]): Promise<void> {
    this.#assertOpen();
    for (const number of numbers) this.#pending.delete(number);
  }

  async stats(): Promise<InboxStats> {
    this.#assertOpen();
    const [first] = this.#pending.values();
    const oldestAt = first?.receivedAt ?? null;
    return { pending: this.#pending.size, oldestAt, lastReceivedAt: this.#lastReceivedAt };
  }

  async prune(receivedBefore: number, limit: number): Promise<number> {
    this.#assertOpen();
    const waiting = new Set([...this.#pending.values()].map(({ eventId }) => eventId));
    const old = [...this.#seen]
      .filter(([eventId, at]) => at < receivedBefore && !waiting.has(eventId))
      .sort(([, a], [, b]) => a - b)
      .slice(0, limit);
    for (const [eventId] of old) this.#seen.delete(eventId);
    return old.length;
  }
}
