/**
 * One line for each decision about a reservation or its stock. At a sale's pace this is most of the log, so the lines
 * are put together by hand and handed on in batches: a line costs about a microsecond.
 *
 * What a line may say is listed here and nowhere else: who the customer is, and what the order, is not on the list.
 */
import type { Answer, Command } from '../core/command.ts';
import type { Rejection } from '../core/rejection.ts';
import type { Line, ReservationLine } from '../core/reservation.ts';
import type { CommitNotice } from '../engine/ports.ts';
import type { RequestContext } from '../engine/reservation-engine.ts';
import type { LogOutput } from './log-output.ts';
import { SERVICE_NAME } from './logger.ts';

export interface ReservationLogOptions {
  readonly output: LogOutput;
  readonly version: string;
  readonly which: 'all' | 'refusals' | 'none';
  readonly now: () => number;
}

/** A cart may have a thousand lines; a log line names the first of them and says how many there are. */
const SKUS_SHOWN = 20;
/** Each batch wakes a thread that writes it: of smaller ones that is a noticeable part of a sale's work. */
const BATCH_BYTES = 131_072;
const BATCH_MS = 100;

export class ReservationLog {
  readonly #output: LogOutput;
  readonly #which: ReservationLogOptions['which'];
  readonly #now: () => number;
  readonly #constant: string;
  #batch = '';
  #timer: NodeJS.Timeout | null = null;
  #second = -1;
  #secondText = '';

  constructor({ output, version, which, now }: ReservationLogOptions) {
    this.#output = output;
    this.#which = which;
    this.#now = now;
    const dataset = `${SERVICE_NAME}.reservations`;
    this.#constant =
      `"ecs.version":"8.10.0","service.name":"${SERVICE_NAME}","service.version":${JSON.stringify(version)},` +
      `"event.dataset":"${dataset}"`;
  }

  answered(command: Command, answer: Answer, context: RequestContext): void {
    if (this.#which === 'none' || (answer.ok && this.#which === 'refusals')) return;
    const { requestId, traceId } = context;
    const trace = traceId === null ? '' : `,"trace.id":"${traceId}"`;
    const request = `,"http.request.id":${JSON.stringify(requestId)}${trace}`;
    if (answer.ok) this.#write(command.type, 'success', describeDone(command, answer) + request);
    else this.#write(command.type, 'failure', describeRefused(command, answer.rejection) + request);
  }

  /** Lapses are recorded in passing, by whoever comes next or by the sweep: no request stands for them. */
  expired({ expired }: CommitNotice): void {
    if (this.#which !== 'all') return;
    for (const { reservationId, expiresAt } of expired) {
      const lapsed = new Date(expiresAt).toISOString();
      const what = `,"holdfast.reservation.id":"${reservationId}","holdfast.reservation.expires_at":"${lapsed}"`;
      this.#write('expire', 'success', what);
    }
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#batch === '') return;
    this.#output.write(this.#batch);
    this.#batch = '';
  }

  #write(action: string, outcome: 'success' | 'failure', fields: string): void {
    this.#batch +=
      `{"log.level":"info","@timestamp":"${this.#timestamp()}",${this.#constant},` +
      `"event.action":"${action}","event.outcome":"${outcome}"${fields},` +
      `"message":"${action} ${outcome === 'success' ? 'done' : 'refused'}"}\n`;
    if (this.#batch.length >= BATCH_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_MS).unref();
  }

  #timestamp(): string {
    const now = this.#now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return `${this.#secondText}${String(now - second * 1000).padStart(3, '0')}Z`;
  }
}

function describeDone(command: Command, answer: Extract<Answer, { ok: true }>): string {
  switch (answer.type) {
    case 'reserve': {
      const [first] = answer.refused;
      // A repeat with an Idempotency-Key is given the reservation that was made the first time.
      const again = 'reservationId' in command && command.reservationId !== answer.reservation.id;
      const reason = again ? 'replayed' : first?.reason;
      const partial = reason === undefined ? '' : `,"event.reason":"${reason}"`;
      return partial + idField(answer.reservation.id) + linesField(answer.reservation.lines);
    }
    case 'confirm':
    case 'release':
    case 'extend':
    case 'cancel':
    case 'acknowledge': {
      const again = answer.changed ? '' : ',"event.reason":"already_done"';
      const { id, lines } = answer.reservation;
      return again + idField(id) + linesField(lines.map((line) => concerned(answer.type, line)));
    }
    case 'set_stock':
    case 'adjust_stock':
      return skusField([answer.level.sku]);
    case 'import_stock':
      return `${isDryRun(command) ? ',"event.reason":"dry_run"' : ''},"holdfast.lines":${answer.created + answer.updated + answer.unchanged}`;
    case 'sweep':
    case 'purge':
    case 'trim_ledger':
    case 'claim_messages':
    case 'note_parcel':
    case 'settle_parcel':
    case 'recover_messages':
    case 'retry_message':
    case 'discard_message':
      return '';
    case 'reconcile':
      return skusField([answer.drift.sku]);
  }
}

function isDryRun(command: Command): boolean {
  return command.type === 'import_stock' && command.dryRun;
}

function describeRefused(command: Command, rejection: Rejection): string {
  const reason = `,"event.reason":"${rejection.code}"`;
  if ('reservationId' in rejection) return reason + idField(rejection.reservationId);
  if ('short' in rejection) return reason + skusField(rejection.short.map(({ sku }) => sku));
  if ('skus' in rejection) return reason + skusField(rejection.skus);
  if ('sku' in rejection) return reason + skusField([rejection.sku]);
  return 'reservationId' in command && command.type !== 'reserve'
    ? reason + idField(command.reservationId)
    : reason;
}

/** Ids that callers sent may hold anything. */
function idField(id: string): string {
  return `,"holdfast.reservation.id":${JSON.stringify(id)}`;
}

/** The units that the step was about: of a confirm those confirmed, of a cancellation all cancelled so far. */
function concerned(step: string, line: ReservationLine): Line {
  const { sku, quantity, confirmed, cancelled } = line;
  if (step === 'cancel') return { sku, quantity: cancelled };
  return { sku, quantity: confirmed > 0 ? confirmed : quantity };
}

function linesField(lines: readonly Line[]): string {
  const [only] = lines;
  if (only !== undefined && lines.length === 1) {
    return `,"holdfast.sku":${JSON.stringify(only.sku)},"holdfast.quantity":${only.quantity}`;
  }
  const quantity = lines.reduce((sum, line) => sum + line.quantity, 0);
  return `${skusField(lines.map(({ sku }) => sku))},"holdfast.quantity":${quantity}`;
}

function skusField(skus: readonly string[]): string {
  const [only] = skus;
  if (only !== undefined && skus.length === 1) return `,"holdfast.sku":${JSON.stringify(only)}`;
  return `,"holdfast.sku":${JSON.stringify(skus.slice(0, SKUS_SHOWN))},"holdfast.lines":${skus.length}`;
}
