/** Bling's webhooks: signed with the app's secret, unordered, repeated, and at times late by days. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookReading, WebhookRequest } from '../../engine/erp-port.ts';
import { asId } from './client.ts';
import { isObject } from './refusal.ts';

const SIGNATURE = 'x-bling-signature-256';
const MOST_BYTES = 1_048_576;
/** Bling tries for three days. */
const OLDEST_MS = 4 * 86_400_000;
/** Bling's clock and ours need not agree. */
const NEWEST_MS = 600_000;

/** `stock`: its figures changed; `product`: perhaps also its code. */
export interface Hint {
  readonly about: 'stock' | 'product';
  readonly productId: number;
}

export function readWebhook(
  { headers, body, receivedAt }: WebhookRequest,
  clientSecret: string,
): WebhookReading {
  if (body.byteLength > MOST_BYTES) return refuse('unreadable', 'larger than any webhook of Bling');
  const signature = headers[SIGNATURE];
  if (typeof signature !== 'string' || !isSigned(body, signature, clientSecret)) {
    return refuse('forged', 'the signature does not fit HOLDFAST_BLING_CLIENT_SECRET');
  }
  const envelope = parse(body);
  if (envelope === null) return refuse('unreadable', 'not a JSON object');
  const { eventId, date, event, data } = envelope;
  const sentAt = typeof date === 'string' ? Date.parse(date) : NaN;
  // Every field is optional but the product: one without a date is as fresh as it gets.
  if (sentAt < receivedAt - OLDEST_MS) return refuse('stale', 'sent more than four days ago');
  if (sentAt > receivedAt + NEWEST_MS) return refuse('stale', 'sent in the future');
  const topic = typeof event === 'string' && event !== '' ? event : 'unknown';
  return {
    ok: true,
    event: {
      eventId:
        typeof eventId === 'string' && eventId !== ''
          ? eventId.slice(0, 200)
          : createHash('sha256').update(body).digest('hex'),
      topic: topic.slice(0, 100),
      hints: hintsOf(topic, isObject(data) ? data : {}),
    },
  };
}

/** Null where it is not one of ours. */
export function readHint(text: string): Hint | null {
  const [, about, id] = /^(stock|product):(\d{1,15})$/.exec(text) ?? [];
  if (about === undefined || id === undefined) return null;
  return { about: about === 'product' ? 'product' : 'stock', productId: Number(id) };
}

function hintsOf(topic: string, data: Record<string, unknown>): string[] {
  if (/^(stock|virtual_stock)[.]/.test(topic)) {
    const id = isObject(data['produto']) ? asId(data['produto']['id']) : null;
    return id === null ? [] : [`stock:${id}`];
  }
  const id = topic.startsWith('product.') ? asId(data['id']) : null;
  return id === null ? [] : [`product:${id}`];
}

function isSigned(body: Uint8Array, signature: string, clientSecret: string): boolean {
  const expected = `sha256=${createHmac('sha256', clientSecret).update(body).digest('hex')}`;
  const [ours, theirs] = [Buffer.from(expected), Buffer.from(signature)];
  return ours.length === theirs.length && timingSafeEqual(ours, theirs);
}

function parse(body: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function refuse(fault: 'forged' | 'stale' | 'unreadable', reason: string): WebhookReading {
  return { ok: false, fault, reason };
}
