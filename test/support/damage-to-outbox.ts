/** What can be wrong with the outbox. */
import type { MessageState, OutboxMessage } from '../../src/core/outbox/message.ts';
import type { Books } from './books.ts';
import { falsify, type Damage } from './damage.ts';

type Message = Books['messages'][number];

const saleOf =
  (...statuses: string[]) =>
  (fits: (message: OutboxMessage) => boolean = () => true) =>
  ({ messages, reservations }: Books): Message[] =>
    messages.filter(
      (message) =>
        message.kind === 'sale' &&
        fits(message) &&
        reservations.some(
          ({ id, status }) => id === message.reservationId && statuses.includes(status),
        ),
    );
const ofConfirmed = saleOf('confirmed');
const inState =
  (...states: MessageState[]) =>
  ({ messages }: Books): Message[] =>
    messages.filter(({ state }) => states.includes(state));

/** Leaves the figures of the SKUs as they would be, so that nothing but the message betrays it. */
function drop(message: Message, books: Books): void {
  books.messages.splice(books.messages.indexOf(message), 1);
  for (const level of books.outboxLevels) {
    for (const { sku, quantity, restock } of message.lines) {
      if (sku !== level.sku || message.state === 'delivered') continue;
      if (message.kind === 'sale') level.owed -= quantity;
      else if (restock) level.owed += quantity;
    }
  }
}

export const DAMAGE_TO_OUTBOX: readonly Damage[] = [
  falsify(
    'a confirmed sale of which no message is left',
    'message_missing',
    ofConfirmed(({ state }) => state === 'pending'),
    drop,
  ),
  falsify(
    'a message that lies as delivered while its sale is confirmed',
    ['message_missing'],
    ({ messages, ...books }) =>
      ofConfirmed(({ state }) => state === 'pending')({ messages, ...books }).filter(
        ({ reservationId }) =>
          messages.filter((other) => other.reservationId === reservationId).length === 1,
      ),
    (message, books) => {
      drop(message, books);
      books.messages.push({ ...message, state: 'delivered' });
      books.messages.sort((a, b) => a.id - b.id);
    },
  ),
  falsify(
    'a second message of one sale',
    'message_differs',
    ofConfirmed(({ state }) => state === 'pending'),
    (message, { messages }) => {
      messages.push({ ...message, id: (messages.at(-1)?.id ?? 0) + 1 });
    },
  ),
  falsify(
    'a message sent for a sale that is acknowledged',
    'message_stray',
    saleOf('acknowledged')(({ state }) => state === 'delivered'),
    (message) => {
      message.state = 'pending';
    },
  ),
  falsify(
    'a message of a reservation that was never confirmed',
    'message_stray',
    ({ messages, reservations }) =>
      reservations.some(({ status }) => status === 'released') ? messages : [],
    (message, { reservations }) => {
      message.reservationId = reservations.find(({ status }) => status === 'released')?.id ?? '';
    },
  ),
  falsify(
    'a delivered message of a reservation that is not there',
    'message_stray',
    inState('delivered'),
    (message, books) => {
      const gone = message.reservationId;
      books.reservations = books.reservations.filter(({ id }) => id !== gone);
    },
  ),
  falsify('a message with more units', 'outbox_differs', inState('pending', 'dead'), (message) => {
    for (const line of message.lines) line.quantity += 1;
    for (const line of message.lines) line.restock ||= message.kind === 'cancellation';
  }),
  falsify(
    'a message with more units than were sold, its figures with it',
    'message_differs',
    ofConfirmed(({ state, lines }) => state === 'pending' && lines.length === 1),
    (message, { outboxLevels }) => {
      const [line] = message.lines;
      if (line === undefined) return;
      line.quantity += 100;
      for (const level of outboxLevels) if (level.sku === line.sku) level.owed += 100;
    },
  ),
  falsify('a message without lines', 'message_differs', inState('pending'), (message) => {
    message.lines = [];
  }),
  falsify(
    'a message in flight that nobody claimed',
    'message_differs',
    inState('pending'),
    (message) => {
      message.state = 'in_flight';
      message.parcelId = null;
    },
  ),
  falsify(
    'a message taken for unknown that says since when it is not',
    'message_differs',
    inState('unknown'),
    (message) => {
      message.unknownAt = null;
    },
  ),
  falsify(
    'a SKU whose figure of what the ERP is owed is wrong',
    'outbox_differs',
    ({ outboxLevels }) => outboxLevels,
    (level) => {
      level.owed += 1;
    },
  ),
  falsify(
    'a SKU whose count of unsettled messages is wrong',
    'outbox_differs',
    ({ outboxLevels }) => outboxLevels,
    (level) => {
      level.unsettled += 1;
    },
  ),
  falsify(
    'a SKU whose figures are gone',
    'outbox_differs',
    ({ outboxLevels }) => outboxLevels.filter(({ owed }) => owed !== 0),
    (level, books) => {
      books.outboxLevels.splice(books.outboxLevels.indexOf(level), 1);
    },
  ),
];
