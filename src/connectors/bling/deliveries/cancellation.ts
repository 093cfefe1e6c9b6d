/** What a cancellation means for the order of its sale. */
import type { OutboxMessage } from '../../../core/outbox/message.ts';
import type { ErpCall } from '../../../engine/erp-port.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Order, OrderDetail, Orders } from '../orders.ts';
import type { Units } from '../order-change.ts';

/**
 * - `nothing`: no unit comes back.
 * - `part`: some units are to leave the order and `left` to stay, by product id; `what` says which leave.
 * - `odd`: what is to leave cannot be found in it.
 */
export type Meaning =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'gone'; readonly reason: string }
  | { readonly kind: 'several'; readonly reason: string }
  | {
      readonly kind: 'part';
      readonly order: OrderDetail;
      readonly left: Units;
      readonly what: string;
    }
  | { readonly kind: 'odd'; readonly reason: string }
  | { readonly kind: 'whole'; readonly order: Order }
  | { readonly kind: 'done'; readonly order: Order };

export interface CancellationParts {
  readonly orders: Orders;
  readonly catalogue: Catalogue;
}

/** `shopNumber`: what the order is searched by where the sale left no reference. */
export async function readCancellation(
  { orders, catalogue }: CancellationParts,
  message: OutboxMessage,
  shopNumber: string,
  call: ErpCall,
): Promise<Meaning> {
  const { lines, reference } = message;
  const back = lines.filter(({ restock }) => restock);
  if (back.length === 0) return { kind: 'nothing' };
  let id = Number(reference);
  if (reference === null) {
    const found = await orders.find(shopNumber, call);
    if (found.kind === 'several') return found;
    id = found.kind === 'one' ? found.order.id : 0;
  }
  const order = id > 0 ? await orders.read(id, call) : null;
  if (order === null) {
    const which = id > 0 ? String(id) : shopNumber;
    const reason = `Bling has no order ${which} to cancel: if somebody deleted it, nothing is left to do, so discard this message`;
    return { kind: 'gone', reason };
  }
  if (orders.isCancelled(order) || isNoted(order, message)) return { kind: 'done', order };
  const resolutions = await catalogue.resolve(
    back.map(({ sku }) => sku),
    call,
  );
  const what = back.map(({ sku, quantity }) => `${quantity} of ${sku}`).join(', ');
  const left = new Map(order.units);
  for (const { sku, quantity } of back) {
    const resolution = resolutions.get(sku);
    if (resolution?.ok !== true) {
      return { kind: 'odd', reason: byHand(order, what, resolution?.reason ?? '') };
    }
    const { id: productId } = resolution.product;
    left.set(productId, (left.get(productId) ?? 0) - quantity);
  }
  const counts = [...left.values()];
  if (counts.every((units) => units === 0)) return { kind: 'whole', order };
  if (counts.some((units) => units < 0)) {
    return { kind: 'odd', reason: byHand(order, what, 'it does not have so many') };
  }
  return { kind: 'part', order, left, what };
}

/** In the order's own notes, for people and for us: what stands there is not done again. */
export function markOf({ id, reservationId }: OutboxMessage): string {
  return `Holdfast: cancelamento ${id} de ${reservationId}:`;
}

export function isNoted({ raw }: OrderDetail, message: OutboxMessage): boolean {
  const { observacoesInternas: notes } = raw;
  return typeof notes === 'string' && notes.includes(markOf(message));
}

/** For a person, who has Bling's screen and this. */
export function byHand({ id }: Order, what: string, why: string): string {
  return `${what} must leave Bling's order ${id}, and Holdfast cannot take them out (${why}): change the order in Bling, then discard this message`;
}
