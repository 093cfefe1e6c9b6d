/** Cancellations in mode `order`: the whole order by its situation, a part of it by taking units out. */
import type { OutboxMessage, Parcel } from '../../../core/outbox/message.ts';
import type { ErpCall, PushCall, PushOutcome, SettleOutcome } from '../../../engine/erp-port.ts';
import type { Catalogue } from '../catalogue.ts';
import { changeOf } from '../order-change.ts';
import type { Orders } from '../orders.ts';
import { isObject } from '../refusal.ts';
import type { BlingSettings } from '../settings.ts';
import { byHand, isNoted, markOf, type Meaning, readCancellation } from './cancellation.ts';
import { byReading, notSeen, onlyMessage, pushOutcome, rejected } from './delivery.ts';

export interface OrderCancellationParts {
  readonly orders: Orders;
  readonly catalogue: Catalogue;
  readonly settings: Pick<BlingSettings, 'cancelledSituation' | 'balance' | 'patienceMs'>;
  readonly now: () => number;
}

/** Units were about to be taken out of an order. */
interface Memo {
  readonly order: number;
  /** In which it was. */
  readonly situation: number | null;
}

export class OrderCancellation {
  readonly #parts: OrderCancellationParts;

  constructor(parts: OrderCancellationParts) {
    this.#parts = parts;
  }

  async push(message: OutboxMessage, shopNumber: string, call: PushCall): Promise<PushOutcome> {
    const { orders, settings } = this.#parts;
    const meaning = await readCancellation(this.#parts, message, shopNumber, call);
    switch (meaning.kind) {
      case 'nothing':
        return { outcome: 'applied', reference: message.reference };
      case 'several':
        // Reading it again is what tells a person.
        await call.journal(shopNumber);
        return { outcome: 'unknown', reason: meaning.reason };
      case 'gone':
      case 'odd':
        return rejected(meaning.reason);
      case 'part':
        return this.#takeOut(meaning, message, call);
      case 'done':
        return { outcome: 'applied', reference: String(meaning.order.id) };
      case 'whole': {
        const { id } = meaning.order;
        await call.journal(shopNumber);
        return pushOutcome(await orders.move(id, settings.cancelledSituation, call), String(id));
      }
    }
  }

  async settle(parcel: Parcel, shopNumber: string, call: ErpCall): Promise<SettleOutcome> {
    const message = onlyMessage(parcel);
    const memo = readMemo(message.memo ?? '');
    if (memo !== null) return this.#settleChange(parcel, memo, call);
    const meaning = await readCancellation(this.#parts, message, shopNumber, call);
    switch (meaning.kind) {
      case 'nothing':
        return { outcome: 'applied', reference: message.reference };
      case 'several':
        return { outcome: 'undecidable', reason: meaning.reason };
      case 'gone':
      case 'odd':
        return { outcome: 'not_applied', reason: meaning.reason };
      case 'part':
        return { outcome: 'not_applied', reason: `${meaning.what} are still in the order` };
      case 'done':
        return { outcome: 'applied', reference: String(meaning.order.id) };
      case 'whole':
        // Arriving late does no harm: cancelling twice is cancelling once.
        return { outcome: 'not_applied', reason: `order ${meaning.order.id} is not cancelled` };
    }
  }

  /** Once done, it stands in the order's notes: that is what keeps it from being done twice. */
  async #takeOut(
    { order, left, what }: Extract<Meaning, { kind: 'part' }>,
    message: OutboxMessage,
    call: PushCall,
  ): Promise<PushOutcome> {
    const { orders, settings } = this.#parts;
    if (settings.balance === 'fisico') {
      const why = 'with HOLDFAST_BLING_BALANCE=fisico its stock was posted';
      return rejected(byHand(order, what, why));
    }
    const change = changeOf(order.raw, left, `${markOf(message)} ${what}`);
    if (typeof change === 'string') return rejected(byHand(order, what, change));
    const memo: Memo = { order: order.id, situation: order.situation };
    await call.journal(JSON.stringify(memo));
    const reply = await orders.replace(order.id, change, call);
    if (reply.kind === 'refused' && !reply.retry) {
      return rejected(byHand(order, what, reply.reason));
    }
    if (reply.kind !== 'done') return pushOutcome(reply, null);
    const seen = await byReading(() => this.#look(message, memo, call));
    return seen ?? { outcome: 'unknown', reason: `Bling does not show the change of ${order.id}` };
  }

  async #settleChange(parcel: Parcel, memo: Memo, call: ErpCall): Promise<SettleOutcome> {
    const { now, settings } = this.#parts;
    const seen = await this.#look(onlyMessage(parcel), memo, call);
    const time = { now: now(), patienceMs: settings.patienceMs };
    return seen ?? notSeen(parcel, time, `the change of order ${memo.order}`);
  }

  /** Null where the order does not show it. Replacing an order may cost it its situation, and so what it takes. */
  async #look(
    message: OutboxMessage,
    memo: Memo,
    call: ErpCall,
  ): Promise<Extract<SettleOutcome, { outcome: 'applied' | 'unknown' }> | null> {
    const { orders } = this.#parts;
    const order = await orders.read(memo.order, call);
    const applied = { outcome: 'applied', reference: String(memo.order) } as const;
    // Whoever deleted or cancelled the order has taken these units out of it too.
    if (order === null || orders.isCancelled(order)) return applied;
    if (!isNoted(order, message)) return null;
    if (memo.situation === null || order.situation === memo.situation) return applied;
    const reply = await orders.move(order.id, memo.situation, call);
    return reply.kind === 'done' ? applied : { outcome: 'unknown', reason: reply.reason };
  }
}

/** Null where it is none: the whole order was cancelled. */
function readMemo(text: string): Memo | null {
  if (!text.startsWith('{')) return null;
  const value: unknown = JSON.parse(text);
  const { order, situation } = isObject(value) ? value : {};
  if (typeof order !== 'number') return null;
  return { order, situation: typeof situation === 'number' ? situation : null };
}
