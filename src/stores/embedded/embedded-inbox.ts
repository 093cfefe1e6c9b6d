/** The webhook inbox in the books of the embedded store: durable before `put` answers, and part of every backup. */
import type {
  InboxStats,
  IncomingWebhook,
  PendingWebhook,
  PutOutcome,
  WebhookInbox,
} from '../../engine/webhook-inbox.ts';
import type { InboxAnswerTo, InboxRequest } from './webhook-table.ts';

export type AskInbox = <R extends InboxRequest>(request: R) => Promise<InboxAnswerTo<R>>;

export class EmbeddedInbox implements WebhookInbox {
  readonly #ask: AskInbox;

  /** `ask`: has the writer answer. */
  constructor(ask: AskInbox) {
    this.#ask = ask;
  }

  put(webhook: IncomingWebhook): Promise<PutOutcome> {
    return this.#ask({ verb: 'put', webhook });
  }

  pending(after: number, limit: number): Promise<PendingWebhook[]> {
    return this.#ask({ verb: 'pending', after, limit });
  }

  async settle(numbers: readonly number[]): Promise<void> {
    await this.#ask({ verb: 'settle', numbers });
  }

  stats(): Promise<InboxStats> {
    return this.#ask({ verb: 'stats' });
  }

  prune(receivedBefore: number, limit: number): Promise<number> {
    return this.#ask({ verb: 'prune', receivedBefore, limit });
  }
}
