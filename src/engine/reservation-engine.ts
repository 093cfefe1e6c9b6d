/** The use cases that the outside calls: gives new reservations their ids, asks the store, tells the observer. */
import type { Answer, AnswerTo, Command, Idempotency, ReserveCommand } from '../core/command.ts';
import type { ReservationStore, Submission } from './ports.ts';

/** Who asked, for logs and traces; nothing personal. */
export interface RequestContext {
  readonly requestId: string;
  /** Of the caller's trace (W3C Trace Context), 32 hexadecimal digits; null where it keeps none. */
  readonly traceId: string | null;
}

/** Is told of every answer; must not throw and must not wait. */
export interface Observer {
  answered(command: Command, answer: Answer, context: RequestContext): void;
}

export type ReserveRequest = Omit<ReserveCommand, 'type' | 'reservationId'>;

export class ReservationEngine {
  readonly store: ReservationStore;
  readonly #newId: () => string;
  readonly #observer: Observer;

  constructor(parts: { store: ReservationStore; newId: () => string; observer: Observer }) {
    this.store = parts.store;
    this.#newId = parts.newId;
    this.#observer = parts.observer;
  }

  reserve(
    request: ReserveRequest,
    context: RequestContext,
    idempotency: Idempotency | null = null,
  ): Promise<AnswerTo<ReserveCommand>> {
    return this.submit(this.reserveCommand(request), context, idempotency);
  }

  reserveCommand(request: ReserveRequest): ReserveCommand {
    const id = this.#newId();
    const skus = request.lines.map(({ sku }) => sku);
    const reservationId = this.store.placeId?.(id, skus) ?? id;
    return { ...request, type: 'reserve', reservationId };
  }

  async submit<C extends Command>(
    command: C,
    context: RequestContext,
    idempotency: Idempotency | null = null,
  ): Promise<AnswerTo<C>> {
    const answer = await this.store.submit(command, { idempotency });
    this.#observer.answered(command, answer, context);
    return answer;
  }

  /** Independent commands, decided in order, one answer each. */
  async submitAll(submissions: readonly Submission[], context: RequestContext): Promise<Answer[]> {
    const answers = await this.store.submitAll(submissions);
    answers.forEach((answer, index) => {
      const command = submissions[index]?.command;
      if (command !== undefined) this.#observer.answered(command, answer, context);
    });
    return answers;
  }
}
