/** What each record of a file of books looks like. Times are epoch milliseconds, quantities units. */
import type { Answer } from '../../core/command.ts';
import type { StoryLine } from '../../core/audit-story.ts';
import type { LedgerCut, Opening } from '../../core/ledger-cut.ts';
import { ENTRY_KINDS, type Detail } from '../../core/ledger.ts';
import { MESSAGE_STATES } from '../../core/outbox/message.ts';
import { RESERVATION_STATUSES, type ReservationLine } from '../../core/reservation.ts';
import type { Policy } from '../../core/stock-level.ts';
import {
  count,
  flag,
  listOf,
  object,
  oneOf,
  orNull,
  record,
  text,
  whole,
  type Codec,
} from './codec.ts';
import type { BooksHead, BooksRecord, RecordKind, Story } from './whole-books.ts';

const line = record<ReservationLine>({
  sku: text,
  quantity: count,
  confirmed: count,
  cancelled: count,
});

const policy = record<Policy>({
  maxPerOrder: orNull(count),
  maxPerCustomer: orNull(count),
  ttlSeconds: orNull(count),
  opensAt: orNull(count),
  closesAt: orNull(count),
});

const storyLine = record<StoryLine>({
  sku: text,
  quantity: whole,
  reserved: whole,
  allocated: whole,
  confirmed: whole,
  cancelled: whole,
  kinds: count,
  lastAt: count,
  orderId: orNull(text),
});

type ValueOf<K extends RecordKind> = Extract<BooksRecord, { kind: K }>['value'];

export const CODECS: { readonly [K in RecordKind]: Codec<ValueOf<K>> } = {
  opening: record<Opening>({
    sku: text,
    onHand: whole,
    reserved: whole,
    allocated: whole,
    safetyStock: whole,
    policy,
    shortfallSeen: flag,
    entries: count,
    lastSeq: count,
  }),
  story: record<Story>({ reservationId: text, lines: listOf(storyLine) }),
  entry: record<ValueOf<'entry'>>({
    seq: count,
    at: count,
    kind: oneOf(ENTRY_KINDS),
    sku: text,
    reservationId: orNull(text),
    onHand: whole,
    reserved: whole,
    allocated: whole,
    safetyStock: whole,
    detail: orNull(object<Detail>()),
  }),
  message: record<ValueOf<'message'>>({
    id: count,
    key: text,
    kind: oneOf(['sale', 'cancellation']),
    reservationId: text,
    orderId: orNull(text),
    lines: listOf(record({ sku: text, quantity: count, restock: flag })),
    createdAt: count,
    state: oneOf(MESSAGE_STATES),
    parcelId: orNull(count),
    attempts: count,
    nextAttemptAt: count,
    unknownAt: orNull(count),
    looks: count,
    memo: orNull(text),
    reference: orNull(text),
    lastError: orNull(text),
  }),
  outbox_level: record<ValueOf<'outbox_level'>>({
    sku: text,
    owed: whole,
    unsettled: count,
    touched: count,
  }),
  reservation: record<ValueOf<'reservation'>>({
    id: text,
    status: oneOf(RESERVATION_STATUSES),
    lines: listOf(line),
    customerId: orNull(text),
    orderId: orNull(text),
    createdAt: count,
    expiresAt: count,
    endedAt: orNull(count),
    reacquired: flag,
    refundRequired: flag,
    cancellations: listOf(text),
  }),
  level: record<ValueOf<'level'>>({
    sku: text,
    onHand: count,
    reserved: count,
    allocated: count,
    safetyStock: count,
    policy,
  }),
  answer: record<ValueOf<'answer'>>({
    key: text,
    fingerprint: text,
    at: count,
    answer: object<Answer>(),
  }),
};

export const HEAD: Codec<BooksHead> = record<BooksHead>({
  clock: count,
  purgedBefore: count,
  headSeq: count,
  outboxHead: count,
  cut: record<LedgerCut>({ seq: count, at: count, exportedThrough: count }),
});

export const COUNTS = record<Record<RecordKind, number>>({
  opening: count,
  story: count,
  entry: count,
  message: count,
  outbox_level: count,
  reservation: count,
  level: count,
  answer: count,
});
