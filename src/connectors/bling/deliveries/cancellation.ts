/** What a cancellation means for the order of its sale. */
import type { OutboxMessage } from '../../../core/outbox/message.ts';
import type { ErpCall } from '../../../engine/erp-port.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Order, Orders } from '../orders.ts';

/** - `nothing`: no unit comes back. - `part`: only a person can take units out of an order. */
export type Meaning =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'gone'; readonly reason: string }
  | { readonly kind: 'several'; readonly reason: string }
  | { readonly kind: 'part'; readonly order: Order; readonly reason: string }
  | { readonly kind: 'whole'; readonly order: Order; readonly done: boolean };

export interface CancellationParts {
  readonly orders: Orders;
  readonly catalogue: Catalogue;
}

/** `shopNumber`: what the order is searched by where the sale left no reference. */
export async function readCancellation(
  { orders, catalogue }: CancellationParts,
  { lines, reference }: OutboxMessage,
  shopNumber: string,
  call: ErpCall,
): Promise<Meaning> {
  const back = lines.filter(({ restock }) => restock);
  if (back.length === 0) return { kind: 'nothing' };
  let id = Number(reference);
  if (reference === null) {
    const found = await orders.find(shopNumber, call);
    if (found.length > 1) return { kind: 'several', reason: severalOrders(shopNumber, found) };
    id = found[0]?.id ?? 0;
  }
  const order = id > 0 ? await orders.read(id, call) : null;
  if (order === null) {
    const which = id > 0 ? String(id) : shopNumber;
    return { kind: 'gone', reason: `Bling has no order ${which} to cancel` };
  }
  if (orders.isCancelled(order)) return { kind: 'whole', order, done: true };
  const ids = await catalogue.resolve(
    back.map(({ sku }) => sku),
    call,
  );
  const left = new Map(order.units);
  for (const { sku, quantity } of back) {
    const resolution = ids.get(sku);
    if (resolution?.ok !== true) continue;
    const { id: productId } = resolution.product;
    left.set(productId, (left.get(productId) ?? 0) - quantity);
  }
  if ([...left.values()].every((units) => units === 0))
    return { kind: 'whole', order, done: false };
  const units = back.map(({ sku, quantity }) => `${quantity} of ${sku}`).join(', ');
  return {
    kind: 'part',
    order,
    reason: `a part of Bling's order ${order.id} was cancelled (${units}): take it out of the order in Bling, then discard this message`,
  };
}

export function severalOrders(shopNumber: string, orders: readonly Order[]): string {
  const ids = orders.map(({ id }) => id).join(', ');
  return `Bling has ${orders.length} orders with the shop's number ${shopNumber} (${ids}): cancel all but one in Bling`;
}
