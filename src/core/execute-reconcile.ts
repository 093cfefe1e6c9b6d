/** reconcile: a balance of the ERP against our books. */
import type { Book } from './book.ts';
import { rejected, type ReconcileAnswer, type ReconcileCommand, type Rejected } from './command.ts';
import { landStock, lapsedUnits } from './execute-stock.ts';
import { decideReconcile } from './decide/reconcile.ts';
import type { Rules } from './rules.ts';

export function executeReconcile(
  book: Book,
  command: ReconcileCommand,
  now: number,
  rules: Rules,
): ReconcileAnswer | Rejected {
  const { sku } = command;
  const level = book.level(sku);
  const outbox = book.outbox.level(sku);
  if (outbox.unsettled > 0 || outbox.touched > command.fence) {
    return rejected('reconcile', { code: 'balance_outdated', sku });
  }
  const decision = decideReconcile(level, outbox, command, lapsedUnits(book, level, now));
  const { drift } = decision;
  const corrected = command.fix && decision.change !== null;
  const released = corrected
    ? landStock(book, 'set_stock', sku, decision.change, now, rules).released
    : [];
  return { ok: true, type: 'reconcile', drift, corrected, released };
}
