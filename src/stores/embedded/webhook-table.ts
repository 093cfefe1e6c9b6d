/** Webhooks that were accepted, for the one writer. Written at once, within the transaction of the batch. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type {
  InboxStats,
  IncomingWebhook,
  PendingWebhook,
  PutOutcome,
} from '../../engine/webhook-inbox.ts';
import { checksum, RowDamage } from './rows.ts';
import { Statement, type Row } from './statement.ts';

/** What the port's methods become on their way to the writer. */
export type InboxRequest =
  | { readonly verb: 'put'; readonly webhook: IncomingWebhook }
  | { readonly verb: 'pending'; readonly after: number; readonly limit: number }
  | { readonly verb: 'settle'; readonly numbers: readonly number[] }
  | { readonly verb: 'stats' }
  | { readonly verb: 'prune'; readonly receivedBefore: number; readonly limit: number };

interface InboxAnswers {
  put: PutOutcome;
  pending: PendingWebhook[];
  settle: null;
  stats: InboxStats;
  prune: number;
}
export type InboxAnswerTo<R extends InboxRequest> = InboxAnswers[R['verb']];
export type InboxAnswer = InboxAnswers[InboxRequest['verb']];

export const WEBHOOK_COLUMNS = 'number, event_id, topic, hints, received_at, settled, checksum';

export class WebhookTable {
  readonly #statements;
  readonly #begin: () => void;
  #number: number;
  #lastReceivedAt: number | null;

  /** `begin`: opens the batch's transaction, if it is not open yet. */
  constructor(db: DatabaseSync, begin: () => void) {
    this.#begin = begin;
    this.#statements = prepare(db);
    const head = readWebhookHead(this.#statements.head.get());
    this.#number = head.number;
    this.#lastReceivedAt = head.lastReceivedAt;
  }

  answer(request: InboxRequest): InboxAnswer {
    switch (request.verb) {
      case 'put':
        return this.#put(request.webhook);
      case 'pending':
        return this.#statements.pending.all(request.after, request.limit).map(readWebhook);
      case 'settle':
        return this.#settle(request.numbers);
      case 'stats':
        return this.#stats();
      case 'prune':
        return this.#prune(request.receivedBefore, request.limit);
    }
  }

  #put(webhook: IncomingWebhook): PutOutcome {
    const { head, ...statements } = this.#statements;
    if (statements.seen.get(webhook.eventId) !== undefined) return 'seen';
    this.#begin();
    this.#number += 1;
    this.#lastReceivedAt = Math.max(this.#lastReceivedAt ?? 0, webhook.receivedAt);
    statements.put.run(...webhookRow({ ...webhook, number: this.#number }));
    statements.setHead.run(...headRow(this.#number, this.#lastReceivedAt));
    return 'stored';
  }

  #settle(numbers: readonly number[]): null {
    const { find, setSettled } = this.#statements;
    for (const number of numbers) {
      const row = find.get(number);
      if (row === undefined) continue;
      this.#begin();
      setSettled.run(settledChecksum(row), number);
    }
    return null;
  }

  #stats(): InboxStats {
    const [pending, oldestAt] = this.#statements.stats.get() ?? [];
    return {
      pending: pending as number,
      oldestAt: oldestAt as number | null,
      lastReceivedAt: this.#lastReceivedAt,
    };
  }

  #prune(receivedBefore: number, limit: number): number {
    const numbers = this.#statements.old.all(receivedBefore, limit);
    for (const [number] of numbers) {
      this.#begin();
      this.#statements.forget.run(number as number);
    }
    return numbers.length;
  }
}

function webhookRow({ number, eventId, topic, hints, receivedAt }: PendingWebhook) {
  const settled = hints.length === 0 ? 1 : 0;
  const row: SQLOutputValue[] = [number, eventId, topic, JSON.stringify(hints), receivedAt];
  row.push(settled, checksum([...row, settled]));
  return row;
}

/** Of a pending one, once it is settled. */
function settledChecksum(row: Row): number {
  readWebhook(row);
  return checksum([...row.slice(0, 5), 1]);
}

/** Throws where it is not as it was written. */
export function readWebhook(row: Row): PendingWebhook {
  const [number, eventId, topic, hints, receivedAt, , stated] = row;
  if (stated !== checksum(row.slice(0, 6))) {
    throw new RowDamage(`webhook ${String(number)}`, 'its checksum does not fit');
  }
  return {
    number: number as number,
    eventId: eventId as string,
    topic: topic as string,
    hints: JSON.parse(hints as string) as string[],
    receivedAt: receivedAt as number,
  };
}

function headRow(number: number, lastReceivedAt: number | null): SQLOutputValue[] {
  return [number, lastReceivedAt, checksum([number, lastReceivedAt])];
}

function readWebhookHead(row: Row | undefined) {
  const [number, lastReceivedAt, stated] = row ?? [];
  if (number === undefined || stated !== checksum([number, lastReceivedAt ?? null])) {
    throw new RowDamage("the row of the webhooks' numbers", 'its checksum does not fit');
  }
  return { number: number as number, lastReceivedAt: lastReceivedAt as number | null };
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): Statement => new Statement(db, text);
  const select = `SELECT ${WEBHOOK_COLUMNS} FROM webhook`;
  return {
    head: sql('SELECT number, last_received_at, checksum FROM webhook_head'),
    setHead: sql('UPDATE webhook_head SET (number, last_received_at, checksum) = (?, ?, ?)'),
    seen: sql('SELECT 1 FROM webhook WHERE event_id = ?'),
    put: sql(`INSERT INTO webhook (${WEBHOOK_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`),
    pending: sql(`${select} WHERE settled = 0 AND number > ? ORDER BY number LIMIT ?`),
    find: sql(`${select} WHERE number = ? AND settled = 0`),
    setSettled: sql('UPDATE webhook SET settled = 1, checksum = ? WHERE number = ?'),
    stats: sql(
      `SELECT count(*), (SELECT received_at FROM webhook WHERE settled = 0 ORDER BY number LIMIT 1)
       FROM webhook WHERE settled = 0`,
    ),
    old: sql(
      'SELECT number FROM webhook WHERE settled = 1 AND received_at < ? ORDER BY received_at, number LIMIT ?',
    ),
    forget: sql('DELETE FROM webhook WHERE number = ?'),
  };
}
