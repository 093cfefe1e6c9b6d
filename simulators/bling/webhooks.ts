/** Webhooks as Bling sends them: signed, unordered, repeated, and given up on after three days. */
import { createHmac } from 'node:crypto';
import type { Account } from './account/account.ts';
import type { AccountEvent } from './account/events.ts';
import type { SimulatedClock } from './clock.ts';
import type { Random } from './random.ts';
import type { Switches, WebhookResource } from './switches.ts';
import { dataOf } from './webhook-data.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
/** A resource whose event could not be delivered for so long is switched off. */
const PATIENCE_MS = 3 * DAY;
const LONGEST_GAP_MS = 12 * 60 * MINUTE;
/** How many deliveries are remembered one by one. */
const KEPT = 20_000;

export interface Attempt {
  readonly at: number;
  /** null: no answer within the limit, or no connection. */
  readonly status: number | null;
}

/** waiting: for its time or for a retry. dropped: lost on the way, or its resource switched off. */
export type DeliveryState = 'waiting' | 'delivered' | 'dropped';

export interface Delivery {
  readonly eventId: string;
  /** As stock.created. */
  readonly event: string;
  readonly body: string;
  readonly attempts: Attempt[];
  state: DeliveryState;
}

/** `sha256=` and the lowercase hex of HMAC-SHA256 over the body's UTF-8 bytes. */
export function signatureOf(body: string, clientSecret: string): string {
  return `sha256=${createHmac('sha256', clientSecret).update(body, 'utf8').digest('hex')}`;
}

export class Webhooks {
  readonly #clock: SimulatedClock;
  readonly #random: Random;
  readonly #switches: Switches;
  readonly #secret: string;
  readonly #companyId: string;
  #deliveries: Delivery[] = [];
  readonly #counts: Record<DeliveryState, number> = { waiting: 0, delivered: 0, dropped: 0 };
  readonly #disabled = new Set<WebhookResource>();
  readonly #stopping = new AbortController();

  constructor(parts: {
    clock: SimulatedClock;
    random: Random;
    switches: Switches;
    clientSecret: string;
  }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#switches = parts.switches;
    this.#secret = parts.clientSecret;
    this.#companyId = parts.random.hex(32);
  }

  /** Something happened in the account; what it shows is how it stands at this moment. */
  tell(account: Account, event: AccountEvent): void {
    const source = event.kind === 'stock' ? event.movement.source : event.source;
    if (source === 'seed' || (source === 'api' && !this.#switches.webhookEcho)) return;
    const action = event.kind === 'virtual_stock' ? 'updated' : event.action;
    this.send(`${event.kind}.${action}`, () => dataOf(account, event));
  }

  /** @param event as stock.updated @param data asked for only when it is going to be sent */
  send(event: string, data: () => unknown, eventId = this.#random.uuid()): void {
    const resource = resourceOf(event);
    const { webhookUrl, webhookResources } = this.#switches;
    if (webhookUrl === '' || !webhookResources.includes(resource)) return;
    const date = `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
    const companyId = this.#companyId;
    const envelope = { eventId, date, version: 'v1', event, companyId, data: data() };
    const body = JSON.stringify(envelope);
    const times = this.#random.happens(this.#switches.webhookDuplicates) ? 2 : 1;
    for (let i = 0; i < times; i++)
      this.#schedule({ eventId, event, body, attempts: [], state: 'waiting' });
  }

  /** A person switches a resource on again. */
  enable(resource: WebhookResource): void {
    this.#disabled.delete(resource);
  }

  disabled(): WebhookResource[] {
    return [...this.#disabled];
  }

  /** The latest, in the order of their events. */
  deliveries(): readonly Delivery[] {
    return this.#deliveries.slice(-KEPT);
  }

  /** Of all so far. */
  counts(): Readonly<Record<DeliveryState, number>> {
    return { ...this.#counts };
  }

  stop(): void {
    this.#stopping.abort();
  }

  #end(delivery: Delivery, state: DeliveryState): void {
    this.#counts[delivery.state]--;
    this.#counts[state]++;
    delivery.state = state;
  }

  #schedule(delivery: Delivery): void {
    this.#deliveries.push(delivery);
    this.#counts.waiting++;
    if (this.#deliveries.length > 2 * KEPT) this.#deliveries = this.#deliveries.slice(-KEPT);
    const { webhookDelayMs, webhookShuffleMs, webhookLoss } = this.#switches;
    if (this.#disabled.has(resourceOf(delivery.event)) || this.#random.happens(webhookLoss)) {
      this.#end(delivery, 'dropped');
      return;
    }
    const wait = webhookDelayMs + this.#random.below(webhookShuffleMs + 1);
    this.#clock.after(wait, () => this.#attempt(delivery));
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const resource = resourceOf(delivery.event);
    if (this.#disabled.has(resource)) {
      this.#end(delivery, 'dropped');
      return;
    }
    const at = this.#clock.now();
    const status = await this.#post(delivery);
    delivery.attempts.push({ at, status });
    if (status !== null && status >= 200 && status < 300) {
      this.#end(delivery, 'delivered');
      return;
    }
    const first = delivery.attempts[0]?.at ?? at;
    const gap = Math.min(MINUTE * 2 ** (delivery.attempts.length - 1), LONGEST_GAP_MS);
    if (at - first >= PATIENCE_MS) {
      this.#disabled.add(resource);
      this.#end(delivery, 'dropped');
      return;
    }
    this.#clock.after(Math.min(gap, first + PATIENCE_MS - at), () => this.#attempt(delivery));
  }

  async #post({ body }: Delivery): Promise<number | null> {
    const { webhookUrl, webhookTimeoutMs } = this.#switches;
    const tooLate = AbortSignal.timeout(webhookTimeoutMs);
    try {
      const response = await fetch(webhookUrl, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'bling-webhook',
          'x-bling-signature-256': signatureOf(body, this.#secret),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([tooLate, this.#stopping.signal]),
      });
      // The status is all that counts; the rest is not worth a connection.
      await response.body?.cancel();
      return response.status;
    } catch {
      return null;
    }
  }
}

/** `virtual_stock` has no settings of its own: it goes by those of `stock`. */
function resourceOf(event: string): WebhookResource {
  const resource = event.split('.')[0] ?? '';
  switch (resource) {
    case 'order':
    case 'product':
      return resource;
    default:
      return 'stock';
  }
}
