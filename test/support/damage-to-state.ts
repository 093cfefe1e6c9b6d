/** What can be wrong with reservations and levels. */
import { RESERVATION_STATUSES } from '../../src/core/reservation.ts';
import { uuid } from './commands.ts';
import {
  allLevels,
  allReservations,
  anyLine,
  append,
  falsify,
  linesThat,
  reservationsThat,
  type Damage,
} from './damage.ts';

export const DAMAGE_TO_RESERVATIONS: readonly Damage[] = [
  falsify('a stray reservation', 'reservation_stray', allReservations, (target, books) => {
    books.reservations.push({ ...target, id: uuid(77) });
  }),
  falsify(
    'a lost reservation that holds units',
    'entry_stray',
    reservationsThat(({ status }) => status === 'active' || status === 'confirmed'),
    (target, books) => books.reservations.splice(books.reservations.indexOf(target), 1),
  ),
  falsify(
    'a lost reservation that has ended, too young to be purged',
    'reservation_lost',
    ({ reservations, purgedBefore }) =>
      reservations.filter(
        ({ status, endedAt }) =>
          endedAt !== null && endedAt >= purgedBefore && !['active', 'confirmed'].includes(status),
      ),
    (target, books) => books.reservations.splice(books.reservations.indexOf(target), 1),
  ),
  ...RESERVATION_STATUSES.flatMap((from) =>
    RESERVATION_STATUSES.filter((to) => to !== from).map((to) =>
      falsify(
        `${from} written as ${to}`,
        'reservation_differs',
        reservationsThat(({ status }) => status === from),
        (target) => {
          target.status = to;
          target.endedAt = to === 'active' ? null : (target.endedAt ?? target.createdAt);
        },
      ),
    ),
  ),
  falsify('a line with more', 'reservation_differs', anyLine, (line) => {
    line.quantity += 1;
  }),
  falsify(
    'a line with more confirmed',
    'reservation_differs',
    linesThat((line) => line.confirmed < line.quantity),
    (line) => {
      line.confirmed += 1;
    },
  ),
  falsify(
    'a line with less confirmed',
    'reservation_differs',
    linesThat((line) => line.confirmed > line.cancelled),
    (line) => {
      line.confirmed -= 1;
    },
  ),
  falsify(
    'a line with more cancelled',
    'reservation_differs',
    linesThat((line) => line.cancelled < line.confirmed),
    (line) => {
      line.cancelled += 1;
    },
  ),
  falsify('more cancelled than confirmed', 'reservation_malformed', anyLine, (line) => {
    line.cancelled = line.confirmed + 1;
  }),
  falsify('more confirmed than reserved', 'reservation_malformed', anyLine, (line) => {
    line.confirmed = line.quantity + 1;
  }),
  falsify('an empty line', 'reservation_malformed', anyLine, (line) => {
    line.quantity = 0;
  }),
  falsify('a line of another SKU', 'reservation_differs', anyLine, (line) => {
    line.sku = 'elsewhere';
  }),
  falsify('a line too many', 'reservation_differs', allReservations, (target) => {
    target.lines.push({ sku: 'elsewhere', quantity: 1, confirmed: 0, cancelled: 0 });
  }),
  falsify('a line twice', 'reservation_malformed', allReservations, (target) => {
    target.lines.push(...target.lines.slice(0, 1));
  }),
  falsify(
    'a line too few',
    'reservation_differs',
    reservationsThat(({ lines }) => lines.length > 1),
    (target) => {
      target.lines.pop();
    },
  ),
  falsify('no line', 'reservation_malformed', allReservations, (target) => {
    target.lines = [];
  }),
  falsify(
    'another end',
    'reservation_differs',
    reservationsThat(({ endedAt }) => endedAt !== null),
    (target) => {
      target.endedAt = (target.endedAt ?? 0) + 1;
    },
  ),
  falsify(
    'no end',
    'reservation_malformed',
    reservationsThat(({ endedAt }) => endedAt !== null),
    (target) => {
      target.endedAt = null;
    },
  ),
  falsify(
    'an end of an active one',
    'reservation_malformed',
    reservationsThat(({ endedAt }) => endedAt === null),
    (target) => {
      target.endedAt = target.expiresAt;
    },
  ),
  falsify('a deadline before the beginning', 'reservation_malformed', allReservations, (target) => {
    target.expiresAt = target.createdAt - 1;
  }),
  falsify('another order', 'reservation_differs', allReservations, (target) => {
    target.orderId = `not ${target.orderId ?? 'none'}`;
  }),
  falsify('reacquired or not', 'reservation_differs', allReservations, (target) => {
    target.reacquired = !target.reacquired;
  }),
  falsify('to be refunded or not', 'reservation_differs', allReservations, (target) => {
    target.refundRequired = !target.refundRequired;
  }),
];

const FIELDS = ['onHand', 'reserved', 'allocated', 'safetyStock'] as const;
export const DAMAGE_TO_LEVELS: readonly Damage[] = [
  ...FIELDS.flatMap((field) => [
    falsify(`another ${field}`, 'level_differs', allLevels, (level) => {
      level[field] += 1;
    }),
    falsify(`a negative ${field}`, 'level_negative', allLevels, (level) => {
      level[field] = -1;
    }),
  ]),
  falsify('reserved, against its reservations', 'reserved_differs', allLevels, (level) => {
    level.reserved += 1;
  }),
  falsify('allocated, against its reservations', 'allocated_differs', allLevels, (level) => {
    level.allocated += 1;
  }),
  ...(['maxPerOrder', 'maxPerCustomer', 'ttlSeconds', 'opensAt', 'closesAt'] as const).map(
    (field) =>
      falsify(`another ${field}`, 'level_differs', allLevels, (level) => {
        level.policy = { ...level.policy, [field]: (level.policy[field] ?? 0) + 1 };
      }),
  ),
  falsify('a missing level', 'level_missing', allLevels, (level, books) =>
    books.levels.splice(books.levels.indexOf(level), 1),
  ),
  falsify('a stray level', 'level_differs', allLevels, (level, books) =>
    books.levels.push({
      ...level,
      sku: 'nowhere',
      onHand: 0,
      reserved: 0,
      allocated: 0,
      safetyStock: 0,
    }),
  ),
  falsify(
    'a reservation beyond the stock, in all books alike',
    'oversold',
    allLevels,
    (level, books) => {
      const quantity = Math.max(0, level.onHand) + 1;
      append(books, ['reserve', level.sku, uuid(77), { reserved: quantity }]);
      level.reserved += quantity;
      const at = books.entries.at(-1)?.at ?? 0;
      books.reservations.push({
        id: uuid(77),
        status: 'active',
        lines: [{ sku: level.sku, quantity, confirmed: 0, cancelled: 0 }],
        customerId: null,
        orderId: null,
        createdAt: at,
        expiresAt: at + 1,
        endedAt: null,
        reacquired: false,
        refundRequired: false,
        cancellations: [],
      });
    },
  ),
  falsify('stock below 0, in all books alike', 'level_negative', allLevels, (level, books) => {
    const onHand = -level.onHand - 1;
    append(books, ['adjust', level.sku, null, { onHand }, { reason: 'lost' }]);
    level.onHand = -1;
  }),
];
