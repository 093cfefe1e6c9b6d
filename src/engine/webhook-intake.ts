/** Takes a webhook in: verified, read, and stored before its sender hears that we have it. Acts on nothing itself. */
import type { ErpConnector, WebhookReading, WebhookRequest } from './erp-port.ts';
import { Fault } from './faults.ts';
import type { PutOutcome, WebhookInbox } from './webhook-inbox.ts';

type Refusal = Exclude<WebhookReading, { readonly ok: true }>;

/** `unavailable`: the store could not take it; its sender will try again. */
export const WEBHOOK_OUTCOMES = [
  'stored',
  'seen',
  'forged',
  'stale',
  'unreadable',
  'unavailable',
] as const;
export type WebhookOutcome = (typeof WEBHOOK_OUTCOMES)[number];

export type WebhookReceipt =
  { readonly ok: true; readonly outcome: PutOutcome } | Pick<Refusal, 'ok' | 'fault'>;

export interface WebhookIntakeParts {
  readonly erp: Pick<ErpConnector, 'name' | 'readWebhook'>;
  readonly inbox: WebhookInbox;
  /** Epoch ms of the wall clock, by which signatures are dated. */
  readonly now: () => number;
  /** Told of each delivery, why it was refused included; must not throw. */
  readonly onOutcome: (outcome: WebhookOutcome, reason: string | null) => void;
  /** Told when there is something new to act on. */
  readonly onStored: () => void;
}

export class WebhookIntake {
  readonly #parts: WebhookIntakeParts;

  constructor(parts: WebhookIntakeParts) {
    this.#parts = parts;
  }

  /** Whose webhooks these are: the name in `/webhooks/{name}`. */
  get erp(): string {
    return this.#parts.erp.name;
  }

  /** Throws `Fault` where it could not be stored, or it is not known whether it was. */
  async receive({ headers, body }: Omit<WebhookRequest, 'receivedAt'>): Promise<WebhookReceipt> {
    const { erp, inbox, now, onOutcome, onStored } = this.#parts;
    const receivedAt = now();
    const reading = erp.readWebhook({ headers, body, receivedAt });
    if (!reading.ok) {
      onOutcome(reading.fault, reading.reason);
      return { ok: false, fault: reading.fault };
    }
    let outcome: PutOutcome;
    try {
      outcome = await inbox.put({ ...reading.event, receivedAt });
    } catch (error) {
      if (error instanceof Fault) onOutcome('unavailable', error.message);
      throw error;
    }
    onOutcome(outcome, null);
    if (outcome === 'stored') onStored();
    return { ok: true, outcome };
  }
}
