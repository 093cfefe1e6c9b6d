/**
 * What passes between the client and the writer's thread. A batch is one flat array of strings and numbers: that was
 * five to ten times faster to send than objects or one JSON text per batch (see the ADR). A reserve of one SKU, and
 * its usual answers, have a form of their own; the rest travels as JSON inside the array.
 */
import type { Answer, ReserveCommand, StockSetting } from '../../core/command.ts';
import type { ShortReason } from '../../core/rejection.ts';
import type { Rules } from '../../core/rules.ts';
import type { FaultCode } from '../../engine/faults.ts';
import type { CommitNotice } from '../../engine/ports.ts';
import type { ClockBase } from './anchored-clock.ts';
import type { StartCheck } from './open-database.ts';
import type { SoldOutChange } from './sold-out-news.ts';
import type { Operation, Result } from './writer.ts';

type Flat = (string | number | boolean | null)[];

export interface WriterSettings {
  readonly dataDir: string;
  readonly rules: Rules;
  readonly startCheck: StartCheck;
  /** See `SharedClock`; null: the real time. */
  readonly clock: SharedArrayBuffer | null;
}

export type ToWriter =
  | { readonly type: 'batch'; readonly operations: Flat }
  | { readonly type: 'rows'; readonly transfer: number; readonly rows: string }
  | { readonly type: 'drop'; readonly transfer: number }
  | { readonly type: 'listen'; readonly on: boolean }
  /** Write nothing any more, and do not close either. */
  | { readonly type: 'halt' }
  | { readonly type: 'close' };

export type FromWriter =
  | {
      readonly type: 'open';
      readonly clock: ClockBase;
      readonly warnings: readonly string[];
      /** Of all reservations there are; empty: there is none. */
      readonly highestId: string;
      /** Is the structure of the file still to be checked? */
      readonly unchecked: boolean;
    }
  | {
      readonly type: 'answers';
      readonly answers: Flat;
      readonly soldOut: readonly SoldOutChange[];
      readonly notice: CommitNotice | null;
    }
  | { readonly type: 'failed'; readonly code: FaultCode; readonly message: string }
  | { readonly type: 'closed' };

/** Rows of an import that go with the command; more are sent ahead of it in parts of as many. */
export const ROWS_PER_PART = 2_000;

/** An import whose rows were sent ahead. */
export interface ImportTransfer {
  readonly kind: 'import';
  readonly transfer: number;
  readonly dryRun: boolean;
  readonly idempotency: { readonly key: string; readonly fingerprint: string } | null;
}

const RESERVE = 0;
const LEVEL = 1;
const RESERVATION = 2;
const IMPORT = 3;
const JSON_TEXT = 4;

export function encodeOperation(operation: Operation | ImportTransfer, flat: Flat): void {
  switch (operation.kind) {
    case 'command': {
      const { command, idempotency } = operation;
      const line = command.type === 'reserve' ? command.lines[0] : undefined;
      if (command.type !== 'reserve' || line === undefined || command.lines.length > 1) break;
      const { reservationId, customerId, ttlSeconds, allowPartial } = command;
      flat.push(RESERVE, reservationId, line.sku, line.quantity, customerId, ttlSeconds);
      flat.push(allowPartial, idempotency?.key ?? null, idempotency?.fingerprint ?? null);
      return;
    }
    case 'level':
      flat.push(LEVEL, operation.sku);
      return;
    case 'reservation':
      flat.push(RESERVATION, operation.id);
      return;
    case 'import': {
      const { transfer, dryRun, idempotency } = operation;
      flat.push(IMPORT, transfer, dryRun, idempotency?.key ?? null);
      flat.push(idempotency?.fingerprint ?? null);
      return;
    }
    case 'levels':
    case 'reservations':
    case 'ledger':
    case 'ledger_beginning':
    case 'outbox':
    case 'message':
    case 'outbox_stats':
    case 'inbox':
    case 'stats':
      break;
  }
  flat.push(JSON_TEXT, JSON.stringify(operation));
}

/** `rows` hands over the rows of an import that were sent ahead. */
export function decodeOperations(
  flat: Flat,
  rows: (transfer: number) => readonly StockSetting[],
): Operation[] {
  const operations: Operation[] = [];
  for (let at = 0; at < flat.length;) {
    const tag = flat[at] as number;
    const form = FORMS[tag] ?? JSON_FORM;
    operations.push(form.decode(flat.slice(at + 1, at + form.length), rows));
    at += form.length;
  }
  return operations;
}

interface Form {
  /** Tag included. */
  readonly length: number;
  readonly decode: (fields: Flat, rows: (transfer: number) => readonly StockSetting[]) => Operation;
}

const JSON_FORM: Form = {
  length: 2,
  decode: ([text]) => JSON.parse(text as string) as Operation,
};

const FORMS: Readonly<Record<number, Form>> = {
  [RESERVE]: {
    length: 9,
    decode: ([id, sku, quantity, customerId, ttlSeconds, allowPartial, key, fingerprint]) => {
      const command: ReserveCommand = {
        type: 'reserve',
        reservationId: id as string,
        lines: [{ sku: sku as string, quantity: quantity as number }],
        customerId: customerId as string | null,
        ttlSeconds: ttlSeconds as number | null,
        allowPartial: allowPartial as boolean,
      };
      return { kind: 'command', command, idempotency: idempotencyOf(key, fingerprint) };
    },
  },
  [LEVEL]: { length: 2, decode: ([sku]) => ({ kind: 'level', sku: sku as string }) },
  [RESERVATION]: { length: 2, decode: ([id]) => ({ kind: 'reservation', id: id as string }) },
  [IMPORT]: {
    length: 5,
    decode: ([transfer, dryRun, key, fingerprint], rows) => ({
      kind: 'command',
      command: {
        type: 'import_stock',
        rows: rows(transfer as number),
        dryRun: dryRun as boolean,
      },
      idempotency: idempotencyOf(key, fingerprint),
    }),
  },
};

function idempotencyOf(key: Flat[number] | undefined, fingerprint: Flat[number] | undefined) {
  return typeof key === 'string' && typeof fingerprint === 'string' ? { key, fingerprint } : null;
}

const RESERVED = 0;
const SHORT = 1;

export function encodeResults(operations: readonly Operation[], results: readonly Result[]): Flat {
  const flat: Flat = [];
  results.forEach((result, index) => {
    const operation = operations[index];
    if (operation?.kind === 'command' && operation.command.type === 'reserve') {
      if (encodeReserved(operation.command, result as Answer, flat)) return;
    }
    flat.push(JSON_TEXT, JSON.stringify(result));
  });
  return flat;
}

/** Says whether the answer is one of those that the command and a few figures tell entirely. */
function encodeReserved(command: ReserveCommand, answer: Answer, flat: Flat): boolean {
  const [line, ...others] = command.lines;
  if (line === undefined || others.length > 0) return false;
  if (!answer.ok) {
    const { rejection } = answer;
    if (!('short' in rejection)) return false;
    const [short, ...more] = rejection.short;
    if (short === undefined || more.length > 0 || rejection.code !== short.reason) return false;
    if (short.sku !== line.sku || short.requested !== line.quantity) return false;
    if (rejection.nextExpiryAt !== short.nextExpiryAt) return false;
    flat.push(SHORT, short.reason, short.available, short.nextExpiryAt);
    return true;
  }
  if (answer.type !== 'reserve' || answer.refused.length > 0) return false;
  const { id, lines, customerId, createdAt, expiresAt } = answer.reservation;
  const granted = lines[0];
  const same =
    id === command.reservationId &&
    customerId === command.customerId &&
    granted?.sku === line.sku &&
    granted.quantity === line.quantity;
  // Sent again, it is answered with what has become of the reservation since.
  const { status, orderId } = answer.reservation;
  if (status !== 'active' || orderId !== null) return false;
  // A remembered answer could be of a command with more lines: then its fingerprint differed, and it is a refusal.
  if (!same || lines.length > 1) return false;
  flat.push(RESERVED, createdAt, expiresAt);
  return true;
}

/** Reads the answers to a batch one after the other. */
export class ResultReader {
  readonly #flat: Flat;
  #at = 0;

  constructor(flat: Flat) {
    this.#flat = flat;
  }

  next(operation: Operation | ImportTransfer): Result {
    const flat = this.#flat;
    const tag = flat[this.#at] as number;
    if (tag === JSON_TEXT) {
      this.#at += 2;
      return JSON.parse(flat[this.#at - 1] as string) as Result;
    }
    const command = (operation as { command: ReserveCommand }).command;
    if (tag === RESERVED) {
      this.#at += 3;
      return reserved(command, flat[this.#at - 2] as number, flat[this.#at - 1] as number);
    }
    this.#at += 4;
    return shortAnswer(
      command,
      flat[this.#at - 3] as ShortReason,
      flat[this.#at - 2] as number,
      flat[this.#at - 1] as number | null,
    );
  }
}

function reserved(command: ReserveCommand, createdAt: number, expiresAt: number): Answer {
  const [line] = command.lines;
  return {
    ok: true,
    type: 'reserve',
    reservation: {
      id: command.reservationId,
      status: 'active',
      lines: [{ sku: line?.sku ?? '', quantity: line?.quantity ?? 0, confirmed: 0, cancelled: 0 }],
      customerId: command.customerId,
      orderId: null,
      createdAt,
      expiresAt,
      endedAt: null,
      reacquired: false,
      refundRequired: false,
      cancellations: [],
    },
    refused: [],
  };
}

function shortAnswer(
  command: ReserveCommand,
  reason: ShortReason,
  available: number,
  nextExpiryAt: number | null,
): Answer {
  const [line] = command.lines;
  const short = {
    sku: line?.sku ?? '',
    requested: line?.quantity ?? 0,
    available,
    reason,
    nextExpiryAt,
  };
  return {
    ok: false,
    type: 'reserve',
    rejection: { code: reason, short: [short], nextExpiryAt },
  };
}
