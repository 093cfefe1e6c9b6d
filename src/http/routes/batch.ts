/** `POST /reservations/batch`: many independent commands in one request, for gateways. */
import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { Answer, Command } from '../../core/command.ts';
import type { Submission } from '../../engine/ports.ts';
import { forbidden, mayUse, ORDERS, READ, STOREFRONT, type Access } from '../access.ts';
import { cancelCommand, confirmCommand, extendCommand, reserveRequest } from '../commands.ts';
import { idempotencyInBatch, idempotencyKeyOf } from '../idempotency.ts';
import { languageOf, type Language } from '../languages.ts';
import { reservationJson, reservedJson } from '../mapping.ts';
import { problem, problemOfRejection, statusOf, type Problem } from '../problem.ts';
import { isReservationId } from '../reservation-id.ts';
import * as operations from '../schemas/operations.ts';
import { Batch, BATCH_COMMANDS, type BatchCommandType } from '../schemas/requests.ts';
import type { Http, Server } from '../server.ts';
import {
  compileValidator,
  ValidationError,
  validationProblem,
  type Issue,
  type Validator,
} from '../validation.ts';
import { contextOf } from '../trace-context.ts';

type BatchCommand = {
  [T in BatchCommandType]: Static<(typeof BATCH_COMMANDS)[T]>;
}[BatchCommandType];

const ACCESS: Readonly<Record<BatchCommandType, Access>> = {
  reserve: STOREFRONT,
  release: STOREFRONT,
  extend: STOREFRONT,
  confirm: ORDERS,
  cancel: ORDERS,
};

const TYPES = Object.keys(BATCH_COMMANDS) as BatchCommandType[];
const ONE_OF_TYPES = TYPES.map((type) => `"${type}"`).join(', ');
const NO_TYPE: Issue = {
  param: 'type',
  reason: 'invalid',
  expected: { en: `one of ${ONE_OF_TYPES}`, 'pt-BR': `um destes: ${ONE_OF_TYPES}` },
};

type Validators = Readonly<Record<BatchCommandType, Validator>>;

export function batchRoutes(app: Server, http: Http): void {
  const { engine, respond, settings } = http;
  const validators = Object.fromEntries(
    TYPES.map((type) => [type, compileValidator(BATCH_COMMANDS[type])]),
  ) as unknown as Validators;

  app.post(
    '/reservations/batch',
    {
      // Each command is held to its own scope.
      config: { access: READ },
      bodyLimit: settings.batchBodyLimit,
      schema: { ...operations.batch, body: Batch(settings.maxBatchCommands) },
    },
    async (request, reply) => {
      const reader = new BatchReader(http, request, validators);
      const { submissions, places, results } = reader.read(request.body.commands);
      const context = contextOf(request);
      const answers = submissions.length === 0 ? [] : await engine.submitAll(submissions, context);
      for (let index = 0; index < answers.length; index += 1) {
        results[places[index] ?? 0] = reader.result(answers[index] as Answer);
      }
      respond.json(request, reply, 200, `{"results":[${results.join(',')}]}`);
    },
  );
}

interface ReadBatch {
  readonly submissions: readonly Submission[];
  /** The place of each submission among the commands. */
  readonly places: readonly number[];
  /** As JSON text; those of the submissions are still to come. */
  readonly results: string[];
}

class BatchReader {
  readonly #http: Http;
  readonly #request: FastifyRequest;
  readonly #validators: Validators;
  readonly #language: Language;
  readonly #ofBatch: string | null;

  constructor(http: Http, request: FastifyRequest, validators: Validators) {
    this.#http = http;
    this.#request = request;
    this.#validators = validators;
    this.#language = languageOf(request.headers['accept-language']);
    this.#ofBatch = idempotencyKeyOf(request);
  }

  read(commands: readonly unknown[]): ReadBatch {
    const submissions: Submission[] = [];
    const places: number[] = [];
    const results = new Array<string>(commands.length);
    for (let index = 0; index < commands.length; index += 1) {
      const read = this.#submission(commands[index], index);
      if ('code' in read) {
        results[index] = this.#failed(read);
      } else {
        submissions.push(read);
        places.push(index);
      }
    }
    return { submissions, places, results };
  }

  /** Refused here, or ready for the store. */
  #submission(item: unknown, index: number): Submission | Problem {
    const type = typeof item === 'object' && item !== null && 'type' in item ? item.type : null;
    if (typeof type !== 'string' || !Object.hasOwn(this.#validators, type)) {
      return validationProblem([NO_TYPE], this.#language);
    }
    const validator = this.#validators[type as BatchCommandType];
    if (!validator.check(item)) return validationProblem(validator.issues(item), this.#language);
    const body = item as BatchCommand;
    const access = ACCESS[body.type];
    if (!mayUse(this.#request.caller, access)) return forbidden(access);
    if (body.type !== 'reserve' && !isReservationId(body.reservation_id)) {
      return problem('reservation_not_found', { reservation_id: body.reservation_id });
    }
    try {
      const command = this.#command(body, index);
      const own = body.idempotency_key;
      const idempotency = idempotencyInBatch(this.#request, own, this.#ofBatch, index, command);
      return { command, idempotency };
    } catch (error) {
      if (error instanceof ValidationError) return validationProblem(error.issues, this.#language);
      throw error;
    }
  }

  #command(body: BatchCommand, index: number): Command {
    switch (body.type) {
      case 'reserve':
        return this.#http.engine.reserveCommand(reserveRequest(body));
      case 'confirm':
        return confirmCommand(body.reservation_id, body);
      case 'release':
        return { type: 'release', reservationId: body.reservation_id };
      case 'extend':
        return extendCommand(body.reservation_id, body);
      case 'cancel': {
        const ofBatch = this.#ofBatch === null ? null : `${this.#ofBatch}#${index}`;
        const name = body.idempotency_key ?? ofBatch;
        return cancelCommand(body.reservation_id, body, name, this.#http.settings);
      }
    }
  }

  result(answer: Answer): string {
    if (!answer.ok) {
      const now = this.#http.engine.store.clock.now();
      return this.#failed(problemOfRejection(answer.rejection, now));
    }
    if (answer.type === 'reserve') return `{"status":201,"body":${reservedJson(answer)}}`;
    if ('reservation' in answer) {
      return `{"status":200,"body":${reservationJson(answer.reservation)}}`;
    }
    throw new Error(`a batch has no ${answer.type} commands`);
  }

  #failed(of: Problem): string {
    const body = this.#http.respond.problemJson(of, this.#language, this.#request.id);
    return `{"status":${statusOf(of)},"problem":${body}}`;
  }
}
