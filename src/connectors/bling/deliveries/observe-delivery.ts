/**
 * Another integration makes the orders in Bling, and cancels them. We write nothing: a sale is delivered when Bling has
 * its order in a situation that takes the units, a cancellation when that order is cancelled.
 */
import type { OutboxMessage, Parcel } from '../../../core/outbox/message.ts';
import type { PushCall, PushOutcome, SettleOutcome, ErpCall } from '../../../engine/erp-port.ts';
import { type CancellationParts, readCancellation } from './cancellation.ts';
import { beforeSending, type Delivery, onlyMessage, rejected } from './delivery.ts';

/** Orders come when the other integration has its turn. */
const LOOK_AGAIN_MS = 30_000;

export class ObserveDelivery implements Delivery {
  readonly grouping = 'sale';
  readonly callsPerPush = 1;
  readonly messagesPerParcel = 1;
  readonly #parts: CancellationParts;

  constructor(parts: CancellationParts) {
    this.#parts = parts;
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  async push(parcel: Parcel, call: PushCall): Promise<PushOutcome> {
    const message = onlyMessage(parcel);
    return beforeSending(() => this.#look(message, call));
  }

  /** Only several orders of one number leave a push unknown. */
  async settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome> {
    const message = onlyMessage(parcel);
    const seen = await this.#look(message, call);
    switch (seen.outcome) {
      case 'applied':
        return seen;
      case 'rejected':
        return { outcome: 'not_applied', reason: seen.reason };
      case 'unknown':
        return { outcome: 'undecidable', reason: seen.reason };
    }
  }

  async #look(message: OutboxMessage, call: ErpCall): Promise<PushOutcome> {
    const { orderId } = message;
    if (orderId === null) {
      return rejected(
        'confirmed without an order_id: among the orders that another integration makes in Bling it cannot be found',
      );
    }
    return message.kind === 'sale'
      ? this.#lookForSale(orderId, call)
      : this.#lookForCancellation(message, orderId, call);
  }

  async #lookForSale(orderId: string, call: ErpCall): Promise<PushOutcome> {
    const { orders } = this.#parts;
    const found = await orders.find(orderId, call);
    if (found.kind === 'several') return { outcome: 'unknown', reason: found.reason };
    if (found.kind === 'none') {
      return notYet(`Bling does not have the order ${orderId} yet`);
    }
    const { order } = found;
    if (orders.isTaken(order) || orders.isCancelled(order)) {
      return { outcome: 'applied', reference: String(order.id) };
    }
    return notYet(
      `Bling's order ${order.id} is in situation ${order.situation}, which takes no units by HOLDFAST_BLING_SITUATIONS`,
    );
  }

  async #lookForCancellation(
    message: OutboxMessage,
    orderId: string,
    call: ErpCall,
  ): Promise<PushOutcome> {
    const meaning = await readCancellation(this.#parts, message, orderId, call);
    switch (meaning.kind) {
      case 'nothing':
        return { outcome: 'applied', reference: message.reference };
      case 'several':
        return { outcome: 'unknown', reason: meaning.reason };
      case 'gone':
      case 'odd':
        return rejected(meaning.reason);
      case 'part':
        return rejected(
          `${meaning.what} must leave Bling's order ${meaning.order.id}, which Holdfast only observes: see that they have left it, then discard this message`,
        );
      case 'done':
        return { outcome: 'applied', reference: String(meaning.order.id) };
      case 'whole':
        return notYet(`Bling's order ${meaning.order.id} is not cancelled yet`);
    }
  }
}

/** The other integration has not got so far; other orders may be there meanwhile. */
function notYet(reason: string): PushOutcome {
  return { ...rejected(reason, true, LOOK_AGAIN_MS), onlyThis: true };
}
