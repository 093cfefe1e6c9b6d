/** The webhook inbox in Redis: any instance may put, whichever works through it. As durable as the server is set to be. */
import type {
  InboxStats,
  IncomingWebhook,
  PendingWebhook,
  PutOutcome,
  WebhookInbox,
} from '../../engine/webhook-inbox.ts';
import type { RedisConnection } from './connection/redis-connection.ts';
import { inboxKeys } from './keys.ts';

/** Those settled by one script. */
const SETTLED_AT_ONCE = 500;

export class RedisInbox implements WebhookInbox {
  readonly #connection: RedisConnection;
  readonly #keys: readonly string[];

  /** `tag`: of the shop's books. */
  constructor(connection: RedisConnection, tag: string) {
    this.#connection = connection;
    this.#keys = inboxKeys(tag);
  }

  async put(webhook: IncomingWebhook): Promise<PutOutcome> {
    const { eventId, receivedAt, hints } = webhook;
    const body = hints.length === 0 ? '' : JSON.stringify(webhook);
    const stored = await this.#run('put-webhook', eventId, receivedAt, body);
    return stored === 1 ? 'stored' : 'seen';
  }

  async pending(after: number, limit: number): Promise<PendingWebhook[]> {
    const found = (await this.#run('read-webhooks', after, limit)) as (number | string)[];
    const webhooks: PendingWebhook[] = [];
    for (let at = 0; at < found.length; at += 2) {
      const webhook = JSON.parse(found[at + 1] as string) as IncomingWebhook;
      webhooks.push({ ...webhook, number: found[at] as number });
    }
    return webhooks;
  }

  async settle(numbers: readonly number[]): Promise<void> {
    for (let at = 0; at < numbers.length; at += SETTLED_AT_ONCE) {
      await this.#run('settle-webhooks', ...numbers.slice(at, at + SETTLED_AT_ONCE));
    }
  }

  async stats(): Promise<InboxStats> {
    const result = await this.#run('read-inbox-stats');
    const [pending, first, last] = result as [number, string | null, string | null];
    return {
      pending,
      oldestAt: first === null ? null : (JSON.parse(first) as IncomingWebhook).receivedAt,
      lastReceivedAt: last === null ? null : Number(last),
    };
  }

  async prune(receivedBefore: number, limit: number): Promise<number> {
    return (await this.#run('prune-webhooks', receivedBefore, limit)) as number;
  }

  #run(script: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.run(script, this.#keys, args);
  }
}
