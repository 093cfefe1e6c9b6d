/** Puts a message's new state into the books, and with it the figures of the SKUs that it names. */
import type { Book } from '../book.ts';
import { isUnsettled, owedUnits, skusOf, type OutboxMessage } from './message.ts';

/**
 * `before` null: a new message; `after` null: it is forgotten. What is delivered is kept beside its reservation, for
 * the cancellations that may follow, and forgotten with it.
 */
export function changeMessage(
  book: Book,
  before: OutboxMessage | null,
  after: OutboxMessage | null,
): void {
  const touches = settlementChanges(before, after);
  for (const sku of new Set([...(before ? skusOf(before) : []), ...(after ? skusOf(after) : [])])) {
    const level = book.outbox.level(sku);
    const owed = level.owed - owedBy(before, sku) + owedBy(after, sku);
    const unsettled = level.unsettled - unsettledBy(before, sku) + unsettledBy(after, sku);
    if (owed === level.owed && unsettled === level.unsettled && !touches) continue;
    const touched = touches ? book.outbox.head() : level.touched;
    book.outbox.putLevel({ sku, owed, unsettled, touched });
  }
  const kept =
    after !== null &&
    (after.state !== 'delivered' || book.reservation(after.reservationId) !== undefined);
  if (kept) book.outbox.put(after);
  else if (before !== null) book.outbox.forget(before.id);
}

/** Does the ERP's balance move with this, or may it have? */
function settlementChanges(before: OutboxMessage | null, after: OutboxMessage | null): boolean {
  return (
    (before !== null && isUnsettled(before)) ||
    (after !== null && (isUnsettled(after) || after.state === 'delivered'))
  );
}

function owedBy(message: OutboxMessage | null, sku: string): number {
  return message === null || message.state === 'delivered' ? 0 : owedUnits(message, sku);
}

function unsettledBy(message: OutboxMessage | null, sku: string): number {
  return message !== null && isUnsettled(message) && skusOf(message).includes(sku) ? 1 : 0;
}
