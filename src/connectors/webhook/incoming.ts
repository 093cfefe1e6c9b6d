/** What the service at the other end tells us of by itself: signed as our own requests are. */
import type { WebhookReading, WebhookRequest } from '../../engine/erp-port.ts';
import { isSigned } from './signature.ts';

const MOST_BYTES = 1_048_576;
const MOST_SKUS = 1_000;
/** As Standard Webhooks recommends: five minutes either way. */
const TOLERANCE_MS = 300_000;

export function readIncoming(
  { headers, body, receivedAt }: WebhookRequest,
  secrets: readonly string[],
): WebhookReading {
  if (body.byteLength > MOST_BYTES) return refuse('unreadable', 'larger than a webhook may be');
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (
    typeof id !== 'string' ||
    typeof timestamp !== 'string' ||
    typeof signatures !== 'string' ||
    !isSigned({ id, timestamp, payload: body }, signatures, secrets)
  ) {
    return refuse('forged', 'the signature fits no secret of HOLDFAST_WEBHOOK_SECRETS');
  }
  const age = receivedAt - Number(timestamp) * 1_000;
  if (!(Math.abs(age) <= TOLERANCE_MS)) return refuse('stale', 'sent more than five minutes ago');
  const event = parse(body);
  if (event === null) return refuse('unreadable', 'not a JSON object');
  const { type, skus } = event;
  const named = Array.isArray(skus) ? skus.filter((sku) => typeof sku === 'string') : [];
  return {
    ok: true,
    event: {
      eventId: id.slice(0, 200),
      topic: typeof type === 'string' ? type.slice(0, 100) : 'unknown',
      hints: named.slice(0, MOST_SKUS).map((sku) => `sku:${sku}`),
    },
  };
}

function parse(body: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function refuse(fault: 'forged' | 'stale' | 'unreadable', reason: string): WebhookReading {
  return { ok: false, fault, reason };
}
