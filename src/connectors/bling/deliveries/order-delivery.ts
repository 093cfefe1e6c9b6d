/**
 * One order in Bling per sale. Bling takes the same order twice, so each bears a number that no other has, and is
 * searched by it before it is made. It takes its units by its situation, as that can be set again and read back;
 * asking for its stock to be posted could be neither.
 */
import type { OutboxMessage, Parcel } from '../../../core/outbox/message.ts';
import type { ErpCall, PushCall, PushOutcome, SettleOutcome } from '../../../engine/erp-port.ts';
import type { CallBudget } from '../call-budget.ts';
import type { Catalogue } from '../catalogue.ts';
import { idOf } from '../client.ts';
import type { Order, OrderLine, Orders } from '../orders.ts';
import type { BlingSettings } from '../settings.ts';
import { readCancellation, severalOrders } from './cancellation.ts';
import {
  beforeSending,
  byReading,
  type Delivery,
  notSeen,
  onlyMessage,
  pushOutcome,
  rejected,
} from './delivery.ts';

export interface OrderDeliveryParts {
  readonly orders: Orders;
  readonly catalogue: Catalogue;
  readonly budget: CallBudget;
  readonly settings: Pick<BlingSettings, 'situations' | 'cancelledSituation'>;
  readonly now: () => number;
}

export class OrderDelivery implements Delivery {
  readonly grouping = 'sale';
  /** A search and the order. */
  readonly callsPerPush = 2;
  readonly messagesPerParcel = 1;
  readonly #parts: OrderDeliveryParts;

  constructor(parts: OrderDeliveryParts) {
    this.#parts = parts;
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
        : this.#pushCancellation(message, call);
    });
  }

  async settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome> {
    const message = onlyMessage(parcel);
    if (message.memo === null) return { outcome: 'not_applied', reason: 'it was never sent' };
    return byReading(() =>
      message.kind === 'sale'
        ? this.#settleSale(parcel, message, call)
        : this.#settleCancellation(message, call),
    );
  }

  async #pushSale(message: OutboxMessage, call: PushCall): Promise<PushOutcome> {
    const { orders } = this.#parts;
    const shopNumber = shopNumberOf(message);
    const lines = await this.#linesOf(message, call);
    if (typeof lines === 'string') return rejected(lines);
    const found = await orders.find(shopNumber, call);
    const [order] = found;
    if (found.length > 1) {
      // Reading it again is what tells a person.
      await call.journal(shopNumber);
      return { outcome: 'unknown', reason: severalOrders(shopNumber, found) };
    }
    if (order !== undefined) {
      await call.journal(shopNumber);
      return this.#adopt(order, call);
    }
    const create = await orders.prepare({ shopNumber, lines, note: noteOf(message) }, call);
    await call.journal(shopNumber);
    const reply = await create();
    return pushOutcome(reply, reply.kind === 'done' ? String(idOf(reply.body)) : null);
  }

  /** It is there: made by a call whose answer was lost. What may be missing is its situation. */
  async #adopt(order: Order, call: PushCall): Promise<PushOutcome> {
    const { orders, settings } = this.#parts;
    const [situation] = settings.situations;
    const isRight = orders.isTaken(order) || orders.isCancelled(order);
    if (isRight || situation === undefined) {
      return { outcome: 'applied', reference: String(order.id) };
    }
    return pushOutcome(await orders.move(order.id, situation, call), String(order.id));
  }

  async #settleSale(parcel: Parcel, message: OutboxMessage, call: ErpCall): Promise<SettleOutcome> {
    const { orders, now } = this.#parts;
    const shopNumber = shopNumberOf(message);
    const found = await orders.find(shopNumber, call);
    const [order] = found;
    if (found.length > 1) {
      return { outcome: 'undecidable', reason: severalOrders(shopNumber, found) };
    }
    if (order === undefined) return notSeen(parcel, now(), `order ${shopNumber}`);
    if (orders.isTaken(order) || orders.isCancelled(order)) {
      return { outcome: 'applied', reference: String(order.id) };
    }
    return { outcome: 'not_applied', reason: `order ${order.id} takes no units yet` };
  }

  async #pushCancellation(message: OutboxMessage, call: PushCall): Promise<PushOutcome> {
    const { orders, settings } = this.#parts;
    const meaning = await readCancellation(this.#parts, message, shopNumberOf(message), call);
    switch (meaning.kind) {
      case 'nothing':
        return { outcome: 'applied', reference: message.reference };
      case 'several':
        await call.journal(shopNumberOf(message));
        return { outcome: 'unknown', reason: meaning.reason };
      case 'gone':
      case 'part':
        return rejected(meaning.reason);
      case 'whole': {
        const { id } = meaning.order;
        if (meaning.done) return { outcome: 'applied', reference: String(id) };
        await call.journal(shopNumberOf(message));
        return pushOutcome(await orders.move(id, settings.cancelledSituation, call), String(id));
      }
    }
  }

  async #settleCancellation(message: OutboxMessage, call: ErpCall): Promise<SettleOutcome> {
    const meaning = await readCancellation(this.#parts, message, shopNumberOf(message), call);
    switch (meaning.kind) {
      case 'nothing':
        return { outcome: 'applied', reference: message.reference };
      case 'several':
        return { outcome: 'undecidable', reason: meaning.reason };
      case 'gone':
      case 'part':
        return { outcome: 'not_applied', reason: meaning.reason };
      case 'whole': {
        const reference = String(meaning.order.id);
        // Arriving late does no harm: cancelling twice is cancelling once.
        return meaning.done
          ? { outcome: 'applied', reference }
          : { outcome: 'not_applied', reason: `order ${reference} is not cancelled` };
      }
    }
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
