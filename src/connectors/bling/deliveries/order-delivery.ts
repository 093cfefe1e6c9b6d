/**
 * One order in Bling per sale. Bling takes the same order twice, so each bears a number that no other has, and is
 * searched by it before it is made. It takes its units by its situation, as that can be set again and read back;
 * asking for its stock to be posted could be neither.
 */
import type { OutboxMessage, Parcel } from '../../../core/outbox/message.ts';
import type { ErpCall, PushCall, PushOutcome, SettleOutcome } from '../../../engine/erp-port.ts';
import type { CallBudget } from '../call-budget.ts';
import type { Catalogue } from '../catalogue.ts';
import { idOf, type WriteReply } from '../client.ts';
import type { Order, OrderLine, Orders } from '../orders.ts';
import type { BlingSettings } from '../settings.ts';
import {
  beforeSending,
  byReading,
  type Delivery,
  notSeen,
  onlyMessage,
  pushOutcome,
  rejected,
} from './delivery.ts';
import { OrderCancellation } from './order-cancellation.ts';

export interface OrderDeliveryParts {
  readonly orders: Orders;
  readonly catalogue: Catalogue;
  readonly budget: CallBudget;
  readonly settings: Pick<
    BlingSettings,
    'situations' | 'cancelledSituation' | 'balance' | 'patienceMs'
  >;
  readonly now: () => number;
}

export class OrderDelivery implements Delivery {
  readonly grouping = 'sale';
  /** A search and the order. */
  readonly callsPerPush = 2;
  readonly messagesPerParcel = 1;
  readonly #parts: OrderDeliveryParts;
  readonly #cancellation: OrderCancellation;

  constructor(parts: OrderDeliveryParts) {
    this.#parts = parts;
    this.#cancellation = new OrderCancellation(parts);
  }

  async check(call: ErpCall): Promise<void> {
    await this.#parts.orders.assertDefaults(call);
  }

  async push(parcel: Parcel, call: PushCall): Promise<PushOutcome> {
    const message = onlyMessage(parcel);
    return beforeSending(async () => {
      await this.#parts.budget.assertWritable();
      return message.kind === 'sale'
        ? this.#pushSale(message, call)
        : this.#cancellation.push(message, shopNumberOf(message), call);
    });
  }

  async settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome> {
    const message = onlyMessage(parcel);
    if (message.memo === null) return { outcome: 'not_applied', reason: 'it was never sent' };
    return message.kind === 'sale'
      ? this.#settleSale(parcel, message, call)
      : this.#cancellation.settle(parcel, shopNumberOf(message), call);
  }

  async #pushSale(message: OutboxMessage, call: PushCall): Promise<PushOutcome> {
    const { orders } = this.#parts;
    const shopNumber = shopNumberOf(message);
    const lines = await this.#linesOf(message, call);
    if (typeof lines === 'string') return rejected(lines);
    const there = await this.#adopt(shopNumber, call);
    if (there !== null) return there;
    const create = await orders.prepare({ shopNumber, lines, note: noteOf(message) }, call);
    await call.journal(shopNumber);
    const reply = await create();
    if (reply.kind === 'refused' && !reply.retry) {
      // Bling is known to say no to an order and keep it, or to one that its search has not shown yet.
      const after = await byReading(() => this.#adopt(shopNumber, call));
      if (after !== null) return after;
    }
    return pushOutcome(reply, reply.kind === 'done' ? String(idOf(reply.body)) : null);
  }

  /** It is there: made by a call whose answer was lost. Null where it is not. */
  async #adopt(shopNumber: string, call: PushCall): Promise<PushOutcome | null> {
    const found = await this.#parts.orders.find(shopNumber, call);
    if (found.kind === 'none') return null;
    // From here on it is not certain that Bling has nothing of it: what goes wrong is for a reading to settle.
    await call.journal(shopNumber);
    if (found.kind === 'several') return { outcome: 'unknown', reason: found.reason };
    return byReading(async () => {
      const reply = await this.#bring(found.order, call);
      return reply.kind === 'done'
        ? { outcome: 'applied', reference: String(found.order.id) }
        : { outcome: 'unknown', reason: reply.reason };
    });
  }

  /** Into a situation that takes its units, if it is in none. */
  async #bring(order: Order, call: ErpCall): Promise<WriteReply> {
    const { orders, settings } = this.#parts;
    const [situation] = settings.situations;
    const isRight = orders.isTaken(order) || orders.isCancelled(order);
    if (isRight || situation === undefined) return { kind: 'done', body: null };
    return orders.move(order.id, situation, call);
  }

  async #settleSale(parcel: Parcel, message: OutboxMessage, call: ErpCall): Promise<SettleOutcome> {
    const { orders, now, settings } = this.#parts;
    const shopNumber = shopNumberOf(message);
    const found = await orders.find(shopNumber, call);
    if (found.kind === 'several') return { outcome: 'undecidable', reason: found.reason };
    if (found.kind === 'none') {
      const time = { now: now(), patienceMs: settings.patienceMs };
      return notSeen(parcel, time, `order ${shopNumber}`);
    }
    // Telling that it was not applied would let a cancellation take its place, and leave the order in Bling.
    const { id } = found.order;
    const reply = await this.#bring(found.order, call);
    if (reply.kind === 'done') return { outcome: 'applied', reference: String(id) };
    if (reply.kind === 'unknown' || reply.retry) {
      return { outcome: 'unknown', reason: reply.reason };
    }
    return {
      outcome: 'undecidable',
      reason: `Bling's order ${id} takes no units, and does not let Holdfast change that (${reply.reason}): give it a situation of HOLDFAST_BLING_SITUATIONS in Bling, then retry this message`,
    };
  }

  /** Or why they cannot be told. */
  async #linesOf({ lines }: OutboxMessage, call: ErpCall): Promise<OrderLine[] | string> {
    const resolutions = await this.#parts.catalogue.resolve(
      lines.map(({ sku }) => sku),
      call,
    );
    const products: OrderLine[] = [];
    const reasons: string[] = [];
    for (const { sku, quantity } of lines) {
      const resolution = resolutions.get(sku);
      if (resolution?.ok === true) products.push({ product: resolution.product, quantity });
      else reasons.push(resolution?.reason ?? `${sku} was not looked up`);
    }
    return reasons.length === 0 ? products : reasons.join('; ');
  }
}

/** One reservation, one order: an order of the shop's may be several reservations. */
function shopNumberOf({ reservationId }: OutboxMessage): string {
  return `HF-${reservationId}`;
}

function noteOf({ reservationId, orderId }: OutboxMessage): string {
  const order = orderId === null ? '' : `, pedido ${orderId} da loja`;
  return `Holdfast: reserva ${reservationId}${order}`;
}
