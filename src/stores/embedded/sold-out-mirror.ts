/**
 * Refuses a reserve of a sold-out SKU on the client's thread, without asking the writer: after a sale that is nearly
 * every request, and it must wait for no write.
 *
 * The mirror holds the books of SKUs with nothing left as the writer told them with its last answers (L: level,
 * D: the earliest deadline of the SKU's active lines, not passed at the time). News are applied before the answers
 * that came with them are given. A reserve of one such SKU is refused here only if
 *
 *  1. nothing that may give units back is waiting or in flight: no `release`, `cancel`, stock command or confirm of
 *     fewer lines, nothing that discards a message or reconciles. What else there may be (reserves, full confirms,
 *     extends, acknowledgements, sweeps, purges, the relay's) cannot raise what is available of any SKU but by
 *     recording a lapse. And if the SKU has active lines, nor is a confirm or an extend, which may change what there is
 *     to say of them: that it is sold out now, or a later deadline;
 *  2. `now` is before D, on the clock that the writer decides by (one monotonic origin in all threads). So up to now
 *     no unit of this SKU has lapsed, nor been given back by anybody who recorded a lapse;
 *  3. it has no idempotency key (its answer would have to be remembered), and the SKU has no limit per customer (that
 *     is known to the writer only; such SKUs are not mirrored);
 *  4. its id comes after all that the writer was sent, so that it names no reservation yet. Ids rise with time.
 *
 * Then the answer is core's own (`decideReserve` is called with L and D) on books that were true at a moment between
 * the request and its answer: all commands that are not answered yet are concurrent with this one, and the refusal,
 * which changes nothing, is ordered before them. And it is no other refusal than arrival order would have given: by
 * (1) none of those before it could have made room, or another refusal.
 */
import type { BookView } from '../../core/book.ts';
import type { AnswerTo, Command, ReserveCommand } from '../../core/command.ts';
import { decideReserve } from '../../core/decide/reserve.ts';
import type { Rules } from '../../core/rules.ts';
import type { Effect } from './command-queue.ts';
import type { SoldOutChange } from './sold-out-news.ts';

/** What the command may do to a refusal, other than by recording a lapse. */
export function effectOf(command: Command): Effect {
  switch (command.type) {
    case 'reserve':
    case 'acknowledge':
    case 'sweep':
    case 'purge':
    case 'trim_ledger':
    case 'claim_messages':
    case 'note_parcel':
    case 'settle_parcel':
    case 'recover_messages':
    case 'retry_message':
      return 'none';
    case 'extend':
      return 'words';
    case 'confirm':
      return command.lines === null ? 'words' : 'room';
    case 'release':
    case 'cancel':
    case 'set_stock':
    case 'adjust_stock':
    case 'import_stock':
    case 'discard_message':
    case 'reconcile':
      return 'room';
  }
}

/** Of commands that are one job. */
export function effectOfAll(commands: readonly Command[]): Effect {
  let effect: Effect = 'none';
  for (const command of commands) {
    const own = effectOf(command);
    if (own === 'room') return own;
    if (own === 'words') effect = own;
  }
  return effect;
}

export class SoldOutMirror {
  readonly #skus = new Map<string, SoldOutChange>();
  readonly #rules: Rules;
  readonly #view: BookView;
  #highestId: string;

  /** `highestId`: of all reservations there are; empty: there is none. */
  constructor(rules: Rules, highestId: string) {
    this.#rules = rules;
    this.#highestId = highestId;
    this.#view = {
      level: (sku) => this.#skus.get(sku)?.level ?? undefined,
      nextExpiry: (sku) => this.#skus.get(sku)?.nextExpiryAt ?? null,
      reservation: unasked,
      customerHeld: unasked,
    };
  }

  apply(news: readonly SoldOutChange[]): void {
    for (const change of news) {
      if (change.level === null) this.#skus.delete(change.sku);
      else this.#skus.set(change.sku, change);
    }
  }

  /** The command is sent to the writer. */
  sent(command: Command): void {
    if (command.type !== 'reserve' || command.reservationId <= this.#highestId) return;
    this.#highestId = command.reservationId;
  }

  /**
   * The refusal, if it can be given here; null: the writer must be asked. The caller has seen to the key, and `queue`
   * holds what is waiting or in flight.
   */
  refuse(
    command: ReserveCommand,
    now: number,
    queue: { has(effect: Effect): boolean },
  ): AnswerTo<ReserveCommand> | null {
    const [line, ...others] = command.lines;
    if (line === undefined || others.length > 0) return null;
    const mirrored = this.#skus.get(line.sku);
    if (mirrored === undefined || queue.has('room')) return null;
    if (mirrored.level?.reserved !== 0 && queue.has('words')) return null;
    if (command.reservationId <= this.#highestId) return null;
    if (mirrored.nextExpiryAt !== null && now >= mirrored.nextExpiryAt) return null;
    const { answer } = decideReserve(this.#view, command, now, this.#rules);
    return answer.ok ? null : answer;
  }
}

function unasked(): never {
  throw new Error('the decision asked for what the mirror does not hold');
}
