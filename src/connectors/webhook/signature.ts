/** Signatures as in Standard Webhooks: HMAC-SHA256 over `id.timestamp.payload`, in both directions. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface Signed {
  readonly id: string;
  /** Seconds since 1970, as text. */
  readonly timestamp: string;
  readonly payload: Uint8Array | string;
}

const PREFIX = 'whsec_';

/** The `webhook-…` headers. With two secrets there are two signatures, so that the receiver may have either. */
export function signedHeaders(
  { id, timestamp, payload }: Signed,
  secrets: readonly string[],
): Record<string, string> {
  const signatures = secrets.map((secret) => `v1,${sign({ id, timestamp, payload }, secret)}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

/** Is one of the signatures, separated by spaces, by one of the secrets? */
export function isSigned(signed: Signed, signatures: string, secrets: readonly string[]): boolean {
  const given = signatures
    .split(' ')
    .filter((each) => each.startsWith('v1,'))
    .map((each) => Buffer.from(each.slice(3)));
  return secrets.some((secret) => {
    const expected = Buffer.from(sign(signed, secret));
    return given.some((each) => each.length === expected.length && timingSafeEqual(each, expected));
  });
}

function sign({ id, timestamp, payload }: Signed, secret: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(payload).digest('base64');
}
