/** What a replay asks of the service: levels, stock, carts, cancellations, write-offs. */
import { Readable } from 'node:stream';
import { formatStockNdjson } from '../../engine/stock-file/format.ts';
import { CliFailure } from '../exit-codes.ts';
import { detailOf, type ServiceAnswer, type ServiceClient } from '../service-client.ts';
import type { SkuLevel } from './replay-accounts.ts';
import type { Cart, WriteOff } from './order-groups.ts';
import type { TakenLine } from './purchase-book.ts';

/** What came of a cart. */
export type CartEnd =
  | { readonly kind: 'sold'; readonly reservationId: string }
  /** Refused, by the code of the answer. */
  | { readonly kind: 'refused'; readonly code: string }
  /** Reserved, and then not confirmed. */
  | { readonly kind: 'lost'; readonly code: string };

export class ReplayDesk {
  readonly #client: ServiceClient;
  readonly #runId: string;

  /** `runId`: makes the idempotency keys of this replay its own. */
  constructor(client: ServiceClient, runId: string) {
    this.#client = client;
    this.#runId = runId;
  }

  /** Null where the service does not know the SKU. */
  async level(sku: string): Promise<SkuLevel | null> {
    const answer = await this.#client.ask({ method: 'GET', path: stockPath(sku) });
    if (answer.status === 404) return null;
    const { body } = expectOk(answer, `reading ${sku}`);
    return {
      available: Number(body['available']),
      reserved: Number(body['reserved']),
      allocated: Number(body['allocated']),
      safetyStock: Number(body['safety_stock']),
      onHand: Number(body['on_hand']),
    };
  }

  async setStock(
    rows: readonly { readonly sku: string; readonly onHand: number }[],
  ): Promise<void> {
    await this.#client.must({
      method: 'POST',
      path: '/stock/import',
      contentType: 'application/x-ndjson',
      body: Readable.from([[...formatStockNdjson(rows)].join('')]),
    });
  }

  async sell({ order, customerId, lines }: Cart): Promise<CartEnd> {
    const reserved = await this.#post('/reservations', `${order}-reserve`, {
      lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
      customer_id: customerId,
    });
    if (reserved.status !== 201) return { kind: 'refused', code: codeOf(reserved) };
    const reservationId = String(reserved.body['reservation_id']);
    const path = `/reservations/${encodeURIComponent(reservationId)}/confirm`;
    const confirmed = await this.#post(path, `${order}-confirm`, { order_id: order });
    return confirmed.status === 200
      ? { kind: 'sold', reservationId }
      : { kind: 'lost', code: codeOf(confirmed) };
  }

  /** Whether it was done; the code of the answer if not. */
  async cancel(
    reservationId: string,
    cancellationId: string,
    lines: readonly TakenLine[],
  ): Promise<string | null> {
    const answer = await this.#post(
      `/reservations/${encodeURIComponent(reservationId)}/cancel`,
      `${cancellationId}-${reservationId}`,
      { lines, cancellation_id: cancellationId },
    );
    return answer.status === 200 ? null : codeOf(answer);
  }

  async writeOff({ sku, quantity, order, line }: WriteOff): Promise<string | null> {
    const answer = await this.#post(`${stockPath(sku)}/adjust`, `line-${line}`, {
      delta: -quantity,
      reason: `write-off ${order}`,
    });
    return answer.status === 200 ? null : codeOf(answer);
  }

  /** Null where this service, or this key, gives no audit. */
  async audit(): Promise<ServiceAnswer['body'] | null> {
    try {
      const answer = await this.#client.ask({ method: 'GET', path: '/audit' });
      return answer.status === 200 ? answer.body : null;
    } catch (error) {
      if (error instanceof CliFailure) return null;
      throw error;
    }
  }

  #post(path: string, what: string, json: unknown): Promise<ServiceAnswer> {
    const idempotencyKey = `replay-${this.#runId}-${what}`.replace(/[^\x21-\x7e]/g, '_');
    return this.#client.ask({ method: 'POST', path, json, idempotencyKey });
  }
}

function stockPath(sku: string): string {
  return `/stock/${encodeURIComponent(sku)}`;
}

function expectOk(answer: ServiceAnswer, what: string): ServiceAnswer {
  if (answer.status === 200) return answer;
  throw new CliFailure(`${what} was answered ${answer.status}${detailOf(answer)}`);
}

function codeOf({ status, body }: ServiceAnswer): string {
  return typeof body['code'] === 'string' ? body['code'] : String(status);
}
